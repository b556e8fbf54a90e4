/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_METADATA_H
#define NBDT_METADATA_H

#include <linux/types.h>

#include "base/node.h"
#include "nbdtarget_metadata.h"

struct nbdt_bitmap;
struct nbdt_content;
struct nbdt_metadata;
struct nbdt_scribe_draft;
struct netlink_ext_ack;

/* What it takes to have one. */
struct nbdt_metadata_config {
	const char *path;
	struct nbdt_node node;		/* at that path */
	const char *identity;		/* of the data device; or NULL */
	const char *boot;		/* of the machine; or NULL: nothing stays known */
	u64 least_generation;		/* 0: any will do */
	bool accept_stale;
	bool go_on;			/* when it fails; else writes fail, too */
	/* The writer ran: who waits for the log asks anew. */
	void (*ran)(struct nbdt_content *content);
	/* It has failed.  Called once, by a task, without locks. */
	void (*failed)(struct nbdt_content *content);
};

/* What a checkpoint changes. */
struct nbdt_metadata_point {
	struct nbdt_bitmap *freeze;	/* or NULL, as the next */
	struct nbdt_bitmap *start;
	struct nbdtarget_meta_checkpoint is;
	u8 decider[NBDTARGET_META_UUID];	/* whose COMMIT it is that counts */
};

enum nbdt_metadata_step {
	NBDT_METADATA_PREPARE,
	NBDT_METADATA_COMMIT,
	NBDT_METADATA_CANCEL,
};

/* One that may be begun, or is under way. */
struct nbdt_metadata_storing {
	struct nbdt_scribe_draft *draft;	/* NULL: there is no metadata, or it is over */
	bool records;			/* a bitmap does, or may, by what may arrive of it */
	int err;			/* why it wasn't begun */
};

/* What is told of one. */
struct nbdt_metadata_info {
	const char *path;
	dev_t dev;			/* the device */
	u64 size;			/* that it is of */
	u64 generation;
	u64 writes;			/* to the device, since it was opened */
	u64 reach;			/* bytes that a crash makes dirty, at most */
	bool go_on;
	int err;			/* why it has failed, -errno; or 0 */
};

int nbdt_metadata_open(struct nbdt_content *content, u64 size,
		       const struct nbdt_metadata_config *config,
		       struct netlink_ext_ack *extack);
void nbdt_metadata_leave(struct nbdt_content *content);
void nbdt_metadata_close(struct nbdt_content *content);
void nbdt_metadata_free(struct nbdt_content *content);

int nbdt_metadata_prepare(struct nbdt_content *content,
			  struct nbdt_bitmap *bitmap,
			  struct netlink_ext_ack *extack);
void nbdt_metadata_tell_gone(struct nbdt_content *content);

/* In pieces; the first is all that memory is needed for. */
int nbdt_metadata_reserve(struct nbdt_content *content,
			  struct nbdt_metadata_storing *storing);
void nbdt_metadata_release(struct nbdt_metadata_storing *storing);
void nbdt_metadata_begin_locked(struct nbdt_content *content,
				struct nbdt_metadata_storing *storing);
int nbdt_metadata_end(struct nbdt_content *content,
		      struct nbdt_metadata_storing *storing,
		      struct netlink_ext_ack *extack);
int nbdt_metadata_store(struct nbdt_content *content,
			struct nbdt_metadata_storing *storing,
			struct netlink_ext_ack *extack);

void nbdt_metadata_decide(struct nbdt_content *content, const u8 *group);
void nbdt_metadata_checkpoint_begin(struct nbdt_content *content,
				    const struct nbdt_metadata_point *point,
				    enum nbdt_metadata_step step,
				    struct nbdt_metadata_storing *storing);
int nbdt_metadata_checkpoint_end(struct nbdt_content *content,
				 struct nbdt_metadata_storing *storing,
				 struct netlink_ext_ack *extack);

bool nbdt_metadata_is_good(const struct nbdt_content *content);
const u8 *nbdt_metadata_uuid(const struct nbdt_content *content);
void nbdt_metadata_info(const struct nbdt_content *content,
			struct nbdt_metadata_info *info);

#endif /* NBDT_METADATA_H */
