/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_COMPAT_BDEV_H
#define NBDT_COMPAT_BDEV_H

#include <linux/types.h>

struct block_device;

/* A block device that is open. */
struct nbdt_bdev {
	struct block_device *bdev;
	void *opened;			/* what closes it, in this kernel */
	/* Called when its driver gives it up; NULL: shared, for reading. */
	void (*dead)(struct nbdt_bdev *bdev);
	const struct block_device *told_of;	/* then; to be compared only */
};

int nbdt_bdev_open(struct nbdt_bdev *bdev, dev_t dev,
		   void (*dead)(struct nbdt_bdev *bdev));
void nbdt_bdev_close(struct nbdt_bdev *bdev);
bool nbdt_bdev_went(const struct nbdt_bdev *bdev);

#endif /* NBDT_COMPAT_BDEV_H */
