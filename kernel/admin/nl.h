/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_H
#define NBDT_NL_H

#include <linux/types.h>
#include <net/genetlink.h>

struct nbdt_stats;

/* Multicast groups. */
enum {
	NBDT_NL_MONITOR,
	NBDT_NL_TLS,
};

/* The commands of a noun; nl_*.h have them all. */
struct nbdt_nl_ops {
	const struct genl_ops *ops;
	unsigned int n;
};

/*
 * Who may use a command: to be told something takes CAP_NET_ADMIN, and to change
 * anything CAP_SYS_ADMIN as well, both in the initial user namespace.  Containers
 * often have the first; the second goes with the host's disks.
 */
#define NBDT_NL_TELLS		BIT(0)
/* It waits for a device, or for requests in flight: all of it is a job (nl_job.c). */
#define NBDT_NL_WAITS		BIT(1)
/* Also for those whom another keeps out, who replaces the module (handover.c). */
#define NBDT_NL_ANYTIME		BIT(2)

#define NBDT_NL_OP(CMD, NOUN, name)					\
	.cmd = NBDTARGET_CMD_##CMD,					\
	.flags = GENL_ADMIN_PERM,					\
	.policy = name##_policy,					\
	.maxattr = NBDTARGET_A_##NOUN##_MAX

#define NBDT_NL_WAIT_OP(CMD, NOUN, name)				\
	NBDT_NL_OP(CMD, NOUN, name),					\
	.internal_flags = NBDT_NL_WAITS

/* One that changes nothing of what is configured, or sees to that itself. */
#define NBDT_NL_ANYTIME_OP(CMD, NOUN, name)				\
	NBDT_NL_OP(CMD, NOUN, name),					\
	.internal_flags = NBDT_NL_ANYTIME

/* One that changes nothing. */
#define NBDT_NL_SHOW_OP(CMD, NOUN, name)				\
	NBDT_NL_OP(CMD, NOUN, name),					\
	.internal_flags = NBDT_NL_TELLS

extern struct genl_family nbdt_nl_family;

int nbdt_nl_register(const struct genl_ops *ops, unsigned int n);
void nbdt_nl_unregister(void);

/* Between them, no command is changing anything. */
void nbdt_nl_changes_stop(void);
void nbdt_nl_changes_go_on(void);

/* Attributes in. */
int nbdt_nl_parse_nest(struct nlattr **attrs, int max, struct nlattr *nest,
		       const struct nla_policy *policy,
		       struct netlink_ext_ack *extack);
const char *nbdt_nl_string(struct genl_info *info, int attr);
void nbdt_nl_wipe(struct nlattr *attr);
const char *nbdt_nl_need_string(struct genl_info *info, int attr,
				const char *what);
bool nbdt_nl_is_set(struct genl_info *info, int attr);
bool nbdt_nl_denies(struct genl_info *info, int attr);

/* Attributes out. */
int nbdt_nl_put_stats(struct sk_buff *skb, int attr,
		      const struct nbdt_stats *stats);

/* Where a dump is, for who goes through a list for it. */
struct nbdt_nl_dump {
	struct sk_buff *skb;
	struct netlink_callback *cb;
};

/* Messages. */
struct sk_buff *nbdt_nl_message(void);
void *nbdt_nl_dump_begin(struct sk_buff *skb, struct netlink_callback *cb,
			 u8 cmd);
int nbdt_nl_reply_number(struct genl_info *info, u8 cmd, int attr, u32 number);
int nbdt_nl_dump_end(struct sk_buff *skb, void *head, int err);
u32 nbdt_nl_dump_seq(u32 generation);
bool nbdt_nl_is_trusted(const struct net *net);
bool nbdt_nl_has_listeners(struct net *net, unsigned int group);
struct sk_buff *nbdt_nl_event_begin(u8 cmd, void **head);
void nbdt_nl_event_end(struct sk_buff *msg, void *head, int err,
		       struct net *net);

#endif /* NBDT_NL_H */
