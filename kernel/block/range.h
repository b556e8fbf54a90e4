/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_RANGE_H
#define NBDT_RANGE_H

#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* The ranges of one disk that are held or wanted. */
struct nbdt_ranges {
	spinlock_t lock;		/* guards what follows */
	struct rb_root_cached tree;
	u64 next_turn;
};

/* One of them.  The owner's until nbdt_range_lock(), from the grant on again. */
struct nbdt_range {
	struct rb_node node;		/* guarded by the lock, as all below */
	u64 first;
	u64 last;
	u64 subtree_last;
	u64 turn;			/* order in which they were wanted */
	unsigned int before;		/* overlapping ones that go before */
	struct list_head granted;
};

void nbdt_ranges_init(struct nbdt_ranges *ranges);
bool nbdt_range_lock(struct nbdt_ranges *ranges, struct nbdt_range *range,
		     u64 first, u64 last);
void nbdt_range_unlock(struct nbdt_ranges *ranges, struct nbdt_range *range,
		       void (*grant)(struct nbdt_range *range));

#endif /* NBDT_RANGE_H */
