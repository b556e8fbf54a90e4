// SPDX-License-Identifier: GPL-2.0
/*
 * Who carries out a request, and what it has to wait for before.
 *
 * The block layer takes reads and writes of whole logical blocks at once.
 * All else goes to a slow worker (slow.c): what isn't aligned and has to be
 * merged with what is on the device, and what may take long.
 *
 * A write of part of a block reads the block, changes the part and writes
 * the block back; no other write may touch the block meanwhile, or it would
 * be undone.  So from the first such request on an export is careful: every
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
#include <linux/minmax.h>

#include "block/dispatch.h"
#include "block/export.h"
#include "base/gate.h"
#include "block/io.h"
#include "content/map.h"
#include "session/request.h"
#include "block/slow.h"
#include "session/status.h"

static bool is_partial(const struct nbdt_request *req)
{
	return req->size != req->cmd.length;
}

/**
 * nbdt_dispatch_shape - how large a buffer a request needs
 * @req: judged to be good; head and size are set
 *
 * No buffer (size 0) for requests without data.
 */
void nbdt_dispatch_shape(struct nbdt_request *req)
{
	u32 block = req->export->block;
	u64 length = req->cmd.length;

	switch (req->cmd.type) {
	case NBDT_CMD_CACHE:
		length = min_t(u64, length, NBDT_CACHE_PIECE);
		fallthrough;
	case NBDT_CMD_READ:
	case NBDT_CMD_WRITE:
		if (!length || req->hole)
			return;
		req->head = req->cmd.offset & (block - 1);
		req->size = ALIGN(req->head + length, block);
		return;
	case NBDT_CMD_BLOCK_STATUS:
		req->size = req->cmd.payload ?: nbdt_status_size(req);
		return;
	}
}

static bool cmd_is_partial(const struct nbdt_request *req)
{
	return (req->cmd.offset | req->cmd.length) & (req->export->block - 1);
}

/* Part of a block will be written with the rest of it. */
static bool needs_care(const struct nbdt_request *req)
{
	return (req->cmd.type == NBDT_CMD_WRITE ||
		req->cmd.type == NBDT_CMD_WRITE_ZEROES) && cmd_is_partial(req);
}

static void execute(struct nbdt_request *req)
{
	switch (req->cmd.type) {
	case NBDT_CMD_READ:
		nbdt_io_rw(req);
		break;
	case NBDT_CMD_WRITE:
		if (is_partial(req))
			nbdt_slow_queue(req);
		else
			nbdt_io_rw(req);
		break;
	case NBDT_CMD_FLUSH:
		nbdt_io_flush(req);
		break;
	case NBDT_CMD_CACHE:
		if (req->cmd.length <= NBDT_CACHE_PIECE)
			nbdt_io_rw(req);
		else
			nbdt_slow_queue(req);
		break;
	default:
		nbdt_slow_queue(req);
	}
}

static bool is_long(const struct nbdt_request *req)
{
	return req->cmd.type == NBDT_CMD_TRIM ||
	       req->cmd.type == NBDT_CMD_WRITE_ZEROES;
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
			ALIGN_DOWN(at + NBDT_PART, (u64)NBDT_PART));
}

/* Wait for one's turn to write, or for that of a part; true when it has come. */
static bool lock_range(struct nbdt_request *req)
{
	u32 block = req->export->block;
	u64 from = is_long(req) ? req->at : req->cmd.offset;
	u64 to = is_long(req) ? req->to : end_of(req);

	req->locked = true;
	return nbdt_range_lock(&req->export->ranges, &req->range,
			       ALIGN_DOWN(from, block), ALIGN(to, block) - 1);
}

/* Called by whoever was in the way, in any context. */
void nbdt_dispatch_granted(struct nbdt_range *range)
{
	nbdt_slow_queue(container_of(range, struct nbdt_request, range));
}

enum turn {
	ITS_TURN,
	LATER,		/* it is the range's now, perhaps carried out already */
	NOT_NOW,	/* still the caller's */
};

/* What changes the device: through the gate, and the range if need be. */
static enum turn begin_write(struct nbdt_request *req)
{
	struct nbdt_export *export = req->export;
	bool care = needs_care(req);

