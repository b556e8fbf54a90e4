// SPDX-License-Identifier: GPL-2.0
/*
 * The option that begins TLS.
 *
 * Up to here anybody on the way could have put in or changed what was said, so
 * nothing of it is taken along: neither bytes that are here already, nor what
 * was agreed.  The handshake itself is tls.c's.
 */
#include <linux/socket.h>

#include "base/event.h"
#include "base/proto.h"
#include "session/conn.h"
#include "session/option.h"
#include "session/option_tls.h"
#include "session/permit.h"
#include "session/selection.h"
#include "session/tls.h"
#include "transport/stream.h"
#include "nbdtarget.h"

/*
 * ST5: nothing that was agreed in clear counts.  What it was denied it is denied by
 * who it proved to be from now on, which is worth telling once more.
 */
static void forget(struct nbdt_negotiation *neg)
{
	neg->conn->denied = 0;
	WRITE_ONCE(neg->conn->mode, NBDT_MODE_SIMPLE);
	nbdt_selection_drop(&neg->selection);
}

/* The client was told to begin; from here on there is no way back (ST6). */
static int start_tls(struct nbdt_negotiation *neg)
{
	int err;

	err = nbdt_tls_handshake(neg->conn, neg->deadline);
	if (!err)
		forget(neg);
	return err;
}

/* ST1 to ST6. */
int nbdt_option_starttls(struct nbdt_negotiation *neg)
{
	struct nbdt_conn *conn = neg->conn;
	int n;

	if (neg->head.length)
		return nbdt_option_error_data(neg);
	if (nbdt_permit_is_encrypted(neg->conn))
		return nbdt_option_error(neg, NBDT_REP_ERR_INVALID,
					 "TLS is on already");
	if (conn->tls_mode == NBDTARGET_TLS_MODE_OFF)
		return nbdt_option_error(neg, NBDT_REP_ERR_POLICY,
					 "TLS is off here");
	/* The kernel has TLS over TCP only. */
	if (conn->peer.ss_family != AF_INET && conn->peer.ss_family != AF_INET6)
		return nbdt_option_error(neg, NBDT_REP_ERR_POLICY,
					 "no TLS without TCP");
	/* There isn't one yet, but whoever hears that will be there for it. */
	if (!nbdt_event_tls(conn)) {
		nbdt_event_trouble(conn, NULL, "no TLS agent is there for it");
		return nbdt_option_error(neg, NBDT_REP_ERR_POLICY,
					 "TLS is not ready on the server");
	}
	/*
	 * What is here now was sent in clear before the client was told to
	 * begin: somebody may have put it there for us to take for encrypted.
	 */
	n = nbdt_stream_peek(&conn->sock);
	if (n > 0)
		return nbdt_option_fail(neg, -EPROTO,
					"data in clear behind STARTTLS");
	if (n != -EAGAIN)
		return nbdt_option_io_result(neg, n);
	return nbdt_option_ack(neg) ?: start_tls(neg);
}
