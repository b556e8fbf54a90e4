// SPDX-License-Identifier: GPL-2.0
/* TLS handshakes, to the agents that do them. */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/jiffies.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "admin/nl.h"
#include "admin/nl_identity.h"
#include "admin/nl_place.h"
#include "admin/nl_tls.h"
#include "base/identity.h"
#include "compat/compat.h"
#include "session/agent.h"
#include "session/conn.h"
#include "session/tls.h"
#include "transport/rekey.h"
#include "nbdtarget.h"

/* Which attributes each command takes; all others are refused. */
static const struct nla_policy tls_accept_policy[NBDTARGET_A_TLS_MAX + 1];

static const struct nla_policy tls_announce_policy[NBDTARGET_A_TLS_MAX + 1];

static const struct nla_policy tls_done_policy[NBDTARGET_A_TLS_MAX + 1] = {
	[NBDTARGET_A_TLS_CONN_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[NBDTARGET_A_TLS_STATUS] = { .type = NLA_U32 },
	[NBDTARGET_A_TLS_TEXT] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_REASON,
	},
	[NBDTARGET_A_TLS_AUTH] =
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_TLS_AUTH_PSK),
	[NBDTARGET_A_TLS_IDENTITY] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_IDENTITY,
	},
	[NBDTARGET_A_TLS_ALT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_ALT_NAME,
	},
	[NBDTARGET_A_TLS_RX_SECRET] = {
		.type = NLA_BINARY,
		.len = NBDTARGET_MAX_TLS_SECRET,
	},
	[NBDTARGET_A_TLS_TX_SECRET] = {
		.type = NLA_BINARY,
		.len = NBDTARGET_MAX_TLS_SECRET,
	},
};

/* FD is installed in the calling process once it is in a message. */
static struct sk_buff *accept_reply(struct genl_info *info,
				    struct nbdt_conn *conn, int fd)
{
	long left = conn->tls.deadline - jiffies;
	struct sk_buff *msg = nbdt_nl_message();
	void *head;

	if (!msg)
		return NULL;
	head = genlmsg_put_reply(msg, info, &nbdt_nl_family, 0,
				 NBDTARGET_CMD_TLS_ACCEPT);
	if (!head ||
	    nla_put_u32(msg, NBDTARGET_A_TLS_CONN_ID, conn->origin.id) ||
	    nla_put_u32(msg, NBDTARGET_A_TLS_FD, fd) ||
	    nbdt_nl_put_address(msg, &conn->peer, NBDTARGET_A_TLS_PEER_ADDRESS,
				NBDTARGET_A_TLS_PEER_PORT) ||
		    nla_put_u32(msg, NBDTARGET_A_TLS_TIMEOUT,
				jiffies_to_msecs(max(left, 0L)))) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, head);
	return msg;
}

/* A handshake that was taken and can't be given to the agent is lost. */
static int tls_accept(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_conn *conn;
	struct sk_buff *msg;
	struct file *file;
	int fd, err;

	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	conn = nbdt_tls_accept(genl_info_net(info), info->snd_portid, &file);
	if (!conn) {
		nbdt_set_err_msg(info->extack, "no TLS handshake waits");
		err = -EAGAIN;
		goto err_fd;
	}
	err = -ENOMEM;
	msg = accept_reply(info, conn, fd);
	if (!msg)
		goto err_conn;
	fd_install(fd, file);
	err = genlmsg_reply(msg, info);
	if (err) {
		/* It has a descriptor that it doesn't know of. */
		close_fd(fd);
		nbdt_conn_kill(conn, "TLS agent was not reached");
	}
	nbdt_conn_put(conn);
	return err;

err_conn:
	nbdt_conn_kill(conn, "TLS agent was not reached");
	fput(file);
	nbdt_conn_put(conn);
err_fd:
	put_unused_fd(fd);
	return err;
}

static int get_identity(struct genl_info *info, struct nbdt_identity **identity)
{
	struct nlattr *auth = info->attrs[NBDTARGET_A_TLS_AUTH];

	return nbdt_nl_get_identity(info, auth ? nla_get_u32(auth) :
					  NBDTARGET_TLS_AUTH_NONE,
				    NBDTARGET_A_TLS_IDENTITY,
				    NBDTARGET_A_TLS_ALT_NAME, identity);
}