	if (!nbdt_gate_enter(&export->gate))
		return NOT_NOW;
	if (care && !export->careful) {
		nbdt_gate_leave(&export->gate);
		nbdt_export_be_careful(export);
		return NOT_NOW;
	}
	if (care)
		WRITE_ONCE(export->last_unaligned, jiffies);
	req->inside = true;
	if (req->cmd.type == NBDT_CMD_WRITE) {
		req->mapped = true;
		nbdt_map_write_begin(export->map, req->cmd.offset,
				     req->cmd.length);
	}
	if (is_long(req))
		begin_part(req, req->cmd.offset);
	nbdt_bitmaps_record(&export->bitmaps, req->cmd.offset, req->cmd.length);
	if (export->careful && !lock_range(req))
		return LATER;
	return ITS_TURN;
}

/*
 * Those that stepped aside can go on, or end if their clients are gone; the rest
 * steps aside once more.  Any context.
 */
void nbdt_dispatch_resume(struct nbdt_export *export)
{
	struct nbdt_request *req, *next;
	struct llist_node *aside;

	aside = llist_reverse_order(llist_del_all(&export->aside));
	llist_for_each_entry_safe(req, next, aside, done)
		nbdt_slow_queue(req);
}

/*
 * Outside the gate until it is opened.  The request isn't the caller's any
 * more; the export lasts as long as the caller does, a worker of its own.
 */
static void wait_aside(struct nbdt_request *req)
{
	struct nbdt_export *export = req->export;

	llist_add(&req->done, &export->aside);
	/*
	 * The gate may have been opened before we were on the list; or those on
	 * it told that the export goes, for which they don't wait (slow.c).
	 */
	smp_mb();
	if (!nbdt_gate_is_shut(&export->gate) || READ_ONCE(export->removing))
		nbdt_dispatch_resume(export);
}

/**
 * nbdt_dispatch_next_part - go on to the next part of a long request
 * @req: carried out up to req->to, which isn't its end; inside the gate
 *
 * Return: whether it can be carried out now.  If not, the request isn't the
 * caller's any more and goes to a worker later, which first asks
 * nbdt_dispatch_again().
 */
bool nbdt_dispatch_next_part(struct nbdt_request *req)
{
	struct nbdt_export *export = req->export;

	if (req->locked) {
		req->locked = false;
		nbdt_range_unlock(&export->ranges, &req->range,
				  nbdt_dispatch_granted);
	}
	begin_part(req, req->to);
	if (!nbdt_gate_is_shut(&export->gate))
		return !export->careful || lock_range(req);
	req->inside = false;
	nbdt_gate_leave(&export->gate);
	wait_aside(req);
	return false;
}

/**
 * nbdt_dispatch_again - can a worker go on with a request?
 * @req: that was queued to it
 *
 * Return: as nbdt_dispatch_next_part().
 */
bool nbdt_dispatch_again(struct nbdt_request *req)
{
	struct nbdt_export *export = req->export;

	if (req->inside || !is_long(req))
		return true;
	if (!nbdt_gate_enter(&export->gate)) {
		wait_aside(req);
		return false;
	}
	req->inside = true;
	nbdt_bitmaps_record(&export->bitmaps, req->at, end_of(req) - req->at);
	return !export->careful || lock_range(req);
}

/* TX15: nothing to do, or nothing that takes the device. */
static bool is_done_at_once(const struct nbdt_request *req)
{
	if (req->cmd.type == NBDT_CMD_FLUSH)
		return false;
	return !req->cmd.length || req->hole ||
	       req->cmd.type == NBDT_CMD_BLOCK_STATUS;
}

/**
 * nbdt_dispatch - have a request carried out; thread of the connection only
 * @req: complete, with its buffer if it needs one
 *
 * Return: 0 when the request is underway: nbdt_request_complete() follows,
 * perhaps before this returns.  -EBUSY when it can't be now: the connection
 * is resumed when it is worth another try.
 */
int nbdt_dispatch(struct nbdt_request *req)
{
	if (req->cmd.type == NBDT_CMD_BLOCK_STATUS)
		nbdt_status_fill(req);
	if (is_done_at_once(req)) {
		nbdt_request_complete(req);
		return 0;
	}

	if (nbdt_proto_cmd_writes(&req->cmd)) {
		int turn = begin_write(req);

		if (turn != ITS_TURN)
			return turn == NOT_NOW ? -EBUSY : 0;
	}
	execute(req);
	return 0;
}
