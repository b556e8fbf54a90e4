// SPDX-License-Identifier: GPL-2.0
/* Dirty bitmaps, as the module reports them, and how they are shown. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nbdtarget.h"
#include "object/bitmap.h"
#include "show/figure.h"
#include "show/table.h"

#define FIELD(type_, kind_, key_, member_) {			\
	.type = NBDTARGET_A_BITMAP_##type_, .kind = ATTR_##kind_, \
	.key = key_, .offset = offsetof(struct bitmap, member_) }

static const struct attr_field fields[] = {
	FIELD(EXPORT_NAME, TEXT, "export-name", export_name),
	FIELD(NAME, TEXT, "name", name),
	FIELD(ID, NUMBER, "id", id),
	FIELD(RECORDING, BOOL, "recording", recording),
	FIELD(CONSISTENT, BOOL, "consistent", consistent),
	FIELD(BORROWED, BOOL, "borrowed", borrowed),
	FIELD(SIZE, NUMBER, "size", size),
	FIELD(GRANULARITY, NUMBER, "granularity", granularity),
	FIELD(DIRTY_COUNT, NUMBER, "dirty-count", dirty_count),
	FIELD(DIRTY_BYTES, NUMBER, "dirty-bytes", dirty_bytes),
	FIELD(MEMORY, NUMBER, "memory", memory),
	FIELD(USERS, NUMBER, "users", users),
	FIELD(STORED, BOOL, "stored", stored),
	FIELD(CHECKPOINT, NUMBER, "checkpoint", checkpoint),
	FIELD(CHECKPOINT_NAME, TEXT, "checkpoint-name", checkpoint_name),
	FIELD(VERSION, NUMBER, "version", version),
};

const struct attr_set bitmap_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct bitmap)
};

/* A request about one, to which the rest is added. */
struct nlmsghdr *bitmap_request(struct tool *t, uint8_t cmd,
				const char *export, const char *bitmap)
{
	struct nlmsghdr *nlh = nl_request(t->nl, cmd);

	mnl_attr_put_strz(nlh, NBDTARGET_A_BITMAP_EXPORT_NAME, export);
	mnl_attr_put_strz(nlh, NBDTARGET_A_BITMAP_NAME, bitmap);
	return nlh;
}

/* The last of its export: number and name. */
static char *format_checkpoint(const struct bitmap *b)
{
	char *name, *s;

	if (!b->checkpoint)
		return mem_copy("-");
	if (!b->checkpoint_name.len)
		return mem_printf("%" PRIu64, b->checkpoint);
	name = text_format(b->checkpoint_name, TEXT_NAME);
	s = mem_printf("%" PRIu64 " %s", b->checkpoint, name);
	free(name);
	return s;
}

static void add_row(struct table *tb, const struct bitmap *b)
{
	char buf[FIGURE_MAX];

	table_text(tb, b->export_name, TEXT_NAME);
	table_text(tb, b->name, TEXT_NAME);
	table_cell(tb, "%s%s%s%s", b->recording ? "recording" : "frozen",
		   b->consistent ? "" : ",inconsistent",
		   b->borrowed ? ",borrowed" : "",
		   b->stored ? ",stored" : "");
	table_cell(tb, "%s", size_format(buf, b->granularity));
	table_cell(tb, "%" PRIu64, b->dirty_count);
	table_cell(tb, "%s", size_format(buf, b->dirty_bytes));
	table_cell(tb, "%s", size_format(buf, b->memory));
	table_cell(tb, "%" PRIu64, b->users);
	table_take(tb, format_checkpoint(b));
}

void bitmap_print_all(const struct attr_list *list, const char *indent)
{
	static const struct table_column columns[] = {
		{ "EXPORT", false }, { "BITMAP", false }, { "STATE", false },
		{ "GRANULARITY", true }, { "COUNT", true }, { "DIRTY", true },
		{ "MEMORY", true }, { "USERS", true },
		{ "CHECKPOINT", false },
	};
	struct table tb = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};
	size_t i;

	for (i = 0; i < list->n; i++)
		add_row(&tb, attr_list_item(list, i));
	table_print(&tb, indent);
}
