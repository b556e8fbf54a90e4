// SPDX-License-Identifier: GPL-2.0
/*
 * The administrator's side: generic netlink.
 *
 * uapi/nbdtarget.yaml is the contract; the policies and commands here stand
 * in its order.  This file turns attributes into arguments and objects into
 * attributes; what the commands mean is decided where the objects are.
 *
 * Commands run in parallel and may sleep for long (a removal waits for I/O);
 * none holds a lock of ours meanwhile.
 */
#include <linux/file.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/jiffies.h>
#include <linux/kdev_t.h>
#include <linux/blkdev.h>
#include <net/genetlink.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "access.h"
#include "bitmap.h"
#include "bitmaps.h"
#include "checkpoint.h"
#include "compat/compat.h"
#include "conn.h"
#include "context.h"
#include "export.h"
#include "ktls.h"
#include "listener.h"
#include "map.h"
#include "mem.h"
#include "netlink.h"
#include "target.h"
#include "tls.h"
#include "nbdtarget.h"

static struct genl_family family;
/* No events any more: the numbers of the family may be another's soon. */
static bool unregistered;

/* Not const, as struct nla_policy wants it before 6.7. */
static struct netlink_range_validation port_range = {
	.min = 1,
	.max = U16_MAX,
};

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

static struct netlink_range_validation max_in_flight_range = {
	.min = 1,
	.max = 4096,
};

static struct netlink_range_validation memory_limit_range = {
	.min = NBDT_MEM_LIMIT_MIN,
	.max = LONG_MAX,
};

static struct netlink_range_validation granularity_range = {
	.min = NBDT_MAP_GRANULE_MIN,
	.max = NBDT_MAP_GRANULE_MAX,
};

static struct netlink_range_validation bitmap_granularity_range = {
	.min = NBDT_BITMAP_GRANULE_MIN,
	.max = NBDT_BITMAP_GRANULE_MAX,
};

static struct netlink_range_validation checkpoint_timeout_range = {
	.min = 100,
	.max = 600000,
};

/* What each attribute has to look like, in whichever command. */
#define EXPORT_NAME_POLICY						\
	[NBDTARGET_A_EXPORT_NAME] = {					\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define EXPORT_DEVICE_POLICY						\
	[NBDTARGET_A_EXPORT_DEVICE] = {					\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_DEVICE,				\
	}
#define EXPORT_DESCRIPTION_POLICY					\
	[NBDTARGET_A_EXPORT_DESCRIPTION] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define EXPORT_READ_ONLY_POLICY						\
	[NBDTARGET_A_EXPORT_READ_ONLY] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_DEFAULT_POLICY						\
	[NBDTARGET_A_EXPORT_DEFAULT] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_MAX_CONNECTIONS_POLICY					\
	[NBDTARGET_A_EXPORT_MAX_CONNECTIONS] = { .type = NLA_U32 }
#define EXPORT_ALLOCATION_DEPTH_POLICY					\
	[NBDTARGET_A_EXPORT_ALLOCATION_DEPTH] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_ZEROED_POLICY						\
	[NBDTARGET_A_EXPORT_ZEROED] = { .type = NLA_FLAG }
#define EXPORT_MAP_GRANULARITY_POLICY					\
	[NBDTARGET_A_EXPORT_MAP_GRANULARITY] =				\
		NLA_POLICY_FULL_RANGE(NLA_U32, &granularity_range)
#define EXPORT_SCAN_RATE_POLICY						\
	[NBDTARGET_A_EXPORT_SCAN_RATE] = NLA_POLICY_MIN(NLA_U64, 1)
#define EXPORT_SCAN_STOP_POLICY						\
	[NBDTARGET_A_EXPORT_SCAN_STOP] = { .type = NLA_FLAG }
#define EXPORT_BITMAP_EXPORT_POLICY					\
	[NBDTARGET_A_EXPORT_BITMAP_EXPORT] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define EXPORT_BITMAP_NAME_POLICY					\
	[NBDTARGET_A_EXPORT_BITMAP_NAME] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BITMAP_NAME,			\
	}
#define EXPORT_FORCE_POLICY						\
	[NBDTARGET_A_EXPORT_FORCE] = { .type = NLA_FLAG }
#define EXPORT_TLS_REQUIRED_POLICY					\
	[NBDTARGET_A_EXPORT_TLS_REQUIRED] = NLA_POLICY_MAX(NLA_U8, 1)
#define LISTENER_ADDRESS_POLICY						\
	[NBDTARGET_A_LISTENER_ADDRESS] = {				\
		.type = NLA_BINARY,					\
		.len = sizeof(struct in6_addr),				\
	}
#define LISTENER_PORT_POLICY						\
	[NBDTARGET_A_LISTENER_PORT] =					\
		NLA_POLICY_FULL_RANGE(NLA_U16, &port_range)
#define LISTENER_IFINDEX_POLICY						\
	[NBDTARGET_A_LISTENER_IFINDEX] = { .type = NLA_U32 }
#define LISTENER_FORCE_POLICY						\
	[NBDTARGET_A_LISTENER_FORCE] = { .type = NLA_FLAG }
#define LISTENER_TLS_POLICY						\
	[NBDTARGET_A_LISTENER_TLS] =					\
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_TLS_MODE_REQUIRED)

#define BITMAP_EXPORT_NAME_POLICY					\
	[NBDTARGET_A_BITMAP_EXPORT_NAME] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define BITMAP_NAME_POLICY						\
	[NBDTARGET_A_BITMAP_NAME] = {					\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BITMAP_NAME,			\
	}
#define BITMAP_TO_POLICY						\
	[NBDTARGET_A_BITMAP_TO] = {					\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BITMAP_NAME,			\
	}
#define BITMAP_GRANULARITY_POLICY					\
	[NBDTARGET_A_BITMAP_GRANULARITY] =				\
		NLA_POLICY_FULL_RANGE(NLA_U64, &bitmap_granularity_range)
#define BITMAP_CONSISTENT_POLICY					\
	[NBDTARGET_A_BITMAP_CONSISTENT] = NLA_POLICY_MAX(NLA_U8, 1)
#define BITMAP_OFFSET_POLICY						\
	[NBDTARGET_A_BITMAP_OFFSET] = { .type = NLA_U64 }
#define BITMAP_RECORDING_POLICY						\
	[NBDTARGET_A_BITMAP_RECORDING] = NLA_POLICY_MAX(NLA_U8, 1)

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
};

static const struct nla_policy
export_add_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	EXPORT_DEVICE_POLICY,
	EXPORT_DESCRIPTION_POLICY,
	EXPORT_READ_ONLY_POLICY,
	EXPORT_DEFAULT_POLICY,
	EXPORT_MAX_CONNECTIONS_POLICY,
	EXPORT_ALLOCATION_DEPTH_POLICY,
	EXPORT_ZEROED_POLICY,
	EXPORT_MAP_GRANULARITY_POLICY,
	EXPORT_BITMAP_EXPORT_POLICY,
	EXPORT_BITMAP_NAME_POLICY,
	EXPORT_TLS_REQUIRED_POLICY,
};

static const struct nla_policy
export_scan_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	EXPORT_SCAN_RATE_POLICY,
	EXPORT_SCAN_STOP_POLICY,
};

static const struct nla_policy
export_set_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	EXPORT_DESCRIPTION_POLICY,
	EXPORT_DEFAULT_POLICY,
	EXPORT_MAX_CONNECTIONS_POLICY,
	EXPORT_TLS_REQUIRED_POLICY,
};

static const struct nla_policy
export_del_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	EXPORT_FORCE_POLICY,
};

static const struct nla_policy
export_get_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
};

static const struct nla_policy
listener_add_policy[NBDTARGET_A_LISTENER_MAX + 1] = {
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

static const struct nla_policy conn_get_policy[NBDTARGET_A_CONN_MAX + 1];

static const struct nla_policy
conn_kill_policy[NBDTARGET_A_CONN_MAX + 1] = {
	[NBDTARGET_A_CONN_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[NBDTARGET_A_CONN_EXPORT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_STRING,
	},
};

static const struct nla_policy
bitmap_add_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	BITMAP_GRANULARITY_POLICY,
	BITMAP_RECORDING_POLICY,
	BITMAP_CONSISTENT_POLICY,
};

/* Of those that take no more than to be told which. */
static const struct nla_policy
bitmap_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
};

static const struct nla_policy
bitmap_set_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	BITMAP_RECORDING_POLICY,
	BITMAP_CONSISTENT_POLICY,
};

static const struct nla_policy
bitmap_read_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	BITMAP_OFFSET_POLICY,
};

static const struct nla_policy
bitmap_load_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	BITMAP_OFFSET_POLICY,
	[NBDTARGET_A_BITMAP_DATA] = {
		.type = NLA_BINARY,
		.len = NBDT_BITMAP_PIECE,
	},
};

