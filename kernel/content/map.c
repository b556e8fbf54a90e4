// SPDX-License-Identifier: GPL-2.0
/*
 * The allocation map: which parts of a device are known to read as zeroes,
 * and which were discarded.
 *
 * A block device can't be asked, so the map remembers what went through this
 * target.  It has four bits for each granule of the device: ZERO and HOLE say
 * what is known, ZERO_PENDING and HOLE_PENDING that it is being made so.
 * All four are clear where nothing is known, which is always a safe answer.
 *
 * What it says is true if nobody but its export writes; whether it can be told
 * is for content.c to say.
 *
 * It must never say zero of data.  Whatever writes does so between
 * nbdt_map_write_begin() and _end(), which forget the granules it touches
 * before the device hears of it, and count it as a writer meanwhile.  Whoever
 * makes zeroes marks whole granules as pending before, and in the end turns
 * into ZERO what still is pending.  A write in between has cleared the mark,
 * and a write that was underway already was counted when the mark was made,
 * which then is taken back:
 *
 *	write				zeroes
 *	  writers++			  mark pending
 *	  (barrier)			  (barrier)
 *	  clear the bits		  if writers: clear the bits
 *
 * One of the two sees the other.  A mark must be turned into ZERO by nobody but
 * who made it: another may have passed there before a write did.  So of two that
 * make zeroes in the same place at once, the later makes no marks, and learns
 * nothing (marked).  A scan makes marks in the same way, of one granule, but only looks
 * whether there are zeroes, and its read may take as long as the device likes.  So it
 * waits for those who make them there, and they never for it: they take its marks for
 * theirs, and it learns nothing.  A discard leaves anything behind: for others it is a
 * write, and it learns HOLE only where it is alone.  One that ends as another begins may
 * turn the marks of that one into HOLE, which clears all that it hasn't discarded itself.
 *
 * A device that allocates space when it is written to may show, around what was
 * written, what was in that space before (reach.c).  Of one that may be like that,
 * whatever a write allocates is forgotten with it; if it isn't known where that is, the
 * proof is broken by a write (content.c).
 *
 * Writers are counted in slots that granules far apart share: it may be
 * learned too little, never too much.
 *
 * The words that hold the bits come with the map, or when they are first wanted
 * (nbdt_map_fill()): nothing is known without them.  They stay until the end.
 *
 * The words take no locks, as all changes are atomic to one.  Any context for
 * nbdt_map_write_end(), nbdt_map_state() and nbdt_map_zero(); whatever goes
 * through a range of any length may sleep.
 */
#include <linux/bitops.h>
#include <linux/blkdev.h>
#include <linux/compiler.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/unaligned.h"
#include "content/map.h"

#define BITS			4
#define PER_WORD		(64 / BITS)
#define EVERY(bits)		((bits) * 0x1111111111111111ULL)

#define KNOWN			(NBDT_MAP_ZERO | NBDT_MAP_HOLE)
#define ZERO_PENDING		BIT(2)
#define HOLE_PENDING		BIT(3)

/* A request's bounded look ahead for where a state ends, in words. */
#define LOOK_AHEAD		(64U << 10)

/* Words that are gone through before others get their turn. */
#define STRIDE			(4U << 10)

/* Granules FIRST to END, not included. */
struct span {
	u64 first;
	u64 end;
};

/* All that a range touches. */
static struct span outer(const struct nbdt_map *map, u64 offset, u64 len)
{
	u64 last = min(offset + len, map->size);

	return (struct span) {
		.first = offset >> map->shift,
		.end = (last + (1ULL << map->shift) - 1) >> map->shift,
	};
}

/* Of pieces that may begin anywhere. */
static struct span loosely_touched(const struct nbdt_map *map, u64 offset,
				   u64 len)
{
	u64 reach = map->reach.bytes - 1, before = min(offset, reach);

	return outer(map, offset - before, before + len + reach);
}

/* All that a write to a range touches, or may. */
static struct span touched(const struct nbdt_map *map, u64 offset, u64 len)
{
	u64 reach = map->reach.bytes, end = offset + len, shift;

