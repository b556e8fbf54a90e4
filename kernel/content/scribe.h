/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_SCRIBE_H
#define NBDT_SCRIBE_H

#include <linux/completion.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "content/intent.h"
#include "content/ledger.h"
#include "nbdtarget_metadata.h"

struct nbdt_bitmap;
struct nbdt_scribe;

/* A bitmap that has an area. */
struct nbdt_scribe_bitmap {
	struct nbdt_bitmap *bitmap;	/* with a reference; NULL: a free place */
	struct nbdt_ledger_area area;
	bool listed;			/* is in the head */
	bool recording;			/* as the head says */
};

/* A bitmap as it is to be in the head. */
struct nbdt_scribe_item {
	struct nbdt_bitmap *bitmap;	/* with a reference */
	char name[NBDTARGET_META_NAME];
	u32 flags;			/* NBDTARGET_META_* */
	bool rewritten;			/* all of its bits are others now */
};

/* What the head is to say. */
struct nbdt_scribe_draft {
	struct list_head node;
	struct kref ref;		/* of who waits, and the scribe */
	struct completion done;
	int err;
	bool room_only;			/* give its only item an area, and no more */
	struct nbdtarget_meta_checkpoint last;
	bool is_pending;		/* items have flags for afterwards */
	struct nbdtarget_meta_checkpoint pending;
	u8 decider[NBDTARGET_META_UUID];
	u8 groups[NBDTARGET_META_GROUPS][NBDTARGET_META_UUID];
	u32 nr;
	struct nbdt_scribe_item items[NBDTARGET_META_BITMAPS];
};

/* Who writes to a metadata device; see scribe.c. */
struct nbdt_scribe {
	struct nbdt_intent intent;
	struct workqueue_struct *wq;
	struct work_struct work;
	struct work_struct end;		/* the last that it does */
	struct completion ended;
	int end_err;			/* valid when it has; of its last writes */
	struct delayed_work watch;	/* pending only while the worker works */
	u64 watched;			/* writes when it was set */
	bool go_on;			/* when it has failed */
	void (*ran)(struct nbdt_scribe *scribe);
	void (*failed)(struct nbdt_scribe *scribe);
	/* Fill in what only the last head has.  By the worker. */
	void (*leave)(struct nbdt_scribe *scribe);

	int err;			/* why it has failed, or 0; set once */
	bool dead;			/* the device was given up */
	bool said;			/* it was tried to leave word of it; the worker's */
	bool records;			/* a bitmap does, or may, by the head that is stored */

	spinlock_t lock;		/* guards what follows */
	struct list_head drafts;
	bool closed;			/* no more of them */

	/* The worker's, or of who opens and closes. */
	struct nbdt_ledger ledger;
	struct nbdt_scribe_bitmap bitmaps[NBDTARGET_META_BITMAPS];
	u32 *regions;			/* as many as the log holds */
};

int nbdt_scribe_init(struct nbdt_scribe *scribe, u64 size);
void nbdt_scribe_exit(struct nbdt_scribe *scribe);
void nbdt_scribe_stop(struct nbdt_scribe *scribe);
bool nbdt_scribe_end(struct nbdt_scribe *scribe);
void nbdt_scribe_dead(struct nbdt_scribe *scribe);

u64 nbdt_scribe_room(struct nbdt_scribe *scribe, u64 blocks);
struct nbdt_scribe_bitmap *nbdt_scribe_place(struct nbdt_scribe *scribe);
struct nbdt_scribe_draft *nbdt_scribe_compose(void);
void nbdt_scribe_discard(struct nbdt_scribe_draft *draft);
void nbdt_scribe_add(struct nbdt_scribe_draft *draft, struct nbdt_bitmap *bitmap,
		     u32 flags);
int nbdt_scribe_submit(struct nbdt_scribe *scribe, struct nbdt_scribe_draft *draft);
int nbdt_scribe_wait(struct nbdt_scribe *scribe, struct nbdt_scribe_draft *draft,
		     int err);

#endif /* NBDT_SCRIBE_H */