static const struct nla_policy
bitmap_to_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	BITMAP_TO_POLICY,
};

static const struct nla_policy bitmap_get_policy[NBDTARGET_A_BITMAP_MAX + 1];

static const struct nla_policy
checkpoint_exports_policy[NBDTARGET_A_CHECKPOINT_MAX + 1] = {
	[NBDTARGET_A_CHECKPOINT_EXPORT] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_STRING,
	},
};

static const struct nla_policy
checkpoint_policy[NBDTARGET_A_CHECKPOINT_MAX + 1] = {
	[NBDTARGET_A_CHECKPOINT_EXPORTS] =
		NLA_POLICY_NESTED(checkpoint_exports_policy),
	[NBDTARGET_A_CHECKPOINT_FREEZE] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_BITMAP_NAME,
	},
	[NBDTARGET_A_CHECKPOINT_START] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_BITMAP_NAME,
	},
	[NBDTARGET_A_CHECKPOINT_TIMEOUT] =
		NLA_POLICY_FULL_RANGE(NLA_U32, &checkpoint_timeout_range),
	[NBDTARGET_A_CHECKPOINT_HOLD] = { .type = NLA_FLAG },
};

static const struct nla_policy
checkpoint_end_policy[NBDTARGET_A_CHECKPOINT_MAX + 1] = {
	[NBDTARGET_A_CHECKPOINT_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[NBDTARGET_A_CHECKPOINT_ABORT] = { .type = NLA_FLAG },
};

static const struct nla_policy tls_accept_policy[NBDTARGET_A_TLS_MAX + 1];

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
};

static const struct nla_policy rule_policy[NBDTARGET_A_RULE_MAX + 1] = {
	[NBDTARGET_A_RULE_ACTION] =
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_ACCESS_DENY),
	[NBDTARGET_A_RULE_PEER_ADDRESS] = {
		.type = NLA_BINARY,
		.len = sizeof(struct in6_addr),
	},
	[NBDTARGET_A_RULE_PEER_PREFIX] = NLA_POLICY_MAX(NLA_U8, 128),
	[NBDTARGET_A_RULE_DN] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_PATTERN,
	},
	[NBDTARGET_A_RULE_ALT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_PATTERN,
	},
	[NBDTARGET_A_RULE_PSK] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_PATTERN,
	},
};

static const struct nla_policy
access_set_policy[NBDTARGET_A_ACCESS_MAX + 1] = {
	[NBDTARGET_A_ACCESS_EXPORT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_STRING,
	},
	[NBDTARGET_A_ACCESS_LISTENER] = { .type = NLA_FLAG },
	[NBDTARGET_A_ACCESS_ADDRESS] = {
		.type = NLA_BINARY,
		.len = sizeof(struct in6_addr),
	},
	[NBDTARGET_A_ACCESS_PORT] =
		NLA_POLICY_FULL_RANGE(NLA_U16, &port_range),
	[NBDTARGET_A_ACCESS_IFINDEX] = { .type = NLA_U32 },
	[NBDTARGET_A_ACCESS_DEFAULT] =
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_ACCESS_DENY),
	[NBDTARGET_A_ACCESS_RULE] = NLA_POLICY_NESTED(rule_policy),
};

static const struct nla_policy access_get_policy[NBDTARGET_A_ACCESS_MAX + 1];

/* --- Common --- */

static const char *attr_string(struct genl_info *info, int attr)
{
	return info->attrs[attr] ? nla_data(info->attrs[attr]) : NULL;
}

static_assert((int)NBDTARGET_REPLY_MODE_SIMPLE == NBDT_MODE_SIMPLE);
static_assert((int)NBDTARGET_REPLY_MODE_STRUCTURED == NBDT_MODE_STRUCTURED);
static_assert((int)NBDTARGET_REPLY_MODE_EXTENDED == NBDT_MODE_EXTENDED);

/* That of a required attribute, or NULL and a message. */
static const char *need_string(struct genl_info *info, int attr,
			       const char *what)
{
	const char *string = attr_string(info, attr);

	if (!string)
		nbdt_set_err_msg(info->extack, "%s is missing", what);
	return string;
}

static int put_stats(struct sk_buff *skb, int attr,
		     const struct nbdt_stats *stats)
{
	const int pad = NBDTARGET_A_STATS_PAD;
	struct nlattr *nest = nla_nest_start(skb, attr);

	if (!nest ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_STATS_REQUESTS,
			      stats->requests, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_STATS_ERRORS,
			      stats->errors, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_STATS_READS,
			      stats->reads, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_STATS_READ_BYTES,
			      stats->read_bytes, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_STATS_WRITES,
			      stats->writes, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_STATS_WRITTEN_BYTES,
			      stats->written_bytes, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_STATS_UNALIGNED,
			      stats->unaligned, pad))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int put_address(struct sk_buff *skb, const struct sockaddr_storage *addr,
		       int address_attr, int port_attr)
{
	const struct sockaddr_in *in4 = (const void *)addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;
	int err;

	if (addr->ss_family == AF_INET)
		err = nla_put(skb, address_attr, sizeof(in4->sin_addr),
			      &in4->sin_addr);
	else
		err = nla_put(skb, address_attr, sizeof(in6->sin6_addr),
			      &in6->sin6_addr);
	return err ?: nla_put_u16(skb, port_attr, ntohs(in4->sin_port));
}

/* A reply or event of one message, large enough for two names and a path. */
static struct sk_buff *new_message(void)
{
	return genlmsg_new(3 * (NBDTARGET_MAX_STRING + NLA_HDRLEN) + 1024,
			   GFP_KERNEL);
}

/* --- Target --- */

static int put_target(struct sk_buff *skb)
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
			nbdt_listener_count()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_CONNECTIONS,
			nbdt_conn_count()) ||
	    nla_put_u32(skb, NBDTARGET_A_TARGET_TLS_KEY_POLICY,
			nbdt_target_tls_key_policy()) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_TARGET_TLS_KEY_RECORDS,
			      nbdt_target_tls_key_records(), pad))
		return -EMSGSIZE;
	return 0;
}

static int target_get(struct sk_buff *skb, struct genl_info *info)
{
	struct sk_buff *msg = new_message();
	void *head;

	if (!msg)
		return -ENOMEM;
	head = genlmsg_put_reply(msg, info, &family, 0,
				 NBDTARGET_CMD_TARGET_GET);
	if (!head || put_target(msg)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

static void set_limit(u32 *limit, const struct nlattr *attr)
{
	if (attr)
		WRITE_ONCE(*limit, nla_get_u32(attr));
}

/* The policy has seen to the ranges. */
static int target_set(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;

	set_limit(&nbdt_target.max_connections,
		  attrs[NBDTARGET_A_TARGET_MAX_CONNECTIONS]);
	set_limit(&nbdt_target.negotiation_timeout,
		  attrs[NBDTARGET_A_TARGET_NEGOTIATION_TIMEOUT]);
	set_limit(&nbdt_target.stall_timeout,
		  attrs[NBDTARGET_A_TARGET_STALL_TIMEOUT]);
	set_limit(&nbdt_target.max_in_flight,
		  attrs[NBDTARGET_A_TARGET_MAX_IN_FLIGHT]);
	if (attrs[NBDTARGET_A_TARGET_MEMORY_LIMIT])
		nbdt_mem_set_limit(nla_get_u64(attrs[NBDTARGET_A_TARGET_MEMORY_LIMIT]));
	set_limit(&nbdt_target.tls_key_policy,
		  attrs[NBDTARGET_A_TARGET_TLS_KEY_POLICY]);
	if (attrs[NBDTARGET_A_TARGET_TLS_KEY_RECORDS])
		WRITE_ONCE(nbdt_target.tls_key_records,
			   nla_get_u64(attrs[NBDTARGET_A_TARGET_TLS_KEY_RECORDS]));
	return 0;
}

/* --- Exports --- */

static int put_export_device(struct sk_buff *skb, struct nbdt_export *export)
{
	struct nbdt_cmd_limits limits;

	nbdt_export_limits(export, &limits);
	if (nla_put_string(skb, NBDTARGET_A_EXPORT_DEVICE, export->device) ||
	    nla_put_u8(skb, NBDTARGET_A_EXPORT_READ_ONLY, export->read_only) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_SIZE, limits.size,
			      NBDTARGET_A_EXPORT_PAD) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_LOGICAL_BLOCK, export->block) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_MIN_BLOCK, export->min_block) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_PREFERRED_BLOCK,
			export->preferred_block) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_MAX_PAYLOAD,
			limits.max_payload) ||
	    nla_put_u16(skb, NBDTARGET_A_EXPORT_TRANSMISSION_FLAGS,
			limits.flags) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_DEVICE_ID, export->device_id))
		return -EMSGSIZE;
	return 0;
}

