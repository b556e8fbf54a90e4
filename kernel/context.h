/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_CONTEXT_H
#define NBDT_CONTEXT_H

#include <linux/bits.h>
#include <linux/types.h>

struct nbdt_export;
struct nbdt_query;

/*
 * Metadata contexts.  A set of them is a mask with a bit for each.
 */
enum nbdt_context {
	NBDT_CONTEXT_ALLOCATION,	/* base:allocation */
	NBDT_CONTEXT_DEPTH,		/* qemu:allocation-depth */
	NBDT_NR_CONTEXTS,
};

/* What clients know it as; unique on a connection (SM4). */
static inline u32 nbdt_context_id(enum nbdt_context context)
{
	return context;
}

const char *nbdt_context_name(enum nbdt_context context);
u32 nbdt_context_all(const struct nbdt_export *export);
u32 nbdt_context_match(const struct nbdt_query *query, u32 offered,
		       bool wildcards);
u32 nbdt_context_status(enum nbdt_context context, u32 state);

#endif /* NBDT_CONTEXT_H */
