// SPDX-License-Identifier: GPL-2.0
/*
 * restore-bitmaps: what save-bitmaps wrote; save.c says what can be gone by.
 *
 * A file is good for one time, also for a bitmap that is frozen: once that is there, or
 * could be, it can be removed and another made of its name, which is all that it is
 * known by afterwards. What the file has of it may then be of the one before.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/bitmap.h"
#include "object/export.h"
#include "saved/content.h"
#include "saved/device.h"
#include "saved/record.h"
#include "saved/source.h"
#include "saved/unspent.h"
#include "verb/verbs.h"

struct restore {
	struct tool *t;
	const struct args *args;
	const char *path;
	struct source *source;
	bool if_missing;
	struct attr_list exports;
	bool trust;			/* what can't be proved */
	bool final;			/* clients are to come, restored or not */
	bool spend;			/* they are there already: nothing is restored */
};

/* A record, and what it is to be restored to. */
struct item {
	const struct record *record;
	uint32_t state;			/* as it was: the record's may have changed */
	json_t *about;
	const struct export *export;
	const char *other;		/* why it isn't the same device, or NULL */
	struct content content;
};

/* From now on, whoever reads it in the file knows that it isn't all. */
static int consume(struct restore *r, const struct record *record)
{
	if (source_set_state(r->source, record, RECORD_UNCLEAN))
		return 0;
	return fail(r->t, r->path, "%s", strerror(errno));
}

/*
 * It didn't come into force: it is as good as it was, unless that was because of a
 * client, who may have written.
 */
static void give_back(struct restore *r, const struct item *item, int err)
{
	if (item->state == RECORD_CLEAN && err != -EBUSY && err != -ETIMEDOUT &&
	    !source_set_state(r->source, item->record, RECORD_CLEAN))
		fail(r->t, r->path, "%s", strerror(errno));
}

/* One of another device isn't touched: that may come yet. */
static int spend(struct restore *r, const struct item *item)
{
	return item->other ? 0 : consume(r, item->record);
}

/* --- Bitmaps --- */

static bool is_set(const struct item *item, const char *key)
{
	return json_is_true(json_object_get(item->about, key));
}

/* Whether it is certain that the device is the same, or the admin says so. */
static const char *distrust_device(const struct restore *r,
				   const struct item *item)
{
	if (item->other)
		return item->other;
	return r->trust ? NULL : device_is_unsure(item->export, item->about);
}

/* The same of what it holds. */
static const char *distrust_content(const struct restore *r,
				    const struct item *item)
{
	const char *why = device_was_written(item->export, item->about);
	bool kept = is_set(item, "kept");

	if (why || (r->trust && !kept))
		return why;
	why = device_is_unproved(item->export, item->about);
	/* Nobody else may have written, but the target itself. */
	return why && kept ? "it is of an older save, and what was served since isn't known" :
			     why;
}

/* NULL, or why it can't be gone by. */
static const char *distrust_bitmap(const struct restore *r,
				   const struct item *item)
{
	const char *why = NULL;

	if (!is_set(item, "consistent"))
		return "it was inconsistent when it was saved";
	if (item->state != RECORD_CLEAN && is_set(item, "recording"))
		return "it was recording when the target stopped";
	if (item->state != RECORD_CLEAN)
		return "the file was used before, and another may have its name";
	/* What is frozen says nothing of what was written later. */
	if (item->other)
		return item->other;
	if (is_set(item, "recording"))
		why = distrust_content(r, item);
	return why ? why : distrust_device(r, item);
}

static int add_bitmap(struct restore *r, const struct item *item)
{
	struct nlmsghdr *nlh = bitmap_request(r->t, NBDTARGET_CMD_BITMAP_ADD,
					      item->content.export,
					      item->content.bitmap);

	mnl_attr_put_u64(nlh, NBDTARGET_A_BITMAP_GRANULARITY,
			 item->content.granularity);
	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_RECORDING, 0);
	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_CONSISTENT, 0);
	return nl_do(r->t->nl, nlh, NULL);
}

static int set_bitmap(struct restore *r, const struct item *item,
		      bool consistent)
{
	struct nlmsghdr *nlh = bitmap_request(r->t, NBDTARGET_CMD_BITMAP_SET,
					      item->content.export,
					      item->content.bitmap);

	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_RECORDING,
			is_set(item, "recording"));
	if (consistent)
		mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_CONSISTENT, 1);
	return nl_do(r->t->nl, nlh, NULL);
}

static int load(struct restore *r, const struct item *item)
{
	return content_load(r->t, &item->content, record_data(item->record),
			    item->record->data_len);
}

/* What was made of it doesn't stay; what the last request said does. */
static int fail_bitmap(struct restore *r, const struct item *item)
{
	int ret = kernel_fail(r->t, item->content.bitmap, NULL);

	nl_do(r->t->nl, bitmap_request(r->t, NBDTARGET_CMD_BITMAP_DEL,
				       item->content.export,
				       item->content.bitmap), NULL);
	return ret;
}

