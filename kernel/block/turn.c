// SPDX-License-Identifier: GPL-2.0
/*
 * Turns: what a request that changes the device waits for.
 *
 * A write of part of a block reads the block, changes the part and writes
 * the block back; no other write may touch the block meanwhile, or it would
 * be undone.  So from the first such request on a disk is careful: every
 * write locks its range.  Until then, and again when a while has passed
 * without one, whole blocks are written without any lock.  The mode changes
 * only while no write is being carried out (gate.c).  Whatever only reads has
 * no part in all that.
 *
 * A TRIM or WRITE_ZEROES may be of all of the device and take minutes.  It is
 * carried out in parts, each of which has its range locked, if any has; and it
 * steps aside between two when the gate shall be shut, and goes on when that is
 * open again.  So nobody waits for more than a part of it.
 *
 * Behind the gate, and before anything is done, a request leaves word of what
 * it is going to change in the dirty bitmaps that record (bitmaps.c).
 */
#include <linux/align.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>

#include "base/gate.h"
#include "block/disk.h"
#include "block/request.h"
#include "block/turn.h"
#include "content/bitmaps.h"
#include "content/map.h"

/* TRIM and WRITE_ZEROES go in parts that end at multiples of this. */
#define PART		(64U << 20)
/* So long after the last partial write, whole ones need no locks again. */
#define CAREFUL_TIME	(10 * HZ)

static bool is_long(const struct nbdt_request *req)
{
	return req->cmd.type == NBDT_CMD_TRIM ||
	       req->cmd.type == NBDT_CMD_WRITE_ZEROES;
}

static bool cmd_is_partial(const struct nbdt_request *req)
{
	return (req->cmd.offset | req->cmd.length) &
	       (req->disk->content.block - 1);
}

/* Part of a block will be written with the rest of it. */
static bool needs_care(const struct nbdt_request *req)
{
	return (req->cmd.type == NBDT_CMD_WRITE ||
		req->cmd.type == NBDT_CMD_WRITE_ZEROES) && cmd_is_partial(req);
}

static u64 end_of(const struct nbdt_request *req)
{
	return req->cmd.offset + req->cmd.length;
}

/* A long request's next part begins here. */
static void begin_part(struct nbdt_request *req, u64 at)
{
	req->at = at;
	req->to = min_t(u64, end_of(req),
			ALIGN_DOWN(at + PART, (u64)PART));
}

/* Wait for one's turn to write, or for that of a part; true when it has come. */
static bool lock_range(struct nbdt_request *req)
{
	u32 block = req->disk->content.block;
	u64 from = is_long(req) ? req->at : req->cmd.offset;
	u64 to = is_long(req) ? req->to : end_of(req);

	req->locked = true;
	return nbdt_range_lock(&req->disk->ranges, &req->range,
			       ALIGN_DOWN(from, block), ALIGN(to, block) - 1);
}

/* Called by whoever was in the way, in any context. */
static void granted(struct nbdt_range *range)
{
	struct nbdt_request *req = container_of(range, struct nbdt_request,
						range);

	nbdt_disk_queue(req->disk, &req->work);
}

/* --- Being careful about partial blocks --- */

/* The gate is shut, and nobody inside. */
static void change_careful(struct nbdt_gate_visit *visit)
{
	struct nbdt_disk *disk = container_of(visit, struct nbdt_disk,
					      careful_visit);

	disk->careful = READ_ONCE(disk->want_careful);
	nbdt_gate_open(&disk->content.gate, visit);
}

/* Connections are resumed when it is so. */
static void be_careful(struct nbdt_disk *disk)
{
	WRITE_ONCE(disk->last_unaligned, jiffies);
	WRITE_ONCE(disk->want_careful, true);
	nbdt_gate_shut(&disk->content.gate, &disk->careful_visit);
}

void nbdt_turn_init(struct nbdt_disk *disk)
{
	nbdt_ranges_init(&disk->ranges);
	init_llist_head(&disk->aside);
	nbdt_gate_visit_init(&disk->careful_visit, change_careful);
}