	if (likely(!reach))
		return outer(map, offset, len);
	if (map->reach.loose)
		return loosely_touched(map, offset, len);
	/* Pieces begin at the first, and at multiples of their size behind it. */
	shift = map->reach.first ? reach - map->reach.first : 0;
	offset = (offset + shift) / reach * reach;
	end = DIV_ROUND_UP(end + shift, reach) * reach - shift;
	offset = max(offset, shift) - shift;
	return outer(map, offset, end - offset);
}

/* All that lie in a range as a whole, as does what there is of the last. */
static struct span inner(const struct nbdt_map *map, u64 offset, u64 len)
{
	u64 granule = 1ULL << map->shift;
	u64 last = offset + len;

	if (last >= map->size)
		last = round_up(map->size, granule);
	return (struct span) {
		.first = (offset + granule - 1) >> map->shift,
		.end = last >> map->shift,
	};
}

/* The bits in the word of granule AT that belong to those up to END. */
static u64 word_mask(u64 at, u64 end)
{
	unsigned int first = at % PER_WORD;
	unsigned int nr = min_t(u64, PER_WORD - first, end - at);
	u64 mask = nr == PER_WORD ? ~0ULL : (1ULL << (nr * BITS)) - 1;

	return mask << (first * BITS);
}

static u64 next_word(u64 at)
{
	return (at / PER_WORD + 1) * PER_WORD;
}

/* The same, for what may go through all of the map. */
static u64 next_word_resched(u64 at)
{
	at = next_word(at);
	if (!(at % (STRIDE * PER_WORD)))
		cond_resched();
	return at;
}

/* Of granules AT up to END, those that are in AT's word. */
static void set_in_word(struct nbdt_map *map, u64 at, u64 end, u32 bits)
{
	atomic64_t *word = &map->words[at / PER_WORD];
	u64 mask = word_mask(at, end), old = atomic64_read(word);

	if (!bits && !(old & mask))
		return;
	while (!atomic64_try_cmpxchg(word, (s64 *)&old,
				     (old & ~mask) |
				     (EVERY((u64)bits) & mask)))
		;
}

static void set_bits(struct nbdt_map *map, struct span span, u32 bits)
{
	u64 at;

	for (at = span.first; at < span.end; at = next_word_resched(at))
		set_in_word(map, at, span.end, bits);
}

/* The same; where bit PENDING still is, BITS take the place of all others. */
static void settle_in_word(struct nbdt_map *map, u64 at, u64 end, u32 pending,
			   u32 bits)
{
	atomic64_t *word = &map->words[at / PER_WORD];
	u64 mask = word_mask(at, end), old = atomic64_read(word), hit;

	do {
		/* One bit for each granule hit, then all four. */
		hit = (old & mask & EVERY((u64)pending)) / pending;
		if (!hit)
			return;
		hit *= (1 << BITS) - 1;
	} while (!atomic64_try_cmpxchg(word, (s64 *)&old,
				       (old & ~hit) |
				       (EVERY((u64)bits) & hit)));
}

static void settle(struct nbdt_map *map, struct span span, u32 pending,
		   u32 bits)
{
	u64 at;

	for (at = span.first; at < span.end; at = next_word_resched(at))
		settle_in_word(map, at, span.end, pending, bits);
}

static atomic_t *slot(struct nbdt_map *map, u64 granule)
{
	return &map->writers[granule % NBDT_MAP_SLOTS];
}

/* As many as have slots of their own. */
static u64 slots_end(struct span span)
{
	return min(span.end, span.first + NBDT_MAP_SLOTS);
}

/* Clear what is pending wherever more than OWN write. */
static void unless_written(struct nbdt_map *map, struct span span, int own)
{
	u64 first, at;

	for (first = span.first; first < slots_end(span); first++) {
		if (atomic_read(slot(map, first)) <= own)
			continue;
		/* All that share the slot. */
		for (at = first; at < span.end; at += NBDT_MAP_SLOTS)
			set_bits(map, (struct span) { at, at + 1 }, 0);
		cond_resched();
	}
}

