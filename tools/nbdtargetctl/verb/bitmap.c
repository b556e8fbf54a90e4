// SPDX-License-Identifier: GPL-2.0
/* The verbs that make and change dirty bitmaps. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/fail.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/bitmap.h"
#include "verb/existing.h"
#include "verb/verbs.h"

static int check_names(struct tool *t, const struct args *a)
{
	int i;

	if (strlen(a->pos[0]) > NBDTARGET_MAX_STRING)
		return fail_usage(t, "the export's name is longer than %d bytes",
				  NBDTARGET_MAX_STRING);
	for (i = 1; i < a->n; i++) {
		if (!*a->pos[i])
			return fail_usage(t, "a bitmap's name is empty");
		if (strlen(a->pos[i]) > NBDTARGET_MAX_BITMAP_NAME)
			return fail_usage(t,
					  "a bitmap's name is longer than %d bytes",
					  NBDTARGET_MAX_BITMAP_NAME);
	}
	return 0;
}

/* The request with the names of export and bitmap, or NULL and a status. */
static struct nlmsghdr *begin(struct tool *t, const struct args *a, uint8_t cmd,
			      int *ret)
{
	*ret = check_names(t, a);
	if (!*ret)
		*ret = kernel_connect(t, a->pos[1]);
	if (*ret)
		return NULL;
	return bitmap_request(t, cmd, a->pos[0], a->pos[1]);
}

static const char *remedy(int err)
{
	switch (err) {
	case ENOENT:
		return "'nbdtargetctl show bitmaps' lists them";
	case EBUSY:
		return "'disconnect --export' ends the clients of an export";
	case ETIMEDOUT:
		return "nothing was changed";
	}
	return NULL;
}

static int finish(struct tool *t, const struct args *a, int ret)
{
	if (ret)
		return kernel_fail(t, a->pos[1], remedy(-ret));
	kernel_warn(t, a->pos[1]);
	return TOOL_OK;
}

enum { ADD_GRANULARITY, ADD_DISABLED, ADD_INCONSISTENT, ADD_IF_MISSING };

static const struct opt add_opts[] = {
	[ADD_GRANULARITY] = { "--granularity", OPT_SIZE, "SIZE",
		"so much shares a bit (64K)", UINT32_MAX },
	[ADD_DISABLED] = { "--disabled", OPT_FLAG, NULL,
		"don't record yet", 0 },
	[ADD_INCONSISTENT] = { "--inconsistent", OPT_FLAG, NULL,
		"writes may be missing in it: all of it counts as dirty", 0 },
	[ADD_IF_MISSING] = { "--if-missing", OPT_FLAG, NULL,
		"succeed when it is there, just like that", 0 },
	{ .name = NULL }
};

/* What differs of one that there is, whatever it has recorded. */
static void compare(const struct bitmap *b, const struct args *a,
		    struct existing *x)
{
	const struct opt_value *granularity = &a->opt[ADD_GRANULARITY];

	if (b->recording == a->opt[ADD_DISABLED].given)
		existing_differs_for_good(x, "it is %s", b->recording ?
					  "recording" : "frozen");
	if (granularity->given && granularity->number != b->granularity)
		existing_differs_for_good(x, "its --granularity is %" PRIu64,
					  b->granularity);
}

static const struct bitmap *find(const struct attr_list *list,
				 const struct args *a)
{
	const struct bitmap *b;
	size_t i;

	for (i = 0; i < list->n; i++) {
		b = attr_list_item(list, i);
		if (text_is(b->export_name, a->pos[0]) &&
		    text_is(b->name, a->pos[1]))
			return b;
	}
	return NULL;
}

static int add_existing(struct tool *t, const struct args *a)
{
	struct existing x = { 0 };
	const struct bitmap *b;
	struct attr_list list;
	int ret = 0;

	if (attr_list_get(t, NBDTARGET_CMD_BITMAP_GET, &bitmap_attrs, &list))
		ret = kernel_fail(t, a->pos[1], NULL);
	b = find(&list, a);
	if (!ret && !b)
		ret = fail(t, a->pos[1], "the bitmap went away meanwhile");
	else if (!ret)
		compare(b, a, &x);
	if (x.list)
		ret = existing_fail(t, a->pos[1], "bitmap", &x);
	existing_free(&x);
	attr_list_free(&list);
	return ret;
}

