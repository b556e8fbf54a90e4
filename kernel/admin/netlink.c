// SPDX-License-Identifier: GPL-2.0
/*
 * The administrator's side: generic netlink.
 *
 * uapi/nbdtarget.yaml is the contract.  For each of its nouns there is a file,
 * nl_*.c, with policies, commands and events, which turns attributes into
 * arguments and objects into attributes; what the commands mean is decided
 * where the objects are.  What these files share is in nl.c.  Here they are made
 * one family, and given the events of all floors (event.h).
 *
 * Commands run in parallel.  While one runs, no module can add a family to generic
 * netlink, and as soon as one wants to, nobody else can use it.  So none waits: those
 * that make something end are answered when that begins; what ends, and when, shows
 * in what there is, and in events.  Those that can't be answered before they have
 * waited are jobs of other threads (nl_job.c).
 */
#include <linux/init.h>
#include <linux/netlink.h>
#include <linux/notifier.h>
#include <net/genetlink.h>

#include "admin/log.h"
#include "admin/netlink.h"
#include "admin/nl.h"
#include "admin/nl_access.h"
#include "admin/nl_bitmap.h"
#include "admin/nl_checkpoint.h"
#include "admin/nl_conn.h"
#include "admin/nl_content.h"
#include "admin/nl_export.h"
#include "admin/nl_handover.h"
#include "admin/nl_job.h"
#include "admin/nl_listener.h"
#include "admin/nl_secret.h"
#include "admin/nl_target.h"
#include "admin/nl_tls.h"
#include "base/event.h"
#include "block/checkpoint.h"
#include "session/agent.h"
#include "session/handover.h"
#include "nbdtarget.h"

static const struct nbdt_nl_ops *const nouns[] = {
	&nbdt_nl_target, &nbdt_nl_export, &nbdt_nl_bitmap, &nbdt_nl_content,
	&nbdt_nl_checkpoint, &nbdt_nl_listener, &nbdt_nl_conn, &nbdt_nl_tls,
	&nbdt_nl_access, &nbdt_nl_handover,
};

/* Those of all nouns, one after the other. */
static struct genl_ops ops[NBDTARGET_CMD_MAX] __ro_after_init;

/* Who looks at the log is told first. */
static void export_event(struct nbdt_export *export, enum nbdt_event event)
{
	nbdt_log_export(export, event);
	nbdt_nl_export_event(export, event);
	if (event == NBDT_EVENT_ADD)
		nbdt_nl_bitmap_came(export);
}

static void conn_event(struct nbdt_conn *conn, enum nbdt_event event)
{
	nbdt_log_conn(conn, event);
	nbdt_nl_conn_event(conn, event);
}

static void denied_event(struct nbdt_conn *conn, struct nbdt_export *export,
			 const char *why)
{
	nbdt_log_denied(conn, export, why);
	nbdt_nl_conn_denied(conn, export, why);
}

static const struct nbdt_event_ops event_ops = {
	.export = export_event,
	.bitmap = nbdt_nl_bitmap_event,
	.listener = nbdt_nl_listener_event,
	.conn = conn_event,
	.tls = nbdt_nl_tls_event,
	.denied = denied_event,
	.trouble = nbdt_log_trouble,
	.io_error = nbdt_log_io_error,
	.refused = nbdt_log_refused,
};

/* A socket is closed: what was held for it is over. */
static int socket_closed(struct notifier_block *block, unsigned long event,
			 void *data)
{
	struct netlink_notify *notify = data;
	struct nbdt_checkpoint_owner owner = {
		.net = notify->net,
		.portid = notify->portid,
	};

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC)
		return NOTIFY_DONE;
	/* In this order: one that isn't held yet finds that nobody is there. */
	nbdt_nl_job_abandon(notify->net, notify->portid);
	nbdt_checkpoint_abandon(&owner);
	nbdt_agent_closed(notify->net, notify->portid);
	nbdt_handover_closed(notify->net, notify->portid);
	nbdt_nl_secret_closed(notify->net, notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_closed,
};

static unsigned int __init collect_ops(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < ARRAY_SIZE(nouns); i++) {
		memcpy(ops + n, nouns[i]->ops, nouns[i]->n * sizeof(*ops));
		n += nouns[i]->n;
	}
	return n;
}

/* Nothing happens, and there is nothing to tell, before commands come. */
int __init nbdt_netlink_init(void)
{
	int err;

	nbdt_event_init(&event_ops);
	err = netlink_register_notifier(&socket_notifier);
	if (err)
		return err;
	err = nbdt_nl_register(ops, collect_ops());
	if (err)
		netlink_unregister_notifier(&socket_notifier);
	return err;
}

void nbdt_netlink_exit(void)
{
	nbdt_nl_unregister();
	/* As long as it is told when sockets are closed, what is theirs has to be gone then. */
	nbdt_nl_secret_forget();
	netlink_unregister_notifier(&socket_notifier);
	nbdt_agent_exit();
	nbdt_handover_exit();
	nbdt_checkpoint_exit();
}
