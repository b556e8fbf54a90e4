/* SPDX-License-Identifier: GPL-2.0 */
/* Network addresses, as the netlink attributes and people have them. */
#ifndef NBDTARGETCTL_ADDRESS_H
#define NBDTARGETCTL_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct address {
	uint8_t len;		/* 4, 16, or 0 for all of both families */
	uint8_t bytes[16];	/* in network byte order */
};

struct endpoint {
	struct address address;
	uint32_t ifindex;	/* of a link-local address, else 0 */
	uint16_t port;
	uint64_t netns;		/* cookie of another network namespace, or 0 for ours */
};

#define ADDRESS_MAX 64	/* characters of address_format(), with zone */

/* More than one file names. */
#define ZONE_STAND_INS 65536

/* What endpoint_parse() returns of an interface that there isn't, maybe not yet. */
extern const char *const endpoint_no_interface;

const char *endpoint_parse(const char *s, struct endpoint *ep);
uint32_t zone_stand_in(size_t i);
bool endpoint_is_stand_in(const struct endpoint *ep);
bool endpoint_is_nameless(const struct endpoint *ep);
bool endpoint_same(const struct endpoint *a, const struct endpoint *b);
char *endpoint_format(const struct endpoint *ep);
void address_format(const struct address *a, char buf[ADDRESS_MAX]);
void address_unmap(struct address *a);
bool address_is_any(const struct address *a);
void zone_format(uint32_t ifindex, char buf[ADDRESS_MAX]);

#endif /* NBDTARGETCTL_ADDRESS_H */
