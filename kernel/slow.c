// SPDX-License-Identifier: GPL-2.0
/*
 * The slow way to the device: requests that need more than one step, or
 * long.  Each is carried out by a worker of its own that may sleep.
 *
 *  - a WRITE of part of a block: read the blocks at its two ends, merge,
 *    write; the range lock (dispatch.c) is held
 *  - any WRITE that had to wait for the range lock
 *  - TRIM, shrunk to whole blocks (TR1)
 *  - WRITE_ZEROES, the parts of blocks at its ends by read and write
 *  - CACHE of more than one buffer: read piece after piece, drop all
 *
 * What is long goes in pieces and stops between two when nobody waits for
 * the answer any more.
 */
#include <linux/align.h>
#include <linux/blkdev.h>
#include <linux/sched/mm.h>
#include <linux/uio.h>

#include "conn.h"
#include "dispatch.h"
#include "export.h"
#include "io.h"
#include "map.h"
#include "request.h"
#include "slow.h"
#include "trace.h"

/* Most bytes between two looks at whether the client is still there. */
#define PIECE		(64U << 20)

struct workqueue_struct *nbdt_gate_wq;
struct workqueue_struct *nbdt_control_wq;

/* Is it pointless to go on? */
static bool client_gone(const struct nbdt_request *req)
{
	return READ_ONCE(req->conn->gone) ||
	       nbdt_sock_cancelled(&req->conn->sock);
}

