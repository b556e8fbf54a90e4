// SPDX-License-Identifier: GPL-2.0
/*
 * What the files of the administrator's side (nl_*.c) share: the family that they
 * are parts of, attributes, messages, dumps, and how an event is sent.
 *
 * The family is there from nbdt_nl_register() to nbdt_nl_unregister(), which is
 * the first thing at the module's end.  What ends after that still tells of it,
 * in any thread; nothing is sent any more.
 */
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/string.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "admin/nl.h"
#include "admin/nl_job.h"
#include "base/stats.h"
#include "compat/compat.h"
#include "session/handover.h"
#include "nbdtarget.h"

/* No events any more: the numbers of the family may be another's soon. */
static bool unregistered;

static const struct genl_multicast_group groups[] = {
	[NBDT_NL_MONITOR] = {
		.name = NBDTARGET_MCGRP_MONITOR,
		.flags = GENL_MCAST_CAP_NET_ADMIN,
	},
	[NBDT_NL_TLS] = {
		.name = NBDTARGET_MCGRP_TLS,
		.flags = GENL_MCAST_CAP_SYS_ADMIN,
	},
};

/* A bit for each attribute of which a command takes several. */
static u64 may_repeat(u8 cmd)
{
	switch (cmd) {
	case NBDTARGET_CMD_EXPORT_ADD:
	case NBDTARGET_CMD_EXPORT_SET:
		return BIT_ULL(NBDTARGET_A_EXPORT_LISTENER);
	case NBDTARGET_CMD_TLS_DONE:
		return BIT_ULL(NBDTARGET_A_TLS_ALT_NAME);
	case NBDTARGET_CMD_HANDOVER_GIVE:
		return BIT_ULL(NBDTARGET_A_HANDOVER_CONTEXT) |
		       BIT_ULL(NBDTARGET_A_HANDOVER_ALT_NAME);
	case NBDTARGET_CMD_ACCESS_SET:
		return BIT_ULL(NBDTARGET_A_ACCESS_RULE);
	}
	return 0;
}

/*
 * Which of two is meant, nobody knows.  The attributes were parsed: types are those
 * of a policy.
 */
static int check_once(const struct nlattr *head, int len, u64 may_repeat,
		      struct netlink_ext_ack *extack)
{
	const struct nlattr *attr;
	u64 seen = 0, this;
	int rem;

	nla_for_each_attr(attr, head, len, rem) {
		this = BIT_ULL(nla_type(attr));
		if (seen & this & ~may_repeat) {
			NL_SET_ERR_MSG_ATTR(extack, attr,
					    "an attribute came twice");
			return -EINVAL;
		}
		seen |= this;
	}
	return 0;
}

/**
 * nbdt_nl_parse_nest - the attributes inside of one
 * @attrs: set to them by type, or to NULL
 * @max: the largest type
 * @nest: whose they are
 * @policy: what each has to look like; all others are refused
 * @extack: told what is wrong
 *
 * Return: 0 or -errno; -EINVAL when one came twice, too.
 */
int nbdt_nl_parse_nest(struct nlattr **attrs, int max, struct nlattr *nest,
		       const struct nla_policy *policy,
		       struct netlink_ext_ack *extack)
{
	int err = nla_parse_nested(attrs, max, nest, policy, extack);

	return err ?: check_once(nla_data(nest), nla_len(nest), 0, extack);
}

/* --- Who may, and when --- */

/* Shared by commands that change something, from their begin to their end or job. */
static DECLARE_RWSEM(changes);

void nbdt_nl_changes_stop(void)
{
	down_write(&changes);
}

void nbdt_nl_changes_go_on(void)
{
	up_write(&changes);
}

static bool is_change(const struct nbdt_compat_genl_op *op)
{
	return !(op->internal_flags & (NBDT_NL_TELLS | NBDT_NL_ANYTIME));
}

static int begin_change(struct genl_info *info)
{
	struct nbdt_handover_program by;

	down_read(&changes);
	if (!nbdt_handover_keeps_out(&by))
		return 0;
	up_read(&changes);
	/* As long as it may be: there is no room for more. */
	nbdt_set_err_msg(info->extack,
			 "the module is being replaced by process %d (%s); wait for it",
			 by.pid, by.name);
	return -EINPROGRESS;
}

