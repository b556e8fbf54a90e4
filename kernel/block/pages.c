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
#include <linux/errseq.h>
#include <linux/list.h>
#include <linux/pagemap.h>
#include <linux/spinlock.h>

#include "block/pages.h"

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

/*
 * Somebody who writes back, and wants to know whether that fails.  All of the cache
 * has one mark for errors, where a second one shows only when the first has been seen;
 * so that is said meanwhile.  It is as before when the last has gone who looks at the
 * same cache: any earlier it would be another error to the rest.
 */
struct look {
	struct list_head node;
	struct address_space *pages;
	errseq_t since;
	int unseen;			/* by anybody else: what was there before */
};

static DEFINE_SPINLOCK(looks_lock);	/* guards all looks */
static LIST_HEAD(looks);

static void look_begin(struct look *look, struct address_space *pages)
{
	bool unseen;
	int err;

	look->pages = pages;
	look->since = 0;
	spin_lock(&looks_lock);
	unseen = !errseq_sample(&pages->wb_err);
	err = errseq_check_and_advance(&pages->wb_err, &look->since);
	look->unseen = unseen ? err : 0;
	list_add(&look->node, &looks);
	spin_unlock(&looks_lock);
}

/* To another who looks, or to the cache. */
static void hand_on(struct look *look)
{
	struct look *other;

	list_for_each_entry(other, &looks, node) {
		if (other->pages == look->pages) {
			other->unseen = other->unseen ?: look->unseen;
			return;
		}
	}
	errseq_set(&look->pages->wb_err, look->unseen);
}

static void look_end(struct look *look)
{
	spin_lock(&looks_lock);
	list_del(&look->node);
	if (look->unseen)
		hand_on(look);
	spin_unlock(&looks_lock);
}

/**
 * nbdt_pages_write_back - have the device have what the host wrote
 * @pages: of a device that is open
 * @from: the first byte
 * @to: the byte behind the last
 *
 * What couldn't be written before, here or elsewhere, is no error of this; it stays
 * for whoever wrote it, who is told by his fsync().
 * What fails elsewhere at the same time counts as ours.
 *
 * Return: 0 or -errno.
 */
int nbdt_pages_write_back(struct address_space *pages, u64 from, u64 to)
{
	struct look look;
	int err;

	look_begin(&look, pages);
	err = filemap_fdatawrite_range(pages, from, to - 1);
	filemap_fdatawait_range_keep_errors(pages, from, to - 1);
	err = err ?: filemap_check_wb_err(pages, look.since);
	look_end(&look);
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

/*
 * The device was opened; nothing goes past its pages yet.  Not by sync_blockdev(), here
 * or below: it fails, once, for what couldn't be written long ago.
 */
int nbdt_pages_begin(struct block_device *bdev, struct address_space *pages,
		     bool writable)
{
	int err = nbdt_pages_write_back(pages, 0, LLONG_MAX);

	if (!err && writable)
		invalidate_bdev(bdev);
	return err;
}

/* It is still open; nothing goes past its pages any more. */
void nbdt_pages_end(struct block_device *bdev, struct address_space *pages)
{
	if (!nbdt_pages_any(pages))
		return;
	nbdt_pages_write_back(pages, 0, LLONG_MAX);
	invalidate_bdev(bdev);
}
