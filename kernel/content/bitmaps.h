/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_BITMAPS_H
#define NBDT_BITMAPS_H

#include <linux/compiler.h>
#include <linux/types.h>

struct nbdt_bitmap;
struct nbdt_export;
struct netlink_ext_ack;

/* Most bitmaps of an export: with the other contexts, a mask of 64 bits. */
#define NBDT_BITMAPS_MAX	62

/* How long a command waits for requests in flight, unless it says so; ms. */
#define NBDT_BITMAPS_TIMEOUT	30000

/* Those of an export. */
struct nbdt_bitmaps {
	/* For I/O; change with the gate shut only, but the first two. */
	bool active;			/* a request that changes something... */
	bool written;			/* ...has to be told, or there was one */
	unsigned int nr_recording;
	struct nbdt_bitmap *recording[NBDT_BITMAPS_MAX];

	/*
	 * Guarded by the mutex in bitmaps.c; those that have users stay where
	 * they are.
	 */
	struct nbdt_bitmap *slots[NBDT_BITMAPS_MAX];
	u64 borrowed;			/* mask: of another export */
};

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

/* For the administrator; the export with a reference. */
struct nbdt_bitmaps_config {
	const char *name;
	u32 granule;			/* 0: chosen */
	bool disabled;
	bool inconsistent;		/* all dirty, until it was loaded */
};

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
};

int nbdt_bitmaps_add(struct nbdt_export *export,
		     const struct nbdt_bitmaps_config *config,
		     struct netlink_ext_ack *extack);
int nbdt_bitmaps_remove(struct nbdt_export *export, const char *name,
			struct netlink_ext_ack *extack);
int nbdt_bitmaps_clear(struct nbdt_export *export, const char *name,
		       struct netlink_ext_ack *extack);
int nbdt_bitmaps_enable(struct nbdt_export *export, const char *name,
			bool enable, struct netlink_ext_ack *extack);
int nbdt_bitmaps_trust(struct nbdt_export *export, const char *name,
		       bool enable, struct netlink_ext_ack *extack);
int nbdt_bitmaps_read(struct nbdt_export *export, const char *name, u64 offset,
		      void *data, unsigned int len,
		      struct netlink_ext_ack *extack);
int nbdt_bitmaps_load(struct nbdt_export *export, const char *name, u64 offset,
		      const void *data, unsigned int len,
		      struct netlink_ext_ack *extack);
int nbdt_bitmaps_merge(struct nbdt_export *export, const char *from,
		       const char *to, struct netlink_ext_ack *extack);
int nbdt_bitmaps_rename(struct nbdt_export *export, const char *name,
			const char *to, struct netlink_ext_ack *extack);
int nbdt_bitmaps_borrow(struct nbdt_export *export, struct nbdt_export *from,
			const char *name, struct netlink_ext_ack *extack);
int nbdt_bitmaps_get(struct nbdt_export *export, const char *name,
		     struct nbdt_bitmaps_info *info);
int nbdt_bitmaps_get_from(struct nbdt_export *export, unsigned int slot,
			  struct nbdt_bitmaps_info *info);

/* A change of which bitmaps record, in two steps; see checkpoint.c. */
struct nbdt_bitmaps_switch {
	struct nbdt_bitmap *freeze;	/* or NULL, as the next */
	struct nbdt_bitmap *start;
	bool made;			/* START is new */
};

int nbdt_bitmaps_switch_begin(struct nbdt_export *export,
			      struct nbdt_bitmaps_switch *change,
			      const char *freeze, const char *start,
			      struct netlink_ext_ack *extack);
void nbdt_bitmaps_switch_end(struct nbdt_export *export,
			     struct nbdt_bitmaps_switch *change, bool commit);

void nbdt_bitmaps_note(struct nbdt_bitmaps *bitmaps, u64 offset, u64 len);

/* A range is going to change; inside the gate.  A test when nobody records. */
static inline void nbdt_bitmaps_record(struct nbdt_bitmaps *bitmaps, u64 offset,
				       u64 len)
{
	if (READ_ONCE(bitmaps->active))
		nbdt_bitmaps_note(bitmaps, offset, len);
}

#endif /* NBDT_BITMAPS_H */
