/* SPDX-License-Identifier: GPL-2.0 */
/* Which members of what `show` has a file has as well, and what they may be. */
#ifndef NBDTARGETCTL_MEMBERS_H
#define NBDTARGETCTL_MEMBERS_H

#include "nl/attr.h"

struct member {
	uint16_t type;
	bool required;
	uint64_t min, max;	/* of a number, or of the bytes of a text */
	bool power;		/* a power of two */
};

struct members {
	const struct attr_set *set;
	const struct member *list;
	size_t n;
};

extern const struct members members_target;
extern const struct members members_export;
extern const struct members members_bitmap;
extern const struct members members_listener;
extern const struct members members_rule;

const struct member *members_find(const struct members *all, const char *key,
				  const struct attr_field **field);
const struct attr_field *members_field(const struct members *all,
				       const struct member *m);
uint64_t members_mask(const struct members *all);
bool members_same(const struct members *all, const void *a, const void *b);

#endif /* NBDTARGETCTL_MEMBERS_H */
