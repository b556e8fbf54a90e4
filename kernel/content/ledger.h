/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_LEDGER_H
#define NBDT_LEDGER_H

#include <linux/types.h>

#include "compat/bdev.h"
#include "nbdtarget_metadata.h"

struct nbdt_bitmap;
struct nbdt_map;
struct nbdt_node;
struct netlink_ext_ack;

/* Where a bitmap's bits are, and which copy of each block counts. */
struct nbdt_ledger_area {
	u64 id;
	u64 start;			/* a block of the device */
	u32 blocks;
	u64 *sequence;			/* of each block's good copy */
};

/* A metadata device, block by block; see ledger.c. */
struct nbdt_ledger {
	struct nbdt_bdev device;
	u64 number;			/* its disk's, when it was opened (diskseq) */
	u64 blocks;			/* that it has */
	u8 uuid[NBDTARGET_META_UUID];
	u64 generation;			/* that is written */
	u64 head_sequence;		/* of the last that was written or read */
	u64 log_sequence;
	u64 writes;			/* bios that were written; may be read */
	bool barred;			/* no more writes; set by anybody */

	/* To write from, and what was read; the owner's. */
	struct nbdtarget_meta_head *head;
	struct nbdtarget_meta_log *log;
	struct nbdtarget_meta_bits *bits;
};

int nbdt_ledger_open(struct nbdt_ledger *ledger, const char *path,
		     const struct nbdt_node *node,
		     void (*dead)(struct nbdt_bdev *device),
		     struct netlink_ext_ack *extack);
void nbdt_ledger_close(struct nbdt_ledger *ledger);

int nbdt_ledger_read_head(struct nbdt_ledger *ledger);
int nbdt_ledger_write_head(struct nbdt_ledger *ledger);
void nbdt_ledger_skip_head(struct nbdt_ledger *ledger);
int nbdt_ledger_read_log(struct nbdt_ledger *ledger);
int nbdt_ledger_write_log(struct nbdt_ledger *ledger);

u32 nbdt_ledger_blocks(const struct nbdt_bitmap *bitmap);
int nbdt_ledger_area_init(struct nbdt_ledger_area *area, u64 id, u64 start,
			  u32 blocks);
void nbdt_ledger_area_exit(struct nbdt_ledger_area *area);
int nbdt_ledger_read_bits(struct nbdt_ledger *ledger,
			  struct nbdt_ledger_area *area, u64 sum,
			  struct nbdt_bitmap *bitmap);
u64 nbdt_ledger_sum(const struct nbdt_ledger_area *area);
int nbdt_ledger_write_bits(struct nbdt_ledger *ledger,
			   struct nbdt_ledger_area *area,
			   const struct nbdt_bitmap *bitmap,
			   const unsigned long *which);

u32 nbdt_ledger_map_blocks(const struct nbdt_map *map);
int nbdt_ledger_write_map(struct nbdt_ledger *ledger, u64 id, u64 start,
			  const struct nbdt_map *map, u32 *filled);
int nbdt_ledger_read_map(struct nbdt_ledger *ledger,
			 const struct nbdtarget_meta_map *entry,
			 struct nbdt_map *map);

#endif /* NBDT_LEDGER_H */
