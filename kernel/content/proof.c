// SPDX-License-Identifier: GPL-2.0
/*
 * The proof that nobody else has written to a device: what it takes to believe
 * what is known of its content.
 *
 * The kernel counts the sectors that are written to a disk and that are
 * discarded, whoever does it: a program, a file system, a partition of the disk,
 * another export.  The export counts what it writes itself.  If the disk has
 * counted no more since the proof began, there was nobody else.
 *
 * Requests are under way all the time, and the two counters aren't read at once.
 * A driver counts before it tells who wrote, and the export counts after it was
 * told, so of two sums, the export's read first, the difference is never less
 * than what others wrote:
 *
 *	write				proof
 *	  the disk's counter		  the export's counter
 *	  (barrier)			  (barrier)
 *	  the export's counter		  the disk's counter
 *
 * If it is nothing, nobody wrote.  If it is more, it may be that a request was
 * between its two counters, and the next look will tell.  What failed may be
 * counted by the disk and isn't by the export: then nothing is proved any more
 * until the proof begins anew, with nothing known, when nobody writes
 * (content.c).
 *
 * That is so from the beginning on if the driver counts a write when it ends.  Those
 * that have no queue of requests (dm, md) counted it as it begins before 6.5, so
 * that one under way may be in what the proof begins with.  Such a disk says how many
 * it is at; if there are any, the proof begins with a doubt.
 *
 * What others have written to the page cache and not yet to the device counts
 * as well, and a device that has changed in another way is another (watch.c), or has
 * another number of its own, where that isn't told of: a loop device that gets another
 * file, on older kernels.  (It gets the number a moment before it has the file, which isn't
 * seen if the proof begins in between.)
 *
 * A disk whose driver doesn't count, or was told not to, proves nothing.  Those with a
 * queue of requests count when they are told to, all that is written and discarded.  Of
 * others each has its own way, and some are wrong: bcache counts requests, but not their
 * sectors, as it has used them up by then.  So only those are believed whose code was
 * read (drivers[]), and of them those that have counted what was read of them, as some
 * are told not to.  Once a disk was seen to be told not to, what it counts later proves
 * nothing either, until the proof begins anew.  That is a heuristic: it is looked at
 * whenever what is known is wanted, and once a second (export.c); whoever has it count
 * again sooner isn't seen, nor is a request that began while it didn't count, and ends
 * after the proof has begun.
 *
 * Not seen is who writes below the device: to what a mapped device or a loop
 * device consists of, or by way of another machine; or past the block layer, by
 * commands of the device's own (SG_IO, NVMe passthrough), which aren't counted.  The
 * manual page says so.  The same holds for what restore-bitmaps concludes from the
 * counters.
 *
 * Who owns it: the content it is about.  BASE is changed by whoever has seen to
 * it that nobody writes, and that nothing is known; who looks sees the old one,
 * which doesn't hold, or the new one and a map that was empty.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/pagemap.h>
#include <linux/part_stat.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "content/proof.h"

/* Nothing is proved: no disk has written so much. */
#define NO_BASE		U64_MAX
/* Of more READs under way than this it is believed that they never end. */
#define OTHERS_MAX	4096

int nbdt_proof_init(struct nbdt_proof *proof)
{
	proof->written = alloc_percpu(u64);
	return proof->written ? 0 : -ENOMEM;
}

void nbdt_proof_exit(struct nbdt_proof *proof)
{
	free_percpu(proof->written);
}

/* Sectors; each CPU's only grows. */
static u64 written_by_us(const struct nbdt_proof *proof)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(*per_cpu_ptr(proof->written, cpu));
	return sum;
}

/**
 * nbdt_proof_counter - all that went to a device
 * @bdev: of a disk: by way of whichever of its partitions; of a partition: by way of it
 *
 * While nobody writes, it stays the same, also from one export to the next.
 *
 * Return: sectors that were written and discarded.
 */
u64 nbdt_proof_counter(struct block_device *bdev)
{
	return part_stat_read(bdev, sectors[STAT_WRITE]) +
	       part_stat_read(bdev, sectors[STAT_DISCARD]);
}

/* All that went to the disk, by way of whichever of its partitions. */
static u64 written_by_all(const struct nbdt_proof *proof)
{
	return nbdt_proof_counter(bdev_whole(proof->bdev));
}

static u64 reads_by_all(const struct nbdt_proof *proof)
{
	return part_stat_read(bdev_whole(proof->bdev), ios[STAT_READ]);
}

