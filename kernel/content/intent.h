/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_INTENT_H
#define NBDT_INTENT_H

#include <linux/bitops.h>
#include <linux/compiler.h>
#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

struct nbdt_intent_slot;

/* The write-intent log, as far as it is in memory; see intent.c. */
struct nbdt_intent {
	/* Read-only while anybody uses it. */
	unsigned int shift;		/* of a region */
	u64 nr_regions;
	u32 nr_slots;
	struct nbdt_intent_slot *slots;
	/* Have the writer run; any context that may not sleep. */
	void (*wanted)(struct nbdt_intent *intent);

	/* Read by I/O: regions that are in the log, and were used of late. */
	unsigned long *recent;
	bool stopped;			/* nothing may be written any more */

	spinlock_t lock;		/* guards what follows, and who sets the above */
	unsigned long *open;		/* in the log on stable storage */
	unsigned long *listed;		/* have a slot */
	u32 nr_listed;
	u32 nr_new;			/* have one, and aren't in the log */
	u32 hand;			/* the slot that is looked at next */
	u32 short_of;			/* slots that were missing */
	bool passing;			/* writes go on without; may be read */
};

int nbdt_intent_init(struct nbdt_intent *intent, u64 size, unsigned int shift,
		     u32 nr_slots,
		     void (*wanted)(struct nbdt_intent *intent));
void nbdt_intent_exit(struct nbdt_intent *intent);
u64 nbdt_intent_reach(const struct nbdt_intent *intent);

/* For I/O. */
bool nbdt_intent_want(struct nbdt_intent *intent, u64 offset, u64 len);

/* For the writer, alone. */
bool nbdt_intent_is_new(const struct nbdt_intent *intent);
u32 nbdt_intent_list(struct nbdt_intent *intent, __le32 *regions);
void nbdt_intent_listed(struct nbdt_intent *intent);
bool nbdt_intent_is_short(struct nbdt_intent *intent);
u32 nbdt_intent_pick(struct nbdt_intent *intent, u32 *regions);
void nbdt_intent_dropped(struct nbdt_intent *intent);
u32 nbdt_intent_regions(struct nbdt_intent *intent, u32 *regions);
void nbdt_intent_stop(struct nbdt_intent *intent, bool pass);

/**
 * nbdt_intent_has - is a range, which is going to change, in the log?
 * @intent: the log
 * @offset: in bytes
 * @len: in bytes, not 0
 *
 * Its bits are set in the bitmaps that record.  If not, nbdt_intent_want().
 */
static inline bool nbdt_intent_has(const struct nbdt_intent *intent, u64 offset,
				   u64 len)
{
	u64 first = offset >> intent->shift;
	u64 last = (offset + len - 1) >> intent->shift;

	/* The bits before the look; see intent.c. */
	smp_mb();
	return first == last && first < intent->nr_regions &&
	       test_bit(first, intent->recent);
}

/* Has it come to an end, so that nothing may be written? */
static inline bool nbdt_intent_is_stopped(const struct nbdt_intent *intent)
{
	return READ_ONCE(intent->stopped);
}

/* The same, or writes go on without it. */
static inline bool nbdt_intent_has_ended(const struct nbdt_intent *intent)
{
	return READ_ONCE(intent->stopped) || READ_ONCE(intent->passing);
}

#endif /* NBDT_INTENT_H */