static int add_bitmap(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	int ret;

	nlh = begin(t, a, NBDTARGET_CMD_BITMAP_ADD, &ret);
	if (!nlh)
		return ret;
	if (a->opt[ADD_GRANULARITY].given)
		mnl_attr_put_u64(nlh, NBDTARGET_A_BITMAP_GRANULARITY,
				 a->opt[ADD_GRANULARITY].number);
	if (a->opt[ADD_DISABLED].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_RECORDING, 0);
	if (a->opt[ADD_INCONSISTENT].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_CONSISTENT, 0);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret == -EEXIST && a->opt[ADD_IF_MISSING].given)
		return add_existing(t, a);
	return finish(t, a, ret);
}

const struct verb verb_add_bitmap = {
	.name = "add-bitmap",
	.args = "EXPORT NAME",
	.summary = "Records from now on where an export is written to.",
	.details = "Clients may select the context qemu:dirty-bitmap:NAME.",
	.opts = add_opts,
	.min_args = 2,
	.max_args = 2,
	.run = add_bitmap,
};

enum { REMOVE_IF_EXISTS };

static const struct opt remove_opts[] = {
	[REMOVE_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such bitmap or export", 0 },
	{ .name = NULL }
};

static int remove_bitmap(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	int ret;

	nlh = begin(t, a, NBDTARGET_CMD_BITMAP_DEL, &ret);
	if (!nlh)
		return ret;
	ret = nl_do(t->nl, nlh, NULL);
	if (ret == -ENOENT && a->opt[REMOVE_IF_EXISTS].given)
		return TOOL_OK;
	return ret ? kernel_fail(t, a->pos[1], remedy(-ret)) : TOOL_OK;
}

const struct verb verb_remove_bitmap = {
	.name = "remove-bitmap",
	.args = "EXPORT NAME",
	.summary = "Removes a bitmap that nobody uses.",
	.opts = remove_opts,
	.min_args = 2,
	.max_args = 2,
	.run = remove_bitmap,
};

static int clear_bitmap(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	int ret;

	nlh = begin(t, a, NBDTARGET_CMD_BITMAP_CLEAR, &ret);
	return nlh ? finish(t, a, nl_do(t->nl, nlh, NULL)) : ret;
}

const struct verb verb_clear_bitmap = {
	.name = "clear-bitmap",
	.args = "EXPORT NAME",
	.summary = "Makes a bitmap forget all that it recorded.",
	.min_args = 2,
	.max_args = 2,
	.run = clear_bitmap,
};

static int set_recording(struct tool *t, const struct args *a, bool recording)
{
	struct nlmsghdr *nlh;
	int ret;

	nlh = begin(t, a, NBDTARGET_CMD_BITMAP_SET, &ret);
	if (!nlh)
		return ret;
	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_RECORDING, recording);
	return finish(t, a, nl_do(t->nl, nlh, NULL));
}

static int enable_bitmap(struct tool *t, const struct args *a)
{
	return set_recording(t, a, true);
}

const struct verb verb_enable_bitmap = {
	.name = "enable-bitmap",
	.args = "EXPORT NAME",
	.summary = "Has a bitmap record from now on.",
	.min_args = 2,
	.max_args = 2,
	.run = enable_bitmap,
};

static int disable_bitmap(struct tool *t, const struct args *a)
{
	return set_recording(t, a, false);
}

const struct verb verb_disable_bitmap = {
	.name = "disable-bitmap",
	.args = "EXPORT NAME",
	.summary = "Freezes a bitmap: it keeps what it has recorded.",
	.min_args = 2,
	.max_args = 2,
	.run = disable_bitmap,
};

static int two_names(struct tool *t, const struct args *a, uint8_t cmd)
{
	struct nlmsghdr *nlh;
	int ret;

	nlh = begin(t, a, cmd, &ret);
	if (!nlh)
		return ret;
	mnl_attr_put_strz(nlh, NBDTARGET_A_BITMAP_TO, a->pos[2]);
	return finish(t, a, nl_do(t->nl, nlh, NULL));
}

static int merge_bitmap(struct tool *t, const struct args *a)
{
	return two_names(t, a, NBDTARGET_CMD_BITMAP_MERGE);
}

const struct verb verb_merge_bitmap = {
	.name = "merge-bitmap",
	.args = "EXPORT NAME INTO",
	.summary = "Adds what a bitmap has recorded to another.",
	.min_args = 3,
	.max_args = 3,
	.run = merge_bitmap,
};

static int rename_bitmap(struct tool *t, const struct args *a)
{
	return two_names(t, a, NBDTARGET_CMD_BITMAP_RENAME);
}

const struct verb verb_rename_bitmap = {
	.name = "rename-bitmap",
	.args = "EXPORT NAME NEW",
	.summary = "Gives a bitmap another name.",
	.min_args = 3,
	.max_args = 3,
	.run = rename_bitmap,
};