static int put_export_use(struct sk_buff *skb, struct nbdt_export *export)
{
	struct nbdt_stats stats;

	nbdt_export_stats(export, &stats);
	if (nla_put_u8(skb, NBDTARGET_A_EXPORT_DEFAULT,
		       nbdt_export_is_default(export)) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_MAX_CONNECTIONS,
			READ_ONCE(export->max_connections)) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_CONNECTIONS,
			READ_ONCE(export->nr_conns)) ||
	    nla_put_u8(skb, NBDTARGET_A_EXPORT_TLS_REQUIRED,
		       READ_ONCE(export->tls_required)) ||
	    put_stats(skb, NBDTARGET_A_EXPORT_STATS, &stats))
		return -EMSGSIZE;
	return 0;
}

static int put_export_description(struct sk_buff *skb,
				  struct nbdt_export *export)
{
	char *description = nbdt_export_description(export);
	int err = 0;

	if (description)
		err = nla_put_string(skb, NBDTARGET_A_EXPORT_DESCRIPTION,
				     description);
	kfree(description);
	return err;
}

static u32 scan_state(const struct nbdt_scan *scan)
{
	if (READ_ONCE(scan->running))
		return NBDTARGET_SCAN_STATE_RUNNING;
	if (!READ_ONCE(scan->started))
		return NBDTARGET_SCAN_STATE_NONE;
	return READ_ONCE(scan->err) ? NBDTARGET_SCAN_STATE_STOPPED :
				      NBDTARGET_SCAN_STATE_COMPLETE;
}

/* What is known of where the device is zero, and how it came to be known. */
static int put_export_map(struct sk_buff *skb, struct nbdt_export *export)
{
	const int pad = NBDTARGET_A_EXPORT_PAD;
	const struct nbdt_scan *scan = &export->scan;
	const struct nbdt_map *map = export->map;
	u64 zero, hole;

	if (nla_put_u8(skb, NBDTARGET_A_EXPORT_ALLOCATION_DEPTH,
		       export->allocation_depth) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_SCAN_STATE,
			scan_state(scan)) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_SCAN_DONE,
			      READ_ONCE(scan->done), pad))
		return -EMSGSIZE;
	if (!nbdt_map_bytes(map))
		return 0;
	nbdt_map_count(map, &zero, &hole);
	if (nla_put_u32(skb, NBDTARGET_A_EXPORT_MAP_GRANULARITY,
			1U << map->shift) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_MAP_MEMORY,
			      nbdt_map_bytes(map), pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_ZERO_BYTES, zero, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_HOLE_BYTES, hole, pad))
		return -EMSGSIZE;
	return 0;
}

static int put_export(struct sk_buff *skb, struct nbdt_export *export, u8 cmd)
{
	if (nla_put_u32(skb, NBDTARGET_A_EXPORT_ID, export->id) ||
	    nla_put_string(skb, NBDTARGET_A_EXPORT_NAME, export->name))
		return -EMSGSIZE;
	if (cmd == NBDTARGET_CMD_EXPORT_DEL_NTF)
		return 0;
	if (put_export_device(skb, export) || put_export_use(skb, export) ||
	    put_export_map(skb, export) ||
	    put_export_description(skb, export))
		return -EMSGSIZE;
	return 0;
}

static bool attr_set(struct genl_info *info, int attr)
{
	return info->attrs[attr] && nla_get_u8(info->attrs[attr]);
}

static const char *need_export_name(struct genl_info *info)
{
	return need_string(info, NBDTARGET_A_EXPORT_NAME, "the export's name");
}

/* By its own name, not by being the default; with a reference. */
static struct nbdt_export *find_export(struct genl_info *info,
				       const char *name)
{
	struct nbdt_export *export = nbdt_export_get(name, strlen(name));

	if (export && export->name_len == strlen(name))
		return export;
	if (export)
		nbdt_export_put(export);
	nbdt_set_err_msg(info->extack, "there is no export '%.32s'", name);
	return NULL;
}

static int export_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *granularity =
		info->attrs[NBDTARGET_A_EXPORT_MAP_GRANULARITY];
	struct nlattr *max = info->attrs[NBDTARGET_A_EXPORT_MAX_CONNECTIONS];
	struct nbdt_export_config config = {
		.description = attr_string(info,
					   NBDTARGET_A_EXPORT_DESCRIPTION),
		.read_only = attr_set(info, NBDTARGET_A_EXPORT_READ_ONLY),
		.is_default = attr_set(info, NBDTARGET_A_EXPORT_DEFAULT),
		.allocation_depth =
			attr_set(info, NBDTARGET_A_EXPORT_ALLOCATION_DEPTH),
		.zeroed = info->attrs[NBDTARGET_A_EXPORT_ZEROED],
		.map_granule = granularity ? nla_get_u32(granularity) : 0,
		.tls_required = attr_set(info, NBDTARGET_A_EXPORT_TLS_REQUIRED),
		.max_connections = max ? nla_get_u32(max) : 0,
		.bitmap_export =
			attr_string(info, NBDTARGET_A_EXPORT_BITMAP_EXPORT),
		.bitmap = attr_string(info, NBDTARGET_A_EXPORT_BITMAP_NAME),
	};

	/* A device is opened whatever its permissions say. */
	if (!netlink_capable(skb, CAP_SYS_ADMIN)) {
		nbdt_set_err_msg(info->extack,
				 "exporting a device needs CAP_SYS_ADMIN");
		return -EPERM;
	}
	if (!config.bitmap_export != !config.bitmap) {
		nbdt_set_err_msg(info->extack,
				 "a bitmap takes its name and its export's");
		return -EINVAL;
	}
	config.name = need_export_name(info);
	if (!config.name)
		return -EINVAL;
	config.device = need_string(info, NBDTARGET_A_EXPORT_DEVICE,
				    "the export's device");
	if (!config.device)
		return -EINVAL;
	if (!*config.device) {
		nbdt_set_err_msg(info->extack, "the device's path is empty");
		return -EINVAL;
	}
	return nbdt_export_add(&config, info->extack);
}

static int export_set(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = need_export_name(info);
	struct nlattr *max = info->attrs[NBDTARGET_A_EXPORT_MAX_CONNECTIONS];
	struct nbdt_export_change change = {
		.description = attr_string(info,
					   NBDTARGET_A_EXPORT_DESCRIPTION),
		.set_max_connections = max,
		.max_connections = max ? nla_get_u32(max) : 0,
		.set_default = info->attrs[NBDTARGET_A_EXPORT_DEFAULT],
		.is_default = attr_set(info, NBDTARGET_A_EXPORT_DEFAULT),
		.set_tls_required =
			info->attrs[NBDTARGET_A_EXPORT_TLS_REQUIRED],
		.tls_required = attr_set(info, NBDTARGET_A_EXPORT_TLS_REQUIRED),
	};

	if (!name)
		return -EINVAL;
	return nbdt_export_set(name, &change, info->extack);
}

static int export_del(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = need_export_name(info);

	if (!name)
		return -EINVAL;
	return nbdt_export_remove(name, info->attrs[NBDTARGET_A_EXPORT_FORCE],
				  info->extack);
}

static int export_scan(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *rate = info->attrs[NBDTARGET_A_EXPORT_SCAN_RATE];
	const char *name = need_export_name(info);
	struct nbdt_export *export;
	int err = 0;

	if (!name)
		return -EINVAL;
	export = find_export(info, name);
	if (!export)
		return -ENOENT;
	if (!info->attrs[NBDTARGET_A_EXPORT_SCAN_STOP]) {
		err = nbdt_scan_start(export, rate ? nla_get_u64(rate) : 0,
				      info->extack);
	} else {
		err = nbdt_scan_stop(export);
		if (err == -ENOENT)
			nbdt_set_err_msg(info->extack, "no scan is running");
	}
	nbdt_export_put(export);
	return err;
}

static int export_get(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = need_export_name(info);
	struct nbdt_export *export;
	struct sk_buff *msg;
	void *head;
	int err;

	if (!name)
		return -EINVAL;
	export = find_export(info, name);
	if (!export)
		return -ENOENT;
	err = -ENOMEM;
	msg = new_message();
	if (!msg)
		goto out;
	err = -EMSGSIZE;
	head = genlmsg_put_reply(msg, info, &family, 0,
				 NBDTARGET_CMD_EXPORT_GET);
	if (!head || put_export(msg, export, NBDTARGET_CMD_EXPORT_GET)) {
		nlmsg_free(msg);
		goto out;
	}
	genlmsg_end(msg, head);
	err = genlmsg_reply(msg, info);
out:
	nbdt_export_put(export);
	return err;
}

