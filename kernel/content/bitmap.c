// SPDX-License-Identifier: GPL-2.0
/*
 * A dirty bitmap: which parts of a device were written to while it recorded.
 *
 * It has one bit for each granule, all of them allocated when it is made, so
 * that a write can't fail for want of memory: 32 MiB at most unless a smaller
 * granule is asked for, and never more than 256 MiB.  64 TiB in granules of
 * 256 KiB take 32 MiB, and in granules of 64 KiB 128 MiB.
 *
 * It never misses a change.  Every request that changes the device goes through
 * the export's gate (gate.c), and inside, before the device hears of it, sets
 * the bits of all granules that it touches in each bitmap that records then
 * (nbdt_bitmap_mark(), called by block/turn.c through bitmaps.c).  A request that
 * failed leaves its bits set: part of it may have been done.  Which bitmaps
 * record changes only while the gate is shut and nobody inside, as does all
 * that clears a bit of one that records.  So a request's bits are in the bitmaps
 * of before or of after such a change, never in between, and marking needs
 * neither lock nor RCU.  A bit that is set isn't written to again, so that busy
 * granules don't send a cache line from CPU to CPU.
 *
 * A device that has grown goes on behind the bitmap's end.  What is there
 * counts as dirty, as does all of a bitmap that is inconsistent, whatever its
 * bits say: one that was recording when the machine stopped, or that has yet to
 * be loaded with what was saved of it.
 *
 * Who owns it: the export that it was made for (bitmaps.c), and the exports of
 * snapshots that show it (add-export --bitmap-from), by a reference each.  Who
 * reads it for a client (status.c) has it pinned by being one of its users.
 *
 * Setting bits is atomic.  What a bitmap is changes under the mutex of bitmaps.c,
 * and who looks at its bits without gets a sample of one that records.
 *
 * Who reads it piece by piece goes by a name, which another may have by the next
 * piece; and what was read is of the past once bits were cleared.  So there is a
 * version, a number that no other bitmap ever has, and a new one for either.
 */
#include <linux/atomic.h>
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/log2.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/unaligned.h"
#include "content/bitmap.h"

/* A request's bounded look ahead for where a state ends, in bits. */
#define LOOK_AHEAD	(4UL << 20)

/* Bits gone over between two looks for whether others want the CPU. */
#define STRETCH		(8UL << 20)

/* The last version that any had. */
static atomic64_t versions;

static void renew(struct nbdt_bitmap *bitmap)
{
	bitmap->version = atomic64_inc_return(&versions);
}

/* The first granule that a range touches, and the one behind the last. */
static unsigned long first_bit(const struct nbdt_bitmap *bitmap, u64 offset)
{
	return min_t(u64, offset >> bitmap->shift, bitmap->nr_bits);
}

static unsigned long end_bit(const struct nbdt_bitmap *bitmap, u64 end)
{
	u64 granule = 1ULL << bitmap->shift;

	return min_t(u64, (end + granule - 1) >> bitmap->shift,
		     bitmap->nr_bits);
}

/**
 * nbdt_bitmap_mark - a range is going to change
 * @bitmap: that records
 * @offset: in bytes
 * @len: in bytes, not 0; the range ends below 2^63
 *
 * Sleeps only for others to get the CPU, when the range is very large.
 */
void nbdt_bitmap_mark(struct nbdt_bitmap *bitmap, u64 offset, u64 len)
{
	unsigned long end = end_bit(bitmap, offset + len), at, *word;
	bool changed = false;

	for (at = first_bit(bitmap, offset); at < end; ) {
		word = bitmap->words + BIT_WORD(at);
		if (at % BITS_PER_LONG || end - at < BITS_PER_LONG) {
			if (!test_bit(at, bitmap->words)) {
				set_bit(at, bitmap->words);
				changed = true;
			}
			at++;
			continue;
		}
		if (at % STRETCH == 0)
			cond_resched();
		/* A word as a whole: nobody clears what others set. */
		if (READ_ONCE(*word) != ~0UL) {
			WRITE_ONCE(*word, ~0UL);
			changed = true;
		}
		at += BITS_PER_LONG;
	}
	if (changed)
		smp_mb();	/* before the device can show it to anybody */
}

/**
 * nbdt_bitmap_state - whether the beginning of a range is dirty
 * @bitmap: may be recording; then it is a sample
 * @offset: where it begins, in bytes
 * @len: its length, not 0; made shorter to how far the answer holds, which
 *	may be less than how far it is true
 *
 * Looks at half a MiB of memory at most.
 */
bool nbdt_bitmap_state(const struct nbdt_bitmap *bitmap, u64 offset, u64 *len)
{
	unsigned long at, end;
	bool dirty;

	if (offset >= bitmap->size || READ_ONCE(bitmap->inconsistent))
		return true;
	at = offset >> bitmap->shift;
	end = end_bit(bitmap, min(offset + *len, bitmap->size));
	end = min(end, at + LOOK_AHEAD);
	dirty = test_bit(at, bitmap->words);
	if (dirty)
		end = find_next_zero_bit(bitmap->words, end, at);
	else
		end = find_next_bit(bitmap->words, end, at);
	/* It may have changed since. */
	end = max(end, at + 1);
	*len = min3(*len, ((u64)end << bitmap->shift) - offset,
		    bitmap->size - offset);
	return dirty;
}

/* Nobody may mark: the gate is shut, or it doesn't record. */
void nbdt_bitmap_clear(struct nbdt_bitmap *bitmap)
{
	memset(bitmap->words, 0, nbdt_bitmap_bytes(bitmap));
	bitmap->inconsistent = false;
	renew(bitmap);
}

