/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_REACH_H
#define NBDT_REACH_H

#include <linux/types.h>

struct block_device;

/* What else a write may change; see reach.c. */
struct nbdt_reach {
	u32 bytes;		/* pieces of it, or 0: nothing */
	u32 first;		/* where the first of them ends, or... */
	bool loose;		/* ...that isn't known */
	bool anywhere;		/* what it changes isn't known at all */
};

bool nbdt_is_mapped(const struct block_device *bdev);
struct nbdt_reach nbdt_reach_of(struct block_device *bdev, u64 granule);

#endif /* NBDT_REACH_H */
