/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_REQUEST_H
#define NBDT_REQUEST_H

#include <linux/bio.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/workqueue.h>

#include "base/proto.h"
#include "block/range.h"
#include "content/map.h"

struct completion;
struct nbdt_disk;
struct nbdt_origin;
struct nbdt_series;

/* Buffers of up to this many pieces need no table of their own. */
#define NBDT_INLINE_BVECS	8

/*
 * A request, from its header to its reply.
 *
 * It has one owner at a time and therefore neither lock nor count: the
 * connection's thread until it is dispatched, whoever carries it out (block
 * layer, slow worker) until nbdt_request_complete(), the thread again until
 * it is freed.
 */
struct nbdt_request {
	/* The thread's lists; on origin->here or ->done when it comes back. */
	union {
		struct llist_node done;
		struct list_head queue;
		struct hlist_node idle;
	};
	struct nbdt_origin *origin;
	struct nbdt_disk *disk;
	struct nbdt_cmd cmd;
	struct nbdt_series *series;	/* the READ it is a part of, or NULL */
	enum nbdt_error error;		/* what it will be answered */
	u32 loss;			/* that this tells of; see disk.h */
	bool hole;			/* known to be zero: no I/O, no data */
	u64 contexts;			/* that a BLOCK_STATUS asks for */

	/*
	 * The buffer covers whole logical blocks; the client's bytes are the
	 * cmd.length ones behind the first HEAD.
	 */
	u32 head;
	u32 size;			/* of the buffer, in bytes */
	unsigned int nr_bvecs;
	unsigned int max_bvecs;
	struct bio_vec *bvecs;		/* inline_bvecs or allocated */
	size_t charged;			/* to the connection's account */
	struct page *page;		/* kept for the next small request */

	/* Of whoever carries it out. */
	atomic_t bios;			/* in flight, and one for who submits */
	int status;			/* first failure, 0 or -errno */
	bool inside;			/* went through the disk's gate */
	bool locked;			/* holds RANGE, or waits for it */
	bool mapped;			/* is a writer in the disk's map */
	bool begun;			/* part of it may be done */
	bool passed;			/* if LOCKED: is inside by the side door */
	u64 at;				/* what goes in parts: the one that is */
	u64 to;				/*  being carried out */
	struct completion *waiter;	/* of a part, for RANGE */
	struct nbdt_map_zeroing zeroing;
	struct bio *more_bios;		/* all but the first, one allocation */
	struct nbdt_range range;
	struct work_struct work;

	/* The reply: its head, then data from the buffer, or a text. */
	u8 reply[NBDT_MAX_REPLY_HEAD];
	u8 reply_len;
	u16 text_len;
	u32 data_len;
	const char *text;

	struct bio bio;
	struct bio_vec inline_bvecs[NBDT_INLINE_BVECS];
};

/* Without a buffer, whatever became of the last one. */
static inline void nbdt_request_init_buffer(struct nbdt_request *req)
{
	req->head = 0;
	req->size = 0;
	req->nr_bvecs = 0;
	req->max_bvecs = NBDT_INLINE_BVECS;
	req->bvecs = req->inline_bvecs;
	req->charged = 0;
	req->more_bios = NULL;
}

/* As good as new, whether it was used before or never. */
static inline void nbdt_request_reset(struct nbdt_request *req)
{
	req->series = NULL;
	req->error = NBDT_OK;
	req->loss = 0;
	req->hole = false;
	req->status = 0;
	nbdt_request_init_buffer(req);
	req->text = NULL;
	req->inside = false;
	req->locked = false;
	req->mapped = false;
	req->begun = false;
}

#endif /* NBDT_REQUEST_H */
