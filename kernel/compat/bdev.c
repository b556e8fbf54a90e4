// SPDX-License-Identifier: GPL-2.0
/*
 * Opening block devices, which has changed its shape with the years:
 *
 *	before 6.5	blkdev_get_by_dev(), with modes of files
 *	6.5, 6.6	the same with a mode of its own, and operations by which
 *			the holder is told that the device goes away
 *	6.7, 6.8	bdev_open_by_dev() and a handle; also in later 6.6
 *	since 6.9	bdev_file_open_by_dev() and a file; also in RHEL's 5.14
 *
 * By number in all of them, so that what is opened is what the path was looked
 * up to be, whatever happens to the path in between.
 *
 * A writer holds the device, with its struct nbdt_bdev as the holder's name; of
 * two that it opens one after the other, with the same (disk.c opens anew).
 * When the driver gives the device up, the holder is called with
 * bd_holder_lock, which keeps the device from being closed.  Whether it has to
 * drop that lock is seen in no header; it is since 6.7.  Where there is a file,
 * or holders are asked to freeze (6.8), it has to; where there are holder
 * operations but no handle (6.5, 6.6, RHEL 9.4), the caller does.  With
 * handles and neither of the two it may be a later 6.6 or a 6.7.  There the
 * driver isn't listened to, as before 6.5: errors of requests tell it later.
 */
#include <linux/blkdev.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>

#include "compat/bdev.h"

#if defined(NBDT_HAVE_BDEV_FILE) || defined(NBDT_HAVE_BDEV_FREEZE)
static void holder_unlock(struct block_device *bdev)
{
	mutex_unlock(&bdev->bd_holder_lock);
}
#elif defined(NBDT_HAVE_HOLDER_OPS) && !defined(NBDT_HAVE_BDEV_HANDLE)
static void holder_unlock(struct block_device *bdev)
{
}
#else
#define NBDT_NOT_TOLD
#endif

#ifndef NBDT_NOT_TOLD
static void tell_dead(struct block_device *bdev)
{
	struct nbdt_bdev *holder = bdev->bd_holder;

	WRITE_ONCE(holder->told_of, bdev);
	holder->dead(holder);
	holder_unlock(bdev);
}

#ifdef NBDT_HAVE_MARK_DEAD_SURPRISE
static void mark_dead(struct block_device *bdev, bool surprise)
{
	tell_dead(bdev);
	/* Who holds it is called in the place of this: the host's own writes. */
	if (!surprise)
		sync_blockdev(bdev);
}
#else
static void mark_dead(struct block_device *bdev)
{
	tell_dead(bdev);
}
#endif

static const struct blk_holder_ops holder_ops = {
	.mark_dead = mark_dead,
};
#elif defined(NBDT_HAVE_HOLDER_OPS)
static const struct blk_holder_ops holder_ops;
#endif

#if defined(NBDT_HAVE_BDEV_FILE)
static int open_by_number(struct nbdt_bdev *bdev, dev_t dev, blk_mode_t mode,
			  void *holder)
{
	struct file *file = bdev_file_open_by_dev(dev, mode, holder,
						  holder ? &holder_ops : NULL);

	if (IS_ERR(file))
		return PTR_ERR(file);
	bdev->opened = file;
	bdev->bdev = file_bdev(file);
	return 0;
}

/*
 * Closed when it returns, for whoever waits for that: what fput() does for a
 * worker comes some time later, and another reference has it do nothing.
 */
static void close_opened(struct nbdt_bdev *bdev)
{
	struct file *file = get_file(bdev->opened);

	bdev_fput(file);
	__fput_sync(file);
}
#elif defined(NBDT_HAVE_BDEV_HANDLE)
static int open_by_number(struct nbdt_bdev *bdev, dev_t dev, blk_mode_t mode,
			  void *holder)
{
	struct bdev_handle *handle;

	handle = bdev_open_by_dev(dev, mode, holder,
				  holder ? &holder_ops : NULL);
	if (IS_ERR(handle))
		return PTR_ERR(handle);
	bdev->opened = handle;
	bdev->bdev = handle->bdev;
	return 0;
}

static void close_opened(struct nbdt_bdev *bdev)
{
	bdev_release(bdev->opened);
}
#elif defined(NBDT_HAVE_HOLDER_OPS)
static int open_by_number(struct nbdt_bdev *bdev, dev_t dev, blk_mode_t mode,
			  void *holder)
{
	bdev->bdev = blkdev_get_by_dev(dev, mode, holder,
				       holder ? &holder_ops : NULL);
	bdev->opened = holder;
	return PTR_ERR_OR_ZERO(bdev->bdev);
}

static void close_opened(struct nbdt_bdev *bdev)
{
	blkdev_put(bdev->bdev, bdev->opened);
}
#else
#define BLK_OPEN_READ	FMODE_READ
#define BLK_OPEN_WRITE	FMODE_WRITE
#define blk_mode_t	fmode_t

static int open_by_number(struct nbdt_bdev *bdev, dev_t dev, blk_mode_t mode,
			  void *holder)
{
	bdev->bdev = blkdev_get_by_dev(dev, mode | (holder ? FMODE_EXCL : 0),
				       holder);
	return PTR_ERR_OR_ZERO(bdev->bdev);
}

static void close_opened(struct nbdt_bdev *bdev)
{
	blkdev_put(bdev->bdev, FMODE_READ |
			       (bdev->dead ? FMODE_WRITE | FMODE_EXCL : 0));
}
#endif

/**
 * nbdt_bdev_open - open a block device
 * @bdev: what becomes of it; has to stay where it is until it is closed
 * @dev: which
 * @dead: to open it for writing and hold it, so that nobody else can: called
 *	when its driver gives it up, where the kernel tells; mustn't wait.
 *	NULL to open it for reading, beside others
 *
 * Return: 0, -EBUSY if somebody else holds it, or another error; then it isn't
 * open.
 */
int nbdt_bdev_open(struct nbdt_bdev *bdev, dev_t dev,
		   void (*dead)(struct nbdt_bdev *bdev))
{
	blk_mode_t mode = BLK_OPEN_READ;

	bdev->dead = dead;
	bdev->told_of = NULL;
	if (dead)
		mode |= BLK_OPEN_WRITE;
	return open_by_number(bdev, dev, mode, dead ? bdev : NULL);
}

/* Was it this device, and no other of the same holder, that @dead was called for? */
bool nbdt_bdev_went(const struct nbdt_bdev *bdev)
{
	return READ_ONCE(bdev->told_of) == bdev->bdev;
}

/* Nothing uses it any more.  @dead isn't called after that. */
void nbdt_bdev_close(struct nbdt_bdev *bdev)
{
	close_opened(bdev);
}
