/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_CONTEXT_H
#define NBDT_CONTEXT_H

#include <linux/bits.h>
#include <linux/types.h>

#include "content/content.h"

struct nbdt_query;

/*
 * Metadata contexts of an export.  A set of them is a mask with a bit for each,
 * whose number is also what clients know it as (SM4).
 */
enum nbdt_context {
	NBDT_CONTEXT_ALLOCATION,	/* base:allocation */
	NBDT_CONTEXT_DEPTH,		/* qemu:allocation-depth */
	NBDT_CONTEXT_BITMAP,		/* the first of qemu:dirty-bitmap: */
	NBDT_NR_CONTEXTS = NBDT_CONTEXT_BITMAP + NBDT_BITMAPS_MAX,
};

u64 nbdt_context_list(struct nbdt_content *content,
		      const struct nbdt_query *query);
u64 nbdt_context_list_all(struct nbdt_content *content);
u64 nbdt_context_select(struct nbdt_content *content,
			const struct nbdt_query *query, u64 selected);
void nbdt_context_deselect(struct nbdt_content *content, u64 selected);
char *nbdt_context_name(struct nbdt_content *content, unsigned int context);

u64 nbdt_context_granules(const struct nbdt_content *content,
			  unsigned int context, u64 len);
u32 nbdt_context_status(const struct nbdt_content *content, unsigned int context,
			u64 offset, u64 *len, bool believed);

#endif /* NBDT_CONTEXT_H */
