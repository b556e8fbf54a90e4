// SPDX-License-Identifier: GPL-2.0
/*
 * save-bitmaps: bitmaps and allocation maps outlive the module in a file, see
 * saved/record.c; restore.c has the way back.
 *
 * What is recording is worth nothing when the device was written to and the
 * file doesn't know.  So a recording bitmap is saved as clean only together
 * with the removal of its export, while the target takes no writes; and before
 * it goes on recording, the file says so for good: what is read from the file
 * once more, as after a crash, is inconsistent.  A bitmap that is frozen stays
 * what it is, for one time, too: what has its name then may be another (restore.c).
 *
 * What a bitmap is can change after it was listed, by a checkpoint for one: it is
 * in the file as what it was while all of it was read, or not at all.
 *
 * So it is with a map, which would call data zero: it is saved with the removal
 * of its export only.
 *
 * All exports that are to be removed are held at first, in parallel and as long as
 * there is time (ending.c); then those that are held are saved; when the file is in
 * place, they are removed; and only then, one by one, the file says that what they
 * had is clean.  So nothing is lost that could be saved, whenever this is told to
 * end, and nothing is believed that isn't true, whenever it is killed.
 *
 * What the file had of exports whose device isn't there, as it was late or didn't
 * come, is kept, and marked as kept: that nobody has served it meanwhile, as it came and
 * went again, isn't known.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/mem.h"
#include "base/replace.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/bitmap.h"
#include "object/export.h"
#include "saved/content.h"
#include "saved/device.h"
#include "saved/record.h"
#include "show/json.h"
#include "verb/ending.h"
#include "verb/verbs.h"

/* How long requests in flight are waited for; ms. */
#define DEFAULT_TIMEOUT 30000

struct save {
	struct tool *t;
	const struct args *args;
	bool remove;
	struct replace file;
	FILE *f;		/* its */
	off_t good;		/* so much of it is whole */
	struct attr_list exports;
	struct attr_list bitmaps;
	struct endings ends;
	uint64_t timeout;	/* ms */
};

/* What is the same in the records of bitmaps and maps. */
static json_t *describe(const struct export *e, uint64_t granularity,
			uint64_t size)
{
	json_t *o = json_object();

	json_put(o, "export", json_hex(e->name));
	json_put(o, "granularity", json_integer(granularity));
	device_describe(e, size, o);
	return o;
}

static int read_content(struct save *s, struct content *c, char *data,
			uint64_t bytes)
{
	const char *thing = c->bitmap ? c->bitmap : c->export;
	int ret = content_read(s->t, c, data, bytes);

	if (ret == -EBADMSG)
		return fail(s->t, thing, "its content has another size");
	if (ret == -ESTALE)
		return fail(s->t, thing, "it was changed while it was read");
	return ret ? kernel_fail(s->t, thing, NULL) : 0;
}

static int write_content(struct save *s, uint32_t state, const json_t *about,
			 const char *data, uint64_t bytes)
{
	if (record_write(s->f, state, about, data, bytes))
		return 0;
	return fail(s->t, s->args->pos[0], "%s", strerror(errno));
}

/* The state: what is frozen is what it is; what records isn't before the end. */
static int save_bitmap(struct save *s, const struct export *e,
		       const struct bitmap *b)
{
	char *export = text_copy(e->name), *bitmap = text_copy(b->name);
	struct content c = { .export = export, .bitmap = bitmap };
	json_t *o = describe(e, b->granularity, b->size);
	char *data = mem_zalloc(b->memory ? b->memory : 1);
	int ret;

	json_put(o, "bitmap", json_hex(b->name));
	ret = read_content(s, &c, data, b->memory);
	if (!ret && c.version != b->version)
		ret = fail(s->t, bitmap, "it is another since it was listed");
	json_put(o, "recording", json_boolean(c.recording));
	json_put(o, "consistent", json_boolean(c.consistent));
	if (!ret)
		ret = write_content(s, c.recording ? RECORD_UNCLEAN :
				    RECORD_CLEAN, o, data, b->memory);
	json_decref(o);
	free(data);
	free(bitmap);
	free(export);
	return ret;
}

