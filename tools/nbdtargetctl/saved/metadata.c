// SPDX-License-Identifier: GPL-2.0
/*
 * Metadata devices: made for a device, and read and checked, wherever they are. The
 * format is in uapi/nbdtarget_metadata.h; the module reads it by rules of its own,
 * for which this stands beside, so as to find what that gets wrong.
 */
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/tool.h"
#include "saved/metadata.h"

#define BLOCK		NBDTARGET_META_BLOCK
#define HEAD_BYTES	(NBDTARGET_META_HEAD_BLOCKS * BLOCK)
#define BITS_PER_BLOCK	(NBDTARGET_META_BITS * 8ULL)

/* Memory that a bitmap takes without being asked to: 32 MiB of bits. */
#define DEFAULT_BITS	(32ULL << 23)
#define DEFAULT_GRANULE	65536ULL
/* The same of a map. */
#define DEFAULT_MAP_WORDS	(32ULL << 17)

/* CRC-32C, bit by bit from the low end. */
static uint32_t crc32c(const void *data, size_t len)
{
	static uint32_t table[256];
	const uint8_t *p = data;
	uint32_t crc = ~0U, n;
	int i;

	for (n = 0; n < 256 && !table[255]; n++) {
		uint32_t c = n;

		for (i = 0; i < 8; i++)
			c = c & 1 ? c >> 1 ^ 0x82f63b78U : c >> 1;
		table[n] = c;
	}
	while (len--)
		crc = crc >> 8 ^ table[(crc ^ *p++) & 0xff];
	return ~crc;
}

static uint32_t checksum(struct nbdtarget_meta_mark *mark, size_t len)
{
	__le32 was = mark->crc;
	uint32_t crc;

	mark->crc = 0;
	crc = crc32c(mark, len);
	mark->crc = was;
	return crc;
}

static bool is_good(struct nbdtarget_meta_mark *mark, uint64_t magic, size_t len)
{
	return le64toh(mark->magic) == magic &&
	       le32toh(mark->version) == NBDTARGET_META_VERSION &&
	       le32toh(mark->crc) == checksum(mark, len);
}

/* --- Making it --- */

static uint64_t bitmap_blocks(uint64_t size, uint64_t granularity)
{
	uint64_t bits = (size - 1) / granularity + 1;

	/* Words of 64 bits. */
	bits = (bits + 63) / 64 * 64;
	return (bits - 1) / BITS_PER_BLOCK + 1;
}

/* As add-bitmap has it. */
uint64_t metadata_default_granularity(uint64_t size)
{
	uint64_t granule = DEFAULT_GRANULE;

	while ((size - 1) / granule + 1 > DEFAULT_BITS)
		granule *= 2;
	return granule;
}

/* Of a map as it is unless its granularity is given: four bits for each granule. */
static uint64_t map_blocks(uint64_t size)
{
	uint64_t granule = DEFAULT_GRANULE, words;

	while (size > DEFAULT_MAP_WORDS * 16 * granule)
		granule *= 2;
	/* Clients may see less than there is. */
	words = (size / granule + 1) / 16 + 1;
	return (words * 8 - 1) / NBDTARGET_META_BITS + 1;
}

/* In bytes. */
uint64_t metadata_needs(const struct metadata_plan *plan)
{
	uint64_t blocks = bitmap_blocks(plan->size, plan->granularity);

	return (NBDTARGET_META_AREA_START + plan->bitmaps * 2 * blocks +
		map_blocks(plan->size)) * BLOCK;
}

/* Regions: as small as may be, for then as many as may be are in the log. */
static uint32_t region_shift(const struct metadata_plan *plan)
{
	uint32_t shift = NBDTARGET_META_REGION_SHIFT_MIN;

	if (plan->region)
		return __builtin_ctzll(plan->region);
	while (plan->bound >> shift > 1024)
		shift++;
	return shift;
}

static uint32_t regions(const struct metadata_plan *plan)
{
	uint64_t n = plan->bound >> region_shift(plan);

	return n < NBDTARGET_META_REGIONS_MAX ? n : NBDTARGET_META_REGIONS_MAX;
}

/* In bytes: the bound that it comes to, by whole regions. */
uint64_t metadata_reach(const struct metadata_plan *plan)
{
	return (uint64_t)regions(plan) << region_shift(plan);
}

