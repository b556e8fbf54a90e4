// SPDX-License-Identifier: GPL-2.0
/* Listeners, to the administrator. */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "admin/nl.h"
#include "admin/nl_listener.h"
#include "admin/nl_place.h"
#include "session/conn.h"
#include "session/front.h"
#include "transport/listener.h"
#include "nbdtarget.h"

/* What each other attribute has to look like, in whichever command. */
#define LISTENER_FORCE_POLICY						\
	[NBDTARGET_A_LISTENER_FORCE] = { .type = NLA_FLAG }
#define LISTENER_TLS_POLICY						\
	[NBDTARGET_A_LISTENER_TLS] =					\
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_TLS_MODE_REQUIRED)
#define LISTENER_ACCESS_POLICY						\
	[NBDTARGET_A_LISTENER_ACCESS] =					\
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_ACCESS_DENY)

/* Which attributes each command takes; all others are refused. */
static const struct nla_policy
listener_add_policy[NBDTARGET_A_LISTENER_MAX + 1] = {
	NBDT_NL_ADDRESS_POLICY,
	NBDT_NL_PORT_POLICY,
	NBDT_NL_IFINDEX_POLICY,
	LISTENER_TLS_POLICY,
	LISTENER_ACCESS_POLICY,
};

static const struct nla_policy
listener_set_policy[NBDTARGET_A_LISTENER_MAX + 1] = {
	NBDT_NL_ADDRESS_POLICY,
	NBDT_NL_PORT_POLICY,
	NBDT_NL_IFINDEX_POLICY,
	LISTENER_TLS_POLICY,
};

static const struct nla_policy
listener_del_policy[NBDTARGET_A_LISTENER_MAX + 1] = {
	NBDT_NL_ADDRESS_POLICY,
	NBDT_NL_PORT_POLICY,
	NBDT_NL_IFINDEX_POLICY,
	LISTENER_FORCE_POLICY,
};

static const struct nla_policy
listener_get_policy[NBDTARGET_A_LISTENER_MAX + 1];

static int put_listener(struct sk_buff *skb, struct nbdt_listener *listener)
{
	const struct sockaddr_storage *addr = &listener->config.addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;
	struct nbdt_conn_filter filter = { .listener_id = listener->id };
	const int pad = NBDTARGET_A_LISTENER_PAD;

	if (nla_put_u32(skb, NBDTARGET_A_LISTENER_ID, listener->id) ||
	    nbdt_nl_put_address(skb, addr, NBDTARGET_A_LISTENER_ADDRESS,
				NBDTARGET_A_LISTENER_PORT) ||
	    (addr->ss_family == AF_INET6 && in6->sin6_scope_id &&
	     nla_put_u32(skb, NBDTARGET_A_LISTENER_IFINDEX,
			 in6->sin6_scope_id)) ||
	    (listener->config.wildcard &&
	     nla_put_flag(skb, NBDTARGET_A_LISTENER_WILDCARD)) ||
	    (listener->sock.sock &&
	     !nbdt_sock_is_listening(&listener->sock) &&
	     nla_put_flag(skb, NBDTARGET_A_LISTENER_CLOSED)) ||
	    nla_put_u32(skb, NBDTARGET_A_LISTENER_CONNECTIONS,
			nbdt_conn_count_matching(&filter)) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_LISTENER_ACCEPTED,
			      READ_ONCE(listener->accepted), pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_LISTENER_REFUSED,
			      READ_ONCE(listener->refused), pad) ||
	    nla_put_u32(skb, NBDTARGET_A_LISTENER_TLS,
			READ_ONCE(listener->config.tls_mode)))
		return -EMSGSIZE;
	return 0;
}

/* The address that a command about listeners names. */
static int get_address(struct genl_info *info,
		       struct nbdt_listener_config *config)
{
	struct nlattr **attrs = info->attrs;

	return nbdt_nl_get_address(info, attrs[NBDTARGET_A_LISTENER_ADDRESS],
				   attrs[NBDTARGET_A_LISTENER_PORT],
				   attrs[NBDTARGET_A_LISTENER_IFINDEX],
				   config);
}

static int listener_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tls = info->attrs[NBDTARGET_A_LISTENER_TLS];
	struct nbdt_listener_config config;
	int err;

	err = get_address(info, &config);
	config.tls_mode = tls ? nla_get_u32(tls) : NBDTARGET_TLS_MODE_OFF;
	config.deny = nbdt_nl_denies(info, NBDTARGET_A_LISTENER_ACCESS);
	return err ?: nbdt_front_add(genl_info_net(info), &config,
					info->extack);
}

static int listener_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tls = info->attrs[NBDTARGET_A_LISTENER_TLS];
	struct nbdt_listener_config config;
	struct nbdt_listener_change change = {
		.set_tls_mode = tls,
		.tls_mode = tls ? nla_get_u32(tls) : 0,
	};
	int err;

	err = get_address(info, &config);
	if (err)
		return err;
	return nbdt_front_set(genl_info_net(info), &config, &change,
			      info->extack);
}

static int listener_del(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_listener_config config;
	u32 id;
	int err;

	err = get_address(info, &config);
	if (err)
		return err;
	err = nbdt_front_remove(genl_info_net(info), &config,
				info->attrs[NBDTARGET_A_LISTENER_FORCE], &id,
				info->extack);
	return err ?: nbdt_nl_reply_number(info, NBDTARGET_CMD_LISTENER_DEL,
					   NBDTARGET_A_LISTENER_ID, id);
}

static int dump_listener(struct nbdt_listener *listener, void *data)
{
	struct nbdt_nl_dump *dump = data;
	void *head = nbdt_nl_dump_begin(dump->skb, dump->cb,
					NBDTARGET_CMD_LISTENER_GET);
	int err = head ? put_listener(dump->skb, listener) : 0;

	err = nbdt_nl_dump_end(dump->skb, head, err);
	if (!err)
		dump->cb->args[0] = listener->id + 1;
	return err;
}

static int listener_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nbdt_nl_dump dump = { .skb = skb, .cb = cb };
	int err;

	cb->seq = nbdt_nl_dump_seq(nbdt_front_generation());
	err = nbdt_front_for_each(sock_net(skb->sk), cb->args[0],
				     dump_listener, &dump);
	return skb->len ?: err;
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_OP(LISTENER_ADD, LISTENER, listener_add),
	  .doit = listener_add },
	{ NBDT_NL_OP(LISTENER_SET, LISTENER, listener_set),
	  .doit = listener_set },
	{ NBDT_NL_OP(LISTENER_DEL, LISTENER, listener_del),
	  .doit = listener_del },
	{ NBDT_NL_SHOW_OP(LISTENER_GET, LISTENER, listener_get),
	  .dumpit = listener_dump },
};

const struct nbdt_nl_ops nbdt_nl_listener = { ops, ARRAY_SIZE(ops) };

static const u8 event_cmds[] = {
	[NBDT_EVENT_ADD] = NBDTARGET_CMD_LISTENER_ADD_NTF,
	[NBDT_EVENT_SET] = NBDTARGET_CMD_LISTENER_SET_NTF,
	[NBDT_EVENT_DEL] = NBDTARGET_CMD_LISTENER_DEL_NTF,
};

void nbdt_nl_listener_event(struct nbdt_listener *listener,
			    enum nbdt_event event)
{
	struct sk_buff *msg;
	void *head;

	msg = nbdt_nl_event_begin(event_cmds[event], &head);
	if (!msg)
		return;
	nbdt_nl_event_end(msg, head, put_listener(msg, listener),
			  listener->net);
}
