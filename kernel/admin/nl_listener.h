/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_LISTENER_H
#define NBDT_NL_LISTENER_H

#include <net/netlink.h>

#include "base/event.h"
#include "nbdtarget.h"

struct genl_info;
struct nbdt_listener;
struct nbdt_listener_config;
struct nbdt_nl_ops;
struct nbdt_place;
struct netlink_range_validation;
struct nlattr;
struct sk_buff;

extern const struct nbdt_nl_ops nbdt_nl_listener;

extern struct netlink_range_validation nbdt_nl_port_range;
int nbdt_nl_make_address(struct genl_info *info, struct nlattr *address,
			 struct nlattr *port, struct nlattr *ifindex,
			 struct nbdt_listener_config *config);
extern const struct nla_policy
nbdt_nl_place_policy[NBDTARGET_A_LISTENER_MAX + 1];
int nbdt_nl_get_place(struct genl_info *info, struct nlattr *nest,
		      struct nbdt_place *place);
int nbdt_nl_put_place(struct sk_buff *skb, int attr,
		      const struct nbdt_place *place);
void nbdt_nl_listener_event(struct nbdt_listener *listener,
			    enum nbdt_event event);

#endif /* NBDT_NL_LISTENER_H */
