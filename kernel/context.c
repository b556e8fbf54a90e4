// SPDX-License-Identifier: GPL-2.0
/*
 * Metadata contexts: what there is to be known about an export's ranges,
 * under which names, and what is said of a range in each.
 *
 * base:allocation		what the allocation map knows
 * qemu:allocation-depth	0 where the device was discarded, else 1: a
 *				device has no layers below it
 *
 * Pure functions; who selected what is in struct nbdt_conn.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "context.h"
#include "export.h"
#include "map.h"
#include "proto.h"

static const char * const names[NBDT_NR_CONTEXTS] = {
	[NBDT_CONTEXT_ALLOCATION] = "base:allocation",
	[NBDT_CONTEXT_DEPTH] = "qemu:allocation-depth",
};

const char *nbdt_context_name(enum nbdt_context context)
{
	return names[context];
}

/* All that a client may select on an export. */
u32 nbdt_context_all(const struct nbdt_export *export)
{
	u32 all = BIT(NBDT_CONTEXT_ALLOCATION);

	if (export->allocation_depth)
		all |= BIT(NBDT_CONTEXT_DEPTH);
	return all;
}

/* LM9: a namespace with its colon stands for all that is in it. */
static bool is_wildcard_of(const struct nbdt_query *query, const char *name)
{
	size_t len = strchr(name, ':') + 1 - name;

	return query->len == len && !memcmp(query->text, name, len);
}

/**
 * nbdt_context_match - what a query asks for
 * @query: as the client sent it
 * @offered: a mask of what there is
 * @wildcards: whether they mean anything: to LIST they do, to SET they select
 *	nothing (SM6)
 *
 * LM4: a query of an unknown namespace or leaf matches nothing.
 *
 * Return: a mask of the contexts.
 */
u32 nbdt_context_match(const struct nbdt_query *query, u32 offered,
		       bool wildcards)
{
	u32 mask = 0, i;

	for (i = 0; i < NBDT_NR_CONTEXTS; i++) {
		if (!(offered & BIT(i)))
			continue;
		if ((query->len == strlen(names[i]) &&
		     !memcmp(query->text, names[i], query->len)) ||
		    (wildcards && is_wildcard_of(query, names[i])))
			mask |= BIT(i);
	}
	return mask;
}

/* STATE is what the map says of a range: NBDT_MAP_*. */
u32 nbdt_context_status(enum nbdt_context context, u32 state)
{
	if (context == NBDT_CONTEXT_DEPTH)
		return state & NBDT_MAP_HOLE ? 0 : 1;
	return (state & NBDT_MAP_HOLE ? NBDT_STATE_HOLE : 0) |
	       (state & NBDT_MAP_ZERO ? NBDT_STATE_ZERO : 0);
}
