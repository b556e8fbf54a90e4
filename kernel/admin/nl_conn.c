// SPDX-License-Identifier: GPL-2.0
/* Connections, to the administrator. */
#include <linux/jiffies.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "admin/nl.h"
#include "admin/nl_conn.h"
#include "admin/nl_place.h"
#include "base/identity.h"
#include "block/export.h"
#include "compat/compat.h"
#include "session/conn.h"
#include "transport/ktls.h"
#include "transport/rekey.h"
#include "nbdtarget.h"

/* Which attributes each command takes; all others are refused. */
static const struct nla_policy conn_get_policy[NBDTARGET_A_CONN_MAX + 1];

static const struct nla_policy
conn_kill_policy[NBDTARGET_A_CONN_MAX + 1] = {
	[NBDTARGET_A_CONN_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[NBDTARGET_A_CONN_EXPORT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_STRING,
	},
};

static_assert((int)NBDTARGET_REPLY_MODE_SIMPLE == NBDT_MODE_SIMPLE);
static_assert((int)NBDTARGET_REPLY_MODE_STRUCTURED == NBDT_MODE_STRUCTURED);
static_assert((int)NBDTARGET_REPLY_MODE_EXTENDED == NBDT_MODE_EXTENDED);

/* Why a connection ended. */
#define DISCONNECTED	"disconnected by the administrator"

/* What an event has to say of a connection. */
struct news {
	u8 cmd;
	struct nbdt_export *denied;	/* in place of its own; or NULL */
	const char *reason;
};

static int put_conn_export(struct sk_buff *skb, struct nbdt_conn *conn,
			   const struct news *news)
{
	struct nbdt_export *export;
	int err;

	if (news && news->denied)
		return nla_put_string(skb, NBDTARGET_A_CONN_EXPORT_NAME,
				      news->denied->name);
	export = nbdt_conn_get_export(conn);
	if (!export)
		return 0;
	err = nla_put_string(skb, NBDTARGET_A_CONN_EXPORT_NAME, export->name);
	nbdt_export_put(export);
	return err;
}

static int put_rekeys(struct sk_buff *skb, const struct nbdt_rekey *rekey)
{
	u32 rx, tx;

	if (!rekey)
		return 0;
	nbdt_rekey_counts(rekey, &rx, &tx);
	return nla_put_u32(skb, NBDTARGET_A_CONN_TLS_RX_REKEYS, rx) ?:
	       nla_put_u32(skb, NBDTARGET_A_CONN_TLS_TX_REKEYS, tx);
}

static int put_conn_tls(struct sk_buff *skb, struct nbdt_conn *conn)
{
	const int pad = NBDTARGET_A_CONN_PAD;
	const struct nbdt_tls *tls = &conn->tls;
	const struct nbdt_identity *identity;

	/* Pairs with the store in tls.c, which comes after the rest. */
	if (!smp_load_acquire(&tls->on))
		return 0;
	identity = tls->identity;
	if (nla_put_string(skb, NBDTARGET_A_CONN_TLS_VERSION,
			   nbdt_ktls_version_name(tls->version)) ||
	    nla_put_string(skb, NBDTARGET_A_CONN_TLS_CIPHER,
			   nbdt_ktls_cipher_name(tls->cipher)) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_TLS_AUTH, identity->auth) ||
	    (identity->name &&
	     nla_put_string(skb, NBDTARGET_A_CONN_IDENTITY,
			    identity->name)) ||
	    (identity->nr_alt_names &&
	     nla_put_string(skb, NBDTARGET_A_CONN_ALT_NAME,
			    identity->alt_names[0])) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONN_TLS_RX_RECORDS,
			      READ_ONCE(tls->rx_records), pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONN_TLS_TX_RECORDS,
			      READ_ONCE(tls->tx_records), pad) ||
	    put_rekeys(skb, tls->rekey))
		return -EMSGSIZE;
	return 0;
}

