// SPDX-License-Identifier: GPL-2.0
/*
 * Places where listeners are: known by what the administrator said, so that one that
 * goes and comes again is where it was.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/ipv6.h>

#include "base/place.h"

static bool same_address(const struct sockaddr_storage *a,
			 const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       a6->sin6_scope_id == b6->sin6_scope_id &&
	       ipv6_addr_equal(&a6->sin6_addr, &b6->sin6_addr);
}

bool nbdt_place_same(const struct nbdt_place *a, const struct nbdt_place *b)
{
	return a->net == b->net && a->wildcard == b->wildcard &&
	       same_address(&a->addr, &b->addr);
}
