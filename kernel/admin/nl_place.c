// SPDX-License-Identifier: GPL-2.0
/*
 * Addresses and the places of listeners, as attributes.
 *
 * Several nouns name a listener by the same three attributes, each by numbers of
 * its own: what they mean is here.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/genetlink.h>

#include "admin/nl.h"
#include "admin/nl_place.h"
#include "base/place.h"
#include "transport/listener.h"
#include "nbdtarget.h"

/* Not const, as struct nla_policy wants it before 6.7. */
struct netlink_range_validation nbdt_nl_port_range = {
	.min = 1,
	.max = U16_MAX,
};

/* In a nest: where a listener is, or may be. */
const struct nla_policy nbdt_nl_place_policy[NBDTARGET_A_LISTENER_MAX + 1] = {
	NBDT_NL_ADDRESS_POLICY,
	NBDT_NL_PORT_POLICY,
	NBDT_NL_IFINDEX_POLICY,
};

int nbdt_nl_put_address(struct sk_buff *skb,
			const struct sockaddr_storage *addr, int address_attr,
			int port_attr)
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

/* The listener that three attributes name. */
int nbdt_nl_get_address(struct genl_info *info, struct nlattr *address,
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

int nbdt_nl_get_place(struct genl_info *info, struct nlattr *nest,
		      struct nbdt_place *place)
{
	struct nlattr *attrs[NBDTARGET_A_LISTENER_MAX + 1];
	struct nbdt_listener_config config;
	int err;

	err = nbdt_nl_parse_nest(attrs, NBDTARGET_A_LISTENER_MAX, nest,
				 nbdt_nl_place_policy, info->extack);
	if (!err)
		err = nbdt_nl_get_address(info,
					  attrs[NBDTARGET_A_LISTENER_ADDRESS],
					  attrs[NBDTARGET_A_LISTENER_PORT],
					  attrs[NBDTARGET_A_LISTENER_IFINDEX],
					  &config);
	if (!err)
		nbdt_listener_place(&config, genl_info_net(info), place);
	return err;
}

int nbdt_nl_put_place(struct sk_buff *skb, int attr,
		      const struct nbdt_place *place)
{
	const struct sockaddr_in6 *in6 = (const void *)&place->addr;
	struct nlattr *nest = nla_nest_start(skb, attr);
	int err;

	if (!nest)
		return -EMSGSIZE;
	if (place->wildcard)
		err = nla_put_u16(skb, NBDTARGET_A_LISTENER_PORT,
				  ntohs(in6->sin6_port));
	else
		err = nbdt_nl_put_address(skb, &place->addr,
					  NBDTARGET_A_LISTENER_ADDRESS,
					  NBDTARGET_A_LISTENER_PORT);
	if (!err && place->addr.ss_family == AF_INET6 && in6->sin6_scope_id)
		err = nla_put_u32(skb, NBDTARGET_A_LISTENER_IFINDEX,
				  in6->sin6_scope_id);
	if (!err)
		err = nla_put_u64_64bit(skb, NBDTARGET_A_LISTENER_NETNS,
					place->net, NBDTARGET_A_LISTENER_PAD);
	if (!err)
		nla_nest_end(skb, nest);
	return err;
}
