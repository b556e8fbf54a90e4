/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_AGENT_H
#define NBDT_AGENT_H

#include <linux/types.h>

struct net;

int nbdt_agent_announce(const struct net *net, u32 portid);
void nbdt_agent_closed(const struct net *net, u32 portid);
void nbdt_agent_leave_net(const struct net *net);
bool nbdt_agent_is_in(const struct net *net);
struct net *nbdt_agent_home(struct net *net);
void nbdt_agent_exit(void);

#endif /* NBDT_AGENT_H */
