// SPDX-License-Identifier: GPL-2.0
/*
 * The slow way to the device: requests that need more than one step, or
 * long.  Each is carried out by a worker of its own that may sleep.
 *
 *  - a WRITE of part of a block: read the blocks at its two ends, merge,
 *    write; its range is locked (turn.c)
 *  - any WRITE that had to wait for the range lock
 *  - a READ or WRITE of what the host has in its page cache (pages.c)
 *  - TRIM, shrunk to whole blocks (TR1)
 *  - WRITE_ZEROES, the parts of blocks at its ends by read and write
 *  - CACHE of more than one buffer: read piece after piece, drop all
 *
 * What is long goes in parts, and has another worker, or this one later, go on
 * with the next: so those that are under way get on side by side, however few
 * workers they have, and others pass between two parts (turn.c).  It ends early
 * when nobody waits for the answer any more.
 */
#include <linux/align.h>
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include <linux/vmalloc.h>

#include "block/complete.h"
#include "block/disk.h"
#include "block/io.h"
#include "block/origin.h"
#include "block/pages.h"
#include "block/request.h"
#include "block/request_trace.h"
#include "block/slow.h"
#include "block/turn.h"
#include "content/intent.h"
#include "content/map.h"

/* Of memory in one piece, or of pages that only look so. */
static struct page *page_of(const void *p)
{
	return is_vmalloc_addr(p) ? vmalloc_to_page(p) : virt_to_page(p);
}

/* One logical block, read or written and waited for. */
static int block_io(struct nbdt_disk *disk, void *block, u64 offset,
		    blk_opf_t opf)
{
	struct bio_vec bvecs[NBDT_BLOCK_MAX / PAGE_SIZE];
	u32 size = disk->content.block, done, len;
	struct bio bio;
	int err;

	bio_init(&bio, disk->content.bdev, bvecs, ARRAY_SIZE(bvecs), opf);
	bio.bi_iter.bi_sector = offset >> SECTOR_SHIFT;
	for (done = 0; done < size; done += len) {
		len = min_t(u32, size - done, PAGE_SIZE);
		__bio_add_page(&bio, page_of(block + done), len,
			       offset_in_page(block + done));
	}
	flush_kernel_vmap_range(block, size);
	err = submit_bio_wait(&bio);
	invalidate_kernel_vmap_range(block, size);
	bio_uninit(&bio);
	return err;
}

/* Of one page or more; many in one piece may not be had. */
static void *alloc_block(struct nbdt_disk *disk)
{
	return kvmalloc(disk->content.block, GFP_KERNEL | __GFP_NOWARN);
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
	struct nbdt_disk *disk = req->disk;
	u64 start = req->cmd.offset - req->head;
	u32 end = req->head + req->cmd.length;
	u32 last = req->size - disk->content.block;
	bool have_first = false;
	void *block;
	int err = 0;

	block = alloc_block(disk);
	if (!block)
		return -ENOMEM;
	if (req->head) {
		err = block_io(disk, block, start, REQ_OP_READ);
		if (err)
			goto out;
		have_first = true;
		fill_buffer(req, 0, block, req->head);
	}
	if (end != req->size) {
		if (!have_first || last)
			err = block_io(disk, block, start + last,
				       REQ_OP_READ);
		if (err)
			goto out;
		fill_buffer(req, end, block + (end - last), req->size - end);
	}
out:
	kvfree(block);
	return err;
}

/* What the host has cached of the blocks that are going to change. */
static int drop_pages(struct nbdt_request *req, u64 from, u64 to)
{
	u32 block = req->disk->content.block;

	return nbdt_pages_drop(req->disk->pages, ALIGN_DOWN(from, block),
			       ALIGN(to, block));
}

/* The same, when they have changed. */
static void forget_pages(struct nbdt_request *req, u64 from, u64 to)
{
	u32 block = req->disk->content.block;

	nbdt_pages_forget(req->disk->pages, ALIGN_DOWN(from, block),
			  ALIGN(to, block));
}

/* Return: whether it is done with; it goes on to its end by itself if not. */
static bool slow_write(struct nbdt_request *req)
{
	u64 from = req->cmd.offset, to = from + req->cmd.length;
	int err;

	/* It has been written; the pages were read or written meanwhile. */
	if (req->begun) {
		forget_pages(req, from, to);
		return true;
	}
	err = drop_pages(req, from, to);
	if (!err && req->size != req->cmd.length)
		err = merge_ends(req);
	if (!err && nbdt_origin_is_gone(req->origin))
		err = -ESHUTDOWN;
	req->status = err;
	if (!err)
		nbdt_io_rw(req);
	return err;
}