static void count_writer(struct nbdt_map *map, struct span span)
{
	u64 at;

	for (at = span.first; at < slots_end(span); at++)
		atomic_inc(slot(map, at));
	/* Before the bits are cleared; see the top. */
	smp_mb__after_atomic();
}

static void uncount_writer(struct nbdt_map *map, struct span span)
{
	u64 at;

	/* After all that it did. */
	smp_mb__before_atomic();
	for (at = span.first; at < slots_end(span); at++)
		atomic_dec(slot(map, at));
}

/**
 * nbdt_map_write_begin - a range is going to be written
 * @map: its map
 * @offset: in bytes
 * @len: in bytes, not 0
 *
 * Only if nbdt_map_is_on().  To be followed by nbdt_map_write_end() of the same
 * range.
 */
void nbdt_map_write_begin(struct nbdt_map *map, u64 offset, u64 len)
{
	struct span span = touched(map, offset, len);

	count_writer(map, span);
	set_bits(map, span, 0);
}

void nbdt_map_write_end(struct nbdt_map *map, u64 offset, u64 len)
{
	uncount_writer(map, touched(map, offset, len));
}

/*
 * The granules at the ends that a range has a part of only: one or two, as
 * ranges of bytes; their number.
 */
static unsigned int ragged_ends(const struct nbdt_map *map, u64 offset, u64 len,
				struct span ends[2])
{
	struct span in = inner(map, offset, len);
	struct span out = outer(map, offset, len);
	unsigned int nr = 0;

	if (in.first >= in.end) {
		ends[nr++] = out;
		return nr;
	}
	if (out.first < in.first)
		ends[nr++] = (struct span) { out.first, in.first };
	if (in.end < out.end)
		ends[nr++] = (struct span) { in.end, out.end };
	return nr;
}

/* What it has a part of only is written to. */
static void write_ends(struct nbdt_map *map, u64 offset, u64 len)
{
	struct span ends[2];
	unsigned int i, nr = ragged_ends(map, offset, len, ends);

	for (i = 0; i < nr; i++) {
		count_writer(map, ends[i]);
		set_bits(map, ends[i], 0);
	}
}

static void end_write_ends(struct nbdt_map *map, u64 offset, u64 len)
{
	struct span ends[2];
	unsigned int i, nr = ragged_ends(map, offset, len, ends);

	for (i = 0; i < nr; i++)
		uncount_writer(map, ends[i]);
}

static void mark_zero(struct nbdt_map *map, struct span span)
{
	set_bits(map, span, ZERO_PENDING);
	/* Before the look for writers; see the top. */
	smp_mb();
	unless_written(map, span, 0);
	/* And before anything is read of what they wrote. */
	smp_mb();
}

static void settle_zero(struct nbdt_map *map, struct span span, bool zero)
{
	if (zero)
		settle(map, span, ZERO_PENDING, NBDT_MAP_ZERO);
	else
		set_bits(map, span, 0);
}

/* Under the lock: who has marks there, the scan or somebody else?  Or NULL. */
static struct nbdt_map_zeroing *marker(const struct nbdt_map *map,
				       struct span span, bool scans)
{
	struct nbdt_map_zeroing *other;

	list_for_each_entry(other, &map->marked, node) {
		/* cppcheck-suppress uninitvar ; it doesn't know the loop */
		if (other->scans == scans && span.first < other->end &&
		    other->first < span.end)
			return other;
	}
	return NULL;
}

/* Under the lock: from now on they are anybody's to make there. */
static void take_from_scan(struct nbdt_map *map, struct span span)
{
	struct nbdt_map_zeroing *scan = marker(map, span, true);

	if (scan)
		list_del_init(&scan->node);
}

/* Whether the marks there are the caller's to make, and to settle. */
static bool claim_marks(struct nbdt_map *map, struct nbdt_map_zeroing *zeroing,
			struct span span)
{
	bool claimed;

