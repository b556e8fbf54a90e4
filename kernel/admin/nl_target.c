// SPDX-License-Identifier: GPL-2.0
/* The target as a whole, to the administrator. */
#include <net/genetlink.h>

#include "admin/nl.h"
#include "admin/nl_target.h"
#include "base/target.h"
#include "block/export.h"
#include "session/conn.h"
#include "session/front.h"
#include "session/mem.h"
#include "session/placement.h"
#include "transport/listener.h"
#include "nbdtarget.h"

/* Not const, as struct nla_policy wants it before 6.7. */
static struct netlink_range_validation max_connections_range = {
	.min = 1,
	.max = 65536,
};

static struct netlink_range_validation negotiation_timeout_range = {
	.min = 100,
	.max = 600000,
};

static struct netlink_range_validation stall_timeout_range = {
	.min = 1000,
	.max = 3600000,
};

static struct netlink_range_validation peer_timeout_range = {
	.min = 1000,
	.max = 3600000,
};

static struct netlink_range_validation max_in_flight_range = {
	.min = 1,
	.max = 4096,
};

static struct netlink_range_validation poll_time_range = {
	.max = 10000,
};

static struct netlink_range_validation memory_limit_range = {
	.min = NBDT_MEM_LIMIT_MIN,
	.max = LONG_MAX,
};

/* Which attributes each command takes; all others are refused. */
static const struct nla_policy target_get_policy[NBDTARGET_A_TARGET_MAX + 1];

static const struct nla_policy
target_set_policy[NBDTARGET_A_TARGET_MAX + 1] = {
	[NBDTARGET_A_TARGET_MAX_CONNECTIONS] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &max_connections_range),
	[NBDTARGET_A_TARGET_NEGOTIATION_TIMEOUT] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &negotiation_timeout_range),
	[NBDTARGET_A_TARGET_STALL_TIMEOUT] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &stall_timeout_range),
	[NBDTARGET_A_TARGET_MAX_IN_FLIGHT] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &max_in_flight_range),
	[NBDTARGET_A_TARGET_MEMORY_LIMIT] =
		NLA_POLICY_FULL_RANGE(NLA_U64, &memory_limit_range),
	[NBDTARGET_A_TARGET_TLS_KEY_POLICY] =
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_TLS_KEY_POLICY_OFF),
	[NBDTARGET_A_TARGET_TLS_KEY_RECORDS] = NLA_POLICY_MIN(NLA_U64, 1),
	[NBDTARGET_A_TARGET_POLL_TIME] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &poll_time_range),
	[NBDTARGET_A_TARGET_LOG_CLIENTS] = NLA_POLICY_MAX(NLA_U8, 1),
	[NBDTARGET_A_TARGET_PEER_TIMEOUT] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &peer_timeout_range),
	[NBDTARGET_A_TARGET_PLACEMENT] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_STRING,
	},
};

static const struct nla_policy
target_clear_policy[NBDTARGET_A_TARGET_MAX + 1] = {
	[NBDTARGET_A_TARGET_FORCE] = { .type = NLA_FLAG },
	[NBDTARGET_A_TARGET_ONLY_LISTENERS] = { .type = NLA_FLAG },
};

static int put_placement(struct sk_buff *skb)
{
	char *text = nbdt_placement_text();
	int err;

	if (!text)
		return -ENOMEM;
	err = nla_put_string(skb, NBDTARGET_A_TARGET_PLACEMENT, text);
	kfree(text);
	return err;
}

static int put_target(struct sk_buff *skb, struct net *net)
{
	const int pad = NBDTARGET_A_TARGET_PAD;

	if (nla_put_string(skb, NBDTARGET_A_TARGET_VERSION, NBDT_VERSION) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_MAX_CONNECTIONS,
			nbdt_target_max_connections()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_NEGOTIATION_TIMEOUT,
			nbdt_target_negotiation_timeout()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_STALL_TIMEOUT,
			nbdt_target_stall_timeout()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_MAX_IN_FLIGHT,
			nbdt_target_max_in_flight()) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_TARGET_MEMORY_LIMIT,
			      nbdt_mem_limit(), pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_TARGET_MEMORY_USED,
			      nbdt_mem_granted(), pad) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_EXPORTS,
			nbdt_export_count()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_LISTENERS,
			nbdt_front_count(net)) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_CONNECTIONS,
			nbdt_conn_count()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_TLS_KEY_POLICY,
			nbdt_target_tls_key_policy()) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_TARGET_TLS_KEY_RECORDS,
			      nbdt_target_tls_key_records(), pad) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_POLL_TIME,
			nbdt_target_poll_time()) ||
	    nla_put_u8(skb, NBDTARGET_A_TARGET_LOG_CLIENTS,
		       nbdt_target_log_clients()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_PEER_TIMEOUT,
			nbdt_target_peer_timeout()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_ALL_LISTENERS,
			nbdt_front_count(NULL)) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_CLOSING,
			nbdt_export_closing_count()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_HANDOVER_FORMAT,
			NBDTARGET_HANDOVER_FORMAT))
		return -EMSGSIZE;
	return put_placement(skb);
}

