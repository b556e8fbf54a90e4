// SPDX-License-Identifier: GPL-2.0
/*
 * The ledger: a metadata device as rows of blocks with checksums.  What they are,
 * and where, says uapi/nbdtarget_metadata.h; when they are written, and what is in
 * them, is for metadata.c, scribe.c and memo.c.
 *
 * All is written with FUA, and waited for.  Nothing is written over the good copy of
 * anything, so a write that arrives in part, or not at all, leaves what was there
 * before, and may be made again.
 *
 * Who owns it: the metadata.  One task at a time uses it: who opens it, then the
 * writer, then who closes it.
 */
#include <linux/align.h>
#include <linux/bio.h>
#include <linux/bitmap.h>
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/node.h"
#include "compat/compat.h"
#include "content/bitmap.h"
#include "content/ledger.h"
#include "content/map.h"

#define BLOCK		NBDTARGET_META_BLOCK
#define HEAD_BYTES	(NBDTARGET_META_HEAD_BLOCKS * BLOCK)
/* Blocks of bits that are written at once. */
#define RUN		32U

static_assert(sizeof(struct nbdtarget_meta_mark) == 64);
static_assert(sizeof(struct nbdtarget_meta_head) == HEAD_BYTES);
static_assert(sizeof(struct nbdtarget_meta_log) == BLOCK);
static_assert(sizeof(struct nbdtarget_meta_bits) == BLOCK);
static_assert(!(NBDTARGET_META_BITS % sizeof(u64)));

