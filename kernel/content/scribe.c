// SPDX-License-Identifier: GPL-2.0
/*
 * The scribe: who writes to a metadata device while an export uses it.
 *
 * It is one worker, with a queue of its own.  Whenever somebody wants something it
 * goes round once: it writes a record for the regions that were added to the log
 * (intent.c), drops regions when slots are wanted, and writes the drafts of commands.
 * Then it says so (ran()): who waited for the log asks anew.  As there is but one,
 * what it works on takes no locks: ledger, areas, and which of them are of bitmaps
 * that record.
 *
 * A draft is what the head is to say of all bitmaps, from now on.  It takes place when
 * that head is on stable storage, and at once.  Before, whatever it says has to be
 * true: one that is new has its area written, one that records no longer has the
 * bits of all regions written that are in the log, and of one whose bits are others
 * altogether (cleared, loaded, merged into, found damaged) a head says that it is
 * inconsistent while they are written.  Who submits one has seen to it that nobody is
 * inside the gate, where it matters.
 *
 * When something can't be written, it has failed, for good.  Either writes fail from
 * then on, or they go on, and all bitmaps that record are inconsistent; in that case
 * a last attempt is made to say so on the device.  The same when it has a draft and
 * begins no write within 30 s: then it is told so by who waits, and stops when it comes
 * back.  And the same when one of its writes takes that long, whoever waits: while it
 * works, a timer looks every 30 s whether it has begun another.  What it writes when the
 * export ends is waited for in the same way.
 *
 * Who waits for it: commands, as long as it gets on, with the gate of their export
 * shut; requests that change something where the log isn't, until it has run or
 * failed, or their client is gone.
 */
#include <linux/bitmap.h>
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/work.h"
#include "content/bitmap.h"
#include "content/scribe.h"

/* For a draft, and a write, in ms; longer than what a device is given to come back. */
#define DRAFT_TIMEOUT	30000

/* --- Failure --- */

static bool has_failed(const struct nbdt_scribe *scribe)
{
	return READ_ONCE(scribe->err);
}

/* The first to say so; any task. */
static void fail(struct nbdt_scribe *scribe, int err)
{
	if (cmpxchg(&scribe->err, 0, err))
		return;
	WRITE_ONCE(scribe->ledger.barred, true);
	nbdt_intent_stop(&scribe->intent, scribe->go_on);
	scribe->failed(scribe);
	/* The worker may not come back to say so. */
	scribe->ran(scribe);
}

/*
 * By the worker: nothing there is to be believed, as writes go on without it.  It may
 * be that only some of the device has failed.  In both copies, or the one that can be.
 */
static void say_failed(struct nbdt_scribe *scribe)
{
	struct nbdt_ledger *ledger = &scribe->ledger;
	int i;

	if (!scribe->go_on || scribe->said || READ_ONCE(scribe->dead))
		return;
	scribe->said = true;
	WRITE_ONCE(ledger->barred, false);
	ledger->head->flags |= cpu_to_le32(NBDTARGET_META_FAILED);
	for (i = 0; i < 2; i++) {
		if (nbdt_ledger_write_head(ledger))
			nbdt_ledger_skip_head(ledger);
	}
	/* If that is all that arrives, who reads it misses the heads. */
	nbdt_ledger_write_log(ledger);
	WRITE_ONCE(ledger->barred, true);
}

/* By the worker: word first, then writes go on. */
static void fail_writing(struct nbdt_scribe *scribe, int err)
{
	say_failed(scribe);
	fail(scribe, err);
}

/* --- Areas --- */

static struct nbdt_scribe_bitmap *find(struct nbdt_scribe *scribe,
				       const struct nbdt_bitmap *bitmap)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps); i++) {
		if (scribe->bitmaps[i].bitmap == bitmap)
			return &scribe->bitmaps[i];
	}
	return NULL;
}

/* A place for another, which the caller fills; NULL when there are too many. */
struct nbdt_scribe_bitmap *nbdt_scribe_place(struct nbdt_scribe *scribe)
{
	return find(scribe, NULL);
}

static void forget(struct nbdt_scribe_bitmap *each)
{
	nbdt_ledger_area_exit(&each->area);
	nbdt_bitmap_put(each->bitmap);
	memset(each, 0, sizeof(*each));
}

