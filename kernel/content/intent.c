// SPDX-License-Identifier: GPL-2.0
/*
 * The write-intent log: regions of a device that are being written to, so that a
 * crash costs no more than to take all of these for dirty.
 *
 * A request that changes the device may begin when of each of its granules either
 * the region is in the log on stable storage, or the bit on stable storage is set.
 * That is all the log promises, and it holds by three rules:
 *
 *  - a request sets its bits in memory, and then looks whether its regions are open
 *    (nbdt_intent_has()); if one isn't, it waits and begins anew
 *  - a region is open when the writer has written a record that has it
 *  - before a region is in no record any more, the writer closes it, and then
 *    writes the bits of it as they are in memory
 *
 *	request				writer
 *	  set the bits			  close the region
 *	  (barrier)			  (barrier)
 *	  is the region open?		  write the bits
 *
 * One of the two sees the other.  So requests needn't be counted, and one that is
 * under way when its region is dropped has its bits where they belong.
 *
 * Regions are as large as the metadata says, and as many are in the log as a record
 * holds, each in a slot.  What I/O looks at is a bit for each region of the device,
 * RECENT: it is in the log, and nobody has asked whether it may be dropped since it
 * was used.  When slots are wanted, those that aren't recent go, and all others are
 * asked (a clock): the next request to one finds that the bit is clear, takes the
 * lock, and sets it.  Otherwise I/O changes nothing here.
 *
 * Who writes on from one region to the next gets several ahead of it.
 *
 * Who owns it: the metadata (metadata.c), whose one worker is "the writer": it alone
 * opens, closes and drops.  Requests add slots, under the lock, in any task.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "content/intent.h"

/* Regions that a sequential writer has opened at a time, at most. */
#define AHEAD		32U

/* What a slot is for. */
enum slot_state {
	SLOT_FREE,
	SLOT_NEW,			/* isn't in a record yet */
	SLOT_WRITING,			/* is in the one that is being written */
	SLOT_OPEN,
	SLOT_CLOSING,			/* its bits are being written */
};

struct nbdt_intent_slot {
	u32 region;
	u8 state;
};

static struct nbdt_intent_slot *slot_at(struct nbdt_intent *intent, u32 i)
{
	return &intent->slots[i % intent->nr_slots];
}

/* Under the lock: a free one, near where the last was found; there is one. */
static struct nbdt_intent_slot *free_slot(struct nbdt_intent *intent)
{
	while (slot_at(intent, intent->hand)->state != SLOT_FREE)
		intent->hand++;
	return slot_at(intent, intent->hand);
}

/* Under the lock: false when there is no slot. */
static bool add(struct nbdt_intent *intent, u64 region)
{
	struct nbdt_intent_slot *slot;

	if (test_bit(region, intent->listed))
		return true;
	if (intent->nr_listed == intent->nr_slots)
		return false;
	slot = free_slot(intent);
	slot->region = region;
	slot->state = SLOT_NEW;
	__set_bit(region, intent->listed);
	intent->nr_listed++;
	intent->nr_new++;
	return true;
}

/* Under the lock: somebody comes from the region before. */
static void add_ahead(struct nbdt_intent *intent, u64 first, u64 last)
{
	u32 ahead = min(AHEAD, intent->nr_slots / 8);
	u64 region;

	/* Not where the last slots would go; the next to come finds new ones. */
	if (!first || !test_bit(first - 1, intent->listed) ||
	    intent->nr_slots - intent->nr_listed <= ahead)
		return;
	for (region = last + 1; region <= last + ahead &&
	     region < intent->nr_regions; region++)
		add(intent, region);
}

/* Under the lock: all of them that can be; whether all are open. */
static bool want_all(struct nbdt_intent *intent, u64 first, u64 last)
{
	bool open = true, was_there = true;
	u32 missing = 0;
	u64 region;

	for (region = first; region <= last; region++) {
		if (test_bit(region, intent->open)) {
			set_bit(region, intent->recent);
			continue;
		}
		open = false;
		was_there &= test_bit(region, intent->listed);
		if (!add(intent, region))
			missing++;
	}
	if (missing > intent->short_of)
		intent->short_of = missing;
	if (!was_there)
		add_ahead(intent, first, last);
	return open;
}

