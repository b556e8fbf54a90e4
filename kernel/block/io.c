// SPDX-License-Identifier: GPL-2.0
/*
 * Requests as bios: the fast way to the device.
 *
 * A request's buffer is what its bios point at.  The first bio is part of
 * the request; there are more only when the buffer has more pieces than a
 * bio takes.  The last of them to end completes the request, or has a slow worker
 * do it, which first drops what the host has cached.
 */
#include <linux/blkdev.h>

#include "block/complete.h"
#include "block/disk.h"
#include "block/io.h"
#include "block/origin.h"
#include "block/pages.h"
#include "block/request.h"
#include "block/request_trace.h"

/* The host may have read, while it was being written, what was there before. */
static bool left_pages(const struct nbdt_request *req)
{
	u64 from = req->cmd.offset - req->head;

	return req->cmd.type == NBDT_CMD_WRITE &&
	       nbdt_pages_hold(req->disk->pages, from, from + req->size);
}

static void put_bio(struct nbdt_request *req)
{
	if (!atomic_dec_and_test(&req->bios))
		return;
	if (left_pages(req)) {
		req->begun = true;
		nbdt_disk_queue(req->disk, &req->work);
	} else {
		nbdt_request_complete(req);
	}
}

/*
 * With a cache and without FUA a write is followed by a flush of all there is.  A device
 * that is made of others says that it has FUA when one of these has it.
 */
static bool flushes_for_fua(struct block_device *bdev)
{
	return bdev_write_cache(bdev) &&
	       !(queue_is_mq(bdev_get_queue(bdev)) && bdev_fua(bdev));
}

static bool has_flushed(const struct nbdt_request *req)
{
	return req->cmd.type == NBDT_CMD_FLUSH ||
	       (req->cmd.type == NBDT_CMD_WRITE &&
		(req->cmd.flags & NBDT_CMD_FUA) &&
		flushes_for_fua(req->disk->content.bdev));
}

static void io_failed(struct nbdt_request *req, int err)
{
	cmpxchg(&req->status, 0, err);
	if (has_flushed(req))
		WRITE_ONCE(req->loss, nbdt_disk_note_loss(req->disk, err));
}

static void io_end(struct bio *bio)
{
	struct nbdt_request *req = bio->bi_private;

	if (unlikely(bio->bi_status))
		io_failed(req, blk_status_to_errno(bio->bi_status));
	bio_uninit(bio);
	put_bio(req);
}

static blk_opf_t rw_opf(const struct nbdt_request *req)
{
	if (req->cmd.type != NBDT_CMD_WRITE)
		return REQ_OP_READ;
	/* A client waits for it, and more may follow: as direct I/O does. */
	return REQ_OP_WRITE | REQ_SYNC | REQ_IDLE |
	       (req->cmd.flags & NBDT_CMD_FUA ? REQ_FUA : 0);
}

static void prepare_bio(struct nbdt_request *req, struct bio *bio,
			struct bio_vec *bvecs, unsigned int nr, blk_opf_t opf)
{
	bio_init(bio, req->disk->content.bdev, bvecs, nr, opf);
	bio->bi_vcnt = nr;
	bio->bi_private = req;
	bio->bi_end_io = io_end;
}

/*
 * As much as a bio takes of what is left: whole blocks, as a device takes no less.
 * Where blocks are above a page, one may end within a piece, where the next begins.
 */
static void fill_bio(struct nbdt_request *req, struct bio *bio,
		     const struct bvec_iter *left, blk_opf_t opf)
{
	struct bio_vec *bvecs = req->bvecs + left->bi_idx;
	unsigned int i, nr, size = 0;

	nr = min_t(unsigned int, BIO_MAX_VECS, req->nr_bvecs - left->bi_idx);
	for (i = 0; i < nr; i++)
		size += bvecs[i].bv_len;
	prepare_bio(req, bio, bvecs, nr, opf);
	bio->bi_iter.bi_sector = left->bi_sector;
	bio->bi_iter.bi_bvec_done = left->bi_bvec_done;
	bio->bi_iter.bi_size = round_down(size - left->bi_bvec_done,
					  req->disk->content.block);
}

/* The buffer has more pieces than a bio takes. */
static void submit_many(struct nbdt_request *req, sector_t sector,
			blk_opf_t opf)
{
	struct bvec_iter left = { .bi_sector = sector, .bi_size = req->size };
	struct bio *bio = &req->bio, *next = req->more_bios;
	unsigned int size;

	/* One more than there are, until the last is submitted. */
	atomic_set(&req->bios, 1);
	while (left.bi_size) {
		fill_bio(req, bio, &left, opf);
		size = bio->bi_iter.bi_size;
		left.bi_sector += size >> SECTOR_SHIFT;
		bvec_iter_advance(req->bvecs, &left, size);
		atomic_inc(&req->bios);
		submit_bio(bio);
		bio = next++;
	}
	put_bio(req);
}

/**
 * nbdt_io_rw - read into or write from a request's whole buffer
 * @req: completed when it is done; anything but a WRITE reads
 */
void nbdt_io_rw(struct nbdt_request *req)
{
	sector_t sector = (req->cmd.offset - req->head) >> SECTOR_SHIFT;
	blk_opf_t opf = rw_opf(req);

	trace_nbdt_request_submit(req);
	if (unlikely(req->nr_bvecs > BIO_MAX_VECS)) {
		submit_many(req, sector, opf);
		return;
	}
	prepare_bio(req, &req->bio, req->bvecs, req->nr_bvecs, opf);
	req->bio.bi_iter.bi_sector = sector;
	req->bio.bi_iter.bi_size = req->size;
	atomic_set(&req->bios, 1);
	submit_bio(&req->bio);
}

/* Is it to tell of a loss?  Its client may be the one that has been told. */
static bool tells_loss(struct nbdt_request *req)
{
	if (likely(!nbdt_disk_loss(req->disk)))
		return false;
	req->origin->settle(req->origin);
	req->loss = nbdt_disk_loss(req->disk);
	req->status = nbdt_disk_loss_error(req->loss);
	return req->loss;
}

/**
 * nbdt_io_flush - put on stable media what was written (TX3, TX5)
 * @req: completed when it is done; the caller is its connection's thread
 */
void nbdt_io_flush(struct nbdt_request *req)
{
	trace_nbdt_request_submit(req);
	if (tells_loss(req) || !bdev_write_cache(req->disk->content.bdev)) {
		nbdt_request_complete(req);
		return;
	}
	prepare_bio(req, &req->bio, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	atomic_set(&req->bios, 1);
	submit_bio(&req->bio);
}