/* Where a dump begins a message; it notices when the list changed. */
static void *dump_begin(struct sk_buff *skb, struct netlink_callback *cb,
			u8 cmd)
{
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid,
				 cb->nlh->nlmsg_seq, &family, NLM_F_MULTI,
				 cmd);

	if (head)
		genl_dump_check_consistent(cb, head);
	return head;
}

/* 0 is "not yet set" to netlink. */
static u32 dump_seq(u32 generation)
{
	return generation + 1 ?: 1;
}

static int export_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nbdt_export *export;
	void *head;
	int err = 0;

	cb->seq = dump_seq(nbdt_export_generation());
	while ((export = nbdt_export_get_from(cb->args[0]))) {
		head = dump_begin(skb, cb, NBDTARGET_CMD_EXPORT_GET);
		err = head ? put_export(skb, export, NBDTARGET_CMD_EXPORT_GET) :
			     -EMSGSIZE;
		if (err && head)
			genlmsg_cancel(skb, head);
		else if (head)
			genlmsg_end(skb, head);
		if (!err)
			cb->args[0] = export->id + 1;
		nbdt_export_put(export);
		if (err)
			break;
	}
	/* One that doesn't fit into an empty message is an error. */
	return skb->len ?: err;
}

/* --- Bitmaps --- */

/* The export and the bitmap's name that a command is about; export_put(). */
static int get_bitmap(struct genl_info *info, struct nbdt_export **export,
		      const char **name)
{
	const char *export_name;

	export_name = need_string(info, NBDTARGET_A_BITMAP_EXPORT_NAME,
				  "the export's name");
	*name = need_string(info, NBDTARGET_A_BITMAP_NAME, "the bitmap's name");
	if (!export_name || !*name)
		return -EINVAL;
	*export = find_export(info, export_name);
	return *export ? 0 : -ENOENT;
}

static int add_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *granularity = info->attrs[NBDTARGET_A_BITMAP_GRANULARITY];
	struct nbdt_bitmaps_config config = {
		.granule = granularity ? nla_get_u64(granularity) : 0,
		.disabled = info->attrs[NBDTARGET_A_BITMAP_RECORDING] &&
			    !attr_set(info, NBDTARGET_A_BITMAP_RECORDING),
		.inconsistent = info->attrs[NBDTARGET_A_BITMAP_CONSISTENT] &&
				!attr_set(info, NBDTARGET_A_BITMAP_CONSISTENT),
	};
	struct nbdt_export *export;
	int err;

	err = get_bitmap(info, &export, &config.name);
	if (err)
		return err;
	err = nbdt_bitmaps_add(export, &config, info->extack);
	if (!err)
		nbdt_netlink_bitmap_event(export, config.name,
					  NBDTARGET_CMD_BITMAP_ADD_NTF);
	nbdt_export_put(export);
	return err;
}

static int del_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_export *export;
	const char *name;
	int err;

	err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	err = nbdt_bitmaps_remove(export, name, info->extack);
	if (!err)
		nbdt_netlink_bitmap_event(export, name,
					  NBDTARGET_CMD_BITMAP_DEL_NTF);
	nbdt_export_put(export);
	return err;
}

static int clear_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_export *export;
	const char *name;
	int err;

	err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	err = nbdt_bitmaps_clear(export, name, info->extack);
	if (!err)
		nbdt_netlink_bitmap_event(export, name,
					  NBDTARGET_CMD_BITMAP_SET_NTF);
	nbdt_export_put(export);
	return err;
}

static int set_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_export *export;
	const char *name;
	bool recording;
	int err;

	if (!info->attrs[NBDTARGET_A_BITMAP_RECORDING]) {
		nbdt_set_err_msg(info->extack,
				 "whether it shall record is missing");
		return -EINVAL;
	}
	err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	recording = attr_set(info, NBDTARGET_A_BITMAP_RECORDING);
	if (attr_set(info, NBDTARGET_A_BITMAP_CONSISTENT))
		err = nbdt_bitmaps_trust(export, name, recording, info->extack);
	else
		err = nbdt_bitmaps_enable(export, name, recording,
					  info->extack);
	if (!err)
		nbdt_netlink_bitmap_event(export, name,
					  NBDTARGET_CMD_BITMAP_SET_NTF);
	nbdt_export_put(export);
	return err;
}

/* 0 without one; -EINVAL when it can't be. */
static int get_offset(struct genl_info *info, u64 *offset)
{
	struct nlattr *attr = info->attrs[NBDTARGET_A_BITMAP_OFFSET];

	*offset = attr ? nla_get_u64(attr) : 0;
	if (!(*offset % NBDT_BITMAP_UNIT))
		return 0;
	nbdt_set_err_msg(info->extack, "the offset is no multiple of %u",
			 NBDT_BITMAP_UNIT);
	return -EINVAL;
}

/* A piece of NAME, read straight into a message. */
static int put_content(struct sk_buff *skb, struct nbdt_export *export,
		       const char *name, u64 offset,
		       struct netlink_ext_ack *extack)
{
	struct nlattr *data;
	int len;

	if (nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_OFFSET, offset,
			      NBDTARGET_A_BITMAP_PAD))
		return -EMSGSIZE;
	/* To the next multiple of 8. */
	data = nla_reserve_64bit(skb, NBDTARGET_A_BITMAP_DATA,
				 NBDT_BITMAP_PIECE, NBDTARGET_A_BITMAP_PAD);
	if (!data)
		return -EMSGSIZE;
	len = nbdt_bitmaps_read(export, name, offset, nla_data(data), extack);
	if (len < 0)
		return len;
	skb_trim(skb, skb->len - (NBDT_BITMAP_PIECE - len));
	data->nla_len = nla_attr_size(len);
	return 0;
}

static int reply_content(struct genl_info *info, struct nbdt_export *export,
			 const char *name, u64 offset)
{
	struct sk_buff *msg;
	void *head;
	int err = -EMSGSIZE;

	msg = genlmsg_new(NBDT_BITMAP_PIECE + 256, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	head = genlmsg_put_reply(msg, info, &family, 0,
				 NBDTARGET_CMD_BITMAP_READ);
	if (head)
		err = put_content(msg, export, name, offset, info->extack);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

static int read_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_export *export;
	const char *name;
	u64 offset;
	int err;

	err = get_offset(info, &offset);
	if (!err)
		err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	err = reply_content(info, export, name, offset);
	nbdt_export_put(export);
	return err;
}

static int load_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *data = info->attrs[NBDTARGET_A_BITMAP_DATA];
	struct nbdt_export *export;
	const char *name;
	u64 offset;
	int err;

	if (!data || nla_len(data) % NBDT_BITMAP_UNIT) {
		nbdt_set_err_msg(info->extack,
				 "data is missing, or no multiple of %u bytes",
				 NBDT_BITMAP_UNIT);
		return -EINVAL;
	}
	err = get_offset(info, &offset);
	if (!err)
		err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	err = nbdt_bitmaps_load(export, name, offset, nla_data(data),
				nla_len(data), info->extack);
	nbdt_export_put(export);
	return err;
}

/* Those that take two names. */
static int bitmap_to(struct genl_info *info,
		     int (*run)(struct nbdt_export *export, const char *name,
				const char *to, struct netlink_ext_ack *extack))
{
	struct nbdt_export *export;
	const char *name, *to;
	int err;

	to = need_string(info, NBDTARGET_A_BITMAP_TO, "the other bitmap's name");
	if (!to)
		return -EINVAL;
	err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	err = run(export, name, to, info->extack);
	if (!err)
		nbdt_netlink_bitmap_event(export, to,
					  NBDTARGET_CMD_BITMAP_SET_NTF);
	nbdt_export_put(export);
	return err;
}

static int merge_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	return bitmap_to(info, nbdt_bitmaps_merge);
}

static int rename_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	return bitmap_to(info, nbdt_bitmaps_rename);
}

static int put_bitmap(struct sk_buff *skb, struct nbdt_export *export,
		      const struct nbdt_bitmaps_info *bitmap)
{
	const int pad = NBDTARGET_A_BITMAP_PAD;

	if (nla_put_string(skb, NBDTARGET_A_BITMAP_EXPORT_NAME, export->name) ||
	    nla_put_string(skb, NBDTARGET_A_BITMAP_NAME, bitmap->name) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_GRANULARITY,
			      bitmap->granule, pad) ||
	    nla_put_u8(skb, NBDTARGET_A_BITMAP_RECORDING, bitmap->recording) ||
	    nla_put_u8(skb, NBDTARGET_A_BITMAP_CONSISTENT,
		       !bitmap->inconsistent) ||
	    nla_put_u32(skb, NBDTARGET_A_BITMAP_ID,
			NBDT_CONTEXT_BITMAP + bitmap->slot) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_SIZE, bitmap->size, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_DIRTY_COUNT,
			      bitmap->count, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_DIRTY_BYTES,
			      bitmap->dirty_bytes, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_MEMORY, bitmap->memory,
			      pad) ||
	    nla_put_u32(skb, NBDTARGET_A_BITMAP_USERS, bitmap->users) ||
	    nla_put_u8(skb, NBDTARGET_A_BITMAP_BORROWED, bitmap->borrowed))
		return -EMSGSIZE;
	return 0;
}

