// SPDX-License-Identifier: GPL-2.0
/* Listeners, to the administrator. */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "admin/nl.h"
#include "admin/nl_listener.h"
#include "base/place.h"
#include "session/conn.h"
#include "session/front.h"
#include "transport/listener.h"
#include "nbdtarget.h"

/* Not const, as struct nla_policy wants it before 6.7. */
struct netlink_range_validation nbdt_nl_port_range = {
	.min = 1,
	.max = U16_MAX,
};

/* What each attribute has to look like, in whichever command. */
#define LISTENER_ADDRESS_POLICY						\
	[NBDTARGET_A_LISTENER_ADDRESS] = {				\
		.type = NLA_BINARY,					\
		.len = sizeof(struct in6_addr),				\
	}
#define LISTENER_PORT_POLICY						\
	[NBDTARGET_A_LISTENER_PORT] =					\
		NLA_POLICY_FULL_RANGE(NLA_U16, &nbdt_nl_port_range)
#define LISTENER_IFINDEX_POLICY						\
	[NBDTARGET_A_LISTENER_IFINDEX] = { .type = NLA_U32 }
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
	LISTENER_ADDRESS_POLICY,
	LISTENER_PORT_POLICY,
	LISTENER_IFINDEX_POLICY,
	LISTENER_TLS_POLICY,
	LISTENER_ACCESS_POLICY,
};

static const struct nla_policy
listener_set_policy[NBDTARGET_A_LISTENER_MAX + 1] = {
	LISTENER_ADDRESS_POLICY,
	LISTENER_PORT_POLICY,
	LISTENER_IFINDEX_POLICY,
	LISTENER_TLS_POLICY,
};

static const struct nla_policy
listener_del_policy[NBDTARGET_A_LISTENER_MAX + 1] = {
	LISTENER_ADDRESS_POLICY,
	LISTENER_PORT_POLICY,
	LISTENER_IFINDEX_POLICY,
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

/* The listener that three attributes name. */
int nbdt_nl_make_address(struct genl_info *info, struct nlattr *address,
			 struct nlattr *port, struct nlattr *ifindex,
			 struct nbdt_listener_config *config)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)&config->addr;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&config->addr;
	__be16 be_port;

	memset(config, 0, sizeof(*config));
	be_port = htons(port ? nla_get_u16(port) : NBDTARGET_DEFAULT_PORT);
	if (address && nla_len(address) == sizeof(in4->sin_addr)) {
		in4->sin_family = AF_INET;
		in4->sin_port = be_port;
		nla_memcpy(&in4->sin_addr, address, sizeof(in4->sin_addr));
	} else if (!address || nla_len(address) == sizeof(in6->sin6_addr)) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = be_port;
		if (address)
			nla_memcpy(&in6->sin6_addr, address,
				   sizeof(in6->sin6_addr));
		else
			config->wildcard = true;
	} else {
		NL_SET_ERR_MSG_ATTR(info->extack, address,
				    "an address has 4 or 16 bytes");
		return -EINVAL;
	}
	if (ifindex) {
		if (config->addr.ss_family != AF_INET6 || config->wildcard) {
			NL_SET_ERR_MSG_ATTR(info->extack, ifindex,
					    "only an IPv6 address can have an interface");
			return -EINVAL;
		}
		in6->sin6_scope_id = nla_get_u32(ifindex);
	}
	return 0;
}

/* In a nest: where a listener is, or may be. */
const struct nla_policy nbdt_nl_place_policy[NBDTARGET_A_LISTENER_MAX + 1] = {
	LISTENER_ADDRESS_POLICY,
	LISTENER_PORT_POLICY,
	LISTENER_IFINDEX_POLICY,
};

int nbdt_nl_get_place(struct genl_info *info, struct nlattr *nest,
		      struct nbdt_place *place)
{
	struct nlattr *attrs[NBDTARGET_A_LISTENER_MAX + 1];
	struct nbdt_listener_config config;
	int err;

	err = nla_parse_nested(attrs, NBDTARGET_A_LISTENER_MAX, nest,
			       nbdt_nl_place_policy, info->extack);
	if (!err)
		err = nbdt_nl_make_address(info,
					   attrs[NBDTARGET_A_LISTENER_ADDRESS],
					   attrs[NBDTARGET_A_LISTENER_PORT],
					   attrs[NBDTARGET_A_LISTENER_IFINDEX],
					   &config);
	if (!err)
		nbdt_listener_place(&config, genl_info_net(info), place);
	return err;
}

int nbdt_nl_put_place(struct sk_buff *skb, int attr,
		      const struct nbdt_place *place)
{
	const struct sockaddr_in6 *in6 = (const void *)&place->addr;
	struct nlattr *nest = nla_nest_start(skb, attr);
	int err;

	if (!nest)
		return -EMSGSIZE;
	if (place->wildcard)
		err = nla_put_u16(skb, NBDTARGET_A_LISTENER_PORT,
				  ntohs(in6->sin6_port));
	else
		err = nbdt_nl_put_address(skb, &place->addr,
					  NBDTARGET_A_LISTENER_ADDRESS,
					  NBDTARGET_A_LISTENER_PORT);
	if (!err && place->addr.ss_family == AF_INET6 && in6->sin6_scope_id)
		err = nla_put_u32(skb, NBDTARGET_A_LISTENER_IFINDEX,
				  in6->sin6_scope_id);
	if (!err)
		nla_nest_end(skb, nest);
	return err;
}

/* The address that a command about listeners names. */
static int get_address(struct genl_info *info,
		       struct nbdt_listener_config *config)
{
	struct nlattr **attrs = info->attrs;

	return nbdt_nl_make_address(info, attrs[NBDTARGET_A_LISTENER_ADDRESS],
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