/**
 * nbdt_intent_want - have the log take a range that is going to change
 * @intent: nbdt_intent_has() said that it hasn't, or not for certain
 * @offset: in bytes
 * @len: in bytes, not 0, not more than nbdt_intent_reach()
 *
 * What is behind the device's end as it was isn't in any bitmap, nor in the log.
 *
 * Return: whether it is in the log.  If not, the caller has the writer run
 * (wanted()), and asks anew when that has, from the setting of the bits on.
 */
bool nbdt_intent_want(struct nbdt_intent *intent, u64 offset, u64 len)
{
	u64 first = offset >> intent->shift;
	u64 last = min((offset + len - 1) >> intent->shift,
		       intent->nr_regions - 1);
	bool open;

	if (first >= intent->nr_regions)
		return !READ_ONCE(intent->stopped);
	spin_lock(&intent->lock);
	if (intent->stopped)
		open = false;
	else
		open = intent->passing || want_all(intent, first, last);
	spin_unlock(&intent->lock);
	return open;
}

/* The longest range that is sure to find room, in bytes. */
u64 nbdt_intent_reach(const struct nbdt_intent *intent)
{
	return (u64)(intent->nr_slots / 2 - 1) << intent->shift;
}

/* --- The writer --- */

/* Is there anything to be written? */
bool nbdt_intent_is_new(const struct nbdt_intent *intent)
{
	return READ_ONCE(intent->nr_new);
}

/* All regions, for a record; how many.  nbdt_intent_listed() when it is written. */
u32 nbdt_intent_list(struct nbdt_intent *intent, __le32 *regions)
{
	struct nbdt_intent_slot *slot;
	u32 nr = 0, i;

	spin_lock(&intent->lock);
	for (i = 0; i < intent->nr_slots; i++) {
		slot = &intent->slots[i];
		if (slot->state == SLOT_FREE)
			continue;
		regions[nr++] = cpu_to_le32(slot->region);
		if (slot->state == SLOT_NEW)
			slot->state = SLOT_WRITING;
	}
	intent->nr_new = 0;
	spin_unlock(&intent->lock);
	return nr;
}

/* The record is on stable storage. */
void nbdt_intent_listed(struct nbdt_intent *intent)
{
	struct nbdt_intent_slot *slot;
	u32 i;

	spin_lock(&intent->lock);
	for (i = 0; i < intent->nr_slots; i++) {
		slot = &intent->slots[i];
		if (slot->state != SLOT_WRITING)
			continue;
		slot->state = SLOT_OPEN;
		/* Too late: whoever stopped it has told that nothing is written. */
		if (intent->stopped)
			continue;
		__set_bit(slot->region, intent->open);
		set_bit(slot->region, intent->recent);
	}
	spin_unlock(&intent->lock);
}

/* Under the lock: how many are to go.  A quarter, if any. */
static u32 how_many(const struct nbdt_intent *intent)
{
	u32 quarter = intent->nr_slots / 4;
	u32 left = intent->nr_slots - intent->nr_listed;

	if (!intent->short_of && left >= intent->nr_slots / 8)
		return 0;
	return min(max(quarter, intent->short_of), intent->nr_listed);
}

/* Are slots wanted? */
bool nbdt_intent_is_short(struct nbdt_intent *intent)
{
	bool is;

	spin_lock(&intent->lock);
	is = how_many(intent);
	spin_unlock(&intent->lock);
	return is;
}

static void close_slot(struct nbdt_intent *intent, struct nbdt_intent_slot *slot)
{
	slot->state = SLOT_CLOSING;
	clear_bit(slot->region, intent->recent);
	__clear_bit(slot->region, intent->open);
}

/*
 * Under the lock: go round once; those that are recent are asked, and go only if
 * they are needed, the next time round.
 */