static int dump_bitmap(struct sk_buff *skb, struct netlink_callback *cb,
		       struct nbdt_export *export,
		       const struct nbdt_bitmaps_info *bitmap)
{
	void *head = dump_begin(skb, cb, NBDTARGET_CMD_BITMAP_GET);

	if (!head)
		return -EMSGSIZE;
	if (put_bitmap(skb, export, bitmap)) {
		genlmsg_cancel(skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, head);
	return 0;
}

/* From slot args[1] on. */
static int dump_bitmaps_of(struct sk_buff *skb, struct netlink_callback *cb,
			   struct nbdt_export *export)
{
	struct nbdt_bitmaps_info bitmap;
	int err;

	do {
		err = nbdt_bitmaps_get_from(export, cb->args[1], &bitmap);
		if (err)
			break;
		err = dump_bitmap(skb, cb, export, &bitmap);
		kfree(bitmap.name);
		if (!err)
			cb->args[1] = bitmap.slot + 1;
	} while (!err);
	return err == -ENOENT ? 0 : err;
}

static int bitmap_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nbdt_export *export;
	int err = 0;

	cb->seq = dump_seq(nbdt_export_generation());
	while (!err && (export = nbdt_export_get_from(cb->args[0]))) {
		if (export->id != cb->args[0])
			cb->args[1] = 0;
		cb->args[0] = export->id;
		err = dump_bitmaps_of(skb, cb, export);
		if (!err) {
			cb->args[0] = export->id + 1;
			cb->args[1] = 0;
		}
		nbdt_export_put(export);
	}
	return skb->len ?: err;
}

/* --- Checkpoints --- */

static struct nbdt_checkpoint_owner owner_of(struct genl_info *info)
{
	return (struct nbdt_checkpoint_owner) {
		.net = genl_info_net(info),
		.portid = info->snd_portid,
	};
}

static void put_exports(struct nbdt_checkpoint_config *config)
{
	while (config->nr)
		nbdt_export_put(config->exports[--config->nr]);
}

/* All that are named, with references, also when it fails. */
static int get_exports(struct genl_info *info,
		       struct nbdt_checkpoint_config *config)
{
	struct nlattr *nest = info->attrs[NBDTARGET_A_CHECKPOINT_EXPORTS];
	struct nbdt_export *export;
	struct nlattr *attr;
	int left;

	if (!nest || !nla_len(nest)) {
		nbdt_set_err_msg(info->extack, "the exports are missing");
		return -EINVAL;
	}
	nla_for_each_nested(attr, nest, left) {
		if (config->nr == NBDT_CHECKPOINT_EXPORTS) {
			nbdt_set_err_msg(info->extack,
					 "a checkpoint is of up to %u exports",
					 NBDT_CHECKPOINT_EXPORTS);
			return -E2BIG;
		}
		export = find_export(info, nla_data(attr));
		if (!export)
			return -ENOENT;
		config->exports[config->nr++] = export;
	}
	return 0;
}

/* Nobody who isn't told of it could end it. */
static int reply_checkpoint(struct genl_info *info, u32 id)
{
	struct sk_buff *msg = new_message();
	void *head;

	if (!msg)
		return -ENOMEM;
	head = genlmsg_put_reply(msg, info, &family, 0,
				 NBDTARGET_CMD_CHECKPOINT);
	if (!head || nla_put_u32(msg, NBDTARGET_A_CHECKPOINT_ID, id)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

static int run_checkpoint(struct genl_info *info,
			  const struct nbdt_checkpoint_config *config)
{
	u32 id = 0;
	int err;

	err = nbdt_checkpoint_begin(config, &id, info->extack);
	if (err || !id)
		return err;
	err = reply_checkpoint(info, id);
	if (err)
		nbdt_checkpoint_end(id, &config->owner, true, info->extack);
	return err;
}

static int checkpoint(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *timeout = info->attrs[NBDTARGET_A_CHECKPOINT_TIMEOUT];
	struct nbdt_checkpoint_config config = {
		.freeze = attr_string(info, NBDTARGET_A_CHECKPOINT_FREEZE),
		.start = attr_string(info, NBDTARGET_A_CHECKPOINT_START),
		.timeout = timeout ? nla_get_u32(timeout) :
				     NBDT_CHECKPOINT_TIMEOUT,
		.hold = info->attrs[NBDTARGET_A_CHECKPOINT_HOLD],
		.owner = owner_of(info),
	};
	int err;

	config.exports = kcalloc(NBDT_CHECKPOINT_EXPORTS,
				 sizeof(*config.exports), GFP_KERNEL);
	if (!config.exports)
		return -ENOMEM;
	err = get_exports(info, &config);
	if (!err)
		err = run_checkpoint(info, &config);
	put_exports(&config);
	kfree(config.exports);
	return err;
}

static int checkpoint_end(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_CHECKPOINT_ID];
	struct nbdt_checkpoint_owner owner = owner_of(info);

	if (!id) {
		nbdt_set_err_msg(info->extack,
				 "the checkpoint's number is missing");
		return -EINVAL;
	}
	return nbdt_checkpoint_end(nla_get_u32(id), &owner,
				   info->attrs[NBDTARGET_A_CHECKPOINT_ABORT],
				   info->extack);
}

/* A socket is closed: what was held for it is over. */
static int socket_closed(struct notifier_block *block, unsigned long event,
			 void *data)
{
	struct netlink_notify *notify = data;
	struct nbdt_checkpoint_owner owner = {
		.net = notify->net,
		.portid = notify->portid,
	};

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		nbdt_checkpoint_abandon(&owner);
	return NOTIFY_DONE;
}

static struct notifier_block socket_notifier = {
	.notifier_call = socket_closed,
};

/* --- Listeners --- */

static int put_listener(struct sk_buff *skb, struct nbdt_listener *listener)
{
	const struct sockaddr_storage *addr = &listener->config.addr;
	const struct sockaddr_in6 *in6 = (const void *)addr;
	struct nbdt_conn_filter filter = { .listener_id = listener->id };
	const int pad = NBDTARGET_A_LISTENER_PAD;

	if (nla_put_u32(skb, NBDTARGET_A_LISTENER_ID, listener->id) ||
	    put_address(skb, addr, NBDTARGET_A_LISTENER_ADDRESS,
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
			listener->config.tls_mode))
		return -EMSGSIZE;
	return 0;
}

/* The listener that three attributes name. */
static int make_address(struct genl_info *info, struct nlattr *address,
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

/* The address that a command about listeners names. */
static int get_address(struct genl_info *info,
		       struct nbdt_listener_config *config)
{
	return make_address(info, info->attrs[NBDTARGET_A_LISTENER_ADDRESS],
			    info->attrs[NBDTARGET_A_LISTENER_PORT],
			    info->attrs[NBDTARGET_A_LISTENER_IFINDEX], config);
}

static int listener_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *tls = info->attrs[NBDTARGET_A_LISTENER_TLS];
	struct nbdt_listener_config config;
	int err;

	err = get_address(info, &config);
	config.tls_mode = tls ? nla_get_u32(tls) : NBDTARGET_TLS_MODE_OFF;
	return err ?: nbdt_listener_add(genl_info_net(info), &config,
					info->extack);
}

static int listener_del(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_listener_config config;
	int err;

	err = get_address(info, &config);
	return err ?: nbdt_listener_remove(genl_info_net(info), &config,
					   info->attrs[NBDTARGET_A_LISTENER_FORCE],
					   info->extack);
}

struct dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

static int dump_listener(struct nbdt_listener *listener, void *data)
{
	struct dump *dump = data;
	void *head;

	head = dump_begin(dump->skb, dump->cb, NBDTARGET_CMD_LISTENER_GET);
	if (!head)
		return -EMSGSIZE;
	if (put_listener(dump->skb, listener)) {
		genlmsg_cancel(dump->skb, head);
		return -EMSGSIZE;
	}
	genlmsg_end(dump->skb, head);
	dump->cb->args[0] = listener->id + 1;
	return 0;
}

static int listener_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump dump = { .skb = skb, .cb = cb };
	int err;

	cb->seq = dump_seq(nbdt_listener_generation());
	err = nbdt_listener_for_each(sock_net(skb->sk), cb->args[0],
				     dump_listener, &dump);
	return skb->len ?: err;
}

/* --- Connections --- */

