/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_MAP_H
#define NBDT_MAP_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "content/reach.h"

/* What is known of a range; nothing, if neither. */
#define NBDT_MAP_ZERO		BIT(0)	/* reads as zeroes */
#define NBDT_MAP_HOLE		BIT(1)	/* was discarded */

/* Smallest granule, and the one unless the map would be too large. */
#define NBDT_MAP_GRANULE_MIN	(4U << 10)
#define NBDT_MAP_GRANULE	(64U << 10)
#define NBDT_MAP_GRANULE_MAX	(64U << 20)
/* Largest map that is made without being asked for, and by being asked. */
#define NBDT_MAP_BYTES		(32UL << 20)
#define NBDT_MAP_BYTES_MAX	(256UL << 20)

/* Granules share these; it costs no more than learning a little less. */
#define NBDT_MAP_SLOTS		256

/* Whose marks are where; see map.c.  From nbdt_map_zero_begin() to _end(), or _scan_*. */
struct nbdt_map_zeroing {
	struct list_head node;		/* on the map's, or nowhere: it has no marks */
	u64 first;			/* granules that are marked */
	u64 end;
	bool scans;			/* it only looks: others take its marks */
};

struct nbdt_map {
	u64 size;		/* of the device, in bytes */
	unsigned int shift;	/* of a granule */
	struct nbdt_reach reach;	/* what else a write may change */
	u64 nr_words;
	atomic64_t *words;	/* see map.c; NULL until they are wanted */
	atomic_t writers[NBDT_MAP_SLOTS];
	spinlock_t lock;		/* guards what follows */
	struct list_head marked;	/* struct nbdt_map_zeroing.node */
};

/* Can it know anything?  A map that is written beside has its memory from the start. */
static inline bool nbdt_map_is_on(const struct nbdt_map *map)
{
	return READ_ONCE(map->words);
}

struct nbdt_map *nbdt_map_create(u64 size, u32 granule);
int nbdt_map_fill(struct nbdt_map *map);
void nbdt_map_destroy(struct nbdt_map *map);
u32 nbdt_map_least_granule(u64 size);
void nbdt_map_fill_zero(struct nbdt_map *map);
void nbdt_map_set_reach(struct nbdt_map *map, struct block_device *bdev);
bool nbdt_map_reaches(const struct nbdt_map *map, struct block_device *bdev);
void nbdt_map_forget(struct nbdt_map *map);
u64 nbdt_map_bytes_at_most(const struct nbdt_map *map);
u64 nbdt_map_bytes(const struct nbdt_map *map);
void nbdt_map_count(const struct nbdt_map *map, u64 *zero, u64 *hole);
unsigned int nbdt_map_sample(const struct nbdt_map *map, u64 *offsets,
			     unsigned int nr);

u32 nbdt_map_state(const struct nbdt_map *map, u64 offset, u64 *len);
bool nbdt_map_zero(const struct nbdt_map *map, u64 offset, u64 *len);

unsigned int nbdt_map_read(const struct nbdt_map *map, u64 offset, void *data,
			   unsigned int len);
bool nbdt_map_load(struct nbdt_map *map, u64 offset, const void *data,
		   unsigned int len);

void nbdt_map_write_begin(struct nbdt_map *map, u64 offset, u64 len);
void nbdt_map_write_end(struct nbdt_map *map, u64 offset, u64 len);
void nbdt_map_zero_begin(struct nbdt_map *map, struct nbdt_map_zeroing *zeroing,
			 u64 offset, u64 len);
void nbdt_map_zero_end(struct nbdt_map *map, struct nbdt_map_zeroing *zeroing,
		       u64 offset, u64 len, bool zero);
bool nbdt_map_scan_begin(struct nbdt_map *map, struct nbdt_map_zeroing *scan,
			 u64 offset, u64 len);
void nbdt_map_scan_end(struct nbdt_map *map, struct nbdt_map_zeroing *scan,
		       bool zero);
void nbdt_map_discard_begin(struct nbdt_map *map, u64 offset, u64 len);
void nbdt_map_discard_end(struct nbdt_map *map, u64 offset, u64 len, u64 first,
			  u64 end);

#endif /* NBDT_MAP_H */