	*zeroing = (struct nbdt_map_zeroing) {
		.first = span.first,
		.end = span.end,
	};
	INIT_LIST_HEAD(&zeroing->node);
	spin_lock(&map->lock);
	claimed = span.first < span.end && !marker(map, span, false);
	if (claimed) {
		take_from_scan(map, span);
		list_add(&zeroing->node, &map->marked);
	}
	spin_unlock(&map->lock);
	return claimed;
}

static void give_up_marks(struct nbdt_map *map,
			  struct nbdt_map_zeroing *zeroing)
{
	spin_lock(&map->lock);
	list_del_init(&zeroing->node);
	spin_unlock(&map->lock);
}

/**
 * nbdt_map_zero_begin - zeroes are going to be written to a range
 * @map: its map
 * @zeroing: the caller's, for nbdt_map_zero_end()
 * @offset: in bytes
 * @len: in bytes, not 0
 *
 * To be followed by nbdt_map_zero_end() of the same range, by any task.  Nothing is
 * learned where writes reach farther than they go.
 */
void nbdt_map_zero_begin(struct nbdt_map *map, struct nbdt_map_zeroing *zeroing,
			 u64 offset, u64 len)
{
	struct span span = inner(map, offset, len);

	if (!nbdt_map_is_on(map))
		return;
	if (map->reach.bytes) {
		nbdt_map_write_begin(map, offset, len);
		return;
	}
	write_ends(map, offset, len);
	if (claim_marks(map, zeroing, span))
		mark_zero(map, span);
}

/* @zero: whether it is certain that all of the range reads as zeroes now. */
void nbdt_map_zero_end(struct nbdt_map *map, struct nbdt_map_zeroing *zeroing,
		       u64 offset, u64 len, bool zero)
{
	struct span span = { zeroing->first, zeroing->end };

	if (!nbdt_map_is_on(map))
		return;
	if (map->reach.bytes) {
		nbdt_map_write_end(map, offset, len);
		return;
	}
	if (!list_empty(&zeroing->node)) {
		settle_zero(map, span, zero);
		give_up_marks(map, zeroing);
	}
	end_write_ends(map, offset, len);
}

/* Under the lock: as mark_zero(). */
static void mark_granule(struct nbdt_map *map, u64 granule)
{
	set_in_word(map, granule, granule + 1, ZERO_PENDING);
	/* Before the look for writers; see the top. */
	smp_mb();
	if (atomic_read(slot(map, granule)))
		set_in_word(map, granule, granule + 1, 0);
}

/**
 * nbdt_map_scan_begin - a granule is going to be read, to see whether it is zero
 * @map: its map
 * @scan: the caller's, for nbdt_map_scan_end(); of a map there is one at a time
 * @offset: of the granule
 * @len: of it, or of what there is of the last
 *
 * Return: whether it may be; nbdt_map_scan_end() has to follow.  False while
 * somebody makes zeroes there.
 */
bool nbdt_map_scan_begin(struct nbdt_map *map, struct nbdt_map_zeroing *scan,
			 u64 offset, u64 len)
{
	struct span span = inner(map, offset, len);
	bool may;

	*scan = (struct nbdt_map_zeroing) {
		.first = span.first,
		.end = span.end,
		.scans = true,
	};
	INIT_LIST_HEAD(&scan->node);
	/* Of one that isn't there as a whole nothing is learned. */
	if (span.first >= span.end)
		return true;
	spin_lock(&map->lock);
	may = !marker(map, span, false);
	if (may) {
		list_add(&scan->node, &map->marked);
		mark_granule(map, span.first);
	}
	spin_unlock(&map->lock);
	/* Before anything is read of what others wrote. */
	smp_mb();
	return may;
}

/* @zero: what was read.  It may be somebody else's to settle by now. */
void nbdt_map_scan_end(struct nbdt_map *map, struct nbdt_map_zeroing *scan,
		       bool zero)
{
	spin_lock(&map->lock);
	if (!list_empty(&scan->node)) {
		settle_in_word(map, scan->first, scan->end, ZERO_PENDING,
			       zero ? NBDT_MAP_ZERO : 0);
		list_del_init(&scan->node);
	}
	spin_unlock(&map->lock);
}

