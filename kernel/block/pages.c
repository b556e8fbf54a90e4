// SPDX-License-Identifier: GPL-2.0
/*
 * What the host has in its page cache of a device, while that is exported.
 *
 * Requests go past that cache.  So that both sides see one device, as with the
 * block layer's own direct I/O: before the device is exported, what is dirty of
 * it is written back; what a client reads is written back before; and what a
 * client changes is written back and dropped before, so that nothing old is
 * written over it, and dropped again afterwards, as the host may have read it
 * meanwhile.  All of that waits, so it is for slow workers (slow.c).
 *
 * Most devices that are exported have no pages in the cache: a look for whether
 * there are any is all that a request pays then, and a WRITE another when it is
 * done.
 *
 * The cache is the device's own.  That of the disk that it is a partition of, or
 * of its partitions, is another, as it is for programs of the host.  A program
 * that writes a part of a block while a client writes another part of it may
 * undo that, as it may for another program's direct I/O.
 */
#include <linux/blkdev.h>
#include <linux/pagemap.h>

#include "block/pages.h"

/* The device was opened; nothing goes past its pages yet. */
int nbdt_pages_begin(struct block_device *bdev, bool writable)
{
	int err = sync_blockdev(bdev);

	if (!err && writable)
		invalidate_bdev(bdev);
	return err;
}

/* It is still open; nothing goes past its pages any more. */
void nbdt_pages_end(struct block_device *bdev,
		    const struct address_space *pages)
{
	if (!nbdt_pages_any(pages))
		return;
	sync_blockdev(bdev);
	invalidate_bdev(bdev);
}

/* Any of bytes FROM to TO?  Any context. */
bool nbdt_pages_found(struct address_space *pages, u64 from, u64 to)
{
	return filemap_range_has_page(pages, from, to - 1);
}

/* Is there anything that hasn't been written yet?  Any context. */
bool nbdt_pages_dirty(struct address_space *pages)
{
	return mapping_tagged(pages, PAGECACHE_TAG_DIRTY) ||
	       mapping_tagged(pages, PAGECACHE_TAG_WRITEBACK);
}

/**
 * nbdt_pages_write_back - have the device have what the host wrote
 * @pages: of a device that is open
 * @from: the first byte
 * @to: the byte behind the last
 *
 * What couldn't be written before, here or elsewhere, is no error of this; it stays
 * for whoever wrote it, who is told by his fsync().  All of the cache has one mark for
 * errors, where a second one shows only when the first has been seen; so that is said
 * meanwhile.
 * What fails elsewhere at the same time counts as ours.
 *
 * Return: 0 or -errno.
 */
int nbdt_pages_write_back(struct address_space *pages, u64 from, u64 to)
{
	bool unseen = !errseq_sample(&pages->wb_err);
	errseq_t since = 0;
	int err, before;

	before = errseq_check_and_advance(&pages->wb_err, &since);
	err = filemap_fdatawrite_range(pages, from, to - 1);
	filemap_fdatawait_range_keep_errors(pages, from, to - 1);
	err = err ?: filemap_check_wb_err(pages, since);
	/* Nobody else has seen it. */
	if (before && unseen)
		errseq_set(&pages->wb_err, before);
	return err;
}

static void invalidate(struct address_space *pages, u64 from, u64 to)
{
	invalidate_inode_pages2_range(pages, from >> PAGE_SHIFT,
				      (to - 1) >> PAGE_SHIFT);
}

/**
 * nbdt_pages_drop - have nothing cached of a range that is going to change
 * @pages: of a device that is open
 * @from: its first byte
 * @to: the byte behind its last
 *
 * Return: 0, or the error of writing back: then it stays.  That the host has written
 * there once more meanwhile is no error: it is as if it had done so later.
 */
int nbdt_pages_drop(struct address_space *pages, u64 from, u64 to)
{
	int err;

	if (!nbdt_pages_hold(pages, from, to))
		return 0;
	err = nbdt_pages_write_back(pages, from, to);
	if (!err)
		invalidate(pages, from, to);
	return err;
}

/* The same of one that has changed, whatever becomes of what the host wrote there. */
void nbdt_pages_forget(struct address_space *pages, u64 from, u64 to)
{
	if (!nbdt_pages_hold(pages, from, to))
		return;
	nbdt_pages_write_back(pages, from, to);
	invalidate(pages, from, to);
}
