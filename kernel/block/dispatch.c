// SPDX-License-Identifier: GPL-2.0
/*
 * Who carries out a request.
 *
 * The block layer takes reads and writes of whole logical blocks at once.
 * All else goes to a slow worker (slow.c): what isn't aligned and has to be
 * merged with what is on the device, what may take long, and what the host has in
 * its page cache.  What changes the device has to wait for its turn before
 * (turn.c).
 */
#include <linux/align.h>
#include <linux/minmax.h>

#include "block/complete.h"
#include "block/disk.h"
#include "block/dispatch.h"
#include "block/io.h"
#include "block/pages.h"
#include "block/request.h"
#include "block/turn.h"

/**
 * nbdt_dispatch_shape - how large a buffer a request needs
 * @req: judged to be good; head and size are set
 *
 * No buffer (size 0) for requests without data.
 */
void nbdt_dispatch_shape(struct nbdt_request *req)
{
	u32 block = req->disk->content.block;
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
	}
}

/* Has the host cached what is going to change? */
static bool holds_pages(const struct nbdt_request *req)
{
	return nbdt_pages_hold(req->disk->pages, req->cmd.offset,
			       req->cmd.offset + req->cmd.length);
}

static void execute(struct nbdt_request *req)
{
	switch (req->cmd.type) {
	case NBDT_CMD_READ:
		if (nbdt_pages_hide(req->disk->pages))
			nbdt_disk_queue(req->disk, &req->work);
		else
			nbdt_io_rw(req);
		break;
	case NBDT_CMD_WRITE:
		if (nbdt_disk_is_partial(req->disk, &req->cmd) || holds_pages(req))
			nbdt_disk_queue(req->disk, &req->work);
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
			nbdt_turn_queue(req);
		break;
	default:
		nbdt_disk_queue(req->disk, &req->work);
	}
}

/* TX15: nothing to do, or nothing that takes the device. */
static bool is_done_at_once(const struct nbdt_request *req)
{
	if (req->cmd.type == NBDT_CMD_FLUSH)
		return false;
	return !req->cmd.length || req->hole;
}

/* Long ones have a turn for each part, when they come to it. */
static bool has_turn(struct nbdt_request *req)
{
	if (!nbdt_proto_cmd_writes(&req->cmd))
		return true;
	/* Perhaps since its header came. */
	if (nbdt_disk_is_locked(req->disk)) {
		req->error = NBDT_EPERM;
		req->text = "the device can't be written any more";
		nbdt_request_complete(req);
		return false;
	}
	if (!nbdt_turn_is_long(req))
		return nbdt_turn_begin(req);
	nbdt_turn_queue(req);
	return false;
}

/**
 * nbdt_dispatch - have a request carried out; thread of the connection only
 * @req: complete, with its buffer if it needs one
 *
 * nbdt_request_complete() follows, perhaps before this returns.
 */
void nbdt_dispatch(struct nbdt_request *req)
{
	if (is_done_at_once(req))
		nbdt_request_complete(req);
	else if (has_turn(req))
		execute(req);
}