/**
 * nbdt_map_discard_begin - a range is going to be discarded
 * @map: its map
 * @offset: in bytes
 * @len: in bytes, not 0
 *
 * To be followed by nbdt_map_discard_end() of the same range.
 */
void nbdt_map_discard_begin(struct nbdt_map *map, u64 offset, u64 len)
{
	struct span span = outer(map, offset, len);

	if (!nbdt_map_is_on(map))
		return;
	count_writer(map, span);
	set_bits(map, span, HOLE_PENDING);
	/* Before the look for other writers; see the top. */
	smp_mb();
	unless_written(map, span, 1);
	/* And before anything is discarded. */
	smp_mb();
}

/* @first to @end: what really was discarded of it, nothing if equal. */
void nbdt_map_discard_end(struct nbdt_map *map, u64 offset, u64 len, u64 first,
			  u64 end)
{
	struct span span = outer(map, offset, len);
	struct span gone = { span.first, span.first };

	if (!nbdt_map_is_on(map))
		return;
	if (first < end)
		gone = inner(map, first, end - first);
	settle(map, gone, HOLE_PENDING, NBDT_MAP_HOLE);
	/* Where it did nothing, another may have settled its marks meanwhile. */
	set_bits(map, (struct span) { span.first, gone.first }, 0);
	set_bits(map, (struct span) { gone.end, span.end }, 0);
	uncount_writer(map, span);
}

static u32 state_of(const atomic64_t *words, u64 granule)
{
	u64 word = atomic64_read(&words[granule / PER_WORD]);

	return (word >> (granule % PER_WORD * BITS)) & KNOWN;
}

/* The first granule behind AT whose state isn't STATE, as far as we look. */
static u64 state_end(const atomic64_t *words, u64 at, u64 end, u32 state)
{
	u64 same = EVERY((u64)state), limit;

	limit = min(end, next_word(at) + (u64)LOOK_AHEAD * PER_WORD);
	for (at++; at < limit; ) {
		if (at % PER_WORD == 0 &&
		    (atomic64_read(&words[at / PER_WORD]) &
		     EVERY((u64)KNOWN)) == same) {
			at += PER_WORD;
			continue;
		}
		if (state_of(words, at) != state)
			return at;
		at++;
	}
	return min(at, limit);
}

/**
 * nbdt_map_state - what is known of the beginning of a range
 * @map: its map
 * @offset: where it begins, in bytes
 * @len: its length, not 0; made shorter to how far the answer holds, which
 *	may be less than how far it is true
 *
 * Return: NBDT_MAP_* bits.
 */
u32 nbdt_map_state(const struct nbdt_map *map, u64 offset, u64 *len)
{
	/* Pairs with nbdt_map_fill(), once for all of this. */
	const atomic64_t *words = smp_load_acquire(&map->words);
	u64 at, end;
	u32 state;

	if (!words || offset >= map->size)
		return 0;
	at = offset >> map->shift;
	state = state_of(words, at);
	end = outer(map, offset, *len).end;
	end = state_end(words, at, end, state) << map->shift;
	/* A device that grew goes on within the last granule. */
	*len = min3(*len, end - offset, map->size - offset);
	return state;
}

/* The same, as to whether all of it is zero. */
bool nbdt_map_zero(const struct nbdt_map *map, u64 offset, u64 *len)
{
	u64 at = offset, end = offset + *len, left;
	bool zero = false, first = true;

	while (at < end) {
		bool same;

		left = end - at;
		same = (nbdt_map_state(map, at, &left) & NBDT_MAP_ZERO) != 0;
		if (first)
			zero = same;
		else if (same != zero)
			break;
		first = false;
		at += left;
		/* How far it goes on as holes doesn't matter that much. */
		if (zero)
			break;
	}
	if (at != offset)
		*len = min(at, end) - offset;
	return zero;
}

static u64 nr_granules(const struct nbdt_map *map)
{
	return (map->size + (1ULL << map->shift) - 1) >> map->shift;
}

