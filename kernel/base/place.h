/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_PLACE_H
#define NBDT_PLACE_H

#include <linux/socket.h>
#include <linux/types.h>

/* Where a listener is, as it was asked for. */
struct nbdt_place {
	struct sockaddr_storage addr;
	bool wildcard;			/* both families, all addresses */
	u64 net;			/* cookie of the network namespace */
};

bool nbdt_place_same(const struct nbdt_place *a, const struct nbdt_place *b);

#endif /* NBDT_PLACE_H */
