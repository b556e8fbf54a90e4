// SPDX-License-Identifier: GPL-2.0
/*
 * Turns: what a request that changes the device waits for.
 *
 * A write of part of a block reads the block, changes the part and writes
 * the block back; no other write may touch the block meanwhile, or it would
 * be undone.  So from the first such request on a disk is careful: every
 * write locks its range.  Until then, and again when a while has passed
 * without one, whole blocks are written without any lock.  The mode changes
 * only when none of those is being carried out that came through the gate
 * before (gate.c).  That may take as long as one of them hangs, and only a
 * partial write has to wait for it: whole ones pass by the side door meanwhile,
 * with their range locked, which goes with either mode.  Whatever only reads
 * has no part in all that.
 *
 * Who finds the gate shut, or the wrong mode, waits aside: on a list of the disk,
 * without its connection, which goes on to what needs no turn.  When the gate is
 * opened, each goes to a worker, and asks again.  Those whose clients are gone
 * don't wait: nobody is told what became of them.
 *
 * A TRIM or WRITE_ZEROES may be of all of the device and take minutes.  Of one
 * that is long, each part has a turn of its own, which a worker waits for: it
 * enters the gate, has its range locked if any has, and leaves.  Between two
 * parts a long request is nowhere, so nobody waits for more than a part of it,
 * and no more of them are inside than there are workers for long ones (disk.h).
 * They have their ranges before they enter, so as not to wait for each other inside.
 *
 * Behind the gate, and before anything is done, a request leaves word of what
 * it is going to change in the dirty bitmaps that record (bitmaps.c).  Where that has
 * to survive a crash and can't yet (intent.c), it leaves again, waits on another
 * list until the metadata's writer has run, and asks anew from the gate on.
 */
#include <linux/align.h>
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>

#include "base/gate.h"
#include "block/disk.h"
#include "block/origin.h"
#include "block/request.h"
#include "block/turn.h"
#include "content/bitmaps.h"
#include "content/intent.h"
#include "content/map.h"

/* A TRIM, WRITE_ZEROES or CACHE of more than this is long... */
#define LONG		SZ_1M
/* ...and goes in parts of about this. */
#define PART		SZ_64M
/* So long after the last partial write, whole ones need no locks again. */
#define CAREFUL_TIME	(10 * HZ)

/* Does it take so long that others shouldn't wait for all of it? */
bool nbdt_turn_is_long(const struct nbdt_request *req)
{
	return req->cmd.length > LONG &&
	       (req->cmd.type == NBDT_CMD_TRIM ||
		req->cmd.type == NBDT_CMD_WRITE_ZEROES ||
		req->cmd.type == NBDT_CMD_CACHE);
}

/* Part of a block will be written with the rest of it. */
static bool needs_care(const struct nbdt_request *req)
{
	return (req->cmd.type == NBDT_CMD_WRITE ||
		req->cmd.type == NBDT_CMD_WRITE_ZEROES) &&
	       nbdt_disk_is_partial(req->disk, &req->cmd);
}

static u64 end_of(const struct nbdt_request *req)
{
	return req->cmd.offset + req->cmd.length;
}

/* Wait for one's turn at a range; true when it has come. */
static bool lock_range(struct nbdt_request *req, u64 from, u64 to)
{
	u32 block = req->disk->content.block;

	req->locked = true;
	req->passed = false;
	return nbdt_range_lock(&req->disk->ranges, &req->range,
			       ALIGN_DOWN(from, block), ALIGN(to, block) - 1);
}

/* Called by whoever was in the way, in any context. */
static void granted(struct nbdt_range *range)
{
	struct nbdt_request *req = container_of(range, struct nbdt_request,
						range);

	if (nbdt_turn_is_long(req))
		complete(req->waiter);
	else
		nbdt_disk_queue(req->disk, &req->work);
}

/* --- Being careful about partial blocks --- */

