// SPDX-License-Identifier: GPL-2.0
/*
 * The device as it was left: what an export that ends writes down of it on its metadata
 * device, for the one that comes next to judge what happened in between.
 *
 * It is in the head that says that all is in good order, and in no other.  When that head
 * couldn't be written, the metadata is as after a crash, but the machine runs on: the
 * module has it in memory (a guard), as long as it is loaded, with what the head may not
 * say of what was recorded: that the device was gone, or that writes went on without the
 * metadata.  A head that was the last of its generation is judged by that.
 *
 * That somebody has written is certain when the device's counters have grown, of what was
 * written and discarded, while the machine runs on and the disk is the one that was set
 * up then; and whenever its ends are others.  Then bitmaps that were recording lack
 * something.  The counters are read when nothing of the export is under way any more, so
 * that it doesn't matter whose writes they had counted before.  Those of a partition are
 * its own: to the rest of the disk others write all the time, and be it our metadata.
 * They begin anew when the table of partitions is read, so that less tells nothing.
 *
 * Where neither tells anything, the same is taken for granted: the machine was started
 * anew, or the disk has another number, as one has that was gone and is back, and the
 * ends couldn't be read.
 *
 * That nobody has is believed when the counters of the disk as a whole are the same, as
 * who writes to that may write to any partition, and the disk counts; when the ends are;
 * and when the disk wasn't changed, as by another table of a mapped device, which no
 * counter shows.  The module sees that as long as it is loaded: for each metadata it goes
 * on watching the disk (its guard).  If it was away meanwhile, nothing is believed of a
 * mapped device; of others, whose drivers give them another number when they become
 * another, it is.
 *
 * As in proof.c, what is written below the device isn't seen, nor past the block layer;
 * nor what is written while the disk is told not to count, between two exports.  The
 * ends, and samples of what should be zero (memo.c), show some of that: a heuristic.
 *
 * The ends are read from a device that may hang.  An export that begins waits for it, and
 * nobody for that.  One that ends leaves without, after a while, so that its bitmaps are
 * in order; the device isn't closed before that has ended, by whatever.
 *
 * Guards are guarded by a mutex, under which nobody's memory comes by I/O, as whoever
 * closes and adds exports sees to.  They are there until the module goes.
 */
#include <linux/blkdev.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/watch.h"
#include "base/work.h"
#include "content/content.h"
#include "content/ledger.h"
#include "content/left.h"
#include "content/look.h"
#include "content/reach.h"

/* For the ends, ms. */
#define LOOK_TIMEOUT		10000

#define MAY_HAVE_WRITTEN	"others may have written to the device"

/* Of as many metadata devices; the oldest goes. */
#define GUARDS_MAX		256

/* The disk, since the export of a metadata device ended. */
struct guard {
	struct list_head node;
	u8 uuid[NBDTARGET_META_UUID];
	u64 generation;			/* in which it ended */
	struct nbdt_watch watch;

	/* As in struct nbdt_left. */
	struct nbdtarget_meta_left entry;
	bool gone;
	bool went_on;
};

static DEFINE_MUTEX(guards_mutex);
static LIST_HEAD(guards);		/* the oldest is first */
static unsigned int nr_guards;

/* --- Guards --- */

static struct guard *find_guard(const struct nbdt_ledger *ledger)
{
	struct guard *guard;

	lockdep_assert_held(&guards_mutex);
	list_for_each_entry(guard, &guards, node) {
		if (!memcmp(guard->uuid, ledger->uuid, sizeof(guard->uuid)))
			return guard;
	}
	return NULL;
}

static void dismiss(struct guard *guard)
{
	nbdt_watch_end(&guard->watch);
	list_del(&guard->node);
	kfree(guard);
	nr_guards--;
}

static void post_guard(const struct nbdt_ledger *ledger,
		       struct block_device *bdev)
{
	struct guard *guard;

	mutex_lock(&guards_mutex);
	guard = find_guard(ledger);
	if (guard)
		dismiss(guard);
	else if (nr_guards == GUARDS_MAX)
		dismiss(list_first_entry(&guards, struct guard, node));
	guard = kzalloc(sizeof(*guard), GFP_KERNEL);
	if (guard) {
		memcpy(guard->uuid, ledger->uuid, sizeof(guard->uuid));
		guard->generation = ledger->generation;
		nbdt_watch_begin(&guard->watch, bdev_whole(bdev)->bd_dev);
		list_add_tail(&guard->node, &guards);
		nr_guards++;
	}
	mutex_unlock(&guards_mutex);
}

