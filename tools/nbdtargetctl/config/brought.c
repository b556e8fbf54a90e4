// SPDX-License-Identifier: GPL-2.0
/*
 * What apply and restore have brought since nbdtarget.service began, in a file in its
 * folder, which goes with it. What is there once is in the hands of people: they may close
 * it or take it away, and a restore for what is still awaited, of a device that comes or of
 * what failed, is no reason to undo that.
 *
 * Each export, each listener, and the target's limits, have one of these marks, by which
 * it is decided before the first step what becomes of it:
 *
 *	none	it is awaited, unless it is there: then somebody made it by hand
 *	begun	it wasn't there, and is being made: what is found of it is ours
 *	half	it is there by us, and lets in nobody yet: if it is gone, somebody took
 *		it away
 *	open	it has been what the file says as to who may come, which is in the hands
 *		of people; what else it lacks is still awaited
 *	done	it was there as the file says, or somebody made it: it is left alone,
 *		whether it is there or not
 *
 * One that is open was finished as to who may come, as that is the last step; or else
 * somebody has opened it. Of one that the file has no section for, only rules and bitmaps
 * are brought, once, whoever made it.
 *
 * "begun" is in the file before the first step, and all else behind the last, so that
 * whoever is killed in between leaves what the next goes on with. The lock of apply is
 * held all the time.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/mem.h"
#include "base/replace.h"
#include "config/brought.h"
#include "show/json.h"

#define FOLDER	"/run/nbdtarget"
#define PATH	FOLDER "/brought"

/* NEEDED: what isn't noted can't be told from what somebody has changed. */
int brought_read(struct tool *t, struct brought *b, bool needed)
{
	b->noted = !access(FOLDER, F_OK);
	if (!b->noted)
		return needed ? fail(t, FOLDER,
				     "%s: it is there as long as nbdtarget.service runs, and has what was brought",
				     strerror(errno)) : 0;
	if (!access(PATH, F_OK)) {
		b->marks = json_load_file(PATH, 0, NULL);
		if (!json_is_object(b->marks))
			return fail(t, PATH,
				    "is damaged; without it, all that isn't there is awaited");
	} else {
		b->marks = json_object();
	}
	return 0;
}

void brought_free(struct brought *b)
{
	size_t i;

	for (i = 0; i < b->n; i++)
		free(b->list[i].key);
	free(b->list);
	json_decref(b->marks);
	memset(b, 0, sizeof(*b));
}

/* --- What there is to bring --- */

/* Each network namespace has its own; the file is one for all. */
static char *listener_key(const struct listener *l)
{
	struct stat st = { 0 };
	struct endpoint ep;
	char *address, *key;

	listener_endpoint(l, &ep);
	address = endpoint_format(&ep);
	stat("/proc/self/ns/net", &st);
	key = mem_printf("%s %s in %ju", config_section_names[CONFIG_LISTENERS],
			 address, (uintmax_t)st.st_ino);
	free(address);
	return key;
}

static char *export_key(const struct export *e)
{
	char *name = text_format(e->name, TEXT_EXACT);
	char *key = mem_printf("%s %s", config_section_names[CONFIG_EXPORTS],
			       name);

	free(name);
	return key;
}

static char *make_key(enum config_section section, const void *about)
{
	if (section == CONFIG_EXPORTS)
		return export_key(about);
	if (section == CONFIG_LISTENERS)
		return listener_key(about);
	return mem_copy(config_section_names[section]);
}

enum mark { NONE, BEGUN, HALF, OPEN, DONE, MARKS };

static const char *const mark_names[MARKS] = {
	NULL, "begun", "half", "open", "done"
};

static enum mark mark_of(const struct brought *b, const char *key)
{
	const char *is = json_string_value(json_object_get(b->marks, key));
	enum mark mark;

	for (mark = BEGUN; is && mark < MARKS; mark++)
		if (!strcmp(is, mark_names[mark]))
			return mark;
	return NONE;
}

/* As what it is found. The target's limits are there in any case, which says nothing. */
enum found { ABSENT, CLOSED, OPENED, SOMEBODYS, FOUNDS };

static const enum take takes[MARKS][FOUNDS] = {
	[NONE] = { TAKE, TAKE_BACK, TAKE_BACK, TAKE },
	[BEGUN] = { TAKE, TAKE, TAKE_REST, TAKE },
	[HALF] = { TAKE_BACK, TAKE, TAKE_REST, TAKE },
	[OPEN] = { TAKE_BACK, TAKE_REST, TAKE_REST, TAKE_REST },
	[DONE] = { TAKE_BACK, TAKE_BACK, TAKE_BACK, TAKE_BACK },
};