/* One logical block, read or written and waited for. */
static int block_io(struct nbdt_export *export, struct page *page, u64 offset,
		    blk_opf_t opf)
{
	struct bio_vec bvec;
	struct bio bio;
	int err;

	bio_init(&bio, export->bdev, &bvec, 1, opf);
	bio.bi_iter.bi_sector = offset >> SECTOR_SHIFT;
	__bio_add_page(&bio, page, export->block, 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

static struct page *alloc_block(struct nbdt_export *export)
{
	return alloc_pages(GFP_KERNEL | __GFP_COMP, get_order(export->block));
}

/* Copy bytes of a block to where they belong in the request's buffer. */
static void fill_buffer(struct nbdt_request *req, u32 at, const void *from,
			u32 len)
{
	struct iov_iter iter;

	iov_iter_bvec(&iter, ITER_DEST, req->bvecs, req->nr_bvecs, req->size);
	iov_iter_advance(&iter, at);
	WARN_ON_ONCE(copy_to_iter(from, len, &iter) != len);
}

/* What the device has around the client's bytes in their first and last block. */
static int merge_ends(struct nbdt_request *req)
{
	struct nbdt_export *export = req->export;
	u64 start = req->cmd.offset - req->head;
	u32 end = req->head + req->cmd.length;
	u32 last = req->size - export->block;
	bool have_first = false;
	struct page *page;
	int err = 0;

	page = alloc_block(export);
	if (!page)
		return -ENOMEM;
	if (req->head) {
		err = block_io(export, page, start, REQ_OP_READ);
		if (err)
			goto out;
		have_first = true;
		fill_buffer(req, 0, page_address(page), req->head);
	}
	if (end != req->size) {
		if (!have_first || last)
			err = block_io(export, page, start + last,
				       REQ_OP_READ);
		if (err)
			goto out;
		fill_buffer(req, end, page_address(page) + (end - last),
			    req->size - end);
	}
out:
	put_page(page);
	return err;
}

/* Goes on to completion by itself unless it fails. */
static int slow_write(struct nbdt_request *req)
{
	int err = 0;

	if (req->size != req->cmd.length)
		err = merge_ends(req);
	if (!err)
		nbdt_io_rw(req);
	return err;
}

static int flush_if_fua(struct nbdt_request *req)
{
	struct block_device *bdev = req->export->bdev;

	if (!(req->cmd.flags & NBDT_CMD_FUA) || !bdev_write_cache(bdev))
		return 0;
	return blkdev_issue_flush(bdev);
}

/* TR1: what is whole of it. */
static int discard_blocks(struct nbdt_request *req, u64 first, u64 end)
{
	struct nbdt_export *export = req->export;
	int err = 0;

	while (first < end && !err) {
		u64 len = min_t(u64, end - first, PIECE);

		if (client_gone(req))
			return -ESHUTDOWN;
		err = blkdev_issue_discard(export->bdev, first >> SECTOR_SHIFT,
					   len >> SECTOR_SHIFT, GFP_KERNEL);
		first += len;
	}
	return err;
}

static int slow_trim(struct nbdt_request *req)
{
	struct nbdt_export *export = req->export;
	u64 start = req->cmd.offset, len = req->cmd.length;
	u64 first = ALIGN(start, export->block);
	u64 end = ALIGN_DOWN(start + len, export->block);
	int err;

	if (!bdev_max_discard_sectors(export->bdev))
		return 0;
	nbdt_map_discard_begin(export->map, start, len);
	err = discard_blocks(req, first, end);
	nbdt_map_discard_end(export->map, start, len, first,
			     err ? first : end);
	/* A hint that the device can't take is still taken. */
	if (err == -EOPNOTSUPP)
		err = 0;
	return err ?: flush_if_fua(req);
}

/* Zero bytes FROM to TO of the block at OFFSET, keeping the rest. */
static int zero_part(struct nbdt_request *req, u64 offset, u32 from, u32 to)
{
	struct nbdt_export *export = req->export;
	struct page *page;
	int err;

	page = alloc_block(export);
	if (!page)
		return -ENOMEM;
	err = block_io(export, page, offset, REQ_OP_READ);
	if (!err) {
		memset(page_address(page) + from, 0, to - from);
		err = block_io(export, page, offset, REQ_OP_WRITE | REQ_SYNC);
	}
	put_page(page);
	return err;
}

static int zero_blocks(struct nbdt_request *req, u64 first, u64 end)
{
	unsigned int flags = 0;
	int err;

	if (req->cmd.flags & NBDT_CMD_NO_HOLE)
		flags |= BLKDEV_ZERO_NOUNMAP;
	if (req->cmd.flags & NBDT_CMD_FAST_ZERO)
		flags |= BLKDEV_ZERO_NOFALLBACK;

	while (first < end) {
		u64 len = min_t(u64, end - first, PIECE);

		if (client_gone(req))
			return -ESHUTDOWN;
		err = blkdev_issue_zeroout(req->export->bdev,
					   first >> SECTOR_SHIFT,
					   len >> SECTOR_SHIFT, GFP_KERNEL,
					   flags);
		if (err)
			return err;
		first += len;
	}
	return 0;
}

/* Does the device have a way that is faster than writing?  WZ4 */
static bool fast_zero_possible(const struct nbdt_request *req)
{
	return bdev_write_zeroes_sectors(req->export->bdev) &&
	       !((req->cmd.offset | req->cmd.length) &
		 (req->export->block - 1));
}

static int zero_range(struct nbdt_request *req)
{
	u32 block = req->export->block;
	u64 start = req->cmd.offset;
	u64 end = start + req->cmd.length;
	u64 first = ALIGN(start, block);
	u64 last = ALIGN_DOWN(end, block);
	int err = 0;

	if (first > last)	/* inside one block */
		return zero_part(req, last, start - last, end - last);
	if (start < first)
		err = zero_part(req, first - block, start - (first - block),
				block);
	if (!err && end > last)
		err = zero_part(req, last, 0, end - last);
	return err ?: zero_blocks(req, first, last);
}

static int slow_write_zeroes(struct nbdt_request *req)
{
	int err;

	if ((req->cmd.flags & NBDT_CMD_FAST_ZERO) && !fast_zero_possible(req)) {
		req->error = NBDT_ENOTSUP;
		return 0;
	}
	nbdt_map_zero_begin(req->export->map, req->cmd.offset,
			    req->cmd.length);
	err = zero_range(req);
	nbdt_map_zero_end(req->export->map, req->cmd.offset, req->cmd.length,
			  !err);
	if (err == -EOPNOTSUPP && (req->cmd.flags & NBDT_CMD_FAST_ZERO)) {
		req->error = NBDT_ENOTSUP;
		return 0;
	}
	return err ?: flush_if_fua(req);
}

/* The buffer holds one piece; it is read into again and again. */
static int slow_cache(struct nbdt_request *req)
{
	struct nbdt_export *export = req->export;
	u64 at = ALIGN_DOWN(req->cmd.offset, export->block);
	u64 end = ALIGN(req->cmd.offset + req->cmd.length, export->block);
	struct bio bio;
	int err = 0;

	while (at < end && !err) {
		if (client_gone(req))
			return -ESHUTDOWN;
		bio_init(&bio, export->bdev, req->bvecs, req->nr_bvecs,
			 REQ_OP_READ);
		bio.bi_vcnt = req->nr_bvecs;
		bio.bi_iter.bi_sector = at >> SECTOR_SHIFT;
		bio.bi_iter.bi_size = min_t(u64, req->size, end - at);
		at += bio.bi_iter.bi_size;
		err = submit_bio_wait(&bio);
		bio_uninit(&bio);
	}
	return err;
}

static void slow_work(struct work_struct *work)
{
	struct nbdt_request *req = container_of(work, struct nbdt_request,
						work);
	unsigned int noio = memalloc_noio_save();
	int err;

	trace_nbdt_request_slow(req);
	switch (req->cmd.type) {
	case NBDT_CMD_WRITE:
		err = slow_write(req);
		if (!err)
			goto out;	/* the bio completes it */
		break;
	case NBDT_CMD_TRIM:
		err = slow_trim(req);
		break;
	case NBDT_CMD_WRITE_ZEROES:
		err = slow_write_zeroes(req);
		break;
	case NBDT_CMD_CACHE:
		err = slow_cache(req);
		break;
	default:
		WARN_ON_ONCE(1);
		err = -EIO;
	}
	req->status = err;
	nbdt_request_complete(req);
out:
	memalloc_noio_restore(noio);
}

/* Have a worker carry out the request.  Any context. */
void nbdt_slow_queue(struct nbdt_request *req)
{
	INIT_WORK(&req->work, slow_work);
	queue_work(req->export->slow_wq, &req->work);
}

int nbdt_slow_init(void)
{
	nbdt_gate_wq = alloc_workqueue("nbdt_gate", WQ_UNBOUND | WQ_MEM_RECLAIM,
				       0);
	if (!nbdt_gate_wq)
		return -ENOMEM;
	nbdt_control_wq = alloc_workqueue("nbdt_control", WQ_UNBOUND, 0);
	if (!nbdt_control_wq) {
		destroy_workqueue(nbdt_gate_wq);
		return -ENOMEM;
	}
	return 0;
}

void nbdt_slow_exit(void)
{
	destroy_workqueue(nbdt_control_wq);
	destroy_workqueue(nbdt_gate_wq);
}
