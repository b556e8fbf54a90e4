/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_BITMAPS_H
#define NBDT_BITMAPS_H

#include <linux/compiler.h>
#include <linux/mutex.h>
#include <linux/types.h>

#include "content/content.h"

struct nbdt_bitmap;
struct netlink_ext_ack;

/* How long a command waits for requests in flight, unless it says so; ms. */
#define NBDT_BITMAPS_TIMEOUT	30000

void nbdt_bitmaps_init(struct nbdt_bitmaps *bitmaps);
void nbdt_bitmaps_exit(struct nbdt_bitmaps *bitmaps);
void nbdt_bitmaps_give_back(struct nbdt_bitmaps *bitmaps);

/* For clients.  Slots are numbers below NBDT_BITMAPS_MAX, sets are masks. */
u64 nbdt_bitmaps_find(struct nbdt_bitmaps *bitmaps, const char *name,
		      size_t len);
u64 nbdt_bitmaps_select(struct nbdt_bitmaps *bitmaps, const char *name,
			size_t len, u64 selected);
u64 nbdt_bitmaps_all(struct nbdt_bitmaps *bitmaps);
void nbdt_bitmaps_deselect(struct nbdt_bitmaps *bitmaps, u64 selected);
char *nbdt_bitmaps_name(struct nbdt_bitmaps *bitmaps, unsigned int slot);

/* What is told of one. */
struct nbdt_bitmaps_info {
	unsigned int slot;
	char *name;			/* for kfree() */
	u64 granule;
	u64 size;
	u64 count;
	u64 dirty_bytes;
	u64 memory;
	u32 users;
	bool recording;
	bool inconsistent;
	bool borrowed;
	bool stored;
	u64 version;
	struct nbdt_point last;		/* of its export */
};

/* What one is as a piece of it is read. */
struct nbdt_bitmaps_piece {
	u64 granule;
	u64 size;
	u64 version;
	bool recording;
	bool inconsistent;
};

void nbdt_bitmaps_gone(struct nbdt_content *content);
void nbdt_bitmaps_distrust(struct nbdt_content *content);
void nbdt_bitmaps_back(struct nbdt_content *content);
int nbdt_bitmaps_borrow(struct nbdt_content *content, u64 size,
			struct nbdt_content *from, const char *name,
			struct netlink_ext_ack *extack);
int nbdt_bitmaps_get(struct nbdt_content *content, const char *name,
		     struct nbdt_bitmaps_info *info);
int nbdt_bitmaps_get_from(struct nbdt_content *content, unsigned int slot,
			  struct nbdt_bitmaps_info *info);

/*
 * What commands stand on (bitmaps_edit.c, bitmaps_switch.c): all of it under the
 * mutex, but for nbdt_bitmaps_create() and the check of a name.
 */
extern struct mutex nbdt_bitmaps_mutex;

struct nbdt_bitmaps_config {
	const char *name;
	u64 size;			/* what clients see of the device; bytes */
	u32 granule;			/* 0: chosen */
	bool disabled;
	bool inconsistent;		/* all dirty, until it was loaded */
};

struct nbdt_bitmap *
nbdt_bitmaps_create(struct nbdt_content *content,
		    const struct nbdt_bitmaps_config *config,
		    struct netlink_ext_ack *extack);
int nbdt_bitmaps_check_name(const char *name, struct netlink_ext_ack *extack);
int nbdt_bitmaps_check_unkept(const struct nbdt_bitmap *bitmap,
			      struct netlink_ext_ack *extack);
int nbdt_bitmaps_check_unused(const struct nbdt_bitmap *bitmap,
			      struct netlink_ext_ack *extack);
int nbdt_bitmaps_check_recordable(const struct nbdt_content *content,
				  struct netlink_ext_ack *extack);
bool nbdt_bitmaps_is_there(const struct nbdt_bitmap *bitmap);
void nbdt_bitmaps_show_locked(struct nbdt_bitmap *bitmap);
int nbdt_bitmaps_slot_locked(struct nbdt_bitmaps *bitmaps, const char *name);
int nbdt_bitmaps_find_locked(struct nbdt_content *content, const char *name,
			     struct nbdt_bitmap **bitmap,
			     struct netlink_ext_ack *extack);
int nbdt_bitmaps_keep_locked(struct nbdt_content *content,
			     struct netlink_ext_ack *extack);
int nbdt_bitmaps_insert_locked(struct nbdt_content *content,
			       struct nbdt_bitmap *bitmap,
			       struct netlink_ext_ack *extack);
void nbdt_bitmaps_drop_locked(struct nbdt_bitmaps *bitmaps,
			      struct nbdt_bitmap *bitmap);
void nbdt_bitmaps_choose_locked(struct nbdt_bitmaps *bitmaps);
bool nbdt_bitmaps_doubt_locked(struct nbdt_bitmaps *bitmaps);

bool nbdt_bitmaps_note(struct nbdt_bitmaps *bitmaps, u64 offset, u64 len);

/*
 * A range is going to change; inside the gate.  A test when nobody records.  False
 * when it may not yet, for it isn't in the write-intent log (intent.c).
 */
static inline bool nbdt_bitmaps_record(struct nbdt_bitmaps *bitmaps, u64 offset,
				       u64 len)
{
	return !READ_ONCE(bitmaps->active) ||
	       nbdt_bitmaps_note(bitmaps, offset, len);
}

#endif /* NBDT_BITMAPS_H */