static int check(const struct nbdt_compat_genl_op *op, struct sk_buff *skb,
		 struct genl_info *info)
{
	if (!(op->internal_flags & NBDT_NL_TELLS) &&
	    !netlink_capable(skb, CAP_SYS_ADMIN)) {
		nbdt_set_err_msg(info->extack,
				 "changing anything needs CAP_SYS_ADMIN in the initial user namespace");
		return -EPERM;
	}
	return check_once(genlmsg_data(info->genlhdr),
			  nlmsg_attrlen(info->nlhdr, GENL_HDRLEN),
			  may_repeat(info->genlhdr->cmd), info->extack);
}

static void after_command(const struct nbdt_compat_genl_op *op,
			  struct sk_buff *skb, struct genl_info *info)
{
	if (is_change(op))
		up_read(&changes);
	memalloc_noio_restore((unsigned long)info->user_ptr[0]);
}

/*
 * Before every command.  What it allocates isn't had by writing to devices: the memory
 * may be wanted under a lock that a client needs to come back, and be on that client's
 * disk, which is one of ours.  Of one that is a job this is all that happens here.
 */
static int before_command(const struct nbdt_compat_genl_op *op,
			  struct sk_buff *skb, struct genl_info *info)
{
	int err = check(op, skb, info);

	if (err)
		return err;
	info->user_ptr[0] = (void *)(unsigned long)memalloc_noio_save();
	if (is_change(op))
		err = begin_change(info);
	if (err) {
		memalloc_noio_restore((unsigned long)info->user_ptr[0]);
		return err;
	}
	if (op->internal_flags & NBDT_NL_WAITS) {
		err = nbdt_nl_job_begin(skb, info, op->maxattr, op->doit);
		after_command(op, skb, info);
	}
	return err;
}

struct genl_family nbdt_nl_family __ro_after_init = {
	.name = NBDTARGET_FAMILY_NAME,
	.version = NBDTARGET_FAMILY_VERSION,
	.module = THIS_MODULE,
	.netnsok = true,
	.parallel_ops = true,
	.pre_doit = before_command,
	.post_doit = after_command,
	.mcgrps = groups,
	.n_mcgrps = ARRAY_SIZE(groups),
};

const char *nbdt_nl_string(struct genl_info *info, int attr)
{
	return info->attrs[attr] ? nla_data(info->attrs[attr]) : NULL;
}

/*
 * Forget a secret, or NULL.  The message is the kernel's own copy, and others may get
 * to see its memory.
 */
void nbdt_nl_wipe(struct nlattr *attr)
{
	if (attr)
		memzero_explicit(nla_data(attr), nla_len(attr));
}

/* That of a required attribute, or NULL and a message. */
const char *nbdt_nl_need_string(struct genl_info *info, int attr,
				const char *what)
{
	const char *string = nbdt_nl_string(info, attr);

	if (!string)
		nbdt_set_err_msg(info->extack, "%s is missing", what);
	return string;
}

bool nbdt_nl_is_set(struct genl_info *info, int attr)
{
	return info->attrs[attr] && nla_get_u8(info->attrs[attr]);
}

/* Of NBDTARGET_ACCESS_*. */
bool nbdt_nl_denies(struct genl_info *info, int attr)
{
	return info->attrs[attr] &&
	       nla_get_u32(info->attrs[attr]) == NBDTARGET_ACCESS_DENY;
}

