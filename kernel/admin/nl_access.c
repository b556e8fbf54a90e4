// SPDX-License-Identifier: GPL-2.0
/* Rules about who may use what, to the administrator. */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/genetlink.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "admin/nl.h"
#include "admin/nl_access.h"
#include "admin/nl_place.h"
#include "base/access.h"
#include "block/export.h"
#include "compat/compat.h"
#include "session/front.h"
#include "transport/listener.h"
#include "nbdtarget.h"

/* Which attributes each command takes; all others are refused. */
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
		NLA_POLICY_FULL_RANGE(NLA_U16, &nbdt_nl_port_range),
	[NBDTARGET_A_ACCESS_IFINDEX] = { .type = NLA_U32 },
	[NBDTARGET_A_ACCESS_DEFAULT] =
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_ACCESS_DENY),
	[NBDTARGET_A_ACCESS_RULE] = NLA_POLICY_NESTED(rule_policy),
};

static const struct nla_policy access_get_policy[NBDTARGET_A_ACCESS_MAX + 1];

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

	err = nbdt_nl_parse_nest(attrs, NBDTARGET_A_RULE_MAX, nest,
				 rule_policy, extack);
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
	struct nbdt_access *access;
	int n = count_rules(info), err;

	if (n > NBDTARGET_MAX_RULES) {
		nbdt_set_err_msg(info->extack, "there are too many rules");
		return ERR_PTR(-E2BIG);
	}
	access = nbdt_access_create(n);
	if (!access)
		return ERR_PTR(-ENOMEM);
	access->deny = nbdt_nl_denies(info, NBDTARGET_A_ACCESS_DEFAULT);
	err = get_rules(info, access);
	if (!err && (n || access->deny))
		return access;
	nbdt_access_put(access);
	return ERR_PTR(err);
}

static int access_set_listener(struct genl_info *info,
			       struct nbdt_access *access)
{
	struct nlattr **attrs = info->attrs;
	struct nbdt_listener_config config;
	int err;

	err = nbdt_nl_get_address(info, attrs[NBDTARGET_A_ACCESS_ADDRESS],
				   attrs[NBDTARGET_A_ACCESS_PORT],
				   attrs[NBDTARGET_A_ACCESS_IFINDEX], &config);
	return err ?: nbdt_front_set_access(genl_info_net(info), &config,
					       access, info->extack);
}

/* Of which one the rules are to be, has to be clear. */
static int check_owner(struct genl_info *info)
{
	struct nlattr **attrs = info->attrs;
	bool listener = attrs[NBDTARGET_A_ACCESS_LISTENER];
	struct nlattr *where = attrs[NBDTARGET_A_ACCESS_ADDRESS] ?:
			       attrs[NBDTARGET_A_ACCESS_PORT] ?:
			       attrs[NBDTARGET_A_ACCESS_IFINDEX];

	if (!attrs[NBDTARGET_A_ACCESS_EXPORT_NAME] == !listener) {
		nbdt_set_err_msg(info->extack,
				 "give an export or a listener, and not both");
		return -EINVAL;
	}
	if (where && !listener) {
		NL_SET_ERR_MSG_ATTR(info->extack, where,
				    "only a listener has an address");
		return -EINVAL;
	}
	return 0;
}

static int access_set(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = nbdt_nl_string(info, NBDTARGET_A_ACCESS_EXPORT_NAME);
	struct nbdt_access *access;
	int err;

	err = check_owner(info);
	if (err)
		return err;
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
	if (nbdt_nl_put_address(skb, addr, NBDTARGET_A_ACCESS_ADDRESS,
				NBDTARGET_A_ACCESS_PORT))
		return -EMSGSIZE;
	if (addr->ss_family == AF_INET6 && in6->sin6_scope_id)
		return nla_put_u32(skb, NBDTARGET_A_ACCESS_IFINDEX,
				   in6->sin6_scope_id);
	return 0;
}

/* Rule number INDEX, if there is one. */
static int put_access(struct sk_buff *skb, const struct nbdt_access *access,
		      u32 index)
{
	if (nla_put_u32(skb, NBDTARGET_A_ACCESS_DEFAULT,
			access->deny ? NBDTARGET_ACCESS_DENY :
				       NBDTARGET_ACCESS_ALLOW))
		return -EMSGSIZE;
	if (index >= access->nr_rules)
		return 0;
	return nla_put_u32(skb, NBDTARGET_A_ACCESS_INDEX, index) ?:
	       put_rule(skb, &access->rules[index]);
}

/* One message. */
static int dump_rule(struct nbdt_nl_dump *dump, struct nbdt_export *export,
		     struct nbdt_listener *listener,
		     const struct nbdt_access *access, u32 index)
{
	void *head = nbdt_nl_dump_begin(dump->skb, dump->cb,
					NBDTARGET_CMD_ACCESS_GET);
	int err = 0;

	if (head)
		err = put_owner(dump->skb, export, listener) ?:
		      put_access(dump->skb, access, index);
	return nbdt_nl_dump_end(dump->skb, head, err);
}

/* Where a dump of rules goes on: args[0] listeners, [1] id, [2] index. */
static int dump_rules(struct nbdt_nl_dump *dump, struct nbdt_export *export,
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
	struct nbdt_nl_dump dump = { .skb = skb, .cb = cb };
	struct nbdt_export *export;
	int err = 0;

	/* Each of them only grows, and so does the sum. */
	cb->seq = nbdt_nl_dump_seq(nbdt_export_generation() +
				   nbdt_front_generation() +
				   nbdt_access_generation());
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
		err = nbdt_front_for_each(sock_net(skb->sk), cb->args[1],
					     dump_listener_rules, &dump);
	return skb->len ?: err;
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_OP(ACCESS_SET, ACCESS, access_set), .doit = access_set },
	{ NBDT_NL_SHOW_OP(ACCESS_GET, ACCESS, access_get), .dumpit = access_dump },
};

const struct nbdt_nl_ops nbdt_nl_access = { ops, ARRAY_SIZE(ops) };