/* Nobody knows what was written.  Nobody may mark, as above. */
void nbdt_bitmap_fill(struct nbdt_bitmap *bitmap)
{
	memset(bitmap->words, 0xff, nbdt_bitmap_bytes(bitmap));
	bitmap->inconsistent = true;
	renew(bitmap);
}

/* Range by range, as granules may differ. */
void nbdt_bitmap_merge(struct nbdt_bitmap *to, const struct nbdt_bitmap *from)
{
	u64 at = 0, len;

	while (at < from->size) {
		len = from->size - at;
		if (nbdt_bitmap_state(from, at, &len))
			nbdt_bitmap_mark(to, at, len);
		at += len;
		cond_resched();
	}
	/* Behind its end FROM is dirty, and TO may know better. */
	if (from->size < to->size)
		nbdt_bitmap_mark(to, from->size, to->size - from->size);
}

/*
 * As it is kept elsewhere: bit 0 of byte 0 is the first granule, and there are
 * as many bytes as it has memory.  Piece by piece, at multiples of 8 bytes.
 * Returns how many of LEN there are.
 */
unsigned int nbdt_bitmap_read(const struct nbdt_bitmap *bitmap, u64 offset,
			      void *data, unsigned int len)
{
	u64 bytes = nbdt_bitmap_bytes(bitmap);
	__le64 *to = data;
	unsigned int i;

	if (offset >= bytes)
		return 0;
	len = min_t(u64, len, bytes - offset);
	for (i = 0; i < len / sizeof(*to); i++)
		to[i] = cpu_to_le64(READ_ONCE(bitmap->words[offset / 8 + i]));
	return len;
}

/* The other way; false when it has no such part.  Nobody may mark. */
bool nbdt_bitmap_write(struct nbdt_bitmap *bitmap, u64 offset,
		       const void *data, unsigned int len)
{
	u64 bytes = nbdt_bitmap_bytes(bitmap);
	const __le64 *from = data;
	unsigned int i;

	if (offset > bytes || len > bytes - offset)
		return false;
	for (i = 0; i < len / sizeof(*from); i++)
		bitmap->words[offset / 8 + i] = get_unaligned_le64(from + i);
	renew(bitmap);
	return true;
}

/* Dirty granules. */
u64 nbdt_bitmap_count(const struct nbdt_bitmap *bitmap)
{
	unsigned long at, nr;
	u64 count = 0;

	if (READ_ONCE(bitmap->inconsistent))
		return bitmap->nr_bits;
	for (at = 0; at < bitmap->nr_bits; at += nr) {
		nr = min(bitmap->nr_bits - at, STRETCH);
		count += bitmap_weight(bitmap->words + BIT_WORD(at), nr);
		cond_resched();
	}
	return count;
}

/* Of the device, for so many granules; the last may be short. */
u64 nbdt_bitmap_dirty_bytes(const struct nbdt_bitmap *bitmap, u64 count)
{
	u64 last = bitmap->size & ((1ULL << bitmap->shift) - 1);

	count <<= bitmap->shift;
	/* It may have become dirty after they were counted. */
	if (count && last &&
	    (READ_ONCE(bitmap->inconsistent) ||
	     test_bit(bitmap->nr_bits - 1, bitmap->words)))
		count -= (1ULL << bitmap->shift) - last;
	return count;
}

/* Of memory. */
u64 nbdt_bitmap_bytes(const struct nbdt_bitmap *bitmap)
{
	return BITS_TO_LONGS(bitmap->nr_bits) * sizeof(long);
}

/**
 * nbdt_bitmap_create - a bitmap with nothing dirty, which doesn't record
 * @name: copied
 * @size: of the device, in bytes, not 0
 * @granule: in bytes, a power of two; 0 for the smallest from 64 KiB on with
 *	which it takes no more than NBDT_BITMAP_BYTES
 *
 * Return: the bitmap, with a reference, or an error pointer: -E2BIG when it
 * would take more than NBDT_BITMAP_BYTES_MAX; -ENOMEM.
 */
struct nbdt_bitmap *nbdt_bitmap_create(const char *name, u64 size, u32 granule)
{
	struct nbdt_bitmap *bitmap = kzalloc(sizeof(*bitmap), GFP_KERNEL);
	u64 most = NBDT_BITMAP_BYTES * BITS_PER_BYTE;

	if (!bitmap)
		return ERR_PTR(-ENOMEM);
	kref_init(&bitmap->ref);
	renew(bitmap);
	bitmap->size = size;
	bitmap->shift = ilog2(granule ?: NBDT_BITMAP_GRANULE);
	while (!granule && ((size - 1) >> bitmap->shift) + 1 > most)
		bitmap->shift++;
	bitmap->nr_bits = ((size - 1) >> bitmap->shift) + 1;
	if (nbdt_bitmap_bytes(bitmap) > NBDT_BITMAP_BYTES_MAX) {
		kfree(bitmap);
		return ERR_PTR(-E2BIG);
	}
	bitmap->name = kstrdup(name, GFP_KERNEL);
	bitmap->words = kvzalloc(nbdt_bitmap_bytes(bitmap),
				 GFP_KERNEL | __GFP_NOWARN);
	if (!bitmap->name || !bitmap->words) {
		nbdt_bitmap_put(bitmap);
		return ERR_PTR(-ENOMEM);
	}
	return bitmap;
}

static void release(struct kref *ref)
{
	struct nbdt_bitmap *bitmap = container_of(ref, struct nbdt_bitmap, ref);

	kvfree(bitmap->words);
	kfree(bitmap->name);
	kfree(bitmap);
}

void nbdt_bitmap_get(struct nbdt_bitmap *bitmap)
{
	kref_get(&bitmap->ref);
}

void nbdt_bitmap_put(struct nbdt_bitmap *bitmap)
{
	kref_put(&bitmap->ref, release);
}
