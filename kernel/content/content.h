/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_CONTENT_H
#define NBDT_CONTENT_H

#include <linux/bits.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "base/gate.h"
#include "content/proof.h"

struct block_device;
struct nbdt_bitmap;
struct nbdt_intent;
struct nbdt_map;
struct nbdt_metadata;
struct netlink_ext_ack;
struct task_struct;

/* Most bitmaps of an export: with the other contexts, a mask of 64 bits. */
#define NBDT_BITMAPS_MAX	62
/* Longest name of a checkpoint, without the terminating NUL. */
#define NBDT_POINT_NAME_MAX	255

/* The last checkpoint that an export had a part in. */
struct nbdt_point {
	u64 number;			/* from 1 on; 0: there was none */
	char name[NBDT_POINT_NAME_MAX + 1];	/* empty: it has none */
};

/* Those of an export; see bitmaps.c. */
struct nbdt_bitmaps {
	/* For I/O; change with the gate shut only, but the first two. */
	bool active;			/* a request that changes something... */
	bool written;			/* ...has to be told, or there was one */
	unsigned int nr_recording;
	bool unsure;			/* one may, says the metadata, which has failed */
	struct nbdt_bitmap *recording[NBDT_BITMAPS_MAX];
	struct nbdt_intent *intent;	/* what survives a crash, or NULL; fixed */

	/*
	 * Guarded by the mutex in bitmaps.c; those that have users stay where
	 * they are.
	 */
	struct nbdt_bitmap *slots[NBDT_BITMAPS_MAX];
	u64 borrowed;			/* mask: of another export */
	unsigned int kept_by;		/* checkpoints held that keep all as they are */
	bool gone;			/* the device is: others may have it */
	struct nbdt_point last;
};

/* The last scan of an export; see scan.c. */
struct nbdt_scan {
	struct mutex lock;		/* guards starting and stopping it */
	struct task_struct *task;
	u64 rate;			/* set before the task runs */
	bool stopping;			/* the task is asked to end */

	/* Written by the task, read by anybody. */
	u64 done;			/* bytes looked at */
	bool started;			/* ever */
	bool running;
	int err;			/* what ended it early */
};

/*
 * A block device as far as its content goes: what is known about it, and what
 * it takes to find out.
 */
struct nbdt_content {
	/*
	 * Set before anybody else sees it, then read-only; but for the device,
	 * which may be another while nothing is begun.
	 */
	const char *name;		/* the export's, for messages; terminated */
	const char *device;		/* the path, for messages; terminated */
	struct block_device *bdev;
	u64 number;			/* its disk's, when it was opened (diskseq) */
	u32 block;			/* logical block size, then */
	bool read_only;
	bool allocation_depth;		/* offers that metadata context */
	bool map_off;			/* nothing is ever known from a map */
	bool shared;			/* others write where we can't see it */
	struct nbdt_map *map;		/* what is known to be zero... */
	struct nbdt_proof proof;	/* ...if nobody else wrote; see content.c */
	struct mutex anew;		/* held while both begin anew */
	bool began_anew;		/* since it was added; set once */

	/* Set by the export: nothing is begun, as the device is closed or changes. */
	bool closing;

	struct nbdt_gate gate;		/* what changes the device goes through */
	struct nbdt_bitmaps bitmaps;	/* what was written to */
	struct nbdt_scan scan;
	struct nbdt_metadata *metadata;	/* or NULL; fixed while it is open */
};

const char *nbdt_content_lost(const struct nbdt_content *content);
bool nbdt_content_is_believed(struct nbdt_content *content);
bool nbdt_content_is_zero(struct nbdt_content *content, u64 offset, u64 *len);
int nbdt_content_tell_closing(const struct nbdt_content *content,
			      struct netlink_ext_ack *extack);
void nbdt_content_set_reach(struct nbdt_content *content);
int nbdt_content_check_map(const struct nbdt_content *content,
			   struct netlink_ext_ack *extack);
int nbdt_content_forget(struct nbdt_content *content,
			struct netlink_ext_ack *extack);
int nbdt_content_doubt(struct nbdt_content *content,
		       struct netlink_ext_ack *extack);
void nbdt_content_doubt_idle(struct nbdt_content *content);

#endif /* NBDT_CONTENT_H */