/* Why a connection ended. */
#define DISCONNECTED	"disconnected by the administrator"

static int put_conn_export(struct sk_buff *skb, struct nbdt_conn *conn)
{
	struct nbdt_export *export = nbdt_conn_get_export(conn);
	int err;

	if (!export)
		return 0;
	err = nla_put_string(skb, NBDTARGET_A_CONN_EXPORT_NAME, export->name);
	nbdt_export_put(export);
	return err;
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
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONN_TLS_RX_RECORDS,
			      READ_ONCE(tls->rx_records), pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONN_TLS_TX_RECORDS,
			      READ_ONCE(tls->tx_records), pad))
		return -EMSGSIZE;
	return 0;
}

static int put_conn(struct sk_buff *skb, struct nbdt_conn *conn, u8 cmd)
{
	const int pad = NBDTARGET_A_CONN_PAD;
	const char *reason = READ_ONCE(conn->reason);
	u64 age = jiffies_to_msecs(jiffies - conn->accepted);

	if (nla_put_u32(skb, NBDTARGET_A_CONN_ID, conn->id) ||
	    put_conn_export(skb, conn) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_LISTENER_ID,
			conn->listener_id) ||
	    put_address(skb, &conn->peer, NBDTARGET_A_CONN_PEER_ADDRESS,
			NBDTARGET_A_CONN_PEER_PORT) ||
	    put_address(skb, &conn->local, NBDTARGET_A_CONN_LOCAL_ADDRESS,
			NBDTARGET_A_CONN_LOCAL_PORT) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_STATE, READ_ONCE(conn->state)) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_REPLY_MODE,
			READ_ONCE(conn->mode)) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_IN_FLIGHT,
			READ_ONCE(conn->in_flight)) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONN_MEMORY,
			      READ_ONCE(conn->mem.used), pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONN_AGE, age, pad) ||
	    nla_put_u32(skb, NBDTARGET_A_CONN_PID, task_pid_nr(conn->task)) ||
	    put_conn_tls(skb, conn) ||
	    put_stats(skb, NBDTARGET_A_CONN_STATS, &conn->stats))
		return -EMSGSIZE;
	if (cmd == NBDTARGET_CMD_CONN_CLOSE_NTF && reason &&
	    nla_put_string(skb, NBDTARGET_A_CONN_REASON, reason))
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
		head = dump_begin(skb, cb, NBDTARGET_CMD_CONN_GET);
		err = head ? put_conn(skb, conn, NBDTARGET_CMD_CONN_GET) :
			     -EMSGSIZE;
		if (err && head)
			genlmsg_cancel(skb, head);
		else if (head)
			genlmsg_end(skb, head);
		if (!err)
			cb->args[0] = conn->id + 1;
		nbdt_conn_put(conn);
		if (err)
			break;
	}
	return skb->len ?: err;
}

static int kill_of_export(struct genl_info *info, const char *name)
{
	struct nbdt_conn_filter filter = {};
	int err;

	filter.export = find_export(info, name);
	if (!filter.export)
		return -ENOENT;
	nbdt_conn_kill_matching(&filter, DISCONNECTED);
	err = nbdt_conn_wait_killed(&filter);
	nbdt_export_put(filter.export);
	return err;
}

static int conn_kill(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_CONN_ID];
	const char *name = attr_string(info, NBDTARGET_A_CONN_EXPORT_NAME);
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
	return nbdt_conn_wait_killed(&filter);
}

/* --- TLS handshakes --- */

/* FD is installed in the calling process once it is in a message. */
static struct sk_buff *accept_reply(struct genl_info *info,
				    struct nbdt_conn *conn, int fd)
{
	long left = conn->tls.deadline - jiffies;
	struct sk_buff *msg = new_message();
	void *head;

	if (!msg)
		return NULL;
	head = genlmsg_put_reply(msg, info, &family, 0,
				 NBDTARGET_CMD_TLS_ACCEPT);
	if (!head ||
	    nla_put_u32(msg, NBDTARGET_A_TLS_CONN_ID, conn->id) ||
	    nla_put_u32(msg, NBDTARGET_A_TLS_FD, fd) ||
	    put_address(msg, &conn->peer, NBDTARGET_A_TLS_PEER_ADDRESS,
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
	if (err)
		/* It has a descriptor that it doesn't know of. */
		nbdt_conn_kill(conn, "TLS agent was not reached");
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

/* All attributes ALT_NAME; how many there are, or an error. */
static int get_alt_names(struct genl_info *info,
			 const char *names[NBDTARGET_MAX_ALT_NAMES])
{
	struct nlattr *attr;
	int rem, n = 0;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != NBDTARGET_A_TLS_ALT_NAME)
			continue;
		if (n == NBDTARGET_MAX_ALT_NAMES) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "too many alternative names");
			return -E2BIG;
		}
		names[n++] = nla_data(attr);
	}
	return n;
}

static int get_identity(struct genl_info *info, struct nbdt_identity **identity)
{
	struct nlattr *auth = info->attrs[NBDTARGET_A_TLS_AUTH];
	const char *name = attr_string(info, NBDTARGET_A_TLS_IDENTITY);
	u32 kind = auth ? nla_get_u32(auth) : NBDTARGET_TLS_AUTH_NONE;
	const char **alt_names;
	int n;

	if (kind == NBDTARGET_TLS_AUTH_NONE ? !!name : !name || !*name) {
		nbdt_set_err_msg(info->extack,
				 "an identity goes with what proved it");
		return -EINVAL;
	}
	alt_names = kcalloc(NBDTARGET_MAX_ALT_NAMES, sizeof(*alt_names),
			    GFP_KERNEL);
	if (!alt_names)
		return -ENOMEM;
	n = get_alt_names(info, alt_names);
	if (n > 0 && kind != NBDTARGET_TLS_AUTH_X509) {
		nbdt_set_err_msg(info->extack,
				 "alternative names go with a certificate");
		n = -EINVAL;
	}
	if (n >= 0) {
		*identity = nbdt_identity_create(kind, name, alt_names, n);
		n = *identity ? 0 : -ENOMEM;
	}
	kfree(alt_names);
	return n;
}

static int tls_done(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_TLS_CONN_ID];
	struct nlattr *status = info->attrs[NBDTARGET_A_TLS_STATUS];
	struct nbdt_identity *identity = NULL;
	u32 number;
	int err;

	if (!id || !status) {
		nbdt_set_err_msg(info->extack,
				 "the connection or its status is missing");
		return -EINVAL;
	}
	number = nla_get_u32(status);
	if (number > MAX_ERRNO) {
		NL_SET_ERR_MSG_ATTR(info->extack, status,
				    "the status is no error number");
		return -EINVAL;
	}
	if (!number) {
		err = get_identity(info, &identity);
		if (err)
			return err;
	}
	err = nbdt_tls_report(nla_get_u32(id), info->snd_portid,
			      -(int)number,
			      attr_string(info, NBDTARGET_A_TLS_TEXT),
			      identity, info->extack);
	if (err)
		kfree(identity);
	return err;
}

/* --- Access --- */

static int get_pattern(struct nlattr **attrs, int attr,
		       enum nbdt_rule_name name, struct nbdt_rule *rule,
		       struct netlink_ext_ack *extack)
{
	if (!attrs[attr])
		return 0;
	if (rule->name != NBDT_RULE_ANYBODY) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[attr],
				    "a rule has at most one pattern");
		return -EINVAL;
	}
	if (nla_len(attrs[attr]) < 2) {
		NL_SET_ERR_MSG_ATTR(extack, attrs[attr],
				    "an empty pattern fits nobody");
		return -EINVAL;
	}
	rule->name = name;
	rule->pattern = kstrdup(nla_data(attrs[attr]), GFP_KERNEL);
	return rule->pattern ? 0 : -ENOMEM;
}

static int get_peer(struct nlattr **attrs, struct nbdt_rule *rule,
		    struct netlink_ext_ack *extack)
{
	struct nlattr *address = attrs[NBDTARGET_A_RULE_PEER_ADDRESS];
	struct nlattr *prefix = attrs[NBDTARGET_A_RULE_PEER_PREFIX];
	int err;

	if (!address && !prefix)
		return 0;
	err = address ? nbdt_rule_set_peer(rule, nla_data(address),
					   nla_len(address),
					   prefix ? nla_get_u8(prefix) :
						    8 * nla_len(address)) :
			-EINVAL;
	if (err)
		NL_SET_ERR_MSG_ATTR(extack, address ?: prefix,
				    "a network has 4 or 16 bytes, and no more bits than these");
	return err;
}

/* What is allocated belongs to RULE, also after an error. */
static int get_rule(struct nlattr *nest, struct nbdt_rule *rule,
		    struct netlink_ext_ack *extack)
{
	struct nlattr *attrs[NBDTARGET_A_RULE_MAX + 1];
	int err;