/* Those that are nobody's but ours. */
static void sweep(struct nbdt_scribe *scribe)
{
	struct nbdt_scribe_bitmap *each;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps); i++) {
		each = &scribe->bitmaps[i];
		if (each->bitmap && !each->listed &&
		    kref_read(&each->bitmap->ref) == 1)
			forget(each);
	}
}

/* The end of an area that is in the way, or 0. */
static u64 in_the_way(const struct nbdt_scribe *scribe, u64 start, u64 blocks)
{
	const struct nbdt_ledger_area *area;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps); i++) {
		area = &scribe->bitmaps[i].area;
		if (scribe->bitmaps[i].bitmap && start < area->start +
		    2ULL * area->blocks && area->start < start + blocks)
			return area->start + 2ULL * area->blocks;
	}
	return 0;
}

/* Where there is room for so many blocks; 0 when there is none. */
static u64 find_room(const struct nbdt_scribe *scribe, u64 blocks)
{
	u64 start = NBDTARGET_META_AREA_START, next;

	while ((next = in_the_way(scribe, start, blocks)))
		start = next;
	return start + blocks <= scribe->ledger.blocks ? start : 0;
}

/* All that it has, into an area of its own. */
static int add_area(struct nbdt_scribe *scribe, struct nbdt_bitmap *bitmap)
{
	struct nbdt_scribe_bitmap *place = nbdt_scribe_place(scribe);
	struct nbdtarget_meta_head *head = scribe->ledger.head;
	u32 blocks = nbdt_ledger_blocks(bitmap);
	u64 start = find_room(scribe, 2ULL * blocks);
	u64 id = le64_to_cpu(head->next_id);
	int err;

	if (!place || !start)
		return -ENOSPC;
	err = nbdt_ledger_area_init(&place->area, id, start, blocks);
	if (err)
		return err;
	/* In the next head that is written; before, nobody goes by it. */
	head->next_id = cpu_to_le64(id + 1);
	nbdt_bitmap_get(bitmap);
	place->bitmap = bitmap;
	err = nbdt_ledger_write_bits(&scribe->ledger, &place->area, bitmap, NULL);
	if (err)
		fail_writing(scribe, err);
	return err;
}

/* --- Bits --- */

static void set_block(unsigned long *which, u64 granule)
{
	__set_bit(granule / (NBDTARGET_META_BITS * BITS_PER_BYTE), which);
}

/* The blocks that regions have their bits in; as many as are worth it: all. */
static void choose_blocks(const struct nbdt_scribe *scribe,
			  const struct nbdt_scribe_bitmap *each, u32 nr,
			  unsigned long *which)
{
	const struct nbdt_bitmap *bitmap = each->bitmap;
	u32 blocks = each->area.blocks, i;
	unsigned int shift = scribe->intent.shift;
	u64 at, end;

	for (i = 0; i < nr; i++) {
		at = (u64)scribe->regions[i] << shift >> bitmap->shift;
		end = (((u64)scribe->regions[i] + 1) << shift) - 1;
		end >>= bitmap->shift;
		/* The bitmap may be of a smaller device than that is now. */
		if (at >= bitmap->nr_bits)
			continue;
		/* The last region may be a part of one. */
		end = min_t(u64, end, bitmap->nr_bits - 1);
		/* A region may have more bits than a block. */
		for (; at < end; at += NBDTARGET_META_BITS * BITS_PER_BYTE)
			set_block(which, at);
		set_block(which, end);
	}
	/* In one piece, and then the next time as well. */
	if (bitmap_weight(which, blocks) >= blocks / 4)
		bitmap_fill(which, blocks);
}

/* The bits of the first NR of scribe->regions, in one bitmap. */
static int write_bits_of(struct nbdt_scribe *scribe,
			 struct nbdt_scribe_bitmap *each, u32 nr)
{
	unsigned long *which;
	int err;

	if (!nr)
		return 0;
	which = kvcalloc(BITS_TO_LONGS(each->area.blocks), sizeof(long),
			 GFP_NOIO | __GFP_NOWARN);
	if (which)
		choose_blocks(scribe, each, nr, which);
	/* Without memory: all of them. */
	err = nbdt_ledger_write_bits(&scribe->ledger, &each->area, each->bitmap,
				     which);
	kvfree(which);
	return err;
}

