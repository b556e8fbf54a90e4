/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_PLACE_H
#define NBDT_NL_PLACE_H

#include <linux/in6.h>
#include <net/netlink.h>

#include "nbdtarget.h"

struct genl_info;
struct nbdt_listener_config;
struct nbdt_place;
struct sk_buff;
struct sockaddr_storage;

/* What the three attributes have to look like, in whichever command. */
#define NBDT_NL_ADDRESS_POLICY						\
	[NBDTARGET_A_LISTENER_ADDRESS] = {				\
		.type = NLA_BINARY,					\
		.len = sizeof(struct in6_addr),				\
	}
#define NBDT_NL_PORT_POLICY						\
	[NBDTARGET_A_LISTENER_PORT] =					\
		NLA_POLICY_FULL_RANGE(NLA_U16, &nbdt_nl_port_range)
#define NBDT_NL_IFINDEX_POLICY						\
	[NBDTARGET_A_LISTENER_IFINDEX] = { .type = NLA_U32 }

extern struct netlink_range_validation nbdt_nl_port_range;
extern const struct nla_policy
nbdt_nl_place_policy[NBDTARGET_A_LISTENER_MAX + 1];

int nbdt_nl_get_address(struct genl_info *info, struct nlattr *address,
			struct nlattr *port, struct nlattr *ifindex,
			struct nbdt_listener_config *config);
int nbdt_nl_get_place(struct genl_info *info, struct nlattr *nest,
		      struct nbdt_place *place);
int nbdt_nl_put_address(struct sk_buff *skb,
			const struct sockaddr_storage *addr, int address_attr,
			int port_attr);
int nbdt_nl_put_place(struct sk_buff *skb, int attr,
		      const struct nbdt_place *place);

#endif /* NBDT_NL_PLACE_H */