/* What the disk is like, which took a while to see. */
static void brief_guard(const struct nbdt_ledger *ledger,
			const struct nbdt_left *left)
{
	struct guard *guard;

	mutex_lock(&guards_mutex);
	guard = find_guard(ledger);
	if (guard) {
		guard->entry = left->entry;
		guard->gone = left->gone;
		guard->went_on = left->went_on;
	}
	mutex_unlock(&guards_mutex);
}

/* Of the last export that used the metadata, if the head that was found is of that one. */
static struct guard *guard_of_head(const struct nbdt_ledger *ledger)
{
	u64 generation = le64_to_cpu(ledger->head->mark.generation);
	struct guard *guard = find_guard(ledger);

	return guard && guard->generation == generation ? guard : NULL;
}

/* What is known of the device since the head that was found; false if nothing is. */
static bool recall(const struct nbdt_ledger *ledger, struct guard *copy)
{
	struct guard *guard;

	mutex_lock(&guards_mutex);
	guard = guard_of_head(ledger);
	if (guard)
		*copy = *guard;
	mutex_unlock(&guards_mutex);
	return guard;
}

/* Why it isn't the disk that it was; NULL if nobody has seen that. */
static const char *ask_guard(const struct nbdt_ledger *ledger,
			     const struct block_device *bdev)
{
	const char *why = NULL;
	struct guard *guard;

	mutex_lock(&guards_mutex);
	guard = guard_of_head(ledger);
	if (guard) {
		if (nbdt_watch_changed(&guard->watch))
			why = "the device has changed";
	} else if (nbdt_is_mapped(bdev)) {
		why = "nobody has watched the table of the device";
	}
	mutex_unlock(&guards_mutex);
	return why;
}

/* Nobody leaves anything any more. */
void nbdt_left_exit(void)
{
	struct guard *guard, *next;

	mutex_lock(&guards_mutex);
	list_for_each_entry_safe(guard, next, &guards, node)
		dismiss(guard);
	mutex_unlock(&guards_mutex);
}

/* --- Leaving it --- */

static void look(struct work_struct *work)
{
	struct nbdt_left *left = container_of(work, struct nbdt_left, work);
	unsigned int noio = memalloc_noio_save();

	left->err = nbdt_look_ends(left->content, &left->ends);
	complete(&left->done);
	memalloc_noio_restore(noio);
}

/* As long as that doesn't take too long, and those that were read are its own. */
static void take_ends(struct nbdt_left *left)
{
	queue_work(nbdt_look_wq, &left->work);
	if (!wait_for_completion_timeout(&left->done,
					 msecs_to_jiffies(LOOK_TIMEOUT)) ||
	    left->err || nbdt_content_lost(left->content))
		return;
	left->entry.ends = cpu_to_le32(left->ends);
	left->entry.flags = cpu_to_le32(NBDTARGET_META_ENDS);
}

/**
 * nbdt_left_take - see what the device is like, for the last head to say so
 * @left: the caller's, until nbdt_left_end(); its entry is filled in, and it says what
 *	the head may not
 * @ledger: whose head is going to be written; others may be writing to it
 * @content: nothing of the export writes to its device any more
 * @boot: what the machine's start is known by; empty: that isn't known
 */
void nbdt_left_take(struct nbdt_left *left, const struct nbdt_ledger *ledger,
		    const struct nbdt_content *content, const char *boot)
{
	struct nbdtarget_meta_left *entry = &left->entry;
	struct block_device *bdev = content->bdev;

	INIT_WORK(&left->work, look);
	init_completion(&left->done);
	left->content = content;
	memset(entry, 0, sizeof(*entry));
	/* From here on, before anything is read of it. */
	post_guard(ledger, bdev);
	strscpy(entry->boot, boot, sizeof(entry->boot));
	entry->disk = cpu_to_le64(content->number);
	entry->sector = cpu_to_le64(get_start_sect(bdev));
	entry->written_disk = cpu_to_le64(nbdt_proof_counter(bdev_whole(bdev)));
	entry->written = cpu_to_le64(nbdt_proof_counter(bdev));
	take_ends(left);
	brief_guard(ledger, left);
}

