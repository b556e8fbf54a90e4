/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_SECRET_H
#define NBDT_NL_SECRET_H

#include <linux/types.h>

struct genl_info;
struct net;
struct sk_buff;

void nbdt_nl_secret_free(struct sk_buff *msg);
struct sk_buff *nbdt_nl_secret_fit(struct sk_buff *msg);
void nbdt_nl_secret_forget(void);
int nbdt_nl_secret_reply(struct sk_buff *msg, struct genl_info *info);

void nbdt_nl_secret_closed(const struct net *net, u32 portid);

#endif /* NBDT_NL_SECRET_H */