/* --- The log --- */

static int open_regions(struct nbdt_scribe *scribe)
{
	struct nbdtarget_meta_log *log = scribe->ledger.log;
	u32 nr;
	int err;

	memset(log->region, 0, sizeof(log->region));
	nr = nbdt_intent_list(&scribe->intent, log->region);
	log->count = cpu_to_le32(nr);
	err = nbdt_ledger_write_log(&scribe->ledger);
	if (!err)
		nbdt_intent_listed(&scribe->intent);
	return err;
}

static int drop_regions(struct nbdt_scribe *scribe)
{
	struct nbdt_scribe_bitmap *each;
	u32 nr = nbdt_intent_pick(&scribe->intent, scribe->regions);
	int err = 0;
	u32 i;

	if (!nr)
		return 0;
	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps) && !err; i++) {
		each = &scribe->bitmaps[i];
		if (each->bitmap && each->recording)
			err = write_bits_of(scribe, each, nr);
	}
	if (!err)
		nbdt_intent_dropped(&scribe->intent);
	return err;
}

/*
 * Who waits for what was opened has its turn before anything is dropped, or two that
 * want all of the log could take it from each other for ever.
 */
static int write_log(struct nbdt_scribe *scribe)
{
	if (!nbdt_intent_is_new(&scribe->intent))
		return drop_regions(scribe);
	if (nbdt_intent_is_short(&scribe->intent))
		queue_work(scribe->wq, &scribe->work);
	return open_regions(scribe);
}

/* --- Jobs --- */

static void fill_entry(struct nbdtarget_meta_bitmap *entry,
		       const struct nbdt_scribe_item *item,
		       const struct nbdt_ledger_area *area)
{
	memset(entry, 0, sizeof(*entry));
	memcpy(entry->name, item->name, sizeof(entry->name));
	entry->id = cpu_to_le64(area->id);
	entry->size = cpu_to_le64(item->bitmap->size);
	entry->start = cpu_to_le64(area->start);
	entry->blocks = cpu_to_le32(area->blocks);
	entry->shift = cpu_to_le32(item->bitmap->shift);
	entry->flags = cpu_to_le32(item->flags);
}

/* Is it in the head, and recording, if there is no checkpoint pending? */
static bool will_record(const struct nbdt_scribe_draft *draft, u32 flags)
{
	/* As long as that isn't known, it is both. */
	if (draft->is_pending && (flags & NBDTARGET_META_RECORDING_AFTER))
		return true;
	return flags & NBDTARGET_META_RECORDING;
}

/* What the head says of bitmaps. */
static void fill_entries(struct nbdt_scribe *scribe,
			 const struct nbdt_scribe_draft *draft)
{
	struct nbdtarget_meta_head *head = scribe->ledger.head;
	const struct nbdt_ledger_area *area;
	const struct nbdt_scribe_item *item;
	u32 i;

	memset(head->bitmap, 0, sizeof(head->bitmap));
	for (i = 0; i < draft->nr; i++) {
		item = &draft->items[i];
		area = &find(scribe, item->bitmap)->area;
		fill_entry(&head->bitmap[i], item, area);
		/* What records is written from now on, whatever the head says. */
		if (!will_record(draft, item->flags))
			head->bitmap[i].sum =
				cpu_to_le64(nbdt_ledger_sum(area));
	}
	head->bitmaps = cpu_to_le32(draft->nr);
}

/* The one whose area the head knows by a number. */
static const struct nbdt_scribe_bitmap *
find_by_id(const struct nbdt_scribe *scribe, u64 id)
{
	u32 i;

	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps); i++) {
		if (scribe->bitmaps[i].bitmap && scribe->bitmaps[i].area.id == id)
			return &scribe->bitmaps[i];
	}
	return NULL;
}

/*
 * The head says what it said, but of what isn't to be believed since: that it isn't.
 * Nothing is written to areas any more.
 */