/* The device is going to be closed; if others' hang, it may not have been its turn. */
void nbdt_left_end(struct nbdt_left *left)
{
	cancel_work_sync(&left->work);
}

/* --- Finding it --- */

static bool is_same_boot(const struct nbdtarget_meta_left *entry,
			 const char *boot)
{
	return *boot && !strncmp(entry->boot, boot, sizeof(entry->boot));
}

static bool is_same_disk(const struct nbdtarget_meta_left *entry,
			 const struct nbdt_content *content)
{
	return le64_to_cpu(entry->disk) == content->number &&
	       le64_to_cpu(entry->sector) == get_start_sect(content->bdev);
}

/* Why it isn't proved that nobody has written; NULL if it is. */
static const char *why_unknown(const struct nbdt_ledger *ledger,
			       const struct nbdtarget_meta_left *entry,
			       struct nbdt_content *content, bool has_ends)
{
	struct block_device *disk = bdev_whole(content->bdev);
	const char *why = ask_guard(ledger, content->bdev);

	if (why)
		return why;
	if (!has_ends)
		return "the device couldn't be read";
	if (le64_to_cpu(entry->written_disk) != nbdt_proof_counter(disk) ||
	    !nbdt_content_is_believed(content))
		return MAY_HAVE_WRITTEN;
	return NULL;
}

/* Why its counters tell nothing; NULL if they do. */
static const char *why_uncounted(const struct nbdtarget_meta_left *entry,
				 const struct nbdt_content *content,
				 const char *boot)
{
	if (!is_same_boot(entry, boot))
		return "the machine was started anew, or has slept";
	if (!is_same_disk(entry, content))
		return "the device was set up anew";
	return NULL;
}

static enum nbdt_left_verdict judge(const struct nbdt_ledger *ledger,
				    const struct nbdtarget_meta_left *entry,
				    struct nbdt_content *content,
				    const char *boot, const char **why)
{
	bool has_ends = entry->flags & cpu_to_le32(NBDTARGET_META_ENDS);
	const char *uncounted;
	u32 ends;

	*why = "others have written to the device";
	if (has_ends)
		has_ends = !nbdt_look_ends(content, &ends);
	if (has_ends && ends != le32_to_cpu(entry->ends))
		return NBDT_LEFT_WRITTEN;
	uncounted = why_uncounted(entry, content, boot);
	if (uncounted) {
		*why = has_ends ? uncounted : MAY_HAVE_WRITTEN;
		return has_ends ? NBDT_LEFT_UNKNOWN : NBDT_LEFT_WRITTEN;
	}
	if (nbdt_proof_counter(content->bdev) > le64_to_cpu(entry->written))
		return NBDT_LEFT_WRITTEN;
	*why = why_unknown(ledger, entry, content, has_ends);
	return *why ? NBDT_LEFT_UNKNOWN : NBDT_LEFT_SAME;
}

/* The head isn't the last that there was to be, or it is after a crash. */
static enum nbdt_left_verdict judge_unsaid(const struct nbdt_ledger *ledger,
					   struct nbdt_content *content,
					   const char *boot, const char **why)
{
	struct guard guard;

	*why = MAY_HAVE_WRITTEN;
	if (!recall(ledger, &guard))
		return NBDT_LEFT_UNKNOWN;
	if (guard.gone)
		return NBDT_LEFT_WRITTEN;
	return judge(ledger, &guard.entry, content, boot, why);
}

/**
 * nbdt_left_judge - has anybody written since it was left?
 * @ledger: its head is the one that was found
 * @content: nobody writes to its device yet, and its proof has begun
 * @boot: as in nbdt_left_take()
 * @why: told why it isn't NBDT_LEFT_SAME, in up to 40 characters; NULL if it is
 *
 * Return: what became of it.
 */
enum nbdt_left_verdict nbdt_left_judge(const struct nbdt_ledger *ledger,
				       struct nbdt_content *content,
				       const char *boot, const char **why)
{
	const struct nbdtarget_meta_head *head = ledger->head;

	if (head->flags & cpu_to_le32(NBDTARGET_META_CLEAN))
		return judge(ledger, &head->left, content, boot, why);
	return judge_unsaid(ledger, content, boot, why);
}

/* Is it known that writes went on without the metadata, which may not say so? */
bool nbdt_left_went_on(const struct nbdt_ledger *ledger)
{
	struct guard guard;

	return recall(ledger, &guard) && guard.went_on;
}
