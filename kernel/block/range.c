// SPDX-License-Identifier: GPL-2.0
/*
 * Range lock: whoever holds a range of a disk is the only one to write
 * there.
 *
 * First come, first served: a range waits for all that overlap it and were
 * wanted earlier, held or not, so nobody starves.  Nobody sleeps either: a
 * range that has to wait is granted later, from the context of whoever
 * unlocks the last one before it.
 */
#include <linux/interval_tree_generic.h>

#include "block/range.h"

#define RANGE_FIRST(range)	((range)->first)
#define RANGE_LAST(range)	((range)->last)

INTERVAL_TREE_DEFINE(struct nbdt_range, node, u64, subtree_last,
		     RANGE_FIRST, RANGE_LAST, static inline, range_tree)

void nbdt_ranges_init(struct nbdt_ranges *ranges)
{
	spin_lock_init(&ranges->lock);
	ranges->tree = RB_ROOT_CACHED;
	ranges->next_turn = 0;
}

/**
 * nbdt_range_lock - want a range
 * @ranges: of the disk
 * @range: for nbdt_range_unlock() later
 * @first: first byte
 * @last: last byte, not below @first
 *
 * Return: true when it is held now.  False when it will be granted later;
 * that may happen even before this returns.
 */
bool nbdt_range_lock(struct nbdt_ranges *ranges, struct nbdt_range *range,
		     u64 first, u64 last)
{
	struct nbdt_range *other;
	unsigned long flags;
	bool held;

	range->first = first;
	range->last = last;
	range->before = 0;

	spin_lock_irqsave(&ranges->lock, flags);
	range->turn = ranges->next_turn++;
	for (other = range_tree_iter_first(&ranges->tree, first, last); other;
	     other = range_tree_iter_next(other, first, last))
		range->before++;
	range_tree_insert(range, &ranges->tree);
	held = !range->before;
	spin_unlock_irqrestore(&ranges->lock, flags);
	return held;
}

/**
 * nbdt_range_unlock - let go of a range
 * @ranges: of the disk
 * @range: held
 * @grant: called for each range that is held from now on, in this context
 */
void nbdt_range_unlock(struct nbdt_ranges *ranges, struct nbdt_range *range,
		       void (*grant)(struct nbdt_range *range))
{
	struct nbdt_range *other, *next;
	unsigned long flags;
	LIST_HEAD(granted);

	spin_lock_irqsave(&ranges->lock, flags);
	range_tree_remove(range, &ranges->tree);
	for (other = range_tree_iter_first(&ranges->tree, range->first,
					   range->last);
	     other;
	     other = range_tree_iter_next(other, range->first, range->last)) {
		if (other->turn > range->turn && !--other->before)
			list_add_tail(&other->granted, &granted);
	}
	spin_unlock_irqrestore(&ranges->lock, flags);

	list_for_each_entry_safe(other, next, &granted, granted)
		grant(other);
}