/* The gate is shut, and nobody inside but who has its range. */
static void change_careful(struct nbdt_gate_visit *visit)
{
	struct nbdt_disk *disk = container_of(visit, struct nbdt_disk,
					      careful_visit);

	disk->careful = READ_ONCE(disk->want_careful);
	nbdt_gate_open(&disk->content.gate, visit);
}

/*
 * Requests are resumed when it is so.  If it is, and was about to change, that is
 * taken back.
 */
static void be_careful(struct nbdt_disk *disk)
{
	bool wanted = READ_ONCE(disk->want_careful);

	WRITE_ONCE(disk->last_partial, jiffies);
	WRITE_ONCE(disk->want_careful, true);
	if (!READ_ONCE(disk->careful))
		nbdt_gate_shut(&disk->content.gate, &disk->careful_visit);
	else if (!wanted)
		nbdt_gate_open(&disk->content.gate, &disk->careful_visit);
}

void nbdt_turn_init(struct nbdt_disk *disk)
{
	nbdt_ranges_init(&disk->ranges);
	init_llist_head(&disk->aside);
	init_llist_head(&disk->unlogged);
	nbdt_gate_visit_init(&disk->careful_visit, change_careful);
}

/**
 * nbdt_turn_relax - be careful no longer, when it has been for nothing
 * @disk: the disk
 */
void nbdt_turn_relax(struct nbdt_disk *disk)
{
	if (!READ_ONCE(disk->careful) ||
	    time_before(jiffies, READ_ONCE(disk->last_partial) +
				 CAREFUL_TIME))
		return;
	WRITE_ONCE(disk->want_careful, false);
	nbdt_gate_shut(&disk->content.gate, &disk->careful_visit);
}

/*
 * Through the gate, in the mode that the request needs; false when that can't be
 * now, but may be when the gate is opened.  One that comes back asks again: the
 * mode may have changed while it was outside.
 */
static bool enter(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;
	bool care = needs_care(req);

	if (!nbdt_gate_enter(&disk->content.gate)) {
		if (care)
			be_careful(disk);
		return false;
	}
	if (care && !disk->careful) {
		nbdt_gate_leave(&disk->content.gate);
		be_careful(disk);
		return false;
	}
	if (care)
		WRITE_ONCE(disk->last_partial, jiffies);
	req->inside = true;
	return true;
}

/* May it pass by the side door?  Not if it has to wait for the mode. */
static bool may_pass(const struct nbdt_request *req)
{
	return !needs_care(req) && nbdt_gate_lets_pass(&req->disk->content.gate);
}

/* One that was turned away: inside all the same, if nobody minds it with its range. */
static bool pass(struct nbdt_request *req)
{
	if (!req->locked || !may_pass(req) ||
	    !nbdt_gate_pass(&req->disk->content.gate))
		return false;
	req->inside = true;
	req->passed = true;
	return true;
}

/* Have a worker carry it out, one of those for its kind.  Any context. */
void nbdt_turn_queue(struct nbdt_request *req)
{
	if (nbdt_turn_is_long(req))
		nbdt_disk_queue_long(req->disk, &req->work);
	else
		nbdt_disk_queue(req->disk, &req->work);
}

/* In the order in which they came. */
static void queue_all(struct llist_head *list)
{
	struct llist_node *all = llist_reverse_order(llist_del_all(list));
	struct nbdt_request *req, *next;

	llist_for_each_entry_safe(req, next, all, done)
		nbdt_turn_queue(req);
}

/*
 * Those that wait aside can go on, or end if their clients are gone; the rest
 * steps aside once more.  Any context.
 */
void nbdt_turn_resume(struct nbdt_disk *disk)
{
	queue_all(&disk->aside);
}

/* The log has taken what it could: who waits for it asks anew.  Any context. */
void nbdt_turn_logged(struct nbdt_disk *disk)
{
	queue_all(&disk->unlogged);
}