static void fill_last(struct nbdt_scribe *scribe)
{
	struct nbdtarget_meta_head *head = scribe->ledger.head;
	const struct nbdt_scribe_bitmap *each;
	struct nbdtarget_meta_bitmap *entry;
	u32 i;

	for (i = 0; i < le32_to_cpu(head->bitmaps); i++) {
		entry = &head->bitmap[i];
		each = find_by_id(scribe, le64_to_cpu(entry->id));
		if (!each)
			continue;
		entry->sum = cpu_to_le64(nbdt_ledger_sum(&each->area));
		if (READ_ONCE(each->bitmap->inconsistent))
			entry->flags |= cpu_to_le32(NBDTARGET_META_INCONSISTENT);
	}
}

/* The head as it was, but for one bitmap; false when it hasn't that yet. */
static bool distrust(struct nbdtarget_meta_head *head, u64 id)
{
	struct nbdtarget_meta_bitmap *entry;
	u32 i;

	for (i = 0; i < le32_to_cpu(head->bitmaps); i++) {
		entry = &head->bitmap[i];
		if (le64_to_cpu(entry->id) != id)
			continue;
		entry->flags |= cpu_to_le32(NBDTARGET_META_INCONSISTENT);
		entry->sum = 0;
		return true;
	}
	return false;
}

static void fill_points(struct nbdt_scribe *scribe,
			const struct nbdt_scribe_draft *draft)
{
	struct nbdtarget_meta_head *head = scribe->ledger.head;

	head->last = draft->last;
	head->pending = draft->pending;
	memcpy(head->decider, draft->decider, sizeof(head->decider));
	memcpy(head->groups, draft->groups, sizeof(head->groups));
	head->flags &= ~cpu_to_le32(NBDTARGET_META_PENDING);
	if (draft->is_pending)
		head->flags |= cpu_to_le32(NBDTARGET_META_PENDING);
}

/* Whatever the head is going to say of it is true. */
static int write_item(struct nbdt_scribe *scribe, struct nbdt_scribe_draft *draft,
		      const struct nbdt_scribe_item *item)
{
	struct nbdt_scribe_bitmap *each = find(scribe, item->bitmap);
	bool stays;
	int err;

	if (!each)
		return add_area(scribe, item->bitmap);
	stays = item->flags & NBDTARGET_META_RECORDING;
	if (draft->is_pending)
		stays &= !!(item->flags & NBDTARGET_META_RECORDING_AFTER);
	if (item->rewritten || !each->recording || stays)
		return 0;
	err = write_bits_of(scribe, each,
			    nbdt_intent_regions(&scribe->intent,
						scribe->regions));
	if (err)
		fail_writing(scribe, err);
	return err;
}

/* A head that says no more than before, but that they aren't to be believed. */
static int distrust_rewritten(struct nbdt_scribe *scribe,
			      const struct nbdt_scribe_draft *draft)
{
	struct nbdt_scribe_bitmap *each;
	bool any = false;
	u32 i;

	for (i = 0; i < draft->nr; i++) {
		each = find(scribe, draft->items[i].bitmap);
		if (draft->items[i].rewritten)
			any |= distrust(scribe->ledger.head, each->area.id);
	}
	if (!any)
		return 0;
	return nbdt_ledger_write_head(&scribe->ledger) ?:
	       nbdt_ledger_write_log(&scribe->ledger);
}

static int write_rewritten(struct nbdt_scribe *scribe,
			   const struct nbdt_scribe_draft *draft)
{
	struct nbdt_scribe_bitmap *each;
	int err = distrust_rewritten(scribe, draft);
	u32 i;

	for (i = 0; i < draft->nr && !err; i++) {
		each = find(scribe, draft->items[i].bitmap);
		if (draft->items[i].rewritten)
			err = nbdt_ledger_write_bits(&scribe->ledger,
						     &each->area, each->bitmap,
						     NULL);
	}
	return err;
}

static int write_head(struct nbdt_scribe *scribe, struct nbdt_scribe_draft *draft)
{
	int err = write_rewritten(scribe, draft);

	if (err)
		return err;
	fill_entries(scribe, draft);
	fill_points(scribe, draft);
	return nbdt_ledger_write_head(&scribe->ledger);
}