/**
 * nbdt_map_read - a piece of what is known, to be kept elsewhere
 * @map: its map
 * @offset: of the piece in the content, in bytes, a multiple of 8
 * @data: for LEN bytes: four bits for each granule, in order from the low ones
 *	of byte 0 on, of which the lower two are NBDT_MAP_*
 * @len: a multiple of 8
 *
 * Return: how many bytes there are; 0 behind the end, and of a map that has no
 * memory.
 */
unsigned int nbdt_map_read(const struct nbdt_map *map, u64 offset, void *data,
			   unsigned int len)
{
	/* Pairs with nbdt_map_fill(). */
	const atomic64_t *words = smp_load_acquire(&map->words);
	u64 bytes = words ? map->nr_words * sizeof(*words) : 0;
	__le64 *to = data;
	unsigned int i;

	if (offset >= bytes)
		return 0;
	len = min_t(u64, len, bytes - offset);
	for (i = 0; i < len / sizeof(*to); i++)
		to[i] = cpu_to_le64(atomic64_read(&words[offset / 8 + i]) &
				    EVERY((u64)KNOWN));
	return len;
}

/**
 * nbdt_map_load - know what was known before
 * @map: it has memory; what it knows already stays
 * @offset: as in nbdt_map_read()
 * @data: as nbdt_map_read() gave it; still true, and nobody is writing
 * @len: a multiple of 8
 *
 * Return: false when the map has no such part.
 */
bool nbdt_map_load(struct nbdt_map *map, u64 offset, const void *data,
		   unsigned int len)
{
	u64 bytes = map->nr_words * sizeof(*map->words), at, word;
	const __le64 *from = data;
	unsigned int i;

	if (offset > bytes || len > bytes - offset)
		return false;
	for (i = 0; i < len / sizeof(*from); i++) {
		at = (offset / 8 + i) * PER_WORD;
		word = get_unaligned_le64(from + i) & EVERY((u64)KNOWN) &
		       word_mask(at, nr_granules(map));
		/* A scan may be at its neighbours. */
		atomic64_or(word, &map->words[at / PER_WORD]);
	}
	return true;
}

/* Of what the device is known to be, in bytes. */
void nbdt_map_count(const struct nbdt_map *map, u64 *zero, u64 *hole)
{
	/* Pairs with nbdt_map_fill(). */
	const atomic64_t *words = smp_load_acquire(&map->words);
	u64 i, word;

	*zero = 0;
	*hole = 0;
	for (i = 0; words && i < map->nr_words; i++) {
		word = atomic64_read(&words[i]);
		*zero += hweight64(word & EVERY((u64)NBDT_MAP_ZERO));
		*hole += hweight64(word & EVERY((u64)NBDT_MAP_HOLE));
		if (!(i % STRIDE))
			cond_resched();
	}
	*zero = min(*zero << map->shift, map->size);
	*hole = min(*hole << map->shift, map->size);
}

static u64 zero_in_word(const struct nbdt_map *map, u64 i)
{
	return atomic64_read(&map->words[i]) & EVERY((u64)NBDT_MAP_ZERO);
}

static u64 zero_granules(const struct nbdt_map *map)
{
	u64 sum = 0, i;

	for (i = 0; i < map->nr_words; i++) {
		sum += hweight64(zero_in_word(map, i));
		if (!(i % STRIDE))
			cond_resched();
	}
	return sum;
}

/**
 * nbdt_map_sample - some of what is known to be zero
 * @map: it has memory; nobody else is at it
 * @offsets: where the granules begin, in bytes
 * @nr: at most so many, spread evenly over all that there are, from one at random on
 *
 * Return: how many.
 */
unsigned int nbdt_map_sample(const struct nbdt_map *map, u64 *offsets,
			     unsigned int nr)
{
	u32 step = div_u64(zero_granules(map), nr) + 1;
	u64 skip = get_random_u32() % step, i, word;
	unsigned int found = 0;

	for (i = 0; i < map->nr_words && found < nr; i++) {
		if (!(i % STRIDE))
			cond_resched();
		for (word = zero_in_word(map, i); word && found < nr;
		     word &= word - 1) {
			if (skip--)
				continue;
			offsets[found++] = (i * PER_WORD + __ffs64(word) / BITS)
					   << map->shift;
			skip = step - 1;
		}
	}
	return found;
}

