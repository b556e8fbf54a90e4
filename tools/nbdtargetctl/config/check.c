// SPDX-License-Identifier: GPL-2.0
/*
 * What no single member of a file shows: names that come twice, and what doesn't go
 * together. All of it is known without the module, and said before anything is done.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"
#include "config/check.h"

static void say(struct reader *r, const struct place *place, bool of_key,
		const char *fmt, va_list ap)
{
	struct position at = place_find(r->text, place, of_key);
	char *s = mem_vprintf(fmt, ap);

	fail(r->t, NULL, "%s:%u:%u: %s", r->path, at.line, at.column, s);
	free(s);
}

/* A value is. */
void wrong_at(struct reader *r, const struct place *place, const char *fmt, ...)
{
	va_list ap;

	r->wrong++;
	va_start(ap, fmt);
	say(r, place, false, fmt, ap);
	va_end(ap);
}

/* Something is to be known of a value, with which the file can be gone by. */
void warn_at(struct reader *r, const struct place *place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	say(r, place, false, fmt, ap);
	va_end(ap);
}

/* A member's name is. */
void wrong_key(struct reader *r, const struct place *place, const char *fmt, ...)
{
	va_list ap;

	r->wrong++;
	va_start(ap, fmt);
	say(r, place, true, fmt, ap);
	va_end(ap);
}

static struct place place_of(struct reader *r, enum config_section section,
			     size_t i)
{
	struct place place = { &r->sections[section], NULL, i };

	return place;
}

/* Is one of the first so many called that? */
static bool is_export(const struct config *c, struct text name, size_t n)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < n; i++) {
		e = c->exports.at[i];
		if (text_same(e->name, name))
			return true;
	}
	return false;
}

static void check_map(struct reader *r, const struct place *place,
		      const struct export *e)
{
	bool off = e->shared || e->map == NBDTARGET_MAP_OFF;

	if (e->shared && attr_has(e, NBDTARGET_A_EXPORT_MAP) &&
	    e->map != NBDTARGET_MAP_OFF)
		wrong_at(r, place, "with shared, map can be off only");
	if (off && attr_has(e, NBDTARGET_A_EXPORT_MAP_GRANULARITY))
		wrong_at(r, place,
			 "map-granularity is about a map, and there is none");
}

static void check_lent(struct reader *r, const struct place *place,
		       const struct export *e)
{
	bool export = attr_has(e, NBDTARGET_A_EXPORT_BITMAP_EXPORT);
	bool name = attr_has(e, NBDTARGET_A_EXPORT_BITMAP_NAME);

	if (export != name)
		wrong_at(r, place, "bitmap-export and bitmap-name go together");
	else if (export && !e->read_only)
		wrong_at(r, place, "bitmap-export goes with read-only");
	else if (export && !is_export(r->c, e->bitmap_export, r->c->exports.n))
		wrong_at(r, place, "there is no export '%.*s' to have a bitmap of",
			 (int)e->bitmap_export.len, e->bitmap_export.p);
	else if (export && !config_lends(r->c, e))
		wrong_at(r, place, "there is no bitmap '%.*s' of export '%.*s'",
			 (int)e->bitmap_name.len, e->bitmap_name.p,
			 (int)e->bitmap_export.len, e->bitmap_export.p);
	else if (export && memchr(e->bitmap_name.p, ':', e->bitmap_name.len))
		wrong_at(r, place, "bitmap-name can't have a colon here");
}

static void check_metadata(struct reader *r, const struct place *place,
			   const struct export *e)
{
	if (!attr_has(e, NBDTARGET_A_EXPORT_METADATA)) {
		if (attr_has(e, NBDTARGET_A_EXPORT_METADATA_CONTINUE))
			wrong_at(r, place,
				 "metadata-continue goes with metadata");
		return;
	}
	if (e->metadata.len && *e->metadata.p != '/')
		wrong_at(r, place, "metadata has to begin with a slash");
	if (e->read_only)
		wrong_at(r, place, "metadata doesn't go with read-only");
}