	err = nla_parse_nested(attrs, NBDTARGET_A_RULE_MAX, nest, rule_policy,
			       extack);
	if (err)
		return err;
	if (!attrs[NBDTARGET_A_RULE_ACTION]) {
		NL_SET_ERR_MSG_ATTR(extack, nest, "a rule allows or denies");
		return -EINVAL;
	}
	rule->deny = nla_get_u32(attrs[NBDTARGET_A_RULE_ACTION]) ==
		     NBDTARGET_ACCESS_DENY;
	err = get_peer(attrs, rule, extack);
	if (!err)
		err = get_pattern(attrs, NBDTARGET_A_RULE_DN, NBDT_RULE_DN,
				  rule, extack);
	if (!err)
		err = get_pattern(attrs, NBDTARGET_A_RULE_ALT_NAME,
				  NBDT_RULE_ALT_NAME, rule, extack);
	if (!err)
		err = get_pattern(attrs, NBDTARGET_A_RULE_PSK, NBDT_RULE_PSK,
				  rule, extack);
	return err;
}

static int get_rules(struct genl_info *info, struct nbdt_access *access)
{
	struct nlattr *attr;
	u32 n = 0;
	int rem, err;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != NBDTARGET_A_ACCESS_RULE)
			continue;
		err = get_rule(attr, &access->rules[n++], info->extack);
		if (err)
			return err;
	}
	return 0;
}

static int count_rules(struct genl_info *info)
{
	struct nlattr *attr;
	int rem, n = 0;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		n += nla_type(attr) == NBDTARGET_A_ACCESS_RULE;
	return n;
}

/* The list that a command describes, with a reference; NULL for none. */
static struct nbdt_access *get_access(struct genl_info *info)
{
	struct nlattr *deny = info->attrs[NBDTARGET_A_ACCESS_DEFAULT];
	struct nbdt_access *access;
	int n = count_rules(info), err;

	if (n > NBDTARGET_MAX_RULES) {
		nbdt_set_err_msg(info->extack, "there are too many rules");
		return ERR_PTR(-E2BIG);
	}
	access = nbdt_access_create(n);
	if (!access)
		return ERR_PTR(-ENOMEM);
	access->deny = deny && nla_get_u32(deny) == NBDTARGET_ACCESS_DENY;
	err = get_rules(info, access);
	if (!err && (n || access->deny))
		return access;
	nbdt_access_put(access);
	return ERR_PTR(err);
}

static int access_set_listener(struct genl_info *info,
			       struct nbdt_access *access)
{
	struct nbdt_listener_config config;
	int err;

	err = make_address(info, info->attrs[NBDTARGET_A_ACCESS_ADDRESS],
			   info->attrs[NBDTARGET_A_ACCESS_PORT],
			   info->attrs[NBDTARGET_A_ACCESS_IFINDEX], &config);
	return err ?: nbdt_listener_set_access(genl_info_net(info), &config,
					       access, info->extack);
}

static int access_set(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = attr_string(info, NBDTARGET_A_ACCESS_EXPORT_NAME);
	bool listener = info->attrs[NBDTARGET_A_ACCESS_LISTENER];
	struct nbdt_access *access;
	int err;

	if (!name == !listener) {
		nbdt_set_err_msg(info->extack,
				 "give an export or a listener, and not both");
		return -EINVAL;
	}
	access = get_access(info);
	if (IS_ERR(access))
		return PTR_ERR(access);
	err = name ? nbdt_export_set_access(name, access, info->extack) :
		     access_set_listener(info, access);
	if (err)
		nbdt_access_put(access);
	return err;
}

static int put_rule_peer(struct sk_buff *skb, const struct nbdt_rule *rule)
{
	bool mapped = ipv6_addr_v4mapped(&rule->peer) && rule->prefix >= 96;
	int err;

	if (mapped)
		err = nla_put(skb, NBDTARGET_A_RULE_PEER_ADDRESS,
			      sizeof(struct in_addr),
			      &rule->peer.s6_addr32[3]);
	else
		err = nla_put(skb, NBDTARGET_A_RULE_PEER_ADDRESS,
			      sizeof(rule->peer), &rule->peer);
	return err ?: nla_put_u8(skb, NBDTARGET_A_RULE_PEER_PREFIX,
				 rule->prefix - (mapped ? 96 : 0));
}