static int get_secrets(struct genl_info *info, struct nbdt_rekey **secrets)
{
	struct nlattr *rx = info->attrs[NBDTARGET_A_TLS_RX_SECRET];
	struct nlattr *tx = info->attrs[NBDTARGET_A_TLS_TX_SECRET];
	struct nbdt_rekey *made;

	if (!rx && !tx)
		return 0;
	if (!rx || !tx || nla_len(rx) != nla_len(tx)) {
		nbdt_set_err_msg(info->extack,
				 "secrets come for both directions, of one length");
		return -EINVAL;
	}
	made = nbdt_rekey_create(nla_data(rx), nla_data(tx), nla_len(rx));
	if (IS_ERR(made)) {
		nbdt_set_err_msg(info->extack, "%s", PTR_ERR(made) == -EINVAL ?
				 "no cipher has secrets of this length" :
				 "the kernel can't make keys from secrets");
		return PTR_ERR(made);
	}
	*secrets = made;
	return 0;
}

static int report(struct genl_info *info, u32 id, u32 status)
{
	struct nbdt_identity *identity = NULL;
	struct nbdt_rekey *secrets = NULL;
	int err = 0;

	if (!status)
		err = get_identity(info, &identity) ?:
		      get_secrets(info, &secrets);
	if (!err)
		err = nbdt_tls_report(id, genl_info_net(info),
				      info->snd_portid, -(int)status,
				      nbdt_nl_string(info, NBDTARGET_A_TLS_TEXT),
				      identity, secrets, info->extack);
	if (err) {
		kfree(identity);
		nbdt_rekey_free(secrets);
	}
	return err;
}

static int tls_done(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_TLS_CONN_ID];
	struct nlattr *status = info->attrs[NBDTARGET_A_TLS_STATUS];
	int err = -EINVAL;

	if (!id || !status)
		nbdt_set_err_msg(info->extack,
				 "the connection or its status is missing");
	else if (nla_get_u32(status) > MAX_ERRNO)
		NL_SET_ERR_MSG_ATTR(info->extack, status,
				    "the status is no error number");
	else
		err = report(info, nla_get_u32(id), nla_get_u32(status));
	nbdt_nl_wipe(info->attrs[NBDTARGET_A_TLS_RX_SECRET]);
	nbdt_nl_wipe(info->attrs[NBDTARGET_A_TLS_TX_SECRET]);
	return err;
}

static int tls_announce(struct sk_buff *skb, struct genl_info *info)
{
	struct net *net = genl_info_net(info);
	int err;

	/* It would never be told of a handshake. */
	if (!nbdt_nl_is_trusted(net)) {
		nbdt_set_err_msg(info->extack,
				 "an agent has to be in a network namespace of the initial user namespace");
		return -EPERM;
	}
	err = nbdt_agent_announce(net, info->snd_portid);
	if (!err)
		nbdt_tls_renew(net);
	return err;
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_ANYTIME_OP(TLS_ACCEPT, TLS, tls_accept), .doit = tls_accept },
	{ NBDT_NL_ANYTIME_OP(TLS_DONE, TLS, tls_done), .doit = tls_done },
	{ NBDT_NL_ANYTIME_OP(TLS_ANNOUNCE, TLS, tls_announce), .doit = tls_announce },
};

const struct nbdt_nl_ops nbdt_nl_tls = { ops, ARRAY_SIZE(ops) };

/* 0, or why no agent is told, or none of them has room. */
static int tls_event(struct nbdt_conn *conn)
{
	struct net *net = nbdt_agent_home(conn->net);
	struct sk_buff *msg;
	void *head;

	if (!nbdt_agent_is_in(net))
		return -ESRCH;
	msg = nbdt_nl_event_begin(NBDTARGET_CMD_TLS_READY_NTF, &head);
	if (!msg)
		return -ENOMEM;
	if (nla_put_u32(msg, NBDTARGET_A_TLS_CONN_ID, conn->origin.id)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return genlmsg_multicast_netns(&nbdt_nl_family, net, msg, 0,
				       NBDT_NL_TLS, GFP_KERNEL);
}

/* An agent that has no room for it, hears that it missed something. */
bool nbdt_nl_tls_event(struct nbdt_conn *conn)
{
	int err = tls_event(conn);

	return !err || err == -ENOBUFS;
}
