// SPDX-License-Identifier: GPL-2.0
/*
 * Metadata contexts: what there is to be known about an export's ranges,
 * under which names, and what is said of a range in each.
 *
 * base:allocation		what the allocation map knows
 * qemu:allocation-depth	0 where the device was discarded, else 1: a
 *				device has no layers below it
 * qemu:dirty-bitmap:NAME	what was written to, by the bitmap of that name
 *
 * Who selected what is in struct nbdt_conn.  A bitmap that was selected has a
 * user until it is deselected, and can be asked without a lock; one that was
 * only listed may be gone by the time it is told of.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/proto.h"
#include "content/bitmap.h"
#include "content/bitmaps.h"
#include "content/content.h"
#include "content/context.h"
#include "content/map.h"

#define BITMAP_PREFIX	"qemu:dirty-bitmap:"

static_assert(NBDT_NR_CONTEXTS <= 64);

static const char * const names[NBDT_CONTEXT_BITMAP] = {
	[NBDT_CONTEXT_ALLOCATION] = "base:allocation",
	[NBDT_CONTEXT_DEPTH] = "qemu:allocation-depth",
};

static u64 of_bitmaps(u64 slots)
{
	return slots << NBDT_CONTEXT_BITMAP;
}

static u64 bitmaps_of(u64 contexts)
{
	return contexts >> NBDT_CONTEXT_BITMAP;
}

/* Those that every export has, and those that it was told to have. */
static u64 fixed(const struct nbdt_content *content)
{
	u64 mask = BIT_ULL(NBDT_CONTEXT_ALLOCATION);

	if (content->allocation_depth)
		mask |= BIT_ULL(NBDT_CONTEXT_DEPTH);
	return mask;
}

static bool query_is(const struct nbdt_query *query, const char *text)
{
	return query->len == strlen(text) &&
	       !memcmp(query->text, text, query->len);
}

/* LM4: a query of an unknown namespace or leaf matches nothing. */
static u64 match_fixed(const struct nbdt_content *content,
		       const struct nbdt_query *query)
{
	u64 mask = 0;
	u32 i;

	for (i = 0; i < NBDT_CONTEXT_BITMAP; i++) {
		if (query_is(query, names[i]))
			mask |= BIT_ULL(i);
	}
	return mask & fixed(content);
}

/* The name of a bitmap that a query asks for, or NULL. */
static const char *bitmap_name(const struct nbdt_query *query, size_t *len)
{
	const size_t prefix = strlen(BITMAP_PREFIX);

	if (query->len <= prefix || memcmp(query->text, BITMAP_PREFIX, prefix))
		return NULL;
	*len = query->len - prefix;
	return query->text + prefix;
}

/* LM9: what stands for all that begins with it. */
static u64 match_wildcard(struct nbdt_content *content,
			  const struct nbdt_query *query)
{
	if (query_is(query, "base:"))
		return BIT_ULL(NBDT_CONTEXT_ALLOCATION);
	if (query_is(query, "qemu:"))
		return nbdt_context_list_all(content) &
		       ~BIT_ULL(NBDT_CONTEXT_ALLOCATION);
	if (query_is(query, BITMAP_PREFIX))
		return of_bitmaps(nbdt_bitmaps_all(&content->bitmaps));
	return 0;
}

/* All that a client may select, for now. */
u64 nbdt_context_list_all(struct nbdt_content *content)
{
	return fixed(content) | of_bitmaps(nbdt_bitmaps_all(&content->bitmaps));
}

/* What a query of LIST matches, for now. */
u64 nbdt_context_list(struct nbdt_content *content,
		      const struct nbdt_query *query)
{
	size_t len;
	const char *name = bitmap_name(query, &len);

	if (name)
		return of_bitmaps(nbdt_bitmaps_find(&content->bitmaps, name,
						    len));
	return match_fixed(content, query) | match_wildcard(content, query);
}

/**
 * nbdt_context_select - do what a query of SET asks for
 * @content: of an export with a reference, for as long as anything is selected
 * @query: as the client sent it; wildcards mean nothing here (SM6)
 * @selected: what is selected already
 *
 * Return: what is selected now.
 */
u64 nbdt_context_select(struct nbdt_content *content,
			const struct nbdt_query *query, u64 selected)
{
	u64 slots = bitmaps_of(selected);
	size_t len;
	const char *name = bitmap_name(query, &len);

	if (name)
		slots = nbdt_bitmaps_select(&content->bitmaps, name, len, slots);
	return selected | match_fixed(content, query) | of_bitmaps(slots);
}

void nbdt_context_deselect(struct nbdt_content *content, u64 selected)
{
	if (bitmaps_of(selected))
		nbdt_bitmaps_deselect(&content->bitmaps, bitmaps_of(selected));
}

/* For kfree(); NULL when it has gone, or when there is no memory. */
char *nbdt_context_name(struct nbdt_content *content, unsigned int context)
{
	char *leaf, *name;

	if (context < NBDT_CONTEXT_BITMAP)
		return kstrdup(names[context], GFP_KERNEL);
	leaf = nbdt_bitmaps_name(&content->bitmaps,
				 context - NBDT_CONTEXT_BITMAP);
	if (!leaf)
		return NULL;
	name = kasprintf(GFP_KERNEL, BITMAP_PREFIX "%s", leaf);
	kfree(leaf);
	return name;
}

static const struct nbdt_bitmap *bitmap_of(const struct nbdt_content *content,
					   unsigned int context)
{
	return content->bitmaps.slots[context - NBDT_CONTEXT_BITMAP];
}

static u32 map_status(unsigned int context, u32 state)
{
	if (context == NBDT_CONTEXT_DEPTH)
		return state & NBDT_MAP_HOLE ? 0 : 1;
	return (state & NBDT_MAP_HOLE ? NBDT_STATE_HOLE : 0) |
	       (state & NBDT_MAP_ZERO ? NBDT_STATE_ZERO : 0);
}

/**
 * nbdt_context_granules - in how many pieces a range may be, at most
 * @content: of an export
 * @context: selected
 * @len: of the range
 *
 * Without the parts of pieces at its two ends.
 */
u64 nbdt_context_granules(const struct nbdt_content *content,
			  unsigned int context, u64 len)
{
	if (context >= NBDT_CONTEXT_BITMAP)
		return len >> bitmap_of(content, context)->shift;
	return content->map ? len >> content->map->shift : 0;
}

/**
 * nbdt_context_status - the status of the beginning of a range
 * @content: of an export
 * @context: selected
 * @offset: where the range begins
 * @len: its length, made shorter to how far the answer holds
 * @believed: what nbdt_content_is_believed() said, since the request came
 */
u32 nbdt_context_status(const struct nbdt_content *content, unsigned int context,
			u64 offset, u64 *len, bool believed)
{
	if (context >= NBDT_CONTEXT_BITMAP)
		return nbdt_bitmap_state(bitmap_of(content, context), offset,
					 len) ? NBDT_STATE_DIRTY : 0;
	if (!believed)
		return map_status(context, 0);
	return map_status(context, nbdt_map_state(content->map, offset, len));
}
