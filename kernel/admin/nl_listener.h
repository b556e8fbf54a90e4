/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_LISTENER_H
#define NBDT_NL_LISTENER_H

#include "base/event.h"

struct genl_info;
struct nbdt_listener;
struct nbdt_listener_config;
struct nbdt_nl_ops;
struct netlink_range_validation;
struct nlattr;

extern const struct nbdt_nl_ops nbdt_nl_listener;

extern struct netlink_range_validation nbdt_nl_port_range;
int nbdt_nl_make_address(struct genl_info *info, struct nlattr *address,
			 struct nlattr *port, struct nlattr *ifindex,
			 struct nbdt_listener_config *config);
void nbdt_nl_listener_event(struct nbdt_listener *listener,
			    enum nbdt_event event);

#endif /* NBDT_NL_LISTENER_H */