static const struct rules *rules_of(const struct config *c,
				    enum config_section section,
				    const void *owner)
{
	struct endpoint ep;

	if (section == CONFIG_EXPORTS)
		return config_rules_of_export(c, ((const struct export *)owner)->name);
	listener_endpoint(owner, &ep);
	return config_rules_of_listener(c, &ep);
}

static enum found found_as(const struct config *now, const struct subject *s,
			   const void *is)
{
	if (!is)
		return ABSENT;
	if (!s->whole)
		return SOMEBODYS;
	return rules_unset(rules_of(now, s->section, is)) ? CLOSED : OPENED;
}

/* What there is of that, or NULL. */
static const void *find_there(const struct config *now,
			      enum config_section section, const void *about)
{
	struct endpoint ep;

	if (section == CONFIG_TARGET)
		return NULL;
	if (section == CONFIG_EXPORTS)
		return config_export(now, ((const struct export *)about)->name);
	listener_endpoint(about, &ep);
	return config_listener(now, &ep);
}

/* WHOLE: see struct subject. AWAITED: only if it is. */
void brought_add(struct brought *b, enum config_section section,
		 const void *about, bool whole, const struct config *now,
		 bool awaited)
{
	struct subject *s;
	enum found found;

	b->list = mem_resize(b->list, (b->n + 1) * sizeof(*b->list));
	s = &b->list[b->n++];
	memset(s, 0, sizeof(*s));
	s->section = section;
	s->key = make_key(section, about);
	s->whole = whole;
	found = found_as(now, s, find_there(now, section, about));
	s->take = takes[mark_of(b, s->key)][found];
	s->ours = s->take != TAKE_BACK;
	s->half = s->take == TAKE && found == CLOSED;
	if (!awaited)
		s->take = TAKE;
}

/* NULL when it isn't about anything that was to be brought. Bitmaps are their export's. */
struct subject *brought_find(const struct brought *b,
			     enum config_section section, const void *about)
{
	struct subject *found = NULL;
	char *key;
	size_t i;

	if (!about)
		return NULL;
	if (section == CONFIG_BITMAPS)
		section = CONFIG_EXPORTS;
	key = make_key(section, about);
	for (i = 0; i < b->n && !found; i++)
		if (b->list[i].section == section &&
		    !strcmp(b->list[i].key, key))
			found = &b->list[i];
	free(key);
	return found;
}

/* --- What is noted of it --- */

static int write_marks(struct tool *t, const struct brought *b)
{
	struct replace file;
	int ret = 0;

	if (replace_begin(&file, PATH))
		return fail(t, PATH, "%s", replace_error(&file));
	if (json_dumpf(b->marks, file.f, JSON_INDENT(1) | JSON_SORT_KEYS) ||
	    replace_commit(&file))
		ret = fail(t, PATH, "%s", strerror(errno));
	replace_end(&file);
	return ret;
}

static void mark(struct brought *b, const struct subject *s, enum mark as)
{
	if (as != NONE)
		json_put(b->marks, s->key, json_string(mark_names[as]));
	else
		json_object_del(b->marks, s->key);
}

/* Before the first step. 0, or the exit status: nothing is done that isn't noted. */
int brought_begin(struct tool *t, struct brought *b)
{
	const struct subject *s;
	size_t i;

	if (!b->noted)
		return 0;
	for (i = 0; i < b->n; i++) {
		s = &b->list[i];
		if (s->take == TAKE_REST)
			mark(b, s, OPEN);
		else
			mark(b, s, s->ours ? BEGUN : DONE);
	}
	return write_marks(t, b);
}

static enum found found_by_key(const struct config *now, const struct subject *s)
{
	const struct items *items = s->section == CONFIG_EXPORTS ?
				    &now->exports : &now->listeners;
	const void *is = NULL;
	char *key;
	size_t i;

	for (i = 0; s->section != CONFIG_TARGET && i < items->n && !is; i++) {
		key = make_key(s->section, items->at[i]);
		if (!strcmp(key, s->key))
			is = items->at[i];
		free(key);
	}
	return found_as(now, s, is);
}

static enum mark mark_behind(const struct config *now, const struct subject *s)
{
	enum found found;

	if (s->take == TAKE_BACK || (!s->remains && !s->waits))
		return DONE;
	found = found_by_key(now, s);
	if (found == ABSENT)
		return s->remains ? NONE : DONE;
	if (!s->remains)
		return OPEN;
	if (!s->ours)
		return DONE;
	return found == OPENED ? OPEN : HALF;
}

/* Behind the last: what wasn't there to be brought is awaited as before. */
int brought_end(struct tool *t, struct brought *b, const struct config *now)
{
	size_t i;

	if (!b->noted)
		return 0;
	for (i = 0; i < b->n; i++)
		mark(b, &b->list[i], mark_behind(now, &b->list[i]));
	return write_marks(t, b);
}