/* NULL, or what can't be. */
const char *metadata_plan_wrong(const struct metadata_plan *plan)
{
	uint32_t shift = region_shift(plan);

	if (shift < NBDTARGET_META_REGION_SHIFT_MIN ||
	    shift > NBDTARGET_META_REGION_SHIFT_MAX)
		return "regions are of 64 KiB to 1 GiB";
	if (regions(plan) < NBDTARGET_META_REGIONS_MIN)
		return "the bound is below 64 regions";
	if (metadata_reach(plan) < NBDTARGET_META_REACH_MIN)
		return "the log has up to 1000 regions, which have to be 128 MiB at least";
	if (plan->size >> shift >= INT32_MAX)
		return "the bound is too small for a device as large as that";
	return NULL;
}

static int write_all(int fd, const void *data, size_t len, uint64_t offset)
{
	const char *p = data;
	ssize_t n;

	while (len) {
		n = pwrite(fd, p, len, offset);
		if (n <= 0)
			return n ? -errno : -ENOSPC;
		p += n;
		len -= n;
		offset += n;
	}
	return 0;
}

static void fill_head(struct nbdtarget_meta_head *head, uint64_t bytes,
		      const struct metadata_plan *plan, const uint8_t *uuid)
{
	memset(head, 0, sizeof(*head));
	head->mark.magic = htole64(NBDTARGET_META_MAGIC_HEAD);
	head->mark.version = htole32(NBDTARGET_META_VERSION);
	memcpy(head->mark.uuid, uuid, sizeof(head->mark.uuid));
	head->flags = htole32(NBDTARGET_META_CLEAN);
	head->region_shift = htole32(region_shift(plan));
	head->regions = htole32(regions(plan));
	head->blocks = htole64(bytes / BLOCK);
	head->size = htole64(plan->size);
	head->next_id = htole64(1);
	snprintf(head->identity, sizeof(head->identity), "%s", plan->identity);
}

static int write_head(int fd, struct nbdtarget_meta_head *head,
		      uint64_t sequence)
{
	head->mark.sequence = htole64(sequence);
	head->mark.crc = htole32(checksum(&head->mark, HEAD_BYTES));
	return write_all(fd, head, HEAD_BYTES, sequence % 2 * HEAD_BYTES);
}

/* Both heads, and a log without records. What was there is gone at once. */
int metadata_make(int fd, uint64_t bytes, const struct metadata_plan *plan)
{
	struct nbdtarget_meta_head *head = mem_zalloc(HEAD_BYTES);
	uint8_t uuid[NBDTARGET_META_UUID];
	int err;

	if (getrandom(uuid, sizeof(uuid), 0) != sizeof(uuid)) {
		free(head);
		return -EAGAIN;
	}
	err = write_all(fd, head, HEAD_BYTES, 0);
	if (!err)
		err = write_all(fd, head, HEAD_BYTES, HEAD_BYTES);
	if (!err)
		err = write_all(fd, head,
				NBDTARGET_META_LOG_BLOCKS * BLOCK,
				NBDTARGET_META_LOG_START * BLOCK);
	if (!err && fsync(fd))
		err = -errno;
	fill_head(head, bytes, plan, uuid);
	if (!err)
		err = write_head(fd, head, 1);
	if (!err)
		err = write_head(fd, head, 2);
	if (!err && fsync(fd))
		err = -errno;
	free(head);
	return err;
}

/* --- Reading it --- */

struct reader {
	int fd;
	uint64_t bytes;
	struct metadata *m;
	void *buffer;		/* aligned, of HEAD_BYTES */
};

/* Into the buffer; false when it can't be read. */
static bool read_blocks(struct reader *r, uint64_t block, uint64_t n)
{
	ssize_t len = n * BLOCK;

	if (block * BLOCK + len <= r->bytes &&
	    pread(r->fd, r->buffer, len, block * BLOCK) == len)
		return true;
	r->m->unreadable += n;
	return false;
}