/*
 * Outside the gate until it is opened.  The request isn't the caller's any
 * more, nor is the client there for sure; the export lasts as long as the caller does,
 * a worker of its own, and the origin's memory for an RCU grace period.
 */
static void wait_aside(struct nbdt_request *req)
{
	const struct nbdt_origin *origin = req->origin;
	struct nbdt_disk *disk = req->disk;
	bool care = needs_care(req), gone;

	rcu_read_lock();
	llist_add(&req->done, &disk->aside);
	/*
	 * The gate may have been opened before we were on the list, or its side
	 * door; or those on it told that the client goes, for which they don't
	 * wait (slow.c).
	 */
	smp_mb();
	gone = nbdt_origin_is_gone(origin);
	rcu_read_unlock();
	if (gone || !nbdt_gate_is_shut(&disk->content.gate) ||
	    (!care && nbdt_gate_lets_pass(&disk->content.gate)))
		nbdt_turn_resume(disk);
}

/*
 * Outside the gate until the log has what the request changes, or has failed
 * (slow.c), which it has when its device hangs (scribe.c); or the client is gone.  The
 * request isn't the caller's any more; what lasts, and why it is asked about the
 * client, is as in wait_aside().
 */
static void wait_for_log(struct nbdt_request *req)
{
	const struct nbdt_origin *origin = req->origin;
	struct nbdt_disk *disk = req->disk;
	struct nbdt_intent *intent = disk->content.bitmaps.intent;
	bool gone;

	nbdt_turn_end(req);
	rcu_read_lock();
	/* Who is on the list when the writer begins is resumed when it is done. */
	llist_add(&req->done, &disk->unlogged);
	/* Or the log has ended, or those on the list told that the client goes. */
	smp_mb();
	gone = nbdt_origin_is_gone(origin);
	rcu_read_unlock();
	intent->wanted(intent);
	if (gone || nbdt_intent_has_ended(intent))
		nbdt_turn_logged(disk);
}

/*
 * One that is turned away, and not long: is it let in by the side door?  If not, the
 * request isn't the caller's any more.
 */
static bool begin_passing(struct nbdt_request *req)
{
	if (may_pass(req) && !req->locked &&
	    !lock_range(req, req->cmd.offset, end_of(req)))
		return false;
	if (pass(req))
		return true;
	nbdt_turn_end(req);
	wait_aside(req);
	return false;
}

/**
 * nbdt_turn_begin - the turn of a request that changes the device
 * @req: complete, not long
 *
 * Through the gate, and the range if need be.
 *
 * Return: whether it can be carried out now.  If not, the request isn't the
 * caller's any more: it goes to a worker later, which has to ask again unless
 * it is inside.
 */
bool nbdt_turn_begin(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;
	u64 from = req->cmd.offset, to = end_of(req);

	if (!enter(req) && !begin_passing(req))
		return false;
	if (!nbdt_bitmaps_record(&disk->content.bitmaps, from,
				 req->cmd.length)) {
		wait_for_log(req);
		return false;
	}
	if (req->cmd.type == NBDT_CMD_WRITE &&
	    nbdt_map_is_on(disk->content.map)) {
		req->mapped = true;
		nbdt_map_write_begin(disk->content.map, from, req->cmd.length);
	}
	return !disk->careful || req->locked || lock_range(req, from, to);
}

/* By the side door, if it came by that. */
static void end_passing(struct nbdt_request *req)
{
	if (!req->passed)
		return;
	req->passed = false;
	req->inside = false;
	nbdt_gate_passed(&req->disk->content.gate);
}

/* Carried out, or failed: others may go.  Also for one that has no turn. */
void nbdt_turn_end(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;

	if (req->mapped) {
		nbdt_map_write_end(disk->content.map, req->cmd.offset,
				   req->cmd.length);
		if (likely(!req->status))
			nbdt_proof_wrote(&disk->content.proof, req->size);
	}
	if (req->locked) {
		req->locked = false;
		nbdt_range_unlock(&disk->ranges, &req->range, granted);
		end_passing(req);
	}
	if (req->inside) {
		req->inside = false;
		nbdt_gate_leave(&disk->content.gate);
	}
}