/* Of memory, once it has any. */
u64 nbdt_map_bytes_at_most(const struct nbdt_map *map)
{
	return map->nr_words * sizeof(*map->words);
}

/* Of memory; 0 while there is nothing that anything is known in. */
u64 nbdt_map_bytes(const struct nbdt_map *map)
{
	if (!READ_ONCE(map->words))
		return 0;
	return map->nr_words * sizeof(*map->words);
}

/* The administrator says that all of it is zero; nobody writes yet. */
void nbdt_map_fill_zero(struct nbdt_map *map)
{
	set_bits(map, (struct span) { 0, nr_granules(map) }, NBDT_MAP_ZERO);
}

/* The smallest granule from AT on with which a map takes no more than BYTES. */
static u32 least_granule(u64 size, u32 at, u64 bytes)
{
	while (at < BIT(31) && size > bytes / sizeof(u64) * PER_WORD * at)
		at <<= 1;
	return at;
}

/* The smallest that may be asked for. */
u32 nbdt_map_least_granule(u64 size)
{
	return least_granule(size, NBDT_MAP_GRANULE_MIN, NBDT_MAP_BYTES_MAX);
}

/**
 * nbdt_map_create - a map that knows nothing, and takes no memory yet
 * @size: of the device, in bytes
 * @granule: in bytes, a power of two, at least nbdt_map_least_granule(); 0 for
 *	the smallest from 64 KiB on with which the map takes no more than
 *	32 MiB: 64 KiB up to 4 TiB
 *
 * Return: the map, or NULL when there is no memory for it.
 */
struct nbdt_map *nbdt_map_create(u64 size, u32 granule)
{
	struct nbdt_map *map = kzalloc(sizeof(*map), GFP_KERNEL);

	if (!map)
		return NULL;
	map->size = size;
	spin_lock_init(&map->lock);
	INIT_LIST_HEAD(&map->marked);
	map->shift = ilog2(granule ?: least_granule(size, NBDT_MAP_GRANULE,
						    NBDT_MAP_BYTES));
	map->nr_words = DIV_ROUND_UP(size, (u64)PER_WORD << map->shift);
	return map;
}

/**
 * nbdt_map_fill - give it the memory that anything can be known in
 * @map: clients may be using it
 *
 * Return: 0, also when it has it already, or -ENOMEM.
 */
int nbdt_map_fill(struct nbdt_map *map)
{
	atomic64_t *words;

	if (READ_ONCE(map->words))
		return 0;
	words = kvcalloc(map->nr_words, sizeof(*words),
			 GFP_KERNEL | __GFP_NOWARN);
	if (!words)
		return -ENOMEM;
	/* Cleared before it is seen; others may have been faster. */
	if (cmpxchg_release(&map->words, NULL, words))
		kvfree(words);
	return 0;
}

/**
 * nbdt_map_set_reach - a write may change what is around it
 * @map: beside which nothing is done
 * @bdev: what it is about
 */
void nbdt_map_set_reach(struct nbdt_map *map, struct block_device *bdev)
{
	map->reach = nbdt_reach_of(bdev, 1ULL << map->shift);
}

/* Is that still so? */
bool nbdt_map_reaches(const struct nbdt_map *map, struct block_device *bdev)
{
	struct nbdt_reach reach = nbdt_reach_of(bdev, 1ULL << map->shift);

	return reach.bytes == map->reach.bytes &&
	       reach.first == map->reach.first &&
	       reach.loose == map->reach.loose &&
	       reach.anywhere == map->reach.anywhere;
}

/* Also what is being learned; others may be at it. */
void nbdt_map_forget(struct nbdt_map *map)
{
	u64 i;

	for (i = 0; map->words && i < map->nr_words; i++) {
		atomic64_set(&map->words[i], 0);
		if (!(i % 65536))
			cond_resched();
	}
}

void nbdt_map_destroy(struct nbdt_map *map)
{
	if (map)
		kvfree(map->words);
	kfree(map);
}