/* From one piece of memory without holes, and waited for. */
static int do_io(struct nbdt_ledger *ledger, void *data, u64 block, u32 len,
		 blk_opf_t opf)
{
	struct bio_vec bvec;
	struct bio bio;
	int err;

	bio_init(&bio, ledger->device.bdev, &bvec, 1, opf);
	bio.bi_iter.bi_sector = block * (BLOCK >> SECTOR_SHIFT);
	__bio_add_page(&bio, virt_to_page(data), len, offset_in_page(data));
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

static int read_blocks(struct nbdt_ledger *ledger, void *data, u64 block,
		       u32 len)
{
	return do_io(ledger, data, block, len, REQ_OP_READ);
}

/* On stable storage when it returns. */
static int write_blocks(struct nbdt_ledger *ledger, void *data, u64 block,
			u32 len)
{
	if (READ_ONCE(ledger->barred))
		return -EIO;
	/* Another medium has nothing to do with it. */
	if (READ_ONCE(ledger->device.bdev->bd_disk->diskseq) != ledger->number)
		return -ENODEV;
	WRITE_ONCE(ledger->writes, ledger->writes + 1);
	return do_io(ledger, data, block, len,
		     REQ_OP_WRITE | REQ_SYNC | REQ_IDLE | REQ_FUA);
}

/* --- Marks --- */

/* The mark is at the beginning, and its checksum doesn't count. */
static u32 checksum(struct nbdtarget_meta_mark *mark, u32 len)
{
	__le32 was = mark->crc;
	u32 crc;

	mark->crc = 0;
	crc = ~crc32c(~0U, mark, len);
	mark->crc = was;
	return crc;
}

static void seal(struct nbdt_ledger *ledger, struct nbdtarget_meta_mark *mark,
		 u64 magic, u64 sequence, u64 id, u64 index, u32 len)
{
	mark->magic = cpu_to_le64(magic);
	mark->version = cpu_to_le32(NBDTARGET_META_VERSION);
	memcpy(mark->uuid, ledger->uuid, sizeof(mark->uuid));
	mark->sequence = cpu_to_le64(sequence);
	mark->generation = cpu_to_le64(ledger->generation);
	mark->id = cpu_to_le64(id);
	mark->index = cpu_to_le64(index);
	mark->crc = cpu_to_le32(checksum(mark, len));
}

static bool is_good(struct nbdtarget_meta_mark *mark, u64 magic, u32 len)
{
	return le64_to_cpu(mark->magic) == magic &&
	       le32_to_cpu(mark->version) == NBDTARGET_META_VERSION &&
	       le32_to_cpu(mark->crc) == checksum(mark, len);
}

static bool is_ours(const struct nbdt_ledger *ledger,
		    const struct nbdtarget_meta_mark *mark)
{
	return !memcmp(mark->uuid, ledger->uuid, sizeof(mark->uuid));
}

/* --- The head --- */

static u64 head_block(u64 sequence)
{
	return sequence % 2 * NBDTARGET_META_HEAD_BLOCKS;
}

/* Into the buffer; 0, -EUCLEAN, or the error of reading. */
static int read_copy(struct nbdt_ledger *ledger, u64 copy)
{
	int err = read_blocks(ledger, ledger->head, head_block(copy),
			      HEAD_BYTES);

	if (err)
		return err;
	return is_good(&ledger->head->mark, NBDTARGET_META_MAGIC_HEAD,
		       HEAD_BYTES) ? 0 : -EUCLEAN;
}

/**
 * nbdt_ledger_read_head - read the head that counts into ledger->head
 * @ledger: open
 *
 * Return: 0; -EUCLEAN when there is no good one; or an error of reading.
 */
int nbdt_ledger_read_head(struct nbdt_ledger *ledger)
{
	struct nbdtarget_meta_mark *mark = &ledger->head->mark;
	u64 sequence[2] = { 0 };
	int err[2], best;
	u64 copy;

	for (copy = 0; copy < 2; copy++) {
		err[copy] = read_copy(ledger, copy);
		if (!err[copy])
			sequence[copy] = le64_to_cpu(mark->sequence);
	}
	if (err[0] && err[1])
		return err[0] == -EUCLEAN ? err[1] : err[0];
	best = !err[1] && (err[0] || sequence[1] > sequence[0]);
	/* Once more, as the other may have been read over it. */
	err[best] = read_copy(ledger, best);
	if (err[best])
		return err[best];
	memcpy(ledger->uuid, mark->uuid, sizeof(ledger->uuid));
	ledger->head_sequence = le64_to_cpu(mark->sequence);
	ledger->generation = le64_to_cpu(mark->generation);
	return 0;
}

/*
 * What is in ledger->head.  It counts when this returns 0; a record has to follow, of
 * what is in ledger->log, for who finds that it has gone bad.  Else it may be made
 * again, to the same copy.
 */
int nbdt_ledger_write_head(struct nbdt_ledger *ledger)
{
	u64 sequence = ledger->head_sequence + 1;
	int err;

	seal(ledger, &ledger->head->mark, NBDTARGET_META_MAGIC_HEAD, sequence,
	     0, 0, HEAD_BYTES);
	err = write_blocks(ledger, ledger->head, head_block(sequence),
			   HEAD_BYTES);
	if (!err)
		ledger->head_sequence = sequence;
	return err;
}

/* The copy that was going to be written next can't be: the other is. */
void nbdt_ledger_skip_head(struct nbdt_ledger *ledger)
{
	ledger->head_sequence++;
}

/* --- The log --- */

static u64 log_block(u64 sequence)
{
	return NBDTARGET_META_LOG_START + sequence % NBDTARGET_META_LOG_BLOCKS;
}

/* Into the buffer; whether there is a good one of ours. */
static int read_record(struct nbdt_ledger *ledger, u64 at)
{
	struct nbdtarget_meta_mark *mark = &ledger->log->mark;
	int err = read_blocks(ledger, ledger->log, log_block(at), BLOCK);

	if (err)
		return err;
	if (!is_good(mark, NBDTARGET_META_MAGIC_LOG, BLOCK) ||
	    !is_ours(ledger, mark) ||
	    le32_to_cpu(ledger->log->count) > NBDTARGET_META_REGIONS_MAX)
		return -EUCLEAN;
	return 0;
}

/**
 * nbdt_ledger_read_log - read the record that counts into ledger->log
 * @ledger: its head was read
 *
 * What is written from now on is newer than the record that counts, or than all if none
 * does, and of a newer generation than all.  Those of beginnings that have failed are
 * written over, lest the next in the row be the one that counts.
 *
 * Return: 0; -ENODATA when there is none of the head's generation; -ESTALE when
 * one follows a head that is newer: then that has gone bad, and the other is of
 * the past; or an error of reading.
 */
int nbdt_ledger_read_log(struct nbdt_ledger *ledger)
{
	struct nbdtarget_meta_mark *mark = &ledger->log->mark;
	u64 generation = ledger->generation, head = ledger->head_sequence;
	u64 best = 0, at;
	bool found = false, failed = false;
	int err;

	for (at = 0; at < NBDTARGET_META_LOG_BLOCKS; at++) {
		err = read_record(ledger, at);
		failed |= err && err != -EUCLEAN;
		if (err)
			continue;
		head = max(head, le64_to_cpu(mark->id));
		ledger->log_sequence = max(ledger->log_sequence,
					   le64_to_cpu(mark->sequence));
		ledger->generation = max(ledger->generation,
					 le64_to_cpu(mark->generation));
		if (le64_to_cpu(mark->generation) != generation)
			continue;
		best = max(best, le64_to_cpu(mark->sequence));
		found = true;
	}
	if (head > ledger->head_sequence) {
		/* The good copy stays until the other is written. */
		ledger->head_sequence += ALIGN(head - ledger->head_sequence, 2);
		return -ESTALE;
	}
	/* One that can't be read may be the one. */
	if (failed)
		return -EIO;
	if (!found)
		return -ENODATA;
	ledger->log_sequence = best;
	return read_record(ledger, best);
}

/* What is in ledger->log. */
int nbdt_ledger_write_log(struct nbdt_ledger *ledger)
{
	u64 sequence = ledger->log_sequence + 1;
	int err;

	seal(ledger, &ledger->log->mark, NBDTARGET_META_MAGIC_LOG, sequence,
	     ledger->head_sequence, 0, BLOCK);
	err = write_blocks(ledger, ledger->log, log_block(sequence), BLOCK);
	if (!err)
		ledger->log_sequence = sequence;
	return err;
}

/* --- Bits --- */

/* As many as a bitmap takes, once. */
u32 nbdt_ledger_blocks(const struct nbdt_bitmap *bitmap)
{
	return DIV_ROUND_UP(nbdt_bitmap_bytes(bitmap),
			    (u64)NBDTARGET_META_BITS);
}

/* Return: 0 or -ENOMEM. */
int nbdt_ledger_area_init(struct nbdt_ledger_area *area, u64 id, u64 start,
			  u32 blocks)
{
	area->id = id;
	area->start = start;
	area->blocks = blocks;
	area->sequence = kvcalloc(blocks, sizeof(u64), GFP_KERNEL);
	return area->sequence ? 0 : -ENOMEM;
}

void nbdt_ledger_area_exit(struct nbdt_ledger_area *area)
{
	kvfree(area->sequence);
	area->sequence = NULL;
}

static u64 bits_block(const struct nbdt_ledger_area *area, u32 i, u64 sequence)
{
	return area->start + sequence % 2 * area->blocks + i;
}

static bool is_block(struct nbdt_ledger *ledger,
		     const struct nbdt_ledger_area *area,
		     struct nbdtarget_meta_bits *bits, u32 i)
{
	struct nbdtarget_meta_mark *mark = &bits->mark;

	return is_good(mark, NBDTARGET_META_MAGIC_BITS, BLOCK) &&
	       is_ours(ledger, mark) && le64_to_cpu(mark->id) == area->id &&
	       le64_to_cpu(mark->index) == i;
}

/* The copy that counts, into ledger->bits; -EUCLEAN when there is none. */
static int read_block(struct nbdt_ledger *ledger, struct nbdt_ledger_area *area,
		      u32 i)
{
	struct nbdtarget_meta_bits *bits = ledger->bits;
	bool good[2] = { false };
	u64 copy, sequence[2];
	int best, err;

	for (copy = 0; copy < 2; copy++) {
		err = read_blocks(ledger, &bits[copy],
				  bits_block(area, i, copy), BLOCK);
		/* One that can't be read may be the one. */
		if (err)
			return err;
		good[copy] = is_block(ledger, area, &bits[copy], i);
		sequence[copy] = le64_to_cpu(bits[copy].mark.sequence);
	}
	if (!good[0] && !good[1])
		return -EUCLEAN;
	best = good[1] && (!good[0] || sequence[1] > sequence[0]);
	if (best)
		memcpy(&bits[0], &bits[1], sizeof(bits[0]));
	area->sequence[i] = sequence[best];
	return 0;
}

static int load_block(struct nbdt_ledger *ledger, struct nbdt_ledger_area *area,
		      struct nbdt_bitmap *bitmap, u32 i)
{
	u64 at = (u64)i * NBDTARGET_META_BITS;
	u64 len = min_t(u64, NBDTARGET_META_BITS,
			nbdt_bitmap_bytes(bitmap) - at);
	int err = read_block(ledger, area, i);

	if (!err && !nbdt_bitmap_write(bitmap, at, ledger->bits->bits, len))
		err = -EUCLEAN;
	return err;
}

/* Of the sequence numbers of its blocks: another when one isn't the one it was. */
u64 nbdt_ledger_sum(const struct nbdt_ledger_area *area)
{
	u64 sum = 0;
	u32 i;

	for (i = 0; i < area->blocks; i++)
		sum += area->sequence[i];
	return sum;
}

/**
 * nbdt_ledger_read_bits - bring a bitmap up to what is in its area
 * @ledger: open
 * @area: of the bitmap
 * @sum: what nbdt_ledger_sum() was, or 0 if that isn't known
 * @bitmap: nobody sees it yet
 *
 * Return: 0, -EUCLEAN when there is no good copy of a block, or an older one only, or
 * an error of reading: then part of the bits is missing.
 */
int nbdt_ledger_read_bits(struct nbdt_ledger *ledger,
			  struct nbdt_ledger_area *area, u64 sum,
			  struct nbdt_bitmap *bitmap)
{
	bool damaged = false;
	int err;
	u32 i;

	for (i = 0; i < area->blocks; i++) {
		err = load_block(ledger, area, bitmap, i);
		/* The others: what is written next is to be newer than these. */
		if (err && err != -EUCLEAN)
			return err;
		damaged |= err;
	}
	damaged |= sum && sum != nbdt_ledger_sum(area);
	return damaged ? -EUCLEAN : 0;
}

static void fill_block(struct nbdt_ledger *ledger,
		       const struct nbdt_ledger_area *area,
		       const struct nbdt_bitmap *bitmap, u32 i,
		       struct nbdtarget_meta_bits *bits)
{
	unsigned int n;

	n = nbdt_bitmap_read(bitmap, (u64)i * NBDTARGET_META_BITS, bits->bits,
			     NBDTARGET_META_BITS);
	memset(bits->bits + n, 0, NBDTARGET_META_BITS - n);
	seal(ledger, &bits->mark, NBDTARGET_META_MAGIC_BITS,
	     area->sequence[i] + 1, area->id, i, BLOCK);
}

/* As many from I on as are wanted and go to the same copy. */
static u32 run_length(const struct nbdt_ledger_area *area,
		      const unsigned long *which, u32 i)
{
	u32 n = 1;

	while (n < RUN && i + n < area->blocks &&
	       (!which || test_bit(i + n, which)) &&
	       area->sequence[i + n] % 2 == area->sequence[i] % 2)
		n++;
	return n;
}

static int write_run(struct nbdt_ledger *ledger, struct nbdt_ledger_area *area,
		     const struct nbdt_bitmap *bitmap, u32 i, u32 n)
{
	u32 j;
	int err;

	for (j = 0; j < n; j++)
		fill_block(ledger, area, bitmap, i + j, &ledger->bits[j]);
	err = write_blocks(ledger, ledger->bits,
			   bits_block(area, i, area->sequence[i] + 1),
			   n * BLOCK);
	for (j = 0; !err && j < n; j++)
		area->sequence[i + j]++;
	return err;
}

/**
 * nbdt_ledger_write_bits - write what a bitmap has
 * @ledger: open
 * @area: of the bitmap
 * @bitmap: may be recording: what is set before is written
 * @which: the blocks, a bit for each; NULL for all
 *
 * Return: 0, or an error of writing: all blocks have their bits of before, or these.
 */
int nbdt_ledger_write_bits(struct nbdt_ledger *ledger,
			   struct nbdt_ledger_area *area,
			   const struct nbdt_bitmap *bitmap,
			   const unsigned long *which)
{
	int err = 0;
	u32 i = 0, n;

	while (i < area->blocks && !err) {
		if (which)
			i = find_next_bit(which, area->blocks, i);
		if (i >= area->blocks)
			break;
		n = run_length(area, which, i);
		err = write_run(ledger, area, bitmap, i, n);
		i += n;
	}
	return err;
}

/* --- A map --- */

/* As many as it takes. */
u32 nbdt_ledger_map_blocks(const struct nbdt_map *map)
{
	return DIV_ROUND_UP(nbdt_map_bytes_at_most(map),
			    (u64)NBDTARGET_META_BITS);
}

/* False when nothing is known there. */
static bool fill_map_block(struct nbdt_ledger *ledger, u64 id,
			   const struct nbdt_map *map, u32 i,
			   struct nbdtarget_meta_bits *bits)
{
	unsigned int n;

	n = nbdt_map_read(map, (u64)i * NBDTARGET_META_BITS, bits->bits,
			  NBDTARGET_META_BITS);
	if (!memchr_inv(bits->bits, 0, n))
		return false;
	memset(bits->bits + n, 0, NBDTARGET_META_BITS - n);
	seal(ledger, &bits->mark, NBDTARGET_META_MAGIC_MAP, ledger->generation,
	     id, i, BLOCK);
	return true;
}

/* From block I on, up to where nothing is known. */
static u32 fill_map_run(struct nbdt_ledger *ledger, u64 id,
			const struct nbdt_map *map, u32 i)
{
	u32 blocks = nbdt_ledger_map_blocks(map), n = 0;

	while (n < RUN && i + n < blocks &&
	       fill_map_block(ledger, id, map, i + n, &ledger->bits[n]))
		n++;
	return n;
}

/**
 * nbdt_ledger_write_map - write what is known of a device
 * @ledger: open
 * @id: that no other bits have
 * @start: of room for nbdt_ledger_map_blocks()
 * @map: nobody changes it
 * @filled: how many blocks were written: all of which anything is known
 *
 * Return: 0, or an error of writing.
 */
int nbdt_ledger_write_map(struct nbdt_ledger *ledger, u64 id, u64 start,
			  const struct nbdt_map *map, u32 *filled)
{
	u32 blocks = nbdt_ledger_map_blocks(map), i, n;
	int err;

	*filled = 0;
	for (i = 0; i < blocks; i += max(n, 1U)) {
		cond_resched();
		n = fill_map_run(ledger, id, map, i);
		if (!n)
			continue;
		err = write_blocks(ledger, ledger->bits, start + i, n * BLOCK);
		if (err)
			return err;
		*filled += n;
	}
	return 0;
}

static bool is_map_block(struct nbdt_ledger *ledger,
			 const struct nbdtarget_meta_map *entry,
			 struct nbdtarget_meta_bits *bits, u32 i)
{
	struct nbdtarget_meta_mark *mark = &bits->mark;

	return is_good(mark, NBDTARGET_META_MAGIC_MAP, BLOCK) &&
	       is_ours(ledger, mark) && mark->id == entry->id &&
	       mark->generation == entry->generation &&
	       le64_to_cpu(mark->index) == i;
}

/* The first N of ledger->bits, which are from block I on; how many are good. */
static u32 load_map_run(struct nbdt_ledger *ledger,
			const struct nbdtarget_meta_map *entry,
			struct nbdt_map *map, u32 i, u32 n)
{
	u64 bytes = nbdt_map_bytes_at_most(map), at;
	u32 good = 0, j;

	for (j = 0; j < n; j++) {
		at = (u64)(i + j) * NBDTARGET_META_BITS;
		if (is_map_block(ledger, entry, &ledger->bits[j], i + j) &&
		    nbdt_map_load(map, at, ledger->bits[j].bits,
				  min_t(u64, NBDTARGET_META_BITS, bytes - at)))
			good++;
	}
	return good;
}

/**
 * nbdt_ledger_read_map - have a map know what was written
 * @ledger: open
 * @entry: what the head says of it, which fits the map and the ledger
 * @map: it has memory
 *
 * Return: 0; -EUCLEAN when blocks aren't good, of which nothing is known then; or an
 * error of reading, with nothing known of what is behind.
 */
int nbdt_ledger_read_map(struct nbdt_ledger *ledger,
			 const struct nbdtarget_meta_map *entry,
			 struct nbdt_map *map)
{
	u32 blocks = nbdt_ledger_map_blocks(map), good = 0, i, n;
	int err;

	for (i = 0; i < blocks; i += n) {
		n = min(RUN, blocks - i);
		err = read_blocks(ledger, ledger->bits,
				  le64_to_cpu(entry->start) + i, n * BLOCK);
		if (err)
			return err;
		good += load_map_run(ledger, entry, map, i, n);
	}
	return good == le32_to_cpu(entry->filled) ? 0 : -EUCLEAN;
}

/* --- The device --- */

static void free_buffers(struct nbdt_ledger *ledger)
{
	kfree(ledger->bits);
	kfree(ledger->log);
	kfree(ledger->head);
}

/* Powers of two, so that each is one row of pages. */
static int alloc_buffers(struct nbdt_ledger *ledger)
{
	ledger->head = kzalloc(HEAD_BYTES, GFP_KERNEL);
	ledger->log = kzalloc(BLOCK, GFP_KERNEL);
	ledger->bits = kzalloc(RUN * BLOCK, GFP_KERNEL);
	if (ledger->head && ledger->log && ledger->bits)
		return 0;
	free_buffers(ledger);
	return -ENOMEM;
}

static int open_device(struct nbdt_ledger *ledger, const struct nbdt_node *node,
		       void (*dead)(struct nbdt_bdev *device))
{
	int err = node->err;

	if (!err)
		err = nbdt_bdev_open(&ledger->device, node->dev, dead);
	if (err)
		return err;
	/* Before anything is seen of it that another would have otherwise. */
	ledger->number = READ_ONCE(ledger->device.bdev->bd_disk->diskseq);
	if (bdev_read_only(ledger->device.bdev))
		err = -EROFS;
	else if (bdev_logical_block_size(ledger->device.bdev) > BLOCK)
		err = -EMEDIUMTYPE;
	else
		err = sync_blockdev(ledger->device.bdev);
	if (err)
		nbdt_bdev_close(&ledger->device);
	return err;
}

/**
 * nbdt_ledger_open - open a metadata device, and hold it
 * @ledger: zeroed
 * @path: of the device
 * @node: what there is
 * @dead: called when its driver gives it up; mustn't wait
 * @extack: told why not
 *
 * Return: 0 or -errno; then it isn't open.
 */
int nbdt_ledger_open(struct nbdt_ledger *ledger, const char *path,
		     const struct nbdt_node *node,
		     void (*dead)(struct nbdt_bdev *device),
		     struct netlink_ext_ack *extack)
{
	int err = alloc_buffers(ledger);

	if (err)
		return err;
	err = open_device(ledger, node, dead);
	if (err) {
		nbdt_set_err_msg(extack, "metadata device '%.32s' %s", path,
				 err == -EBUSY ? "is in use" :
				 err == -EROFS ? "is read-only" :
				 err == -EMEDIUMTYPE ? "has blocks above 4 KiB" :
				 "can't be opened");
		free_buffers(ledger);
		return err;
	}
	/* Nothing old is to be read from the host's cache, by a tool, later. */
	invalidate_bdev(ledger->device.bdev);
	ledger->blocks = bdev_nr_bytes(ledger->device.bdev) / BLOCK;
	return 0;
}

/* Nothing is under way. */
void nbdt_ledger_close(struct nbdt_ledger *ledger)
{
	nbdt_bdev_close(&ledger->device);
	free_buffers(ledger);
}
