/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_SERIAL_H
#define NBDT_SERIAL_H

#include <linux/types.h>

struct block_device;

/* What the kernel gives, at most. */
#define NBDT_SERIAL_MAX		16

/* What a device is known by wherever it turns up; see serial.c. */
struct nbdt_serial {
	const void *driver;		/* whose word it is */
	u32 kind;			/* enum blk_unique_id */
	u32 len;			/* 0: by nothing */
	u8 id[NBDT_SERIAL_MAX];
	u64 start;			/* of a partition, in sectors */
};

void nbdt_serial_read(struct nbdt_serial *serial, struct block_device *bdev);
bool nbdt_serial_is_other(const struct nbdt_serial *was,
			  struct block_device *bdev);
bool nbdt_serial_fits(const struct nbdt_serial *serial,
		      const struct block_device *bdev);
bool nbdt_serial_same(const struct nbdt_serial *a, const struct nbdt_serial *b);

#endif /* NBDT_SERIAL_H */