/* The head is as the draft said. */
static void settle(struct nbdt_scribe *scribe, struct nbdt_scribe_draft *draft)
{
	struct nbdt_scribe_bitmap *each;
	bool records = false;
	u32 i;

	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps); i++) {
		scribe->bitmaps[i].listed = false;
		scribe->bitmaps[i].recording = false;
	}
	for (i = 0; i < draft->nr; i++) {
		each = find(scribe, draft->items[i].bitmap);
		each->listed = true;
		each->recording = will_record(draft, draft->items[i].flags);
		records |= each->recording;
	}
	WRITE_ONCE(scribe->records, records);
}

static int write_draft(struct nbdt_scribe *scribe, struct nbdt_scribe_draft *draft)
{
	int err = 0;
	u32 i;

	sweep(scribe);
	for (i = 0; i < draft->nr && !err; i++)
		err = write_item(scribe, draft, &draft->items[i]);
	if (err || draft->room_only)
		return err;
	err = write_head(scribe, draft);
	if (err) {
		fail_writing(scribe, err);
		return err;
	}
	settle(scribe, draft);
	/* It has taken place: what fails now has failed later. */
	err = nbdt_ledger_write_log(&scribe->ledger);
	if (err)
		fail_writing(scribe, err);
	return 0;
}

static void free_draft(struct kref *ref)
{
	struct nbdt_scribe_draft *draft = container_of(ref, struct nbdt_scribe_draft,
						   ref);
	u32 i;

	for (i = 0; i < draft->nr; i++)
		nbdt_bitmap_put(draft->items[i].bitmap);
	kvfree(draft);
}

/* Empty, for nbdt_scribe_add() and nbdt_scribe_submit(); NULL without memory. */
struct nbdt_scribe_draft *nbdt_scribe_compose(void)
{
	struct nbdt_scribe_draft *draft = kvzalloc(sizeof(*draft), GFP_KERNEL);

	if (!draft)
		return NULL;
	kref_init(&draft->ref);
	init_completion(&draft->done);
	return draft;
}

/* One that wasn't submitted, or isn't waited for. */
void nbdt_scribe_discard(struct nbdt_scribe_draft *draft)
{
	kref_put(&draft->ref, free_draft);
}

/* Under the mutex of bitmaps.c, for the name. */
void nbdt_scribe_add(struct nbdt_scribe_draft *draft, struct nbdt_bitmap *bitmap,
		     u32 flags)
{
	struct nbdt_scribe_item *item = &draft->items[draft->nr++];

	nbdt_bitmap_get(bitmap);
	item->bitmap = bitmap;
	item->flags = flags;
	if (bitmap->inconsistent)
		item->flags |= NBDTARGET_META_INCONSISTENT;
	item->rewritten = bitmap->stored.rewritten;
	bitmap->stored.rewritten = false;
	strscpy(item->name, bitmap->name, sizeof(item->name));
}

/**
 * nbdt_scribe_submit - have a draft written after those that were submitted before
 * @scribe: the scribe
 * @draft: for nbdt_scribe_wait() or nbdt_scribe_discard(), whatever this returns
 *
 * As each draft says all that the head is to say, whoever gathers that submits it under
 * the same mutex, of bitmaps.c.
 *
 * Return: 0, or why it isn't done.
 */
int nbdt_scribe_submit(struct nbdt_scribe *scribe, struct nbdt_scribe_draft *draft)
{
	int err = READ_ONCE(scribe->err);

	spin_lock(&scribe->lock);
	if (scribe->closed)
		err = -ESHUTDOWN;
	if (!err) {
		kref_get(&draft->ref);
		list_add_tail(&draft->node, &scribe->drafts);
		queue_work(scribe->wq, &scribe->work);
	}
	spin_unlock(&scribe->lock);
	return err;
}

/* For as long as it gets on: there may be many, and large ones on a slow device. */
static int wait_for_worker(struct nbdt_scribe *scribe, struct completion *done)
{
	unsigned long timeout = msecs_to_jiffies(DRAFT_TIMEOUT);
	u64 writes;

	do {
		writes = READ_ONCE(scribe->ledger.writes);
		if (wait_for_completion_timeout(done, timeout))
			return 0;
	} while (READ_ONCE(scribe->ledger.writes) != writes);
	fail(scribe, -ETIMEDOUT);
	return -ETIMEDOUT;
}