static void read_head(struct reader *r)
{
	struct nbdtarget_meta_head *head = r->buffer;
	struct metadata *m = r->m;
	uint64_t copy;

	for (copy = 0; copy < 2; copy++) {
		if (!read_blocks(r, copy * NBDTARGET_META_HEAD_BLOCKS,
				 NBDTARGET_META_HEAD_BLOCKS)) {
			m->head_bad = true;
			continue;
		}
		m->head_good[copy] = is_good(&head->mark,
					     NBDTARGET_META_MAGIC_HEAD,
					     HEAD_BYTES);
		if (!m->head_good[copy] && le64toh(head->mark.magic) ==
					   NBDTARGET_META_MAGIC_HEAD)
			m->head_bad = true;
		if (m->head_good[copy] &&
		    le64toh(head->mark.sequence) >=
		    le64toh(m->head.mark.sequence))
			m->head = *head;
	}
}

static bool is_ours(const struct metadata *m,
		    const struct nbdtarget_meta_mark *mark)
{
	return !memcmp(mark->uuid, m->head.mark.uuid, sizeof(mark->uuid));
}

static void read_log(struct reader *r)
{
	struct nbdtarget_meta_log *log = r->buffer;
	struct metadata *m = r->m;
	uint64_t i;

	for (i = 0; i < NBDTARGET_META_LOG_BLOCKS; i++) {
		if (!read_blocks(r, NBDTARGET_META_LOG_START + i, 1) ||
		    !is_good(&log->mark, NBDTARGET_META_MAGIC_LOG, BLOCK) ||
		    !is_ours(m, &log->mark) ||
		    le32toh(log->count) > NBDTARGET_META_REGIONS_MAX)
			continue;
		if (le64toh(log->mark.id) > le64toh(m->head.mark.sequence))
			m->lost = true;
		if (log->mark.generation != m->head.mark.generation)
			continue;
		if (!m->has_log || le64toh(log->mark.sequence) >
				   le64toh(m->log.mark.sequence))
			m->log = *log;
		m->has_log = true;
	}
}

static uint64_t count_bits(const uint8_t *bits, size_t len)
{
	uint64_t n = 0;

	while (len--)
		n += __builtin_popcount(*bits++);
	return n;
}

static bool read_copy(struct reader *r,
		      const struct nbdtarget_meta_bitmap *entry, uint64_t i,
		      uint64_t copy)
{
	struct nbdtarget_meta_bits *bits = r->buffer;
	uint64_t blocks = le32toh(entry->blocks);

	return read_blocks(r, le64toh(entry->start) + copy * blocks + i, 1) &&
	       is_good(&bits->mark, NBDTARGET_META_MAGIC_BITS, BLOCK) &&
	       is_ours(r->m, &bits->mark) && bits->mark.id == entry->id &&
	       le64toh(bits->mark.index) == i;
}

/* The dirty granules of the copy that counts; the number of its write, or 0. */
static uint64_t read_block(struct reader *r,
			   const struct nbdtarget_meta_bitmap *entry, uint64_t i,
			   struct metadata_bitmap *b)
{
	struct nbdtarget_meta_bits *bits = r->buffer;
	uint64_t copy, good = 0, best = 0, dirty = 0;

	for (copy = 0; copy < 2; copy++) {
		if (!read_copy(r, entry, i, copy))
			continue;
		if (!good++ || le64toh(bits->mark.sequence) > best) {
			best = le64toh(bits->mark.sequence);
			dirty = count_bits(bits->bits, sizeof(bits->bits));
		}
	}
	b->dirty += dirty;
	b->damaged += !good;
	/* One that was written once only has no other copy. */
	b->torn += good == 1 && best > 1;
	return best;
}

static uint64_t bitmaps_in(const struct metadata *m)
{
	uint64_t n = le32toh(m->head.bitmaps);

	return n < NBDTARGET_META_BITMAPS ? n : NBDTARGET_META_BITMAPS;
}

static void read_bitmaps(struct reader *r)
{
	const struct nbdtarget_meta_bitmap *entry = r->m->head.bitmap;
	uint64_t n = bitmaps_in(r->m), i, block, sum;
	struct metadata_bitmap *b;

	for (i = 0; i < n; i++, entry++) {
		b = &r->m->bitmaps[i];
		sum = 0;
		for (block = 0; block < le32toh(entry->blocks); block++)
			sum += read_block(r, entry, block, b);
		/* Of one at least, which nobody knows, the newest copy isn't there. */
		if (entry->sum && le64toh(entry->sum) != sum && !b->damaged)
			b->damaged = 1;
	}
}

