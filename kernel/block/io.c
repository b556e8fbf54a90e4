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

static void io_end(struct bio *bio)
{
	struct nbdt_request *req = bio->bi_private;

	if (unlikely(bio->bi_status))
		cmpxchg(&req->status, 0, blk_status_to_errno(bio->bi_status));
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

/* The buffer has more pieces than a bio takes. */
static void submit_many(struct nbdt_request *req, sector_t sector,
			blk_opf_t opf)
{
	unsigned int i, first, nr;
	struct bio *bio = &req->bio;

	/* One more than there are, until the last is submitted. */
	atomic_set(&req->bios, 1);
	for (first = 0; first < req->nr_bvecs; first += nr) {
		nr = min_t(unsigned int, BIO_MAX_VECS, req->nr_bvecs - first);
		prepare_bio(req, bio, req->bvecs + first, nr, opf);
		bio->bi_iter.bi_sector = sector;
		for (i = first; i < first + nr; i++)
			bio->bi_iter.bi_size += req->bvecs[i].bv_len;
		sector += bio->bi_iter.bi_size >> SECTOR_SHIFT;
		atomic_inc(&req->bios);
		submit_bio(bio);
		bio = req->more_bios + first / BIO_MAX_VECS;
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

/**
 * nbdt_io_flush - put on stable media what was written (TX3, TX5)
 * @req: completed when it is done
 */
void nbdt_io_flush(struct nbdt_request *req)
{
	trace_nbdt_request_submit(req);
	if (!bdev_write_cache(req->disk->content.bdev)) {
		nbdt_request_complete(req);
		return;
	}
	prepare_bio(req, &req->bio, NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH);
	atomic_set(&req->bios, 1);
	submit_bio(&req->bio);
}