/**
 * nbdt_scribe_wait - wait for a draft
 * @scribe: the scribe
 * @draft: the caller's no more
 * @err: what nbdt_scribe_submit() returned
 *
 * Return: 0; -ENOSPC when there is no room for an area; -ENOMEM; -ESHUTDOWN when the
 * export is being removed.  Any other error is why it has failed.
 */
int nbdt_scribe_wait(struct nbdt_scribe *scribe, struct nbdt_scribe_draft *draft,
		     int err)
{
	if (!err)
		err = wait_for_worker(scribe, &draft->done) ?: draft->err;
	kref_put(&draft->ref, free_draft);
	return err;
}

static struct nbdt_scribe_draft *next_draft(struct nbdt_scribe *scribe)
{
	struct nbdt_scribe_draft *draft;

	spin_lock(&scribe->lock);
	draft = list_first_entry_or_null(&scribe->drafts, struct nbdt_scribe_draft,
				       node);
	if (draft)
		list_del(&draft->node);
	spin_unlock(&scribe->lock);
	return draft;
}

static bool has_drafts(struct nbdt_scribe *scribe)
{
	bool has;

	spin_lock(&scribe->lock);
	has = !list_empty(&scribe->drafts);
	spin_unlock(&scribe->lock);
	return has;
}

static void write_drafts(struct nbdt_scribe *scribe)
{
	struct nbdt_scribe_draft *draft;

	while ((draft = next_draft(scribe))) {
		draft->err = READ_ONCE(scribe->err);
		if (!draft->err)
			draft->err = write_draft(scribe, draft);
		complete(&draft->done);
		kref_put(&draft->ref, free_draft);
	}
}

/* --- The worker --- */

/* The worker is at it: does it get on? */
static void watch(struct work_struct *work)
{
	struct nbdt_scribe *scribe = container_of(to_delayed_work(work),
						  struct nbdt_scribe, watch);
	u64 writes = READ_ONCE(scribe->ledger.writes);

	if (writes == scribe->watched) {
		fail(scribe, -ETIMEDOUT);
		return;
	}
	scribe->watched = writes;
	queue_delayed_work(nbdt_control_wq, &scribe->watch,
			   msecs_to_jiffies(DRAFT_TIMEOUT));
}

/* The timer isn't set. */
static void watch_begin(struct nbdt_scribe *scribe)
{
	scribe->watched = scribe->ledger.writes;
	queue_delayed_work(nbdt_control_wq, &scribe->watch,
			   msecs_to_jiffies(DRAFT_TIMEOUT));
}

static void go_round(struct nbdt_scribe *scribe)
{
	int err;

	if (!has_failed(scribe)) {
		err = READ_ONCE(scribe->dead) ? -ENODEV : 0;
		err = err ?: write_log(scribe);
		if (err)
			fail_writing(scribe, err);
	}
	write_drafts(scribe);
	/* Somebody else may have. */
	if (has_failed(scribe))
		say_failed(scribe);
}

static void scribe_work(struct work_struct *work)
{
	struct nbdt_scribe *scribe = container_of(work, struct nbdt_scribe,
						  work);
	unsigned int noio = memalloc_noio_save();

	/* The device may be closed; somebody asked late, for nothing. */
	if (!READ_ONCE(scribe->closed) || has_drafts(scribe)) {
		watch_begin(scribe);
		go_round(scribe);
		cancel_delayed_work_sync(&scribe->watch);
	}
	scribe->ran(scribe);
	memalloc_noio_restore(noio);
}

/* All that is known; if it fails, what is on the device is as after a crash. */
static int finish(struct nbdt_scribe *scribe)
{
	struct nbdtarget_meta_head *head = scribe->ledger.head;
	u32 nr = nbdt_intent_regions(&scribe->intent, scribe->regions);
	struct nbdt_scribe_bitmap *each;
	int err = READ_ONCE(scribe->err);
	u32 i;

	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps) && !err; i++) {
		each = &scribe->bitmaps[i];
		if (each->bitmap && each->recording)
			err = write_bits_of(scribe, each, nr);
	}
	if (err)
		return err;
	fill_last(scribe);
	head->flags |= cpu_to_le32(NBDTARGET_META_CLEAN);
	return nbdt_ledger_write_head(&scribe->ledger) ?:
	       nbdt_ledger_write_log(&scribe->ledger);
}

