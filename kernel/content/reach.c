// SPDX-License-Identifier: GPL-2.0
/*
 * Reach: what a write to a device may change around it.
 *
 * One that allocates space when it is written to may show, around what was written,
 * what was in that space before: dm-thin does without block zeroing, and doesn't tell
 * whether it is like that.  So each mapped device is taken for one.  What it gives back
 * at once is what it allocates at once.  One that gives nothing back tells at most what
 * it takes best at once, which is that or a multiple of it, but not where such a piece
 * begins.
 *
 * An array (md), or a mapped device made of several, may put its own pieces, which are
 * smaller, on one after the other of those that it is made of.  What one of these
 * allocates at once is then spread over as many times as much, wherever it begins.  Of
 * what they are made of there is a list in sysfs, by names, and nowhere else that a
 * module could look: in the folder "slaves" of the disk, which is there as long as the
 * disk is open.
 *
 * Below an array only its own members are looked at, and below anything else (loop,
 * DRBD, another host) nothing can be seen.  The manual page says so.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "content/reach.h"

/* dm-thin allocates no less. */
#define LEAST		SZ_64K

struct members {
	struct kernfs_node *names;
	u32 nr;
	u32 bytes;		/* that one of them may allocate at once; 0: none does */
};

/* Does it have a table (LVM)? */
bool nbdt_is_mapped(const struct block_device *bdev)
{
	return strstarts(bdev->bd_disk->disk_name, "dm-");
}

static bool is_array(const struct block_device *bdev)
{
	return strstarts(bdev->bd_disk->disk_name, "md");
}

/* What it may allocate at once, as far as it is seen from above. */
static u32 allocates(struct block_device *bdev)
{
	u32 bytes = bdev_discard_granularity(bdev) ?: bdev_io_opt(bdev);

	return (nbdt_is_mapped(bdev) || is_array(bdev)) && bytes >= LEAST ? bytes : 0;
}

/* One of all block devices. */
static int look_at(struct device *dev, void *data)
{
	struct members *members = data;
	struct kernfs_node *name;

	name = kernfs_find_and_get(members->names, dev_name(dev));
	if (!name)
		return 0;
	kernfs_put(name);
	members->nr++;
	members->bytes = max(members->bytes, allocates(dev_to_bdev(dev)));
	return 0;
}

static struct members members_of(struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;
	struct members members = {};

	if (disk->slave_dir)
		members.names = disk->slave_dir->sd;
	if (members.names)
		class_for_each_device(disk_to_dev(disk)->class, NULL, &members,
				      look_at);
	return members;
}

static struct nbdt_reach of_mapped(struct block_device *bdev, u64 granule)
{
	u32 grain = bdev_discard_granularity(bdev);
	u32 alignment = bdev_discard_alignment(bdev);

	if (!grain)
		return (struct nbdt_reach) {
			.bytes = bdev_io_opt(bdev), .loose = true,
		};
	if (!(granule % grain || alignment % grain))
		return (struct nbdt_reach) {};
	return (struct nbdt_reach) {
		.bytes = grain, .first = alignment % grain,
	};
}

/**
 * nbdt_reach_of - how far may a write change what is around it?
 * @bdev: what is written to; open
 * @granule: in bytes, the least of which anything is known
 *
 * May sleep, for no device.
 */
struct nbdt_reach nbdt_reach_of(struct block_device *bdev, u64 granule)
{
	struct members members;

	if (!nbdt_is_mapped(bdev) && !is_array(bdev))
		return (struct nbdt_reach) {};
	members = members_of(bdev);
	if (members.bytes && (is_array(bdev) || members.nr > 1))
		return (struct nbdt_reach) {
			.bytes = min_t(u64, (u64)members.bytes * members.nr,
				       U32_MAX),
			.loose = true,
		};
	if (is_array(bdev))
		return (struct nbdt_reach) {};
	return of_mapped(bdev, granule);
}
