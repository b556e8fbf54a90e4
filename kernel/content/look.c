// SPDX-License-Identifier: GPL-2.0
/*
 * Looking at what is on a device itself, where what was counted and told isn't enough:
 * at its two ends, where whatever mounts a file system or changes a partition table
 * leaves traces, and at some of what is known to be zero.  The tool does the same with
 * what save-bitmaps wrote (its saved/device.c and verb/restore.c).
 *
 * All of it waits for the device, for as long as that takes.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/crc32c.h>
#include <linux/gfp.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "content/content.h"
#include "content/look.h"
#include "content/map.h"

/* As much of each end. */
#define END		((u64)SZ_1M)
/* Read at once of it; no block is larger. */
#define PIECE		((u32)SZ_64K)

/* Of what should be zero: so many places, and so much of each, or a block. */
#define SAMPLES		256
#define SAMPLE		((u32)SZ_4K)

/* Into memory without holes that begins with a page; whole blocks. */
int nbdt_look_read(struct block_device *bdev, void *buf, u64 offset, u32 len)
{
	struct bio_vec bvec;
	struct bio bio;
	int err;

	bio_init(&bio, bdev, &bvec, 1, REQ_OP_READ);
	bio.bi_iter.bi_sector = offset >> SECTOR_SHIFT;
	__bio_add_page(&bio, virt_to_page(buf), len, 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/* Of which there are whole blocks. */
static u64 size_of(const struct nbdt_content *content)
{
	return round_down(bdev_nr_bytes(content->bdev), content->block);
}

static int sum_range(const struct nbdt_content *content, void *buf, u64 offset,
		     u64 end, u32 *sum)
{
	u32 len;
	int err;

	for (; offset < end; offset += len) {
		len = min_t(u64, PIECE, end - offset);
		err = nbdt_look_read(content->bdev, buf, offset, len);
		if (err)
			return err;
		*sum = crc32c(*sum, buf, len);
	}
	return 0;
}

/**
 * nbdt_look_ends - a checksum of the device's first MiB and its last
 * @content: of an open device
 * @ends: it
 *
 * Return: 0, -ENODEV when the disk is gone, -ENOMEM or the error of reading.
 */
int nbdt_look_ends(const struct nbdt_content *content, u32 *ends)
{
	u64 size = size_of(content), last = size - min(size, END);
	u32 sum = ~0U;
	void *buf;
	int err;

	/* It has no ends, or the same as all that are gone. */
	if (!size)
		return -ENODEV;
	buf = alloc_pages_exact(PIECE, GFP_KERNEL | __GFP_NOWARN);
	if (!buf)
		return -ENOMEM;
	err = sum_range(content, buf, 0, min(size, END), &sum);
	if (!err)
		err = sum_range(content, buf, round_down(last, content->block),
				size, &sum);
	free_pages_exact(buf, PIECE);
	*ends = ~sum;
	return err;
}

static int are_zero(const struct nbdt_content *content, void *buf,
		    const u64 *offsets, unsigned int nr)
{
	u32 len = max(SAMPLE, content->block);
	u64 size = size_of(content);
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++) {
		/* What there is of the last may be less. */
		if (offsets[i] + len > size)
			continue;
		err = nbdt_look_read(content->bdev, buf, offsets[i], len);
		if (err)
			return err;
		if (memchr_inv(buf, 0, len))
			return 0;
	}
	return 1;
}

/**
 * nbdt_look_samples - is what the map says is zero so?
 * @content: of an open device, whose map has memory; nobody writes
 *
 * Return: 1 if it is wherever it was looked, 0 if not; -ENOMEM or the error of reading.
 */
int nbdt_look_samples(const struct nbdt_content *content)
{
	u64 *offsets = kcalloc(SAMPLES, sizeof(*offsets), GFP_KERNEL);
	void *buf = alloc_pages_exact(PIECE, GFP_KERNEL | __GFP_NOWARN);
	int zero = -ENOMEM;

	if (offsets && buf)
		zero = are_zero(content, buf, offsets,
				nbdt_map_sample(content->map, offsets, SAMPLES));
	if (buf)
		free_pages_exact(buf, PIECE);
	kfree(offsets);
	return zero;
}