/*
 * It is in force when it has its content and is set to what it was.  Between these
 * the file says that it is no longer good for another time.
 */
static int enforce_bitmap(struct restore *r, const struct item *item,
			  const char *why)
{
	bool recording = is_set(item, "recording");
	int err;

	if (!why && load(r, item))
		return fail_bitmap(r, item);
	/* Whether or not that is seen the next time, too. */
	if (spend(r, item))
		return TOOL_REFUSED;
	err = why && !recording ? 0 : set_bitmap(r, item, !why);
	if (!err)
		return 0;
	fail_bitmap(r, item);
	if (!item->other)
		give_back(r, item, err);
	return TOOL_REFUSED;
}

static int restore_bitmap(struct restore *r, const struct item *item)
{
	const char *why = distrust_bitmap(r, item);
	int ret = add_bitmap(r, item);

	if (ret == -EEXIST && r->if_missing)
		return spend(r, item);
	if (ret)
		return kernel_fail(r->t, item->content.bitmap, NULL);
	ret = enforce_bitmap(r, item, why);
	if (ret)
		return ret;
	if (!why) {
		kernel_warn(r->t, item->content.bitmap);
		return 0;
	}
	/* News, unless it was so before. */
	if (is_set(item, "consistent"))
		r->t->distrusted++;
	fail(r->t, item->content.bitmap,
	     "warning: all of it counts as dirty: %s", why);
	return 0;
}

/* --- Allocation maps --- */

#define SAMPLES		256
#define SAMPLE_SIZE	4096		/* that of the smallest granule, or a block */

static bool says_zero(const char *data, uint64_t granule)
{
	return data[granule / 2] & (granule % 2 ? 0x10 : 0x01);
}

/* Every so many of the granules that it says are zero. */
static size_t choose_samples(const struct item *item, size_t len,
			     uint64_t *offsets)
{
	const char *data = record_data(item->record);
	uint64_t n = 2 * item->record->data_len, zero = 0, step, at, offset;
	size_t found = 0;

	for (at = 0; at < n; at++)
		zero += says_zero(data, at);
	step = zero / SAMPLES + 1;
	zero = arc4random_uniform(step);
	for (at = 0; at < n && found < SAMPLES; at++) {
		if (!says_zero(data, at) || zero++ % step)
			continue;
		offset = at * item->content.granularity;
		/* What there is of the last may be less than is read. */
		if (offset + len <= item->content.size)
			offsets[found++] = offset;
	}
	return found;
}

static bool samples_are_zero(const struct item *item)
{
	size_t block = item->export->logical_block, n;
	size_t len = block > SAMPLE_SIZE ? block : SAMPLE_SIZE;
	uint64_t offsets[SAMPLES];

	n = choose_samples(item, len, offsets);
	return !n || device_reads_zero(item->export, offsets, n, len);
}

static const char *distrust_map(const struct restore *r,
				const struct item *item)
{
	const char *why;

	if (item->state != RECORD_CLEAN)
		return "the target has written to the device since";
	why = distrust_device(r, item);
	if (!why)
		why = distrust_content(r, item);
	if (!why && !samples_are_zero(item))
		why = "there is data where there was none";
	return why;
}

/* No more than that clients copy what they need not. */
static int forget_map(struct restore *r, const struct item *item,
		      const char *why)
{
	fail(r->t, item->content.export,
	     "warning: it isn't known any more what is zero: %s", why);
	return 0;
}

static int restore_map(struct restore *r, const struct item *item)
{
	const char *why = distrust_map(r, item);
	int ret = why ? 0 : content_try(r->t, &item->content);

	/* The map is another one: an export that is made as it was can have it. */
	if (ret == -EINVAL)
		return forget_map(r, item, nl_last_error(r->t->nl)->text);
	if (ret == -EBUSY)
		why = nl_last_error(r->t->nl)->text;
	else if (ret)
		return kernel_fail(r->t, item->content.export, NULL);
	if (why)
		forget_map(r, item, why);
	ret = spend(r, item);
	if (ret || why)
		return ret;
	ret = load(r, item);
	if (!ret)
		return 0;
	forget_map(r, item, nl_last_error(r->t->nl)->text);
	if (!item->other)
		give_back(r, item, ret);
	return 0;
}

/* --- The file --- */