/* NEWS is NULL in a list. */
static int put_conn(struct sk_buff *skb, struct nbdt_conn *conn,
		    const struct news *news)
{
	const int pad = NBDTARGET_A_CONN_PAD;
	u64 age = jiffies_to_msecs(jiffies - conn->accepted);

	if (nla_put_u32(skb, NBDTARGET_A_CONN_ID, conn->origin.id) ||
	    put_conn_export(skb, conn, news) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_LISTENER_ID, conn->listener_id) ||
	    nbdt_nl_put_address(skb, &conn->peer, NBDTARGET_A_CONN_PEER_ADDRESS,
				NBDTARGET_A_CONN_PEER_PORT) ||
	    nbdt_nl_put_address(skb, &conn->local,
				NBDTARGET_A_CONN_LOCAL_ADDRESS,
				NBDTARGET_A_CONN_LOCAL_PORT) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_STATE, READ_ONCE(conn->state)) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_REPLY_MODE,
			READ_ONCE(conn->mode)) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_IN_FLIGHT,
			READ_ONCE(conn->in_flight)) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONN_MEMORY,
			      READ_ONCE(conn->mem.used), pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONN_AGE, age, pad) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_PID,
			task_pid_nr(conn->origin.task)) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_CPU,
			task_cpu(conn->origin.task)) ||
	    (READ_ONCE(conn->origin.killed) &&
	     nla_put_flag(skb, NBDTARGET_A_CONN_ENDING)) ||
	    put_conn_tls(skb, conn) ||
	    nbdt_nl_put_stats(skb, NBDTARGET_A_CONN_STATS, &conn->origin.stats))
		return -EMSGSIZE;
	if (news && news->reason &&
	    nla_put_string(skb, NBDTARGET_A_CONN_REASON, news->reason))
		return -EMSGSIZE;
	return 0;
}

static int conn_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nbdt_conn *conn;
	void *head;
	int err = 0;

	/* Connections come and go all the time; a dump is a sample. */
	while ((conn = nbdt_conn_get_from(cb->args[0]))) {
		head = nbdt_nl_dump_begin(skb, cb, NBDTARGET_CMD_CONN_GET);
		err = head ? put_conn(skb, conn, NULL) : 0;
		err = nbdt_nl_dump_end(skb, head, err);
		if (!err)
			cb->args[0] = conn->origin.id + 1;
		nbdt_conn_put(conn);
		if (err)
			break;
	}
	return skb->len ?: err;
}

static int kill_of_export(struct genl_info *info, const char *name)
{
	struct nbdt_conn_filter filter = {};

	filter.export = nbdt_export_get_to_end(name, info->extack);
	if (!filter.export)
		return -ENOENT;
	nbdt_conn_kill_matching(&filter, DISCONNECTED);
	nbdt_export_put(filter.export);
	return 0;
}

static int conn_kill(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_CONN_ID];
	const char *name = nbdt_nl_string(info, NBDTARGET_A_CONN_EXPORT_NAME);
	struct nbdt_conn_filter filter = { .id = id ? nla_get_u32(id) : 0 };

	if (id && name) {
		nbdt_set_err_msg(info->extack,
				 "give a connection or an export, not both");
		return -EINVAL;
	}
	if (name)
		return kill_of_export(info, name);
	if (!nbdt_conn_kill_matching(&filter, DISCONNECTED) && id) {
		nbdt_set_err_msg(info->extack, "there is no connection %u",
				 filter.id);
		return -ENOENT;
	}
	return 0;
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_SHOW_OP(CONN_GET, CONN, conn_get), .dumpit = conn_dump },
	{ NBDT_NL_OP(CONN_KILL, CONN, conn_kill), .doit = conn_kill },
};

const struct nbdt_nl_ops nbdt_nl_conn = { ops, ARRAY_SIZE(ops) };

static const u8 event_cmds[] = {
	[NBDT_EVENT_OPEN] = NBDTARGET_CMD_CONN_OPEN_NTF,
	[NBDT_EVENT_CLOSE] = NBDTARGET_CMD_CONN_CLOSE_NTF,
};

static void tell(struct net *net, struct nbdt_conn *conn,
		 const struct news *news)
{
	struct sk_buff *msg;
	void *head;

	if (!nbdt_nl_has_listeners(net, NBDT_NL_MONITOR))
		return;
	msg = nbdt_nl_event_begin(news->cmd, &head);
	if (!msg)
		return;
	nbdt_nl_event_end(msg, head, put_conn(msg, conn, news), net);
}

static void tell_all(struct nbdt_conn *conn, const struct news *news)
{
	/* Its namespace may be gone, but not while this is running. */
	if (conn->net && conn->net != &init_net)
		tell(conn->net, conn, news);
	tell(&init_net, conn, news);
}

void nbdt_nl_conn_event(struct nbdt_conn *conn, enum nbdt_event event)
{
	struct news news = { .cmd = event_cmds[event] };

	if (event == NBDT_EVENT_CLOSE)
		news.reason = READ_ONCE(conn->reason);
	tell_all(conn, &news);
}

void nbdt_nl_conn_denied(struct nbdt_conn *conn, struct nbdt_export *export,
			 const char *why)
{
	struct news news = {
		.cmd = NBDTARGET_CMD_CONN_DENIED_NTF,
		.denied = export,
		.reason = why,
	};

	tell_all(conn, &news);
}
