// SPDX-License-Identifier: GPL-2.0
/* restore-bitmaps: what save-bitmaps wrote; save.c says what can be gone by. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bitmap.h"
#include "content.h"
#include "device.h"
#include "export.h"
#include "json.h"
#include "nbdtarget.h"
#include "nl.h"
#include "options.h"
#include "record.h"

struct restore {
	struct tool *t;
	const char *path;
	int fd;
	char *map;
	size_t size;
	struct attr_list exports;
};

/* A record, and what it is to be restored to. */
struct target {
	const struct record *record;
	json_t *about;
	const struct export *export;
	const char *other;		/* why it isn't the same device, or NULL */
	struct content content;
};

static const struct export *find_export(const struct restore *r,
					const char *name)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < r->exports.n; i++) {
		e = attr_list_item(&r->exports, i);
		if (text_is(e->name, name))
			return e;
	}
	return NULL;
}

/* From now on, whoever reads it in the file knows that it isn't all. */
static int consume(struct restore *r, const struct record *record)
{
	uint32_t state = RECORD_UNCLEAN;
	off_t at = (const char *)&record->state - r->map;

	if (pwrite(r->fd, &state, sizeof(state), at) != sizeof(state) ||
	    fsync(r->fd))
		return fail(r->t, r->path, "%s", strerror(errno));
	return 0;
}

/* --- Bitmaps --- */

static bool is_set(const struct target *g, const char *key)
{
	return json_is_true(json_object_get(g->about, key));
}

/* NULL, or why it can't be gone by. */
static const char *distrust_bitmap(const struct target *g)
{
	const char *why;

	if (!is_set(g, "consistent"))
		return "it was inconsistent when it was saved";
	if (g->record->state != RECORD_CLEAN)
		return "it was recording when the target stopped";
	why = g->other;
	if (!why && is_set(g, "recording"))
		why = device_was_written(g->export, g->about);
	return why;
}

static int add_bitmap(struct restore *r, const struct target *g)
{
	struct nlmsghdr *nlh = bitmap_request(r->t, NBDTARGET_CMD_BITMAP_ADD,
					      g->content.export,
					      g->content.bitmap);

	mnl_attr_put_u64(nlh, NBDTARGET_A_BITMAP_GRANULARITY,
			 g->content.granularity);
	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_RECORDING, 0);
	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_CONSISTENT, 0);
	return nl_do(r->t->nl, nlh, NULL);
}

static int set_bitmap(struct restore *r, const struct target *g,
		      bool consistent)
{
	struct nlmsghdr *nlh = bitmap_request(r->t, NBDTARGET_CMD_BITMAP_SET,
					      g->content.export,
					      g->content.bitmap);

	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_RECORDING,
			is_set(g, "recording"));
	if (consistent)
		mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_CONSISTENT, 1);
	return nl_do(r->t->nl, nlh, NULL);
}

static int load(struct restore *r, const struct target *g)
{
	return content_load(r->t, &g->content, record_data(g->record),
			    g->record->data_len);
}