/* Outside the gate, as others that are as long may come before. */
static void wait_for_range(struct nbdt_request *req)
{
	DECLARE_COMPLETION_ONSTACK(waiter);

	req->waiter = &waiter;
	if (!lock_range(req, req->at, req->to))
		wait_for_completion_state(&waiter, TASK_IDLE);
}

/* Be inside, with the range if any has one; false when the gate is shut. */
static bool enter_with_range(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;

	for (;;) {
		if (READ_ONCE(disk->careful) ||
		    (nbdt_gate_is_shut(&disk->content.gate) && may_pass(req)))
			wait_for_range(req);
		if (!enter(req) && !pass(req))
			break;
		if (req->locked || !disk->careful)
			return true;
		/* The mode has changed in between. */
		nbdt_turn_end(req);
	}
	nbdt_turn_end(req);
	return false;
}

/* Is the device to give back what it has for the range? */
static bool gives_back(const struct nbdt_request *req)
{
	return req->cmd.type == NBDT_CMD_TRIM ||
	       (req->cmd.type == NBDT_CMD_WRITE_ZEROES &&
		!(req->cmd.flags & NBDT_CMD_NO_HOLE) &&
		bdev_write_zeroes_sectors(req->disk->content.bdev));
}

/* As long as anything may be at a time: the write-intent log has to take all of it. */
static u64 log_most(const struct nbdt_request *req)
{
	const struct nbdt_intent *intent = req->disk->content.bitmaps.intent;

	return intent ? nbdt_intent_reach(intent) : U64_MAX;
}

/*
 * In bytes: what a device gives back at once, or 1.  A device may call it more
 * than a part; its zeroes have to be cut then all the same, as who can't give
 * them back writes them.  So has all that the log can't take.
 */
static u64 grain_of(const struct nbdt_request *req, u64 part)
{
	u64 grain = 0;

	if (gives_back(req))
		grain = bdev_discard_granularity(req->disk->content.bdev);
	if (grain > part && (req->cmd.type != NBDT_CMD_TRIM ||
			     grain > log_most(req)))
		grain = 0;
	return grain ?: 1;
}

/* As long as a part may be. */
static u64 part_most(const struct nbdt_request *req)
{
	return min_t(u64, PART, log_most(req));
}

/*
 * Where the part that begins at AT has to end, if there is that much: between two
 * grains, as one that is cut isn't given back.
 */
static u64 part_end(const struct nbdt_request *req, u64 at)
{
	u64 most = part_most(req), grain = grain_of(req, most);
	u64 part = grain, first = 0;

	if (grain < most)
		part = most / grain * grain;
	if (grain > 1)
		first = bdev_discard_alignment(req->disk->content.bdev) % grain;
	if (at < first)
		return first;
	return at - (at - first) % part + part;
}

/**
 * nbdt_turn_begin_part - the turn of a part of a long request
 * @req: carried out up to req->at; the caller is a worker for long ones
 *
 * The part ends at req->to.  Waits for the range.
 *
 * Return: as nbdt_turn_begin(); one that only reads always has its turn.
 */
bool nbdt_turn_begin_part(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;

	req->to = min(end_of(req), part_end(req, req->at));
	if (!nbdt_proto_cmd_writes(&req->cmd))
		return true;
	if (!enter_with_range(req)) {
		wait_aside(req);
		return false;
	}
	if (!nbdt_bitmaps_record(&disk->content.bitmaps, req->at,
				 req->to - req->at)) {
		wait_for_log(req);
		return false;
	}
	return true;
}

/* The part is done, and isn't the last; those who wait have their turn first. */
void nbdt_turn_end_part(struct nbdt_request *req)
{
	nbdt_turn_end(req);
	req->at = req->to;
	nbdt_turn_queue(req);
}