static int put_rule(struct sk_buff *skb, const struct nbdt_rule *rule)
{
	static const int attrs[] = {
		[NBDT_RULE_DN] = NBDTARGET_A_RULE_DN,
		[NBDT_RULE_ALT_NAME] = NBDTARGET_A_RULE_ALT_NAME,
		[NBDT_RULE_PSK] = NBDTARGET_A_RULE_PSK,
	};
	struct nlattr *nest = nla_nest_start(skb, NBDTARGET_A_ACCESS_RULE);

	if (!nest ||
	    nla_put_u32(skb, NBDTARGET_A_RULE_ACTION,
			rule->deny ? NBDTARGET_ACCESS_DENY :
				     NBDTARGET_ACCESS_ALLOW) ||
	    (rule->has_peer && put_rule_peer(skb, rule)) ||
	    (rule->pattern &&
	     nla_put_string(skb, attrs[rule->name], rule->pattern)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Of either an export or a listener. */
static int put_owner(struct sk_buff *skb, struct nbdt_export *export,
		     struct nbdt_listener *listener)
{
	const struct sockaddr_storage *addr;
	const struct sockaddr_in6 *in6;

	if (export)
		return nla_put_string(skb, NBDTARGET_A_ACCESS_EXPORT_NAME,
				      export->name);
	addr = &listener->config.addr;
	in6 = (const void *)addr;
	if (nla_put_flag(skb, NBDTARGET_A_ACCESS_LISTENER))
		return -EMSGSIZE;
	if (listener->config.wildcard)
		return nla_put_u16(skb, NBDTARGET_A_ACCESS_PORT,
				   ntohs(in6->sin6_port));
	if (put_address(skb, addr, NBDTARGET_A_ACCESS_ADDRESS,
			NBDTARGET_A_ACCESS_PORT))
		return -EMSGSIZE;
	if (addr->ss_family == AF_INET6 && in6->sin6_scope_id)
		return nla_put_u32(skb, NBDTARGET_A_ACCESS_IFINDEX,
				   in6->sin6_scope_id);
	return 0;
}

/* One message: rule number INDEX, if there is one. */
static int dump_rule(struct dump *dump, struct nbdt_export *export,
		     struct nbdt_listener *listener,
		     const struct nbdt_access *access, u32 index)
{
	void *head = dump_begin(dump->skb, dump->cb, NBDTARGET_CMD_ACCESS_GET);

	if (!head)
		return -EMSGSIZE;
	if (put_owner(dump->skb, export, listener) ||
	    nla_put_u32(dump->skb, NBDTARGET_A_ACCESS_DEFAULT,
			access->deny ? NBDTARGET_ACCESS_DENY :
				       NBDTARGET_ACCESS_ALLOW))
		goto err_cancel;
	if (index < access->nr_rules &&
	    (nla_put_u32(dump->skb, NBDTARGET_A_ACCESS_INDEX, index) ||
	     put_rule(dump->skb, &access->rules[index])))
		goto err_cancel;
	genlmsg_end(dump->skb, head);
	return 0;

err_cancel:
	genlmsg_cancel(dump->skb, head);
	return -EMSGSIZE;
}

/* Where a dump of rules goes on: args[0] listeners, [1] id, [2] index. */
static int dump_rules(struct dump *dump, struct nbdt_export *export,
		      struct nbdt_listener *listener, u32 id,
		      struct nbdt_access *const *slot)
{
	struct nbdt_access *access = nbdt_access_get(slot);
	long *args = dump->cb->args;
	int err = 0;

	if (args[1] != id)
		args[2] = 0;
	args[1] = id;
	while (access && !err &&
	       args[2] < max_t(u32, access->nr_rules, 1)) {
		err = dump_rule(dump, export, listener, access, args[2]);
		if (!err)
			args[2]++;
	}
	nbdt_access_put(access);
	if (!err) {
		args[1] = id + 1;
		args[2] = 0;
	}
	return err;
}

static int dump_listener_rules(struct nbdt_listener *listener, void *data)
{
	return dump_rules(data, NULL, listener, listener->id,
			  &listener->access);
}

static int access_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct dump dump = { .skb = skb, .cb = cb };
	struct nbdt_export *export;
	int err = 0;

	/* Rules don't change the generation: a dump is a sample of them. */
	while (!cb->args[0] && !err) {
		export = nbdt_export_get_from(cb->args[1]);
		if (!export) {
			cb->args[0] = 1;
			cb->args[1] = 0;
			cb->args[2] = 0;
			break;
		}
		err = dump_rules(&dump, export, NULL, export->id,
				 &export->access);
		nbdt_export_put(export);
	}
	if (!err)
		err = nbdt_listener_for_each(sock_net(skb->sk), cb->args[1],
					     dump_listener_rules, &dump);
	return skb->len ?: err;
}

/* --- The family --- */

#define COMMAND(CMD, NOUN, name)					\
	.cmd = NBDTARGET_CMD_##CMD,					\
	.flags = GENL_ADMIN_PERM,					\
	.policy = name##_policy,					\
	.maxattr = NBDTARGET_A_##NOUN##_MAX

static const struct genl_ops ops[] = {
	{ COMMAND(TARGET_GET, TARGET, target_get), .doit = target_get },
	{ COMMAND(TARGET_SET, TARGET, target_set), .doit = target_set },
	{ COMMAND(EXPORT_ADD, EXPORT, export_add), .doit = export_add },
	{ COMMAND(EXPORT_SET, EXPORT, export_set), .doit = export_set },
	{ COMMAND(EXPORT_DEL, EXPORT, export_del), .doit = export_del },
	{ COMMAND(EXPORT_SCAN, EXPORT, export_scan), .doit = export_scan },
	{ COMMAND(EXPORT_GET, EXPORT, export_get), .doit = export_get,
	  .dumpit = export_dump },
	{ COMMAND(BITMAP_ADD, BITMAP, bitmap_add), .doit = add_bitmap },
	{ COMMAND(BITMAP_DEL, BITMAP, bitmap), .doit = del_bitmap },
	{ COMMAND(BITMAP_CLEAR, BITMAP, bitmap), .doit = clear_bitmap },
	{ COMMAND(BITMAP_SET, BITMAP, bitmap_set), .doit = set_bitmap },
	{ COMMAND(BITMAP_MERGE, BITMAP, bitmap_to), .doit = merge_bitmap },
	{ COMMAND(BITMAP_RENAME, BITMAP, bitmap_to), .doit = rename_bitmap },
	{ COMMAND(BITMAP_GET, BITMAP, bitmap_get), .dumpit = bitmap_dump },
	{ COMMAND(CHECKPOINT, CHECKPOINT, checkpoint), .doit = checkpoint },
	{ COMMAND(BITMAP_READ, BITMAP, bitmap_read), .doit = read_bitmap },
	{ COMMAND(BITMAP_LOAD, BITMAP, bitmap_load), .doit = load_bitmap },
	{ COMMAND(CHECKPOINT_END, CHECKPOINT, checkpoint_end),
	  .doit = checkpoint_end },
	{ COMMAND(LISTENER_ADD, LISTENER, listener_add), .doit = listener_add },
	{ COMMAND(LISTENER_DEL, LISTENER, listener_del), .doit = listener_del },
	{ COMMAND(LISTENER_GET, LISTENER, listener_get),
	  .dumpit = listener_dump },
	{ COMMAND(CONN_GET, CONN, conn_get), .dumpit = conn_dump },
	{ COMMAND(CONN_KILL, CONN, conn_kill), .doit = conn_kill },
	{ COMMAND(TLS_ACCEPT, TLS, tls_accept), .doit = tls_accept },
	{ COMMAND(TLS_DONE, TLS, tls_done), .doit = tls_done },
	{ COMMAND(ACCESS_SET, ACCESS, access_set), .doit = access_set },
	{ COMMAND(ACCESS_GET, ACCESS, access_get), .dumpit = access_dump },
};

enum {
	GROUP_MONITOR,
	GROUP_TLS,
};

static const struct genl_multicast_group groups[] = {
	[GROUP_MONITOR] = {
		.name = NBDTARGET_MCGRP_MONITOR,
		.flags = GENL_ADMIN_PERM,
	},
	[GROUP_TLS] = {
		.name = NBDTARGET_MCGRP_TLS,
		.flags = GENL_ADMIN_PERM,
	},
};

static struct genl_family family __ro_after_init = {
	.name = NBDTARGET_FAMILY_NAME,
	.version = NBDTARGET_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.ops = ops,
	.n_ops = ARRAY_SIZE(ops),
	.resv_start_op = NBDTARGET_CMD_MAX + 1,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

/* --- Events --- */

/* NULL also when the family is gone, at the end of the module. */
static struct sk_buff *event_begin(u8 cmd, void **head)
{
	struct sk_buff *msg;

	if (READ_ONCE(unregistered))
		return NULL;
	msg = new_message();
	if (!msg)
		return NULL;
	*head = genlmsg_put(msg, 0, 0, &family, 0, cmd);
	if (*head)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

/* Exports are seen from every namespace. */
void nbdt_netlink_export_event(struct nbdt_export *export, u8 cmd)
{
	struct sk_buff *msg;
	void *head;

	msg = event_begin(cmd, &head);
	if (!msg)
		return;
	if (put_export(msg, export, cmd)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, head);
	genlmsg_multicast_allns(&family, msg, 0, GROUP_MONITOR);
}

static int put_bitmap_event(struct sk_buff *msg, struct nbdt_export *export,
			    const char *name, u8 cmd)
{
	struct nbdt_bitmaps_info bitmap;
	int err;

	if (cmd == NBDTARGET_CMD_BITMAP_DEL_NTF)
		return nla_put_string(msg, NBDTARGET_A_BITMAP_EXPORT_NAME,
				      export->name) ?:
		       nla_put_string(msg, NBDTARGET_A_BITMAP_NAME, name);
	err = nbdt_bitmaps_get(export, name, &bitmap);
	if (err)
		return err;
	err = put_bitmap(msg, export, &bitmap);
	kfree(bitmap.name);
	return err;
}

/* By its name, as it is now; nothing when it has gone already. */
void nbdt_netlink_bitmap_event(struct nbdt_export *export, const char *name,
			       u8 cmd)
{
	struct sk_buff *msg;
	void *head;

	msg = event_begin(cmd, &head);
	if (!msg)
		return;
	if (put_bitmap_event(msg, export, name, cmd)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, head);
	genlmsg_multicast_allns(&family, msg, 0, GROUP_MONITOR);
}

void nbdt_netlink_listener_event(struct nbdt_listener *listener, u8 cmd)
{
	struct sk_buff *msg;
	void *head;

	msg = event_begin(cmd, &head);
	if (!msg)
		return;
	if (put_listener(msg, listener)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, head);
	genlmsg_multicast_netns(&family, listener->net, msg, 0, GROUP_MONITOR,
				GFP_KERNEL);
}

static void conn_event_to(struct net *net, struct nbdt_conn *conn, u8 cmd)
{
	struct sk_buff *msg;
	void *head;

	if (READ_ONCE(unregistered) ||
	    !genl_has_listeners(&family, net, GROUP_MONITOR))
		return;
	msg = event_begin(cmd, &head);
	if (!msg)
		return;
	if (put_conn(msg, conn, cmd)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, head);
	genlmsg_multicast_netns(&family, net, msg, 0, GROUP_MONITOR,
				GFP_KERNEL);
}

void nbdt_netlink_conn_event(struct nbdt_conn *conn, u8 cmd)
{
	conn_event_to(conn->net, conn, cmd);
	if (conn->net != &init_net)
		conn_event_to(&init_net, conn, cmd);
}

/* Where the agents are that do a connection's handshake. */
static struct net *tls_agent_net(const struct nbdt_conn *conn)
{
	return genl_has_listeners(&family, conn->net, GROUP_TLS) ? conn->net :
								   &init_net;
}

bool nbdt_netlink_has_tls_agent(struct nbdt_conn *conn)
{
	return !READ_ONCE(unregistered) &&
	       genl_has_listeners(&family, tls_agent_net(conn), GROUP_TLS);
}

void nbdt_netlink_tls_event(struct nbdt_conn *conn)
{
	struct sk_buff *msg;
	void *head;

	msg = event_begin(NBDTARGET_CMD_TLS_READY_NTF, &head);
	if (!msg)
		return;
	if (nla_put_u32(msg, NBDTARGET_A_TLS_CONN_ID, conn->id)) {
		nlmsg_free(msg);
		return;
	}
	genlmsg_end(msg, head);
	genlmsg_multicast_netns(&family, tls_agent_net(conn), msg, 0,
				GROUP_TLS, GFP_KERNEL);
}

int nbdt_netlink_init(void)
{
	int err;

	err = netlink_register_notifier(&socket_notifier);
	if (err)
		return err;
	err = genl_register_family(&family);
	if (err)
		netlink_unregister_notifier(&socket_notifier);
	return err;
}

void nbdt_netlink_exit(void)
{
	WRITE_ONCE(unregistered, true);
	genl_unregister_family(&family);
	netlink_unregister_notifier(&socket_notifier);
	nbdt_checkpoint_exit();
}
