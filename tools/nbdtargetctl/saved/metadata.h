/* SPDX-License-Identifier: GPL-2.0 */
/* What is on a metadata device: made, read and checked without the module. */
#ifndef NBDTARGETCTL_METADATA_H
#define NBDTARGETCTL_METADATA_H

#include <stdbool.h>
#include <stdint.h>

#include "nbdtarget_metadata.h"

/* What it shall be made for. */
struct metadata_plan {
	uint64_t size;			/* of the data device, as clients see it */
	const char *identity;
	uint64_t bitmaps;		/* to have room for... */
	uint64_t granularity;		/* ...of these */
	uint64_t bound;			/* of what a crash makes dirty, in bytes */
	uint64_t region;		/* of the log, in bytes; 0: chosen */
};

/* Of one bitmap. */
struct metadata_bitmap {
	uint64_t dirty;			/* granules, by what is in its area */
	uint64_t damaged;		/* blocks without a good copy, or the newest */
	uint64_t torn;			/* blocks of which one copy isn't good */
};

/* What was found. */
struct metadata {
	struct nbdtarget_meta_head head;	/* the one that counts */
	bool head_good[2];
	bool head_bad;			/* one is damaged, or can't be read */
	struct nbdtarget_meta_log log;	/* the same, if has_log */
	bool has_log;
	bool lost;			/* a newer head was there */
	bool cut;			/* it was made on a larger device */
	struct metadata_bitmap bitmaps[NBDTARGET_META_BITMAPS];
	uint64_t map_good;		/* blocks of the map */
	uint64_t unreadable;		/* blocks */
};

uint64_t metadata_needs(const struct metadata_plan *plan);
uint64_t metadata_reach(const struct metadata_plan *plan);
uint64_t metadata_default_granularity(uint64_t size);
const char *metadata_plan_wrong(const struct metadata_plan *plan);

/* Each returns 0 or a negative errno. */
int metadata_make(int fd, uint64_t bytes, const struct metadata_plan *plan);
int metadata_read(int fd, uint64_t bytes, struct metadata *m);

bool metadata_has_map(const struct metadata *m);
bool metadata_is_good(const struct metadata *m);
bool metadata_agrees(const struct metadata *m, const struct metadata *later);
char *metadata_uuid(const uint8_t *uuid);

#endif /* NBDTARGETCTL_METADATA_H */