static uint64_t number_in(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static int restore_to_export(struct restore *r, const struct item *item)
{
	if (!item->content.bitmap) {
		if (!item->export)
			return forget_map(r, item, "there is no such export");
		return restore_map(r, item);
	}
	if (strlen(item->content.bitmap) > NBDTARGET_MAX_BITMAP_NAME)
		return fail(r->t, r->path, "has a name that is too long");
	if (!item->export)
		return fail(r->t, item->content.bitmap,
			    "there is no export '%s' to restore to",
			    item->content.export);
	return restore_bitmap(r, item);
}

static bool is_chosen(const struct args *a, const char *export)
{
	int i;

	for (i = 1; i < a->n; i++)
		if (!strcmp(a->pos[i], export))
			return true;
	return a->n == 1;
}

static int restore_record(struct restore *r, const struct source_item *saved)
{
	struct item item = {
		.record = saved->record,
		.state = saved->record->state,
		.about = saved->about,
		.export = export_named(&r->exports, saved->export),
		.content = {
			.export = saved->export,
			.bitmap = saved->bitmap,
			.granularity = number_in(saved->about, "granularity"),
			.size = number_in(saved->about, "size"),
		},
	};

	if (item.export)
		item.other = device_is_other(item.export, saved->about);
	return is_chosen(r->args, saved->export) ?
	       restore_to_export(r, &item) : 0;
}

/* By one of those that are chosen. */
static bool is_unspent(const struct restore *r,
		       const struct source_item *saved)
{
	const struct export *e;
	size_t i;
	int k;

	for (i = 0; i < r->exports.n; i++) {
		e = attr_list_item(&r->exports, i);
		for (k = 1; k < r->args->n; k++)
			if (text_is(e->name, r->args->pos[k]))
				break;
		if ((r->args->n == 1 || k < r->args->n) &&
		    unspent_is(saved, e))
			return true;
	}
	return false;
}

/*
 * What wasn't restored isn't good another time: nobody records what clients write from
 * now on, and names are free. Also what is of a device that had another name.
 */
static int spend_rest(struct restore *r)
{
	const struct source_item *saved = r->source->items;
	size_t i;
	int ret = 0;

	for (i = 0; i < r->source->n; i++, saved++)
		if (is_unspent(r, saved) && consume(r, saved->record))
			ret = TOOL_REFUSED;
	return ret;
}

/* One that is there may have no record; one that isn't is misspelt. */
static int check_chosen(const struct restore *r)
{
	const struct args *a = r->args;
	int i;

	for (i = 1; i < a->n; i++)
		if (!export_named(&r->exports, a->pos[i]))
			return fail(r->t, a->pos[i], "there is no such export");
	return 0;
}

static int restore_records(struct restore *r)
{
	int ret, first = 0;
	size_t i;

	for (i = 0; i < r->source->n; i++) {
		ret = restore_record(r, &r->source->items[i]);
		first = first ? first : ret;
	}
	return first;
}

static int restore_all(struct restore *r)
{
	int ret, first;

	if (export_get_all(r->t, &r->exports))
		return kernel_fail(r->t, NULL, NULL);
	ret = check_chosen(r);
	if (ret)
		return ret;
	first = r->spend ? 0 : restore_records(r);
	ret = r->final ? spend_rest(r) : 0;
	return first ? first : ret;
}

enum { RESTORE_TRUST, RESTORE_IF_MISSING, RESTORE_FINAL, RESTORE_SPEND };

static const struct opt restore_opts[] = {
	[RESTORE_TRUST] = { "--trust", OPT_FLAG, NULL,
		"nobody else has written, also where that isn't proved", 0 },
	[RESTORE_IF_MISSING] = { "--if-missing", OPT_FLAG, NULL,
		"leave bitmaps alone that are there", 0 },
	[RESTORE_FINAL] = { "--final", OPT_FLAG, NULL,
		"what isn't restored isn't good another time, either", 0 },
	[RESTORE_SPEND] = { "--spend", OPT_FLAG, NULL,
		"the same, and restore nothing: clients were there", 0 },
	{ .name = NULL }
};

static int restore_bitmaps(struct tool *t, const struct args *a)
{
	struct restore r = {
		.t = t,
		.args = a,
		.path = a->pos[0],
		.trust = a->opt[RESTORE_TRUST].given,
		.if_missing = a->opt[RESTORE_IF_MISSING].given,
		.spend = a->opt[RESTORE_SPEND].given,
	};
	const char *wrong;
	int ret;

	r.final = r.spend || a->opt[RESTORE_FINAL].given;
	if (r.spend && (r.trust || r.if_missing))
		return fail_usage(t, "--spend goes neither with --trust nor with --if-missing");
	ret = kernel_connect(t, r.path);
	if (ret)
		return ret;
	if (source_open(r.path, &r.source, &wrong))
		return fail(t, r.path, "%s", wrong);
	/* Before anything is restored that the file would go on to have. */
	if (r.source->write_error)
		return fail(t, r.path, "%s", strerror(r.source->write_error));
	ret = restore_all(&r);
	attr_list_free(&r.exports);
	return ret;
}

const struct verb verb_restore_bitmaps = {
	.name = "restore-bitmaps",
	.args = "FILE [EXPORT]...",
	.summary = "Makes the bitmaps that a file has, and knows again what is zero.",
	.details = "After add-export, and before any client can write. What fails isn't lost:\n"
		   "the file is good for it once more, unless --final is given.",
	.opts = restore_opts,
	.min_args = 1,
	.max_args = ARGS_MAX,
	.run = restore_bitmaps,
};
