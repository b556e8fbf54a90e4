/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_JOB_H
#define NBDT_NL_JOB_H

#include <linux/types.h>
#include <net/genetlink.h>

#include "base/node.h"

struct net;

int nbdt_nl_job_begin(struct sk_buff *skb, struct genl_info *info,
		      unsigned int maxattr,
		      int (*run)(struct sk_buff *skb, struct genl_info *info));
struct nbdt_node nbdt_nl_job_find(struct genl_info *info, const char *path);
void nbdt_nl_job_leave(struct genl_info *info);
int nbdt_nl_job_reply(struct genl_info *info, struct sk_buff *msg);
bool nbdt_nl_job_is_any(void);
void nbdt_nl_job_abandon(const struct net *net, u32 portid);

#endif /* NBDT_NL_JOB_H */