/* Is the disk told to count? */
static bool is_on(const struct nbdt_proof *proof)
{
	return blk_queue_io_stat(bdev_get_queue(proof->bdev)) ? true : false;
}

/*
 * Does the disk count?  What was written while it didn't may never be known, so
 * that it is as good as another.
 */
static bool counts(struct nbdt_proof *proof)
{
	if (proof->while_on && !is_on(proof))
		nbdt_watch_tell(&proof->watch);
	return READ_ONCE(proof->counts) && !nbdt_watch_changed(&proof->watch);
}

/*
 * In this order: what was dirty is looked for before it is being written, and
 * both before it has been.
 */
static bool has_dirty_pages(const struct nbdt_proof *proof)
{
	struct address_space *mapping = nbdt_compat_mapping(proof->bdev);

	if (mapping_tagged(mapping, PAGECACHE_TAG_DIRTY))
		return true;
	/* The order above. */
	smp_rmb();
	return mapping_tagged(mapping, PAGECACHE_TAG_WRITEBACK);
}

static bool has_queue(const struct nbdt_proof *proof)
{
	return queue_is_mq(bdev_get_queue(proof->bdev));
}

static long under_way_on(const struct block_device *part, int rw)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += part_stat_local_read_cpu(part, in_flight[rw], cpu);
	return sum;
}

/* READs or WRITEs that may be counted, of a disk without a queue of requests. */
static long under_way(const struct nbdt_proof *proof, int rw)
{
	struct gendisk *disk = proof->bdev->bd_disk;
	struct block_device *part;
	unsigned long number;
	long sum = 0;

	/* What is counted, and isn't under way yet, will be: between is no preemption. */
	synchronize_rcu_expedited();
	rcu_read_lock();
	xa_for_each(&disk->part_tbl, number, part)
		sum += under_way_on(part, rw);
	rcu_read_unlock();
	return sum;
}

/*
 * Is somebody writing who may be counted already?  One that begins on one CPU and ends
 * on another while they are added up makes the sum too small by itself only if it has
 * begun since BASE, and then it shows in the counter.
 */
static bool is_being_written(const struct nbdt_proof *proof)
{
	/* With a queue of requests it counts what has ended. */
	return !has_queue(proof) && under_way(proof, WRITE);
}

/* Read a block, so that the disk has something to count. */
static void read_something(const struct nbdt_proof *proof)
{
	u32 block = bdev_logical_block_size(proof->bdev);
	struct bio_vec bvec;
	struct page *page;
	struct bio bio;

	page = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_NOWARN,
			   get_order(block));
	if (!page)
		return;
	bio_init(&bio, proof->bdev, &bvec, 1, REQ_OP_READ);
	__bio_add_page(&bio, page, block, 0);
	submit_bio_wait(&bio);
	bio_uninit(&bio);
	put_page(page);
}

/*
 * Does the disk count what is read of it?  It may have been told not to while others
 * were reading, and counts these as they end.  So it has to count more than there are.
 */
static bool counts_reads(const struct nbdt_proof *proof)
{
	long others = max(under_way(proof, READ), 0L), i;
	u64 before = reads_by_all(proof);

	if (others > OTHERS_MAX)
		return false;
	for (i = 0; i <= others; i++)
		read_something(proof);
	return reads_by_all(proof) - before > others;
}

/*
 * Drivers without a queue of requests that count each sector that is written, by what
 * their disks are called; and whether those that are discarded: md does so or not by
 * the kind of array.  Not NVMe of several paths: before 6.10 it doesn't count what
 * ends with others.
 */
static const struct driver {
	const char *name;
	bool counts_discards;
} drivers[] = {
	{ "dm-", true },
	{ "drbd", true },
	{ "md", false },
	{ "pmem", true },
};

static const struct driver *driver_of(const struct nbdt_proof *proof)
{
	const char *name = proof->bdev->bd_disk->disk_name;
	const struct driver *driver;

	for (driver = drivers; driver < drivers + ARRAY_SIZE(drivers); driver++) {
		if (strstarts(name, driver->name))
			return driver;
	}
	return NULL;
}

/* Whether the disk counts, and what. */
static void find_out(struct nbdt_proof *proof)
{
	const struct driver *driver = driver_of(proof);

	proof->while_on = is_on(proof);
	proof->counts_discards = has_queue(proof) ||
				 (driver && driver->counts_discards);
	if (has_queue(proof))
		proof->counts = proof->while_on;
	else
		proof->counts = driver &&
				((proof->while_on && reads_by_all(proof)) ||
				 counts_reads(proof));
}