/* Nobody uses it, and it was left so. */
bool metadata_has_map(const struct metadata *m)
{
	uint32_t both = NBDTARGET_META_CLEAN | NBDTARGET_META_MAP;

	return (le32toh(m->head.flags) & both) == both &&
	       m->head.map.generation == m->head.mark.generation;
}

static bool is_map_block(const struct reader *r, uint64_t i)
{
	struct nbdtarget_meta_bits *bits = r->buffer;
	const struct nbdtarget_meta_map *entry = &r->m->head.map;

	return is_good(&bits->mark, NBDTARGET_META_MAGIC_MAP, BLOCK) &&
	       is_ours(r->m, &bits->mark) && bits->mark.id == entry->id &&
	       bits->mark.generation == entry->generation &&
	       le64toh(bits->mark.index) == i;
}

static void read_map(struct reader *r)
{
	const struct nbdtarget_meta_map *entry = &r->m->head.map;
	uint64_t start = le64toh(entry->start), i;

	if (!metadata_has_map(r->m) || start > r->bytes / BLOCK ||
	    le32toh(entry->blocks) > r->bytes / BLOCK - start)
		return;
	for (i = 0; i < le32toh(entry->blocks); i++)
		r->m->map_good += read_blocks(r, start + i, 1) &&
				  is_map_block(r, i);
}

/* -ENOENT when there is no head; M says what else is wrong. */
int metadata_read(int fd, uint64_t bytes, struct metadata *m)
{
	struct reader r = { .fd = fd, .bytes = bytes, .m = m };

	memset(m, 0, sizeof(*m));
	if (posix_memalign(&r.buffer, BLOCK, HEAD_BYTES))
		return -ENOMEM;
	read_head(&r);
	if (m->head_good[0] || m->head_good[1]) {
		/* Whatever others wrote there. */
		m->head.identity[sizeof(m->head.identity) - 1] = '\0';
		m->cut = le64toh(m->head.blocks) > bytes / BLOCK;
		read_log(&r);
		read_bitmaps(&r);
		read_map(&r);
	}
	free(r.buffer);
	return m->head_good[0] || m->head_good[1] ? 0 : -ENOENT;
}

/* Will the module find everything there? */
bool metadata_is_good(const struct metadata *m)
{
	uint32_t flags = le32toh(m->head.flags);
	uint64_t i;

	if (m->lost || m->cut || m->unreadable ||
	    (flags & NBDTARGET_META_FAILED) ||
	    (!(flags & NBDTARGET_META_CLEAN) && !m->has_log))
		return false;
	for (i = 0; i < bitmaps_in(m); i++)
		if (m->bitmaps[i].damaged)
			return false;
	return !metadata_has_map(m) ||
	       m->map_good == le32toh(m->head.map.filled);
}

/* The same is wrong; what recorded bitmaps have may have become more. */
static bool finds_same(const struct metadata *a, const struct metadata *b)
{
	uint64_t i;

	if (a->lost != b->lost || a->unreadable != b->unreadable ||
	    a->has_log != b->has_log || a->map_good != b->map_good)
		return false;
	for (i = 0; i < bitmaps_in(a); i++)
		if (a->bitmaps[i].damaged != b->bitmaps[i].damaged)
			return false;
	return true;
}

/*
 * Of two readings, one begun when the other was over: whether the first was of one state,
 * so that it can be gone by. With the head that counts the others may be replaced, as by a
 * checkpoint; a block that is being written has another copy, unless it is written twice
 * while both are read, so what is wrong has to be so both times.
 */
bool metadata_agrees(const struct metadata *m, const struct metadata *later)
{
	return !memcmp(&m->head.mark, &later->head.mark,
		       sizeof(m->head.mark)) &&
	       (metadata_is_good(m) || finds_same(m, later));
}

/* As the kernel writes it; to be freed. */
char *metadata_uuid(const uint8_t *u)
{
	return mem_printf("%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x",
			  u[0], u[1], u[2], u[3], u[4], u[5], u[6], u[7],
			  u[8], u[9], u[10], u[11], u[12], u[13], u[14],
			  u[15]);
}
