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
 * Behind the gate, and before anything is done, a request leaves word of what
 * it is going to change in the dirty bitmaps that record (bitmaps.c).
 */
#include <linux/align.h>
#include <linux/minmax.h>

#include "dispatch.h"
#include "export.h"
#include "gate.h"
#include "io.h"
#include "map.h"
#include "request.h"
#include "slow.h"
#include "status.h"

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

/* Wait for one's turn to write; true when it has come. */
static bool lock_range(struct nbdt_request *req)
{
	u32 block = req->export->block;
	u64 first = ALIGN_DOWN(req->cmd.offset, block);
	u64 last = ALIGN(req->cmd.offset + req->cmd.length, block) - 1;

	req->locked = true;
	return nbdt_range_lock(&req->export->ranges, &req->range, first, last);
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
	nbdt_bitmaps_record(&export->bitmaps, req->cmd.offset, req->cmd.length);
	if (export->careful && !lock_range(req))
		return LATER;
	return ITS_TURN;
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
