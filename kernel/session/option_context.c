// SPDX-License-Identifier: GPL-2.0
/*
 * Options about metadata contexts: which an export has, and selecting some.
 *
 * Their names are context.c's; what is selected is kept by selection.c until
 * the client has an export, or selects again.
 */
#include <linux/bitops.h>
#include <linux/slab.h>

#include "base/proto.h"
#include "block/export.h"
#include "content/context.h"
#include "session/conn.h"
#include "session/option.h"
#include "session/option_context.h"
#include "session/permit.h"
#include "session/selection.h"

/* LM6: all that there is, without a query; SM3: then nothing is selected. */
static u64 match_queries(struct nbdt_negotiation *neg,
			 struct nbdt_export *export, struct nbdt_meta *meta)
{
	bool list = neg->head.option == NBDT_OPT_LIST_META_CONTEXT;
	struct nbdt_content *content = &export->disk.content;
	u64 all = nbdt_context_list_all(content), found = 0;
	struct nbdt_query query;
	u32 i;

	if (list && !meta->count)
		return all;
	for (i = 0; i < meta->count && (found & all) != all; i++) {
		nbdt_proto_query(meta, &query);
		if (list)
			found |= nbdt_context_list(content, &query);
		else
			found = nbdt_context_select(content, &query, found);
	}
	return found;
}

/* LM7, SM4: each of CONTEXTS; LM8: in a list they have no ids. */
static int reply_context(struct nbdt_negotiation *neg, u32 id, const char *name)
{
	__be32 wire = cpu_to_be32(id);
	struct kvec parts[] = {
		{ &wire, sizeof(wire) },
		{ (char *)name, strlen(name) },
	};

	return nbdt_option_reply(neg, NBDT_REP_META_CONTEXT, parts,
				 ARRAY_SIZE(parts));
}

static int reply_contexts(struct nbdt_negotiation *neg,
			  struct nbdt_export *export, u64 contexts, bool list)
{
	int err = 0;

	for (; contexts && !err; contexts &= contexts - 1) {
		u32 id = __ffs64(contexts);
		char *name = nbdt_context_name(&export->disk.content, id);

		if (name)
			err = reply_context(neg, list ? 0 : id, name);
		else if (!list)
			err = nbdt_option_fail(neg, -ENOMEM, "out of memory");
		kfree(name);
	}
	return err ?: nbdt_option_ack(neg);
}

/* LM1 to LM10, SM1 to SM9. */
int nbdt_option_meta_context(struct nbdt_negotiation *neg)
{
	bool list = neg->head.option == NBDT_OPT_LIST_META_CONTEXT;
	const char *option = nbdt_proto_option_name(neg->head.option);
	struct nbdt_export *export;
	struct nbdt_meta meta;
	u64 contexts;
	int err;

	/* SM1: whatever comes of it, the old selection is gone. */
	if (!list)
		nbdt_selection_drop(&neg->selection);
	if (!list && neg->conn->mode < NBDT_MODE_STRUCTURED)
		return nbdt_option_error(neg, NBDT_REP_ERR_INVALID,
					 "%s needs structured replies", option);
	if (nbdt_proto_meta(neg->data, neg->head.length, &meta))
		return nbdt_option_error(neg, NBDT_REP_ERR_INVALID,
					 "%s is malformed", option);
	export = nbdt_permit_find_export(neg->conn, meta.name, meta.name_len,
					 false);
	if (!export)
		return nbdt_option_error_unknown(neg, meta.name, meta.name_len);
	contexts = match_queries(neg, export, &meta);
	err = reply_contexts(neg, export, contexts, list);
	if (list)
		nbdt_export_put(export);
	else
		nbdt_selection_set(&neg->selection, export, contexts);
	return err;
}