static u32 go_round(struct nbdt_intent *intent, u32 *regions, u32 nr, u32 most)
{
	struct nbdt_intent_slot *slot;
	u32 i;

	for (i = 0; i < intent->nr_slots && nr < most; i++) {
		slot = slot_at(intent, intent->hand++);
		if (slot->state != SLOT_OPEN)
			continue;
		if (test_and_clear_bit(slot->region, intent->recent))
			continue;
		close_slot(intent, slot);
		regions[nr++] = slot->region;
	}
	return nr;
}

/**
 * nbdt_intent_pick - close regions that are to be dropped, if slots are wanted
 * @intent: the log
 * @regions: for nr_slots of them
 *
 * Return: how many they are.  When their bits are written, nbdt_intent_dropped().
 */
u32 nbdt_intent_pick(struct nbdt_intent *intent, u32 *regions)
{
	u32 nr = 0, most;

	spin_lock(&intent->lock);
	most = how_many(intent);
	if (most)
		nr = go_round(intent, regions, 0, most);
	if (nr < most)
		nr = go_round(intent, regions, nr, most);
	intent->short_of = 0;
	spin_unlock(&intent->lock);
	/* Before the bits are looked at; see the top. */
	smp_mb();
	return nr;
}

/* Those that were picked needn't be in the next record. */
void nbdt_intent_dropped(struct nbdt_intent *intent)
{
	struct nbdt_intent_slot *slot;
	u32 i;

	spin_lock(&intent->lock);
	for (i = 0; i < intent->nr_slots; i++) {
		slot = &intent->slots[i];
		if (slot->state != SLOT_CLOSING)
			continue;
		slot->state = SLOT_FREE;
		__clear_bit(slot->region, intent->listed);
		intent->nr_listed--;
	}
	spin_unlock(&intent->lock);
}

/* All that may be in the log on stable storage; how many. */
u32 nbdt_intent_regions(struct nbdt_intent *intent, u32 *regions)
{
	u32 nr = 0, i;

	spin_lock(&intent->lock);
	for (i = 0; i < intent->nr_slots; i++) {
		if (intent->slots[i].state > SLOT_NEW)
			regions[nr++] = intent->slots[i].region;
	}
	spin_unlock(&intent->lock);
	return nr;
}

/* No record can be written any more: nothing else may be, or all of it. */
void nbdt_intent_stop(struct nbdt_intent *intent, bool pass)
{
	spin_lock(&intent->lock);
	if (pass) {
		WRITE_ONCE(intent->passing, true);
		bitmap_fill(intent->recent, intent->nr_regions);
	} else {
		WRITE_ONCE(intent->stopped, true);
		bitmap_zero(intent->recent, intent->nr_regions);
		bitmap_zero(intent->open, intent->nr_regions);
	}
	spin_unlock(&intent->lock);
}

static unsigned long *alloc_bits(u64 nr)
{
	return kvcalloc(BITS_TO_LONGS(nr), sizeof(long),
			GFP_KERNEL | __GFP_NOWARN);
}

/**
 * nbdt_intent_init - a log with nothing in it
 * @intent: zeroed
 * @size: of the device, in bytes
 * @shift: of a region
 * @nr_slots: regions that it holds
 * @wanted: has the writer run
 *
 * Return: 0 or -ENOMEM; then there is nothing to undo.
 */
int nbdt_intent_init(struct nbdt_intent *intent, u64 size, unsigned int shift,
		     u32 nr_slots,
		     void (*wanted)(struct nbdt_intent *intent))
{
	spin_lock_init(&intent->lock);
	intent->shift = shift;
	intent->nr_regions = ((size - 1) >> shift) + 1;
	intent->nr_slots = nr_slots;
	intent->wanted = wanted;
	intent->slots = kvcalloc(nr_slots, sizeof(*intent->slots), GFP_KERNEL);
	intent->recent = alloc_bits(intent->nr_regions);
	intent->open = alloc_bits(intent->nr_regions);
	intent->listed = alloc_bits(intent->nr_regions);
	if (intent->slots && intent->recent && intent->open && intent->listed)
		return 0;
	nbdt_intent_exit(intent);
	return -ENOMEM;
}

void nbdt_intent_exit(struct nbdt_intent *intent)
{
	kvfree(intent->listed);
	kvfree(intent->open);
	kvfree(intent->recent);
	kvfree(intent->slots);
}