/* Bitmap number *AT or the next that this export has, not another's; or NULL. */
static const struct bitmap *next_bitmap(const struct save *s,
					const struct export *e, size_t *at)
{
	const struct bitmap *b;

	while (*at < s->bitmaps.n) {
		b = attr_list_item(&s->bitmaps, (*at)++);
		if (text_same(b->export_name, e->name) && !b->borrowed)
			return b;
	}
	return NULL;
}

static int save_bitmaps_of(struct save *s, const struct export *e)
{
	const struct bitmap *b;
	size_t at = 0;
	int ret = 0;

	while (!ret && (b = next_bitmap(s, e, &at)))
		ret = save_bitmap(s, e, b);
	return ret;
}

/* What it has learned since it was looked at is lost. */
static bool knows_zeroes(const struct export *e)
{
	return e->zero_bytes || e->hole_bytes;
}

static int save_map(struct save *s, const struct export *e, const char *name)
{
	struct content c = { .export = name };
	char *data = mem_zalloc(e->map_memory);
	/* Before it is read: who writes in between is noticed later. */
	json_t *o = describe(e, 0, 0);
	int ret = read_content(s, &c, data, e->map_memory);

	if (!ret) {
		json_put(o, "granularity", json_integer(c.granularity));
		json_put(o, "size", json_integer(c.size));
		ret = write_content(s, RECORD_UNCLEAN, o, data, e->map_memory);
	}
	json_decref(o);
	free(data);
	return ret;
}

/* Half of what an export has is nothing. */
static int keep_or_drop(struct save *s, int ret)
{
	if (!ret && fflush(s->f))
		ret = fail(s->t, s->args->pos[0], "%s", strerror(errno));
	if (!ret) {
		s->good = ftello(s->f);
	} else {
		__fpurge(s->f);
		clearerr(s->f);
		if (ftruncate(fileno(s->f), s->good) ||
		    fseeko(s->f, s->good, SEEK_SET))
			fail(s->t, s->args->pos[0], "%s", strerror(errno));
	}
	return ret;
}

/* Nobody writes to it meanwhile. */
static int save_held(struct save *s, struct ending *one)
{
	int ret;

	one->start = s->good;
	ret = save_bitmaps_of(s, one->e);
	if (!ret && knows_zeroes(one->e))
		ret = save_map(s, one->e, one->name);
	ret = keep_or_drop(s, ret);
	one->end = s->good;
	return ret;
}

/* With all that was recorded before they were held. */
static int save_all_held(struct save *s)
{
	int ret, first = 0;
	size_t i;

	attr_list_free(&s->bitmaps);
	if (attr_list_get(s->t, NBDTARGET_CMD_BITMAP_GET, &bitmap_attrs,
			  &s->bitmaps))
		first = kernel_fail(s->t, NULL, NULL);
	for (i = 0; i < s->ends.n; i++) {
		struct ending *one = &s->ends.list[i];

		if (one->state != ENDING_HELD || !one->hold)
			continue;
		ret = first ? first : save_held(s, one);
		if (ret)
			endings_let_stay(one);
	}
	return first;
}

static bool is_chosen(const struct args *a, const struct export *e)
{
	int i;

	for (i = 1; i < a->n; i++)
		if (text_is(e->name, a->pos[i]))
			return true;
	return a->n == 1;
}

static int check_chosen(struct save *s)
{
	const struct args *a = s->args;
	size_t i;
	int k;

	for (k = 1; k < a->n; k++) {
		for (i = 0; i < s->exports.n; i++) {
			const struct export *e = attr_list_item(&s->exports, i);

			if (text_is(e->name, a->pos[k]))
				break;
		}
		if (i == s->exports.n)
			return fail(s->t, a->pos[k], "there is no such export");
	}
	return 0;
}

static int save_all(struct save *s)
{
	const struct export *e;
	size_t i;
	int ret = 0;

	for (i = 0; i < s->exports.n && !ret; i++) {
		e = attr_list_item(&s->exports, i);
		if (is_chosen(s->args, e))
			ret = save_bitmaps_of(s, e);
	}
	return ret;
}