/* Who waits for it may do so no longer, and have closed the data device. */
static void end_work(struct work_struct *work)
{
	struct nbdt_scribe *scribe = container_of(work, struct nbdt_scribe, end);
	unsigned int noio = memalloc_noio_save();

	scribe->leave(scribe);
	scribe->end_err = finish(scribe);
	memalloc_noio_restore(noio);
	complete(&scribe->ended);
}

static void wanted(struct nbdt_intent *intent)
{
	struct nbdt_scribe *scribe = container_of(intent, struct nbdt_scribe,
						  intent);

	queue_work(scribe->wq, &scribe->work);
}

/* The driver gives the device up; mustn't wait. */
void nbdt_scribe_dead(struct nbdt_scribe *scribe)
{
	WRITE_ONCE(scribe->dead, true);
	/* Pairs with the queueing of the first draft. */
	smp_mb();
	/* Pairs with nbdt_scribe_init(). */
	if (smp_load_acquire(&scribe->wq))
		queue_work(scribe->wq, &scribe->work);
}

/* --- Its life --- */

/**
 * nbdt_scribe_init - make one for a device whose head was read
 * @scribe: its ledger is open, and what it is told of failures is set
 * @size: of the data device, in bytes
 *
 * Return: 0 or -ENOMEM; then there is nothing to undo.
 */
int nbdt_scribe_init(struct nbdt_scribe *scribe, u64 size)
{
	const struct nbdtarget_meta_head *head = scribe->ledger.head;
	u32 slots = le32_to_cpu(head->regions);
	struct workqueue_struct *wq;

	spin_lock_init(&scribe->lock);
	INIT_LIST_HEAD(&scribe->drafts);
	INIT_WORK(&scribe->work, scribe_work);
	INIT_WORK(&scribe->end, end_work);
	init_completion(&scribe->ended);
	INIT_DELAYED_WORK(&scribe->watch, watch);
	scribe->regions = kvcalloc(slots, sizeof(u32), GFP_KERNEL);
	if (!scribe->regions)
		return -ENOMEM;
	if (nbdt_intent_init(&scribe->intent, size,
			     le32_to_cpu(head->region_shift), slots, wanted))
		goto err_regions;
	wq = alloc_ordered_workqueue("nbdt_meta", WQ_MEM_RECLAIM);
	if (!wq)
		goto err_intent;
	/* The device may be given up already; see nbdt_scribe_dead(). */
	smp_store_release(&scribe->wq, wq);
	return 0;

err_intent:
	nbdt_intent_exit(&scribe->intent);
err_regions:
	kvfree(scribe->regions);
	return -ENOMEM;
}

static void refuse_drafts(struct nbdt_scribe *scribe)
{
	spin_lock(&scribe->lock);
	scribe->closed = true;
	spin_unlock(&scribe->lock);
}

/* No more drafts, and all that was begun comes to its end, whenever the device answers. */
void nbdt_scribe_stop(struct nbdt_scribe *scribe)
{
	refuse_drafts(scribe);
	flush_workqueue(scribe->wq);
}

/* It ends: where so many blocks are that no bitmap uses; 0 when there aren't. */
u64 nbdt_scribe_room(struct nbdt_scribe *scribe, u64 blocks)
{
	sweep(scribe);
	return find_room(scribe, blocks);
}

/**
 * nbdt_scribe_end - have it write its last
 * @scribe: nobody writes to the data device
 *
 * Waits for as long as it gets on.
 *
 * Return: whether it has ended.  If not, it has failed, and nbdt_scribe_stop() waits
 * for what it is at.
 */
bool nbdt_scribe_end(struct nbdt_scribe *scribe)
{
	refuse_drafts(scribe);
	queue_work(scribe->wq, &scribe->end);
	return !has_failed(scribe) && !wait_for_worker(scribe, &scribe->ended);
}

/* Stopped, and the device is closed. */
void nbdt_scribe_exit(struct nbdt_scribe *scribe)
{
	u32 i;

	destroy_workqueue(scribe->wq);
	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps); i++) {
		if (scribe->bitmaps[i].bitmap)
			forget(&scribe->bitmaps[i]);
	}
	nbdt_intent_exit(&scribe->intent);
	kvfree(scribe->regions);
}