static void check_exports(struct reader *r)
{
	const struct export *e, *first = NULL;
	struct place place;
	size_t i;

	for (i = 0; i < r->c->exports.n; i++) {
		e = r->c->exports.at[i];
		place = place_of(r, CONFIG_EXPORTS, i);
		if (is_export(r->c, e->name, i))
			wrong_at(r, &place, "there is an export '%.*s' already",
				 (int)e->name.len, e->name.p);
		if (e->device.len && *e->device.p != '/')
			wrong_at(r, &place, "device has to begin with a slash");
		if (first && e->is_default)
			wrong_at(r, &place, "'%.*s' is the default already",
				 (int)first->name.len, first->name.p);
		first = e->is_default ? e : first;
		check_map(r, &place, e);
		check_lent(r, &place, e);
		check_metadata(r, &place, e);
	}
}

static void check_listeners(struct reader *r)
{
	struct endpoint ep, other;
	struct place place;
	size_t i, k;

	for (i = 0; i < r->c->listeners.n; i++) {
		listener_endpoint(r->c->listeners.at[i], &ep);
		for (k = 0; k < i; k++) {
			listener_endpoint(r->c->listeners.at[k], &other);
			if (endpoint_same(&ep, &other))
				break;
		}
		place = place_of(r, CONFIG_LISTENERS, i);
		if (k < i)
			wrong_at(r, &place, "there is such a listener already");
	}
}

static bool is_first_bitmap(const struct config *c, size_t i)
{
	const struct bitmap *b = c->bitmaps.at[i];

	return config_bitmap(c, b->export_name, b->name) == b;
}

static void check_bitmaps(struct reader *r)
{
	const struct export *e;
	const struct bitmap *b;
	struct place place;
	size_t i;

	for (i = 0; i < r->c->bitmaps.n; i++) {
		b = r->c->bitmaps.at[i];
		place = place_of(r, CONFIG_BITMAPS, i);
		e = config_export(r->c, b->export_name);
		if (!is_first_bitmap(r->c, i))
			wrong_at(r, &place, "there is such a bitmap already");
		if (!r->c->has[CONFIG_EXPORTS])
			continue;
		if (!e)
			wrong_at(r, &place, "there is no export '%.*s'",
				 (int)b->export_name.len, b->export_name.p);
		else if (e->read_only && b->recording)
			wrong_at(r, &place,
				 "the bitmap of an export that is read-only can't record");
		else if (attr_has(e, NBDTARGET_A_EXPORT_METADATA))
			wrong_at(r, &place,
				 "the bitmaps of an export with metadata are in that, not here");
	}
}

static bool is_first_rules(const struct config *c, size_t i)
{
	const struct rules *r = c->access.at[i];

	return r == (r->listener ? config_rules_of_listener(c, &r->ep) :
		     config_rules_of_export(c, r->export_name));
}

static void check_access(struct reader *r)
{
	const struct rules *a;
	struct place place;
	size_t i;

	for (i = 0; i < r->c->access.n; i++) {
		a = r->c->access.at[i];
		place = place_of(r, CONFIG_ACCESS, i);
		if (!is_first_rules(r->c, i))
			wrong_at(r, &place, "there are rules for it already");
		if (a->listener && r->c->has[CONFIG_LISTENERS] &&
		    !config_listener(r->c, &a->ep))
			wrong_at(r, &place, "there is no such listener");
		if (!a->listener && r->c->has[CONFIG_EXPORTS] &&
		    !config_export(r->c, a->export_name))
			wrong_at(r, &place, "there is no export '%.*s'",
				 (int)a->export_name.len, a->export_name.p);
	}
}

void check_all(struct reader *r)
{
	check_exports(r);
	check_listeners(r);
	check_bitmaps(r);
	check_access(r);
}