/* --- What there was in the file --- */

struct old {
	char *map;		/* NULL: nothing */
	size_t size;
};

/* 0, or an errno: only where there is no file, there is nothing in it. */
static int open_old(struct old *old, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
	struct stat st;

	memset(old, 0, sizeof(*old));
	if (fd < 0)
		return errno == ENOENT ? 0 : errno;
	if (fstat(fd, &st)) {
		ret = errno;
	} else if (st.st_size) {
		old->size = st.st_size;
		old->map = mmap(NULL, old->size, PROT_READ, MAP_PRIVATE, fd, 0);
	}
	if (old->map == MAP_FAILED) {
		ret = errno;
		old->map = NULL;
	}
	close(fd);
	return ret;
}

static void close_old(const struct old *old)
{
	if (old->map)
		munmap(old->map, old->size);
}

/* One whose device could have been served, and wasn't, may be of any use by now. */
static bool is_missing(const struct save *s, const struct record *record)
{
	json_t *about = record_about(record);
	char *export = json_get_hex(about, "export");
	bool is = !export_named(&s->exports, export) &&
		  !device_is_there(about);

	free(export);
	json_decref(about);
	return is;
}

static bool has_bitmap(const struct save *s, const char *export,
		       const char *name)
{
	const struct bitmap *b;
	size_t i;

	for (i = 0; i < s->bitmaps.n; i++) {
		b = attr_list_item(&s->bitmaps, i);
		if (text_is(b->export_name, export) && text_is(b->name, name))
			return true;
	}
	return false;
}

/* What would have been believed, and isn't there in another way. */
static void tell_dropped(const struct save *s, const struct record *record)
{
	json_t *about = record_about(record);
	char *export = json_get_hex(about, "export");
	char *bitmap = json_get_hex(about, "bitmap");

	if (record->state == RECORD_CLEAN && *bitmap &&
	    !has_bitmap(s, export, bitmap))
		fail(s->t, bitmap,
		     "warning: what %s had of this bitmap of '%s' isn't kept: it wasn't restored",
		     s->args->pos[0], export);
	free(bitmap);
	free(export);
	json_decref(about);
}

/* As it is, but that it is of an older save. */
static int keep(struct save *s, const struct record *record)
{
	json_t *about = record_about(record);
	int ret;

	json_put(about, "kept", json_true());
	ret = write_content(s, record->state, about, record_data(record),
			    record->data_len);
	json_decref(about);
	return ret;
}

static int keep_missing(struct save *s, const struct old *old)
{
	const struct record *record;
	size_t at = 0;
	int ret = 0;

	while ((record = record_at(old->map, old->size, at)) &&
	       record->json_len) {
		if (!is_missing(s, record))
			tell_dropped(s, record);
		else
			ret = keep(s, record);
		if (ret)
			return ret;
		at += record_size(record);
	}
	return record ? 0 : fail(s->t, s->args->pos[0],
				 "what was there is damaged, and of exports that aren't there now nothing is kept");
}

/* Of all exports only: who names some wants a file of these. */
static int keep_old(struct save *s)
{
	struct old old;
	int ret;

	if (s->args->n > 1)
		return 0;
	ret = open_old(&old, s->args->pos[0]);
	if (ret)
		return fail(s->t, s->args->pos[0],
			    "what was there can't be read (%s), and of exports that aren't there now nothing is kept",
			    strerror(ret));
	if (old.map)
		ret = keep_or_drop(s, keep_missing(s, &old));
	close_old(&old);
	return ret;
}

static int publish(struct save *s)
{
	if (!record_write_end(s->f) || replace_commit(&s->file))
		return fail(s->t, s->args->pos[0], "%s", strerror(errno));
	return 0;
}

/* What nobody can write to any more is what the file has of it. */
static int bless_all(struct save *s)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < s->ends.n && !ret; i++) {
		const struct ending *one = &s->ends.list[i];

		if (one->state == ENDING_GONE &&
		    !record_bless(fileno(s->f), one->start, one->end))
			ret = fail(s->t, s->args->pos[0], "%s",
				   strerror(errno));
	}
	return ret;
}