/* The device is open, and nothing known of it; nobody else sees it yet. */
void nbdt_proof_open(struct nbdt_proof *proof, struct block_device *bdev)
{
	proof->bdev = bdev;
	nbdt_watch_begin(&proof->watch, bdev_whole(bdev)->bd_dev);
	find_out(proof);
	nbdt_proof_begin(proof, nbdt_proof_prepare(proof));
}

/* It is still open, if it ever was. */
void nbdt_proof_close(struct nbdt_proof *proof)
{
	if (proof->bdev)
		nbdt_watch_end(&proof->watch);
	proof->bdev = NULL;
}

/**
 * nbdt_proof_prepare - what is to be proved from now on
 * @proof: of an open device; the export writes nothing until nbdt_proof_begin()
 *
 * Nothing is proved until then.  What was known has to be forgotten in between:
 * what a scan learns afterwards, it has read after this.
 *
 * Return: for nbdt_proof_begin().
 */
u64 nbdt_proof_prepare(struct nbdt_proof *proof)
{
	u64 base;

	WRITE_ONCE(proof->base, NO_BASE);
	/* Before the watch begins anew; see nbdt_proof_broken(). */
	smp_wmb();
	nbdt_watch_again(&proof->watch);
	/* If not, it begins with a doubt. */
	counts(proof);
	WRITE_ONCE(proof->number, proof->bdev->bd_disk->diskseq);
	base = written_by_all(proof) - written_by_us(proof);
	if (is_being_written(proof))
		nbdt_watch_tell(&proof->watch);
	WRITE_ONCE(proof->size, bdev_nr_bytes(proof->bdev));
	return base;
}

/* From nbdt_proof_prepare() on. */
void nbdt_proof_begin(struct nbdt_proof *proof, u64 base)
{
	/* After all that was known has gone; see nbdt_proof_holds(). */
	smp_store_release(&proof->base, base);
}

/* Once a second: does the disk still count? */
void nbdt_proof_tick(struct nbdt_proof *proof)
{
	/* Without a map nothing is to be proved. */
	if (proof->bdev)
		counts(proof);
}

/*
 * Who counts less than the export has written doesn't count all of it, and then
 * what others write could make up for it: that proves nothing, for good.  After
 * the export has counted something that drivers have ways of their own for; it may
 * sleep.
 */
void nbdt_proof_look(struct nbdt_proof *proof)
{
	u64 base = READ_ONCE(proof->base);
	u64 ours;

	/* Without a map nothing is to be proved. */
	if (!proof->bdev)
		return;
	ours = written_by_us(proof);
	/* Pairs with nbdt_proof_wrote(). */
	smp_rmb();
	if (base != NO_BASE && (s64)(written_by_all(proof) - ours - base) < 0)
		WRITE_ONCE(proof->counts, false);
}

/* Without having been told of: see the top. */
static bool is_another(const struct nbdt_proof *proof)
{
	return bdev_nr_bytes(proof->bdev) != READ_ONCE(proof->size) ||
	       READ_ONCE(proof->bdev->bd_disk->diskseq) !=
	       READ_ONCE(proof->number);
}

/* Has somebody else written, or may have? */
bool nbdt_proof_broken(const struct nbdt_proof *proof)
{
	/* Pairs with nbdt_proof_begin(): what is known is looked at later. */
	u64 base = smp_load_acquire(&proof->base);
	u64 ours = written_by_us(proof);

	/* Pairs with nbdt_proof_wrote(). */
	smp_rmb();
	if (base == NO_BASE || written_by_all(proof) - ours != base ||
	    nbdt_watch_changed(&proof->watch) || is_another(proof))
		return true;
	/* Pairs with nbdt_proof_prepare(): it may have begun anew meanwhile. */
	smp_rmb();
	/* If that gave the same number, what was known has gone, as above. */
	return smp_load_acquire(&proof->base) != base;
}

/**
 * nbdt_proof_holds - is it certain that nobody else has written?
 * @proof: of an open device
 *
 * Since nbdt_proof_begin(), and up to this moment.  False doesn't mean that
 * somebody has: it may hold again the next time.  Any context.
 */
bool nbdt_proof_holds(struct nbdt_proof *proof)
{
	return counts(proof) && !has_dirty_pages(proof) &&
	       !nbdt_proof_broken(proof);
}