static int target_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg = nbdt_nl_message();
	int err = -EMSGSIZE;
	void *head;

	if (!msg)
		return -ENOMEM;
	head = genlmsg_put_reply(msg, info, &nbdt_nl_family, 0,
				 NBDTARGET_CMD_TARGET_GET);
	if (head)
		err = put_target(msg, genl_info_net(info));
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

static void set_limit(u32 *limit, const struct nlattr *attr)
{
	if (attr)
		WRITE_ONCE(*limit, nla_get_u32(attr));
}

/* The policy has seen to the ranges; what may still be refused is done first. */
static int target_set(struct sk_buff *skb, struct genl_info *info)
{
	const char *placement = nbdt_nl_string(info,
					       NBDTARGET_A_TARGET_PLACEMENT);
	struct nlattr **attrs = info->attrs, *attr;
	int err;

	if (placement) {
		err = nbdt_placement_set(placement, info->extack);
		if (err) {
			NL_SET_BAD_ATTR(info->extack,
					attrs[NBDTARGET_A_TARGET_PLACEMENT]);
			return err;
		}
	}
	set_limit(&nbdt_target.max_connections,
		  attrs[NBDTARGET_A_TARGET_MAX_CONNECTIONS]);
	set_limit(&nbdt_target.negotiation_timeout,
		  attrs[NBDTARGET_A_TARGET_NEGOTIATION_TIMEOUT]);
	set_limit(&nbdt_target.stall_timeout,
		  attrs[NBDTARGET_A_TARGET_STALL_TIMEOUT]);
	set_limit(&nbdt_target.max_in_flight,
		  attrs[NBDTARGET_A_TARGET_MAX_IN_FLIGHT]);
	attr = attrs[NBDTARGET_A_TARGET_MEMORY_LIMIT];
	if (attr)
		nbdt_mem_set_limit(nla_get_u64(attr));
	set_limit(&nbdt_target.tls_key_policy,
		  attrs[NBDTARGET_A_TARGET_TLS_KEY_POLICY]);
	attr = attrs[NBDTARGET_A_TARGET_TLS_KEY_RECORDS];
	if (attr)
		WRITE_ONCE(nbdt_target.tls_key_records, nla_get_u64(attr));
	set_limit(&nbdt_target.poll_time, attrs[NBDTARGET_A_TARGET_POLL_TIME]);
	attr = attrs[NBDTARGET_A_TARGET_LOG_CLIENTS];
	if (attr)
		WRITE_ONCE(nbdt_target.log_clients, nla_get_u8(attr));
	set_limit(&nbdt_target.peer_timeout,
		  attrs[NBDTARGET_A_TARGET_PEER_TIMEOUT]);
	return 0;
}

/* Nobody comes any more; who has come to an export goes on. */
static void clear_listeners(void)
{
	const struct nbdt_conn_filter fresh = { .negotiating = true };

	nbdt_front_remove_all();
	nbdt_conn_kill_matching(&fresh, "listeners were removed");
}

/* In an order in which nobody comes in where others are thrown out. */
static int clear_all(bool force, struct netlink_ext_ack *extack)
{
	const struct nbdt_conn_filter all = {};
	int err;

	err = nbdt_export_remove_all(force, extack);
	if (err)
		return err;
	nbdt_front_remove_all();
	nbdt_conn_kill_matching(&all, "all was cleared away");
	return 0;
}

static int target_clear(struct sk_buff *skb, struct genl_info *info)
{
	if (info->attrs[NBDTARGET_A_TARGET_ONLY_LISTENERS]) {
		clear_listeners();
		return 0;
	}
	return clear_all(info->attrs[NBDTARGET_A_TARGET_FORCE], info->extack);
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_SHOW_OP(TARGET_GET, TARGET, target_get), .doit = target_get },
	{ NBDT_NL_OP(TARGET_SET, TARGET, target_set), .doit = target_set },
	{ NBDT_NL_OP(TARGET_CLEAR, TARGET, target_clear),
	  .doit = target_clear },
};

const struct nbdt_nl_ops nbdt_nl_target = { ops, ARRAY_SIZE(ops) };