static int restore_bitmap(struct restore *r, const struct target *g)
{
	const char *why = distrust_bitmap(g);
	bool recording = is_set(g, "recording");
	int ret = 0, err;

	/* Whether or not that is seen the next time, too. */
	if (recording && !g->other)
		ret = consume(r, g->record);
	if (ret)
		return ret;
	err = add_bitmap(r, g);
	if (!err && !why)
		err = load(r, g);
	if (!err && (!why || recording))
		err = set_bitmap(r, g, !why);
	if (err)
		return fail_kernel(r->t, g->content.bitmap, NULL);
	if (why)
		fail(r->t, g->content.bitmap,
		     "warning: all of it counts as dirty: %s", why);
	else
		warn_kernel(r->t, g->content.bitmap);
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
static size_t choose_samples(const struct target *g, size_t len,
			     uint64_t *offsets)
{
	const char *data = record_data(g->record);
	uint64_t n = 2 * g->record->data_len, zero = 0, step, at, offset;
	size_t found = 0;

	for (at = 0; at < n; at++)
		zero += says_zero(data, at);
	step = zero / SAMPLES + 1;
	zero = arc4random_uniform(step);
	for (at = 0; at < n && found < SAMPLES; at++) {
		if (!says_zero(data, at) || zero++ % step)
			continue;
		offset = at * g->content.granularity;
		/* What there is of the last may be less than is read. */
		if (offset + len <= g->content.size)
			offsets[found++] = offset;
	}
	return found;
}

static bool samples_are_zero(const struct target *g)
{
	size_t block = g->export->logical_block, n;
	size_t len = block > SAMPLE_SIZE ? block : SAMPLE_SIZE;
	uint64_t offsets[SAMPLES];

	n = choose_samples(g, len, offsets);
	return !n || device_reads_zero(g->export, offsets, n, len);
}

static const char *distrust_map(const struct target *g)
{
	const char *why;

	if (g->record->state != RECORD_CLEAN)
		return "the target has written to the device since";
	why = g->other;
	if (!why)
		why = device_is_unsure(g->export, g->about);
	if (!why)
		why = device_was_written(g->export, g->about);
	if (!why && !samples_are_zero(g))
		why = "there is data where there was none";
	return why;
}

/* No more than that clients copy what they need not. */
static int forget_map(struct restore *r, const struct target *g,
		      const char *why)
{
	fail(r->t, g->content.export,
	     "warning: it isn't known any more what is zero: %s", why);
	return 0;
}

static int restore_map(struct restore *r, const struct target *g)
{
	const char *why = distrust_map(g);
	int ret = why ? 0 : content_try(r->t, &g->content);

	/* The map is another one: an export that is made as it was can have it. */
	if (ret == -EINVAL)
		return forget_map(r, g, nl_last_error(r->t->nl)->text);
	if (ret == -EBUSY)
		why = nl_last_error(r->t->nl)->text;
	else if (ret)
		return fail_kernel(r->t, g->content.export, NULL);
	if (why)
		forget_map(r, g, why);
	if (!g->other)
		ret = consume(r, g->record);
	if (ret || why)
		return ret;
	if (content_load(r->t, &g->content, record_data(g->record),
			 g->record->data_len))
		return forget_map(r, g, nl_last_error(r->t->nl)->text);
	return 0;
}

/* --- The file --- */

static uint64_t number_in(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static int restore_to_export(struct restore *r, const struct target *g)
{
	if (!g->content.bitmap) {
		if (!g->export)
			return forget_map(r, g, "there is no such export");
		return restore_map(r, g);
	}
	if (strlen(g->content.bitmap) > NBDTARGET_MAX_BITMAP_NAME)
		return fail(r->t, r->path, "has a name that is too long");
	if (!g->export)
		return fail(r->t, g->content.bitmap,
			    "there is no export '%s' to restore to",
			    g->content.export);
	return restore_bitmap(r, g);
}

static int restore_record(struct restore *r, const struct record *record)
{
	json_t *about = record_about(record);
	char *export = json_get_hex(about, "export");
	char *bitmap = json_get_hex(about, "bitmap");
	struct target g = {
		.record = record,
		.about = about,
		.export = find_export(r, export),
		.content = {
			.export = export,
			.bitmap = *bitmap ? bitmap : NULL,
			.granularity = number_in(about, "granularity"),
			.size = number_in(about, "size"),
		},
	};
	int ret;

	if (g.export)
		g.other = device_is_other(g.export, about);
	ret = restore_to_export(r, &g);
	json_decref(about);
	free(export);
	free(bitmap);
	return ret;
}

/* Nothing is done with a file that isn't whole. */
static int check_file(const struct restore *r)
{
	const struct record *record;
	size_t at = 0;

	for (;;) {
		record = record_at(r->map, r->size, at);
		if (!record)
			return fail(r->t, r->path,
				    "is damaged, or no file of save-bitmaps");
		at += record_size(record);
		if (!record->json_len)
			break;
	}
	if (at == r->size)
		return 0;
	return fail(r->t, r->path, "is damaged: it goes on behind its end");
}

static int restore_all(struct restore *r)
{
	const struct record *record;
	size_t at = 0;
	int ret, first = 0;

	if (attr_list_get(r->t, NBDTARGET_CMD_EXPORT_GET, &export_attrs,
			  &r->exports))
		return fail_kernel(r->t, NULL, NULL);
	while ((record = record_at(r->map, r->size, at)) &&
	       record->json_len) {
		ret = restore_record(r, record);
		first = first ? first : ret;
		at += record_size(record);
	}
	return first;
}

static int restore_bitmaps(struct tool *t, const struct args *a)
{
	struct restore r = { .t = t, .path = a->pos[0] };
	struct stat st = { 0 };
	int ret = tool_connect(t, r.path);

	if (ret)
		return ret;
	r.fd = open(r.path, O_RDWR | O_CLOEXEC);
	if (r.fd < 0 || fstat(r.fd, &st))
		ret = fail(t, r.path, "%s", strerror(errno));
	r.size = st.st_size;
	if (!ret && !r.size)
		ret = fail(t, r.path, "is empty");
	if (!ret) {
		r.map = mmap(NULL, r.size, PROT_READ, MAP_PRIVATE, r.fd, 0);
		if (r.map == MAP_FAILED)
			ret = fail(t, r.path, "%s", strerror(errno));
	}
	if (!ret)
		ret = check_file(&r);
	if (!ret)
		ret = restore_all(&r);
	attr_list_free(&r.exports);
	if (r.map && r.map != MAP_FAILED)
		munmap(r.map, r.size);
	if (r.fd >= 0)
		close(r.fd);
	return ret;
}

const struct verb verb_restore_bitmaps = {
	.name = "restore-bitmaps",
	.args = "FILE",
	.summary = "Makes the bitmaps that a file has, and knows again what is zero.",
	.details = "After add-export, and before any client can write.",
	.min_args = 1,
	.max_args = 1,
	.run = restore_bitmaps,
};