/**
 * nbdt_turn_relax - be careful no longer, when it has been for nothing
 * @disk: the disk
 */
void nbdt_turn_relax(struct nbdt_disk *disk)
{
	if (!READ_ONCE(disk->careful) ||
	    time_before(jiffies, READ_ONCE(disk->last_unaligned) +
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

	if (!nbdt_gate_enter(&disk->content.gate))
		return false;
	if (care && !disk->careful) {
		nbdt_gate_leave(&disk->content.gate);
		be_careful(disk);
		return false;
	}
	if (care)
		WRITE_ONCE(disk->last_unaligned, jiffies);
	req->inside = true;
	return true;
}

/**
 * nbdt_turn_begin - the turn of a request that changes the device
 * @req: complete; its first part, if it is long
 *
 * Through the gate, and the range if need be.
 */
enum nbdt_turn nbdt_turn_begin(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;

	if (!enter(req))
		return NBDT_TURN_NOT;
	if (req->cmd.type == NBDT_CMD_WRITE) {
		req->mapped = true;
		nbdt_map_write_begin(disk->content.map, req->cmd.offset,
				     req->cmd.length);
	}
	if (is_long(req))
		begin_part(req, req->cmd.offset);
	nbdt_bitmaps_record(&disk->content.bitmaps, req->cmd.offset,
			    req->cmd.length);
	if (disk->careful && !lock_range(req))
		return NBDT_TURN_LATER;
	return NBDT_TURN_NOW;
}

/*
 * Those that stepped aside can go on, or end if their clients are gone; the rest
 * steps aside once more.  Any context.
 */
void nbdt_turn_resume(struct nbdt_disk *disk)
{
	struct nbdt_request *req, *next;
	struct llist_node *aside;

	aside = llist_reverse_order(llist_del_all(&disk->aside));
	llist_for_each_entry_safe(req, next, aside, done)
		nbdt_disk_queue(disk, &req->work);
}

/*
 * Outside the gate until it is opened.  The request isn't the caller's any
 * more; the export lasts as long as the caller does, a worker of its own.
 */
static void wait_aside(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;

	llist_add(&req->done, &disk->aside);
	/*
	 * The gate may have been opened before we were on the list; or those on
	 * it told that the export goes, for which they don't wait (slow.c).
	 */
	smp_mb();
	if (!nbdt_gate_is_shut(&disk->content.gate) ||
	    READ_ONCE(disk->content.closing))
		nbdt_turn_resume(disk);
}

/**
 * nbdt_turn_next_part - go on to the next part of a long request
 * @req: carried out up to req->to, which isn't its end; inside the gate
 *
 * Return: whether it can be carried out now.  If not, the request isn't the
 * caller's any more and goes to a worker later, which first asks
 * nbdt_turn_again().
 */
bool nbdt_turn_next_part(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;

	if (req->locked) {
		req->locked = false;
		nbdt_range_unlock(&disk->ranges, &req->range, granted);
	}
	begin_part(req, req->to);
	if (!nbdt_gate_is_shut(&disk->content.gate))
		return !disk->careful || lock_range(req);
	req->inside = false;
	nbdt_gate_leave(&disk->content.gate);
	wait_aside(req);
	return false;
}

/**
 * nbdt_turn_again - can a worker go on with a request?
 * @req: that was queued to it
 *
 * Return: as nbdt_turn_next_part().
 */
bool nbdt_turn_again(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;

	if (req->inside || !is_long(req))
		return true;
	if (!enter(req)) {
		wait_aside(req);
		return false;
	}
	nbdt_bitmaps_record(&disk->content.bitmaps, req->at,
			    end_of(req) - req->at);
	return !disk->careful || lock_range(req);
}

/* Carried out, or failed: others may go.  Also for one that had no turn. */
void nbdt_turn_end(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;

	if (req->mapped)
		nbdt_map_write_end(disk->content.map, req->cmd.offset,
				   req->cmd.length);
	if (req->locked)
		nbdt_range_unlock(&disk->ranges, &req->range, granted);
	if (req->inside)
		nbdt_gate_leave(&disk->content.gate);
}