/* Below what the host has written and not yet written back. */
static bool slow_read(struct nbdt_request *req)
{
	u64 from = req->cmd.offset - req->head;
	int err;

	err = nbdt_pages_write_back(req->disk->pages, from, from + req->size);
	req->status = err;
	if (!err)
		nbdt_io_rw(req);
	return err;
}

static int flush_if_fua(struct nbdt_request *req)
{
	struct block_device *bdev = req->disk->content.bdev;
	int err;

	if (!(req->cmd.flags & NBDT_CMD_FUA) || !bdev_write_cache(bdev))
		return 0;
	err = blkdev_issue_flush(bdev);
	if (err)
		req->loss = nbdt_disk_note_loss(req->disk, err);
	return err;
}

static bool trim_begin(struct nbdt_request *req)
{
	if (!nbdt_disk_can_trim(req->disk) ||
	    test_bit(NBDT_REFUSED_DISCARD, &req->disk->refused))
		return false;
	nbdt_map_discard_begin(req->disk->content.map, req->cmd.offset,
			       req->cmd.length);
	return true;
}

/*
 * In one bio, so that nobody cuts it but who knows what the device gives back at
 * once: blkdev_issue_discard() thinks that it is a power of two.
 */
static int discard(struct block_device *bdev, u64 first, u64 end)
{
	struct bio bio;
	int err;

	bio_init(&bio, bdev, NULL, 0, REQ_OP_DISCARD);
	bio.bi_iter.bi_sector = first >> SECTOR_SHIFT;
	bio.bi_iter.bi_size = end - first;
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/* TR1: what is whole of it. */
static int trim_part(struct nbdt_request *req)
{
	u32 block = req->disk->content.block;
	u64 first = ALIGN(req->at, block), end = ALIGN_DOWN(req->to, block);
	struct nbdt_content *content = &req->disk->content;
	int err;

	if (first >= end)
		return 0;
	err = discard(content->bdev, first, end);
	if (!err) {
		nbdt_proof_discarded(&content->proof, end - first);
		nbdt_proof_look(&content->proof);
	}
	return err;
}

static int trim_end(struct nbdt_request *req, int err)
{
	u64 start = req->cmd.offset, len = req->cmd.length;
	u64 first = ALIGN(start, req->disk->content.block);
	u64 end = ALIGN_DOWN(start + len, req->disk->content.block);

	nbdt_map_discard_end(req->disk->content.map, start, len, first,
			     err ? first : end);
	if (err != -EOPNOTSUPP)
		return err;
	/* A hint that the device can't take is still taken. */
	set_bit(NBDT_REFUSED_DISCARD, &req->disk->refused);
	return 0;
}

/* Zero bytes FROM to TO of the block at OFFSET, keeping the rest. */
static int zero_in_block(struct nbdt_request *req, u64 offset, u32 from, u32 to)
{
	struct nbdt_disk *disk = req->disk;
	void *block;
	int err;

	block = alloc_block(disk);
	if (!block)
		return -ENOMEM;
	err = block_io(disk, block, offset, REQ_OP_READ);
	if (!err) {
		memset(block + from, 0, to - from);
		err = block_io(disk, block, offset, REQ_OP_WRITE | REQ_SYNC);
		if (!err)
			nbdt_proof_wrote(&disk->content.proof,
					 disk->content.block);
	}
	kvfree(block);
	return err;
}

/* As data, for a device that said that it has a better way, and hasn't. */
static int write_zeroes(struct nbdt_request *req, u64 at, u64 end)
{
	struct block_device *bdev = req->disk->content.bdev;
	struct bio *bio;
	int err = 0;
	u32 len;

	while (at < end && !err) {
		if (nbdt_origin_is_gone(req->origin))
			return -ESHUTDOWN;
		bio = bio_alloc(bdev, BIO_MAX_VECS, REQ_OP_WRITE, GFP_NOIO);
		bio->bi_iter.bi_sector = at >> SECTOR_SHIFT;
		while (at < end && bio->bi_vcnt < BIO_MAX_VECS) {
			len = min_t(u64, PAGE_SIZE, end - at);
			__bio_add_page(bio, ZERO_PAGE(0), len, 0);
			at += len;
		}
		err = submit_bio_wait(bio);
		bio_put(bio);
	}
	return err;
}

/* By its own way, which is one for each value of NO_HOLE; or -EOPNOTSUPP. */
static int offload_zeroes(struct nbdt_request *req, u64 first, u64 end)
{
	bool no_hole = req->cmd.flags & NBDT_CMD_NO_HOLE;
	unsigned int way = no_hole ? NBDT_REFUSED_ZERO : NBDT_REFUSED_UNMAP;
	struct nbdt_disk *disk = req->disk;
	int err;

	if (test_bit(way, &disk->refused))
		return -EOPNOTSUPP;
	err = blkdev_issue_zeroout(disk->content.bdev, first >> SECTOR_SHIFT,
				   (end - first) >> SECTOR_SHIFT, GFP_KERNEL,
				   BLKDEV_ZERO_NOFALLBACK |
				   (no_hole ? BLKDEV_ZERO_NOUNMAP : 0));
	if (err == -EOPNOTSUPP)
		set_bit(way, &disk->refused);
	return err;
}

static int zero_somehow(struct nbdt_request *req, u64 first, u64 end)
{
	struct block_device *bdev = req->disk->content.bdev;
	int err;

	if (!bdev_write_zeroes_sectors(bdev))
		return blkdev_issue_zeroout(bdev, first >> SECTOR_SHIFT,
					    (end - first) >> SECTOR_SHIFT,
					    GFP_KERNEL, 0);
	err = offload_zeroes(req, first, end);
	if (!err || (req->cmd.flags & NBDT_CMD_FAST_ZERO) ||
	    nbdt_disk_is_locked(req->disk))
		return err;
	/* Whatever else it failed by. */
	return write_zeroes(req, first, end);
}

static int zero_blocks(struct nbdt_request *req, u64 first, u64 end)
{
	struct nbdt_proof *proof = &req->disk->content.proof;
	int err = first == end ? 0 : zero_somehow(req, first, end);

	if (!err) {
		/* Drivers have ways of their own for it; not all of them may count it. */
		nbdt_proof_wrote(proof, end - first);
		nbdt_proof_look(proof);
	}
	return err;
}

/* Does the device have a way that is faster than writing?  WZ4 */
static bool fast_zero_possible(const struct nbdt_request *req)
{
	return bdev_write_zeroes_sectors(req->disk->content.bdev) &&
	       !nbdt_disk_is_partial(req->disk, &req->cmd);
}

static bool zero_begin(struct nbdt_request *req)
{
	if ((req->cmd.flags & NBDT_CMD_FAST_ZERO) && !fast_zero_possible(req)) {
		req->error = NBDT_ENOTSUP;
		return false;
	}
	nbdt_map_zero_begin(req->disk->content.map, &req->zeroing, req->cmd.offset,
			    req->cmd.length);
	return true;
}

static int zero_part(struct nbdt_request *req)
{
	u32 block = req->disk->content.block;
	u64 start = req->at, end = req->to;
	u64 first = ALIGN(start, block);
	u64 last = ALIGN_DOWN(end, block);
	int err = 0;

	if (first > last)	/* inside one block */
		return zero_in_block(req, last, start - last, end - last);
	if (start < first)
		err = zero_in_block(req, first - block, start - (first - block),
				    block);
	if (!err && end > last)
		err = zero_in_block(req, last, 0, end - last);
	return err ?: zero_blocks(req, first, last);
}

static int zero_end(struct nbdt_request *req, int err)
{
	nbdt_map_zero_end(req->disk->content.map, &req->zeroing, req->cmd.offset,
			  req->cmd.length, !err);
	if (err == -EOPNOTSUPP && (req->cmd.flags & NBDT_CMD_FAST_ZERO)) {
		req->error = NBDT_ENOTSUP;
		return 0;
	}
	return err;
}

static bool cache_begin(struct nbdt_request *req)
{
	return true;
}

/* The buffer holds one piece; it is read into again and again. */
static int cache_part(struct nbdt_request *req)
{
	struct nbdt_disk *disk = req->disk;
	u64 at = ALIGN_DOWN(req->at, disk->content.block);
	u64 end = ALIGN(req->to, disk->content.block);
	struct bio bio;
	int err = 0;

	while (at < end && !err) {
		if (nbdt_origin_is_gone(req->origin))
			return -ESHUTDOWN;
		bio_init(&bio, disk->content.bdev, req->bvecs, req->nr_bvecs,
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

static int cache_end(struct nbdt_request *req, int err)
{
	return err;
}

/* What may go in parts. */
struct op {
	bool (*begin)(struct nbdt_request *req);	/* false: nothing to do */
	int (*part)(struct nbdt_request *req);
	int (*end)(struct nbdt_request *req, int err);
};

static const struct op *op_of(const struct nbdt_request *req)
{
	static const struct op trim = { trim_begin, trim_part, trim_end };
	static const struct op zero = { zero_begin, zero_part, zero_end };
	static const struct op cache = { cache_begin, cache_part, cache_end };

	switch (req->cmd.type) {
	case NBDT_CMD_TRIM:
		return &trim;
	case NBDT_CMD_WRITE_ZEROES:
		return &zero;
	default:
		return &cache;
	}
}

static u64 end_of(const struct nbdt_request *req)
{
	return req->cmd.offset + req->cmd.length;
}

/* Between looks at what the host has cached of it. */
static int change_part(struct nbdt_request *req, const struct op *op)
{
	int err;

	if (!nbdt_proto_cmd_writes(&req->cmd))
		return op->part(req);
	err = drop_pages(req, req->at, req->to);
	/* That may have taken as long as the device likes. */
	if (!err && nbdt_origin_is_gone(req->origin))
		err = -ESHUTDOWN;
	if (err)
		return err;
	err = op->part(req);
	forget_pages(req, req->at, req->to);
	return err;
}

/*
 * Its turn has come: that of all of it, or of a part.  Return: whether it is
 * done with.
 */
static bool do_part(struct nbdt_request *req, const struct op *op)
{
	int err;

	if (!req->begun && !op->begin(req))
		return true;
	req->begun = true;
	err = change_part(req, op);
	if (!err && req->to != end_of(req))
		return false;
	err = op->end(req, err);
	if (!err && nbdt_proto_cmd_writes(&req->cmd))
		err = flush_if_fua(req);
	req->status = err;
	return true;
}

/* Return: as carry_out(). */
static bool slow_long(struct nbdt_request *req)
{
	if (!nbdt_turn_begin_part(req))
		return false;
	if (do_part(req, op_of(req)))
		return true;
	nbdt_turn_end_part(req);
	return false;
}

static bool slow_short(struct nbdt_request *req)
{
	req->to = end_of(req);
	return do_part(req, op_of(req));
}

/*
 * It goes no further: nobody waits for the answer, or nothing may be written, for a
 * reason that is none of the device's errors.
 */
static void give_up(struct nbdt_request *req, int err, const char *text)
{
	req->status = err;
	if (req->begun)
		op_of(req)->end(req, err);
	if (text) {
		req->error = nbdt_proto_error(err);
		req->text = text;
	}
}

/*
 * Has the log failed, of what has to survive a crash?  Then writes fail, too, as long
 * as a bitmap records, or may be found to.
 */
static bool is_stopped(const struct nbdt_request *req)
{
	const struct nbdt_bitmaps *bitmaps = &req->disk->content.bitmaps;

	return bitmaps->intent &&
	       (READ_ONCE(bitmaps->nr_recording) || READ_ONCE(bitmaps->unsure)) &&
	       nbdt_proto_cmd_writes(&req->cmd) &&
	       nbdt_intent_is_stopped(bitmaps->intent);
}

/* Has the device become read-only while it waited, or between two parts? */
static bool is_locked_out(const struct nbdt_request *req)
{
	return nbdt_proto_cmd_writes(&req->cmd) &&
	       nbdt_disk_is_locked(req->disk);
}

/* Has it been let in, if it has to be?  If not, it goes on later. */
static bool has_turn(struct nbdt_request *req)
{
	return req->inside || nbdt_turn_is_long(req) ||
	       !nbdt_proto_cmd_writes(&req->cmd) || nbdt_turn_begin(req);
}

/*
 * Has it begun, and isn't between two parts?  Until then it may wait for a worker as
 * long as a device likes, while who is gone has come anew by another connection, and
 * others write what it was to change.
 */
static bool is_under_way(const struct nbdt_request *req)
{
	return req->inside && req->begun;
}

/* Return: whether it is done with; it goes on by itself, or later, if not. */
static bool carry_out(struct nbdt_request *req)
{
	if (!req->begun)
		req->at = req->cmd.offset;
	if (!is_under_way(req) && nbdt_origin_is_gone(req->origin)) {
		give_up(req, -ESHUTDOWN, NULL);
		return true;
	}
	if (!req->inside && is_stopped(req)) {
		give_up(req, -EIO, "the export's metadata can't be written");
		return true;
	}
	if (!is_under_way(req) && is_locked_out(req)) {
		give_up(req, -EROFS, "the device can't be written any more");
		return true;
	}
	if (!has_turn(req))
		return false;
	if (nbdt_turn_is_long(req))
		return slow_long(req);
	switch (req->cmd.type) {
	case NBDT_CMD_READ:
		return slow_read(req);
	case NBDT_CMD_WRITE:
		return slow_write(req);
	default:
		return slow_short(req);
	}
}

static void slow_work(struct work_struct *work)
{
	struct nbdt_request *req = container_of(work, struct nbdt_request,
						work);
	unsigned int noio = memalloc_noio_save();

	trace_nbdt_request_slow(req);
	if (carry_out(req))
		nbdt_request_complete(req);
	memalloc_noio_restore(noio);
}

/* Once for all that the memory of a request is used for. */
void nbdt_slow_init(struct nbdt_request *req)
{
	INIT_WORK(&req->work, slow_work);
}