int nbdt_nl_put_stats(struct sk_buff *skb, int attr,
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

/*
 * A reply or event of one message, large enough for three names and a path.  Who tells
 * of an event may be what a client's device waits for: workers, and who holds a lock.
 */
struct sk_buff *nbdt_nl_message(void)
{
	return genlmsg_new(4 * (NBDTARGET_MAX_STRING + NLA_HDRLEN) + 2048,
			   GFP_NOIO);
}

/* An answer that is one number. */
int nbdt_nl_reply_number(struct genl_info *info, u8 cmd, int attr, u32 number)
{
	struct sk_buff *msg = nbdt_nl_message();
	void *head;

	if (!msg)
		return -ENOMEM;
	head = genlmsg_put_reply(msg, info, &nbdt_nl_family, 0, cmd);
	if (!head || nla_put_u32(msg, attr, number)) {
		nlmsg_free(msg);
		return -EMSGSIZE;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

/* Where a dump begins a message; it notices when the list changed. */
void *nbdt_nl_dump_begin(struct sk_buff *skb, struct netlink_callback *cb,
			 u8 cmd)
{
	void *head =
		genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
			    &nbdt_nl_family, NLM_F_MULTI, cmd);

	if (head)
		genl_dump_check_consistent(cb, head);
	return head;
}

/* HEAD as above, NULL or not; it is taken back if what follows it didn't fit. */
int nbdt_nl_dump_end(struct sk_buff *skb, void *head, int err)
{
	if (!head)
		return -EMSGSIZE;
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return err;
}

/* 0 is "not yet set" to netlink. */
u32 nbdt_nl_dump_seq(u32 generation)
{
	return generation + 1 ?: 1;
}

/*
 * The kernel lets the owner of a user namespace join groups in network namespaces
 * of it, and that isn't our administrator.
 */
bool nbdt_nl_is_trusted(const struct net *net)
{
	return net->user_ns == &init_user_ns;
}

/* Who monitors there hears that he missed something, as where he has no room. */
static void tell_lost(struct net *net)
{
	if (nbdt_nl_is_trusted(net))
		genl_set_err(&nbdt_nl_family, net, 0, NBDT_NL_MONITOR, -ENOBUFS);
}

static void tell_lost_to_all(void)
{
	struct net *net;

	rcu_read_lock();
	for_each_net_rcu(net)
		tell_lost(net);
	rcu_read_unlock();
}

/* NULL also when the family is gone, at the end of the module. */
struct sk_buff *nbdt_nl_event_begin(u8 cmd, void **head)
{
	struct sk_buff *msg;

	if (READ_ONCE(unregistered))
		return NULL;
	msg = nbdt_nl_message();
	*head = msg ? genlmsg_put(msg, 0, 0, &nbdt_nl_family, 0, cmd) : NULL;
	if (*head)
		return msg;
	nlmsg_free(msg);
	tell_lost_to_all();
	return NULL;
}

static void multicast(struct sk_buff *msg, struct net *net)
{
	if (nbdt_nl_is_trusted(net))
		genlmsg_multicast_netns(&nbdt_nl_family, net, msg, 0,
					NBDT_NL_MONITOR, GFP_NOIO);
	else
		nlmsg_free(msg);
}

static void multicast_to_all(struct sk_buff *msg)
{
	struct sk_buff *copy;
	struct net *net;

	rcu_read_lock();
	for_each_net_rcu(net) {
		copy = nbdt_nl_is_trusted(net) ? skb_clone(msg, GFP_ATOMIC) :
						 NULL;
		if (copy)
			genlmsg_multicast_netns(&nbdt_nl_family, net, copy, 0,
						NBDT_NL_MONITOR, GFP_ATOMIC);
		else
			tell_lost(net);
	}
	rcu_read_unlock();
	nlmsg_free(msg);
}

/* One that isn't sent. */
static void drop(struct sk_buff *msg, int err, struct net *net)
{
	nlmsg_free(msg);
	if (err == -ENOENT)
		return;
	if (net)
		tell_lost(net);
	else
		tell_lost_to_all();
}

/**
 * nbdt_nl_event_end - send an event to who monitors
 * @msg: of nbdt_nl_event_begin()
 * @head: the same
 * @err: when it couldn't be made: nothing is sent, which is told, but for -ENOENT:
 *	there is nothing to tell of
 * @net: whose administrators are told; NULL for those of all
 */
void nbdt_nl_event_end(struct sk_buff *msg, void *head, int err,
		       struct net *net)
{
	if (err) {
		drop(msg, err, net);
		return;
	}
	genlmsg_end(msg, head);
	if (net)
		multicast(msg, net);
	else
		multicast_to_all(msg);
}

/* Nobody does any more when the family is gone. */
bool nbdt_nl_has_listeners(struct net *net, unsigned int group)
{
	return !READ_ONCE(unregistered) &&
	       genl_has_listeners(&nbdt_nl_family, net, group);
}

/**
 * nbdt_nl_register - make the family known
 * @ops: the commands of all nouns; they stay where they are
 * @n: how many
 *
 * From here on commands come.
 *
 * Return: 0 or -errno.
 */
int __init nbdt_nl_register(const struct genl_ops *ops, unsigned int n)
{
	nbdt_nl_family.ops = ops;
	nbdt_nl_family.n_ops = n;
	return genl_register_family(&nbdt_nl_family);
}

/* When it returns, no command runs and none will come. */
void nbdt_nl_unregister(void)
{
	WRITE_ONCE(unregistered, true);
	genl_unregister_family(&nbdt_nl_family);
}
