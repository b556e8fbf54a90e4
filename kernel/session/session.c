// SPDX-License-Identifier: GPL-2.0
/*
 * A client's session, from the greeting to the end: what a connection's thread
 * does, one thing after the other.
 */
#include <linux/jiffies.h>
#include <linux/sched/mm.h>

#include "base/event.h"
#include "base/target.h"
#include "block/export.h"
#include "content/context.h"
#include "session/conn.h"
#include "session/conn_trace.h"
#include "session/handover.h"
#include "session/negotiate.h"
#include "session/session.h"
#include "session/transmit.h"
#include "transport/stream.h"
#include "nbdtarget.h"

/*
 * How long a client may take to acknowledge the last, if it got no export, or
 * doesn't wait for replies any more.
 */
#define LINGER_STRANGER	(2 * HZ)

/* Whoever removes the export need not wait for the network. */
static void leave_export(struct nbdt_conn *conn)
{
	struct nbdt_export *export = conn->export;

	if (!export)
		return;
	nbdt_context_deselect(&export->disk.content, conn->contexts);
	nbdt_conn_set_export(conn, NULL);
	/* It takes long if nobody else knows the export any more. */
	nbdt_sock_let_go(&conn->sock);
	nbdt_export_detach(export, &conn->origin);
	nbdt_sock_hold(&conn->sock);
}

static void finish(struct nbdt_conn *conn)
{
	unsigned long linger = conn->export && !conn->origin.gone ?
		msecs_to_jiffies(nbdt_target_stall_timeout()) : LINGER_STRANGER;

	trace_nbdt_conn_close(conn);
	nbdt_conn_set_state(conn, NBDTARGET_CONN_STATE_CLOSING);
	nbdt_transmit_exit(conn);
	leave_export(conn);
	nbdt_stream_finish(&conn->sock);
	nbdt_stream_linger(&conn->sock, linger);
	nbdt_sock_release(&conn->sock);
	/* It may go now. */
	WRITE_ONCE(conn->net, NULL);
}

/*
 * That it looked what there is, or went away, is nothing to tell, nor what an
 * administrator did.
 */
static bool is_trouble(int err)
{
	return err != -ECANCELED && err != -ESHUTDOWN && err != -ECONNRESET &&
	       err != -EPIPE;
}

/* It is new, or comes from elsewhere. */
static int begin(struct nbdt_conn *conn)
{
	if (conn->arrival)
		return nbdt_handover_arrive(conn);
	nbdt_sock_attach(&conn->sock);
	return nbdt_negotiate(conn);
}

static void serve(struct nbdt_conn *conn)
{
	int err;

	trace_nbdt_conn_open(conn);
	err = begin(conn);
	if (!err) {
		nbdt_conn_set_state(conn, NBDTARGET_CONN_STATE_TRANSMISSION);
		nbdt_handover_arrived(conn);
		nbdt_event_conn(conn, NBDT_EVENT_OPEN);
		nbdt_transmit(conn);
		if (nbdt_transmit_has_parted(conn))
			nbdt_handover_depart(conn);
		nbdt_event_conn(conn, NBDT_EVENT_CLOSE);
	} else if (is_trouble(err)) {
		nbdt_event_trouble(conn, NULL, READ_ONCE(conn->reason));
	}
	finish(conn);
}

/**
 * nbdt_session_run - serve a client; on return all of it is given back
 * @conn: just accepted; the caller is its thread
 */
void nbdt_session_run(struct nbdt_conn *conn)
{
	/* Memory must not be had by writing to our own devices. */
	unsigned int noio = memalloc_noio_save();

	nbdt_placement_begin(&conn->placement);
	if (nbdt_sock_hold(&conn->sock))
		serve(conn);
	nbdt_sock_let_go(&conn->sock);
	/* It wasn't looked at if the socket was gone. */
	nbdt_handover_forget(conn);
	nbdt_placement_end(&conn->placement);
	memalloc_noio_restore(noio);
}