/* One that fails doesn't keep the others from their end. */
static int remove_all(struct save *s)
{
	const uint64_t timeout = s->timeout;
	bool stays = false;
	int ret, lost = 0;
	size_t i;

	endings_wait_held(&s->ends, timeout);
	ret = save_all_held(s);
	/* A second time there is nothing, which is no reason to lose it. */
	if (!ret && s->good) {
		lost = keep_old(s);
		ret = publish(s);
	}
	if (ret)
		return ret;
	for (i = 0; i < s->ends.n; i++)
		endings_remove(&s->ends.list[i]);
	endings_wait_gone(&s->ends, timeout);
	ret = bless_all(s);
	for (i = 0; i < s->ends.n; i++)
		stays |= s->ends.list[i].state != ENDING_GONE;
	if (stays && s->good)
		fail(s->t, s->args->pos[0],
		     "has what was saved; save the rest to another file");
	return stays ? TOOL_REFUSED : ret ? ret : lost;
}

/* Those that have nothing to save need not be held, and keep nobody waiting. */
static int end_all(struct save *s)
{
	const struct export *e;
	size_t i, at;
	int ret;

	endings_init(&s->ends, s->t);
	for (i = 0; i < s->exports.n; i++) {
		e = attr_list_item(&s->exports, i);
		at = 0;
		if (is_chosen(s->args, e))
			endings_add(&s->ends, e, next_bitmap(s, e, &at) ||
				    knows_zeroes(e));
	}
	ret = remove_all(s);
	endings_free(&s->ends);
	return ret;
}

static int save_to(struct save *s)
{
	int ret;

	if (s->remove)
		return end_all(s);
	ret = save_all(s);
	return ret ? ret : publish(s);
}

static int make_file(struct save *s, const char *path)
{
	int ret;

	if (replace_begin(&s->file, path))
		return fail(s->t, path, "%s", replace_error(&s->file));
	s->f = s->file.f;
	ret = save_to(s);
	replace_end(&s->file);
	return ret;
}

enum { SAVE_REMOVE, SAVE_TIMEOUT };

static const struct opt save_opts[] = {
	[SAVE_REMOVE] = { "--remove-exports", OPT_FLAG, NULL,
		"and end: what records can go on, what is zero stays known", 0 },
	[SAVE_TIMEOUT] = { "--timeout", OPT_SECONDS, "SECONDS",
		"that requests in flight have to come to an end (30)", 600000 },
	{ .name = NULL }
};

static int save_bitmaps(struct tool *t, const struct args *a)
{
	struct save s = {
		.t = t,
		.args = a,
		.remove = a->opt[SAVE_REMOVE].given,
		.timeout = a->opt[SAVE_TIMEOUT].given ?
			   a->opt[SAVE_TIMEOUT].number : DEFAULT_TIMEOUT,
	};
	int ret = 0;

	if (a->opt[SAVE_TIMEOUT].given && !s.remove)
		ret = fail_usage(t, "--timeout goes with --remove-exports");
	if (!ret)
		ret = kernel_connect(t, a->pos[0]);
	if (ret)
		return ret;
	if (export_get_all(t, &s.exports) ||
	    attr_list_get(t, NBDTARGET_CMD_BITMAP_GET, &bitmap_attrs,
			  &s.bitmaps))
		ret = kernel_fail(t, NULL, NULL);
	if (!ret)
		ret = check_chosen(&s);
	if (!ret)
		ret = make_file(&s, a->pos[0]);
	attr_list_free(&s.exports);
	attr_list_free(&s.bitmaps);
	return ret;
}

const struct verb verb_save_bitmaps = {
	.name = "save-bitmaps",
	.args = "FILE [EXPORT]...",
	.summary = "Writes bitmaps to a file, of all exports or of some.",
	.details = "One that is recording can go on after restore-bitmaps only with\n"
		   "--remove-exports; else all of it counts as dirty then. With it, the\n"
		   "allocation maps are saved, too.",
	.opts = save_opts,
	.min_args = 1,
	.max_args = ARGS_MAX,
	.run = save_bitmaps,
};
