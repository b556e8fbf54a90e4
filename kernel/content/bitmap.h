/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_BITMAP_H
#define NBDT_BITMAP_H

#include <linux/kref.h>
#include <linux/types.h>

/* A bit is for so much of the device; the default unless it takes too much. */
#define NBDT_BITMAP_GRANULE_MIN		(4U << 10)
#define NBDT_BITMAP_GRANULE		(64U << 10)
#define NBDT_BITMAP_GRANULE_MAX		(64U << 20)
/* Most memory that one takes without being asked to, and at all. */
#define NBDT_BITMAP_BYTES		(32ULL << 20)
#define NBDT_BITMAP_BYTES_MAX		(256ULL << 20)
/* Longest name, without the terminating NUL. */
#define NBDT_BITMAP_NAME_MAX		255

/* What the metadata is to say of it (metadata.c), whatever is the case in memory. */
struct nbdt_bitmap_stored {
	bool there;			/* it is in the head */
	bool recording;
	bool changes;			/* recording does, with what is pending */
	bool only_after;		/* it isn't there if that doesn't take place */
	bool rewritten;			/* all of its bits are others now */
};

struct nbdt_bitmap {
	/* Read-only while it exists. */
	u64 size;			/* of the device, in bytes */
	unsigned int shift;		/* of a granule */
	unsigned long nr_bits;
	unsigned long *words;		/* what is in them: see bitmap.c */

	/* Guarded by the mutex in bitmaps.c; so is what names point at. */
	char *name;			/* terminated */
	const char *old_name;		/* until the new one is stored, or NULL */
	bool recording;			/* changes with the gate shut only */
	bool inconsistent;		/* some writes may not be in it */
	bool kept;			/* as it is, elsewhere; must stay so */
	bool hidden;			/* no client's to see yet, or for now */
	bool listed;			/* was seen once: who lists all of them does */
	bool changing;			/* a command is at it */
	u64 version;			/* of what is in it; see bitmap.c */
	struct nbdt_bitmap_stored stored;
	u32 users;			/* that must not lose it */

	struct kref ref;
};

struct nbdt_bitmap *nbdt_bitmap_create(const char *name, u64 size, u32 granule);
void nbdt_bitmap_get(struct nbdt_bitmap *bitmap);
void nbdt_bitmap_put(struct nbdt_bitmap *bitmap);

u64 nbdt_bitmap_bytes(const struct nbdt_bitmap *bitmap);
u64 nbdt_bitmap_count(const struct nbdt_bitmap *bitmap);
u64 nbdt_bitmap_dirty_bytes(const struct nbdt_bitmap *bitmap, u64 count);

void nbdt_bitmap_mark(struct nbdt_bitmap *bitmap, u64 offset, u64 len);
bool nbdt_bitmap_state(const struct nbdt_bitmap *bitmap, u64 offset, u64 *len);
void nbdt_bitmap_clear(struct nbdt_bitmap *bitmap);
void nbdt_bitmap_fill(struct nbdt_bitmap *bitmap);
unsigned int nbdt_bitmap_read(const struct nbdt_bitmap *bitmap, u64 offset,
			      void *data, unsigned int len);
bool nbdt_bitmap_write(struct nbdt_bitmap *bitmap, u64 offset,
		       const void *data, unsigned int len);
void nbdt_bitmap_merge(struct nbdt_bitmap *to, const struct nbdt_bitmap *from);

#endif /* NBDT_BITMAP_H */
