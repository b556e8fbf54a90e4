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
 * allocates at once is then spread over as many times as much, wherever it begins.
 *
 * A mapped device may be made of pieces of others in any order as well (LVM), and of what
 * has pieces in its turn, and tells the same limits then as one that isn't.  If that is so
 * of thin volumes, what a write brings up may be anywhere, and a write of the export's
 * own proves as little as one of somebody else (proof.h).
 *
 * Nobody tells which is a thin volume, but it is made of one device, its pool, which
 * isn't made of requests and is made of two, for data and metadata.  What looks like that
 * and isn't is taken for one; and a thin volume isn't seen to be one if it has an external
 * origin.
 *
 * Of what they are made of there is a list in sysfs, by names, and nowhere else that a
 * module could look: in the folder "slaves" of the disk.  It is found by names as well, as
 * a disk other than the one that is open may go meanwhile.
 *
 * Below anything that isn't in such a list (loop devices, another host) nothing can be
 * seen, and what isn't an array or a mapped device itself (DRBD, bcache) is taken for one
 * that doesn't allocate.  The manual page says so.
 */
#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/kernfs.h>
#include <linux/kobject.h>
#include <linux/limits.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "content/reach.h"

/* dm-thin allocates no less. */
#define LEAST		SZ_64K

/* So far down it is looked; below may be anything. */
#define LEVELS		8

/* What a disk is made of. */
struct members {
	struct kernfs_node *blocks;	/* the folder of all block devices */
	struct kernfs_node *names;	/* the folder of these, or NULL */
	unsigned int level;		/* how far down they are */
	u32 nr;
	u32 bytes;		/* that one of them may allocate at once; 0: none does */
	bool pool;		/* one of them may be a pool... */
	bool thin;		/* ...or a thin volume... */
	bool above_thin;	/* ...or be made of such, in whatever way */
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

static bool may_be_pool(struct block_device *bdev, const struct members *members)
{
	return nbdt_is_mapped(bdev) && !queue_is_mq(bdev_get_queue(bdev)) &&
	       members->nr == 2;
}

static bool may_be_thin(struct block_device *bdev, const struct members *members)
{
	return nbdt_is_mapped(bdev) && allocates(bdev) && members->nr == 1 &&
	       members->pool;
}

static struct kernfs_node *find_by_link(struct kernfs_node *folder,
					const char *name)
{
	struct kernfs_node *link = kernfs_find_and_get(folder, name);
	struct kernfs_node *target = NULL;

	if (link && kernfs_type(link) == KERNFS_LINK) {
		target = link->symlink.target_kn;
		kernfs_get(target);
	}
	kernfs_put(link);
	return target;
}

/* Of the disk of that name; NULL when it isn't there. */
static struct kernfs_node *find_slaves(struct kernfs_node *blocks,
				       const char *disk)
{
	struct kernfs_node *folder = find_by_link(blocks, disk), *slaves;

	if (!folder)
		return NULL;
	slaves = kernfs_find_and_get(folder, "slaves");
	kernfs_put(folder);
	return slaves;
}

static struct members members_of(struct kernfs_node *blocks,
				 struct gendisk *disk, unsigned int level);

/* One of all block devices. */
static int look_at(struct device *dev, void *data)
{
	struct block_device *bdev = dev_to_bdev(dev);
	struct members *members = data, below;
	struct kernfs_node *name;

	name = kernfs_find_and_get(members->names, dev_name(dev));
	if (!name)
		return 0;
	kernfs_put(name);
	below = members_of(members->blocks, bdev->bd_disk, members->level + 1);
	members->nr++;
	members->bytes = max(members->bytes, allocates(bdev));
	members->pool |= may_be_pool(bdev, &below);
	members->thin |= may_be_thin(bdev, &below);
	members->above_thin |= below.thin || below.above_thin;
	return 0;
}

static struct members members_of(struct kernfs_node *blocks,
				 struct gendisk *disk, unsigned int level)
{
	struct device *dev = disk_to_dev(disk);
	struct members members = {
		.blocks = blocks,
		.names = find_slaves(blocks, dev_name(dev)),
		.level = level,
	};

	/* Most have none, and many devices may have to be asked for their names. */
	if (members.names && !RB_EMPTY_ROOT(&members.names->dir.children)) {
		if (level < LEVELS)
			class_for_each_device(dev->class, NULL, &members,
					      look_at);
		else
			members.above_thin = true;
	}
	kernfs_put(members.names);
	return members;
}

static struct members all_members_of(struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;
	struct kernfs_node *folder = disk_to_dev(disk)->kobj.sd, *blocks = NULL;
	struct members members = {};

	if (folder)
		blocks = find_by_link(folder, "subsystem");
	if (blocks)
		members = members_of(blocks, disk, 0);
	kernfs_put(blocks);
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
	members = all_members_of(bdev);
	if (members.above_thin || (members.thin && nbdt_is_mapped(bdev)))
		return (struct nbdt_reach) { .anywhere = true };
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
