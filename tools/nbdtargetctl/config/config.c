// SPDX-License-Identifier: GPL-2.0
/*
 * All that is configured: one structure for each noun, which is the one that `show`
 * has it in, whether it comes from the module (here) or from a file (file.c). What
 * is compared, planned and written knows no difference between the two.
 *
 * A config owns what its objects are in; a second one may point to objects of a
 * first, which then has to live as long (config_complete(), config_only()).
 */
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/members.h"
#include "nl/kernel.h"
#include "object/access.h"

/* Of looking at all of it, until nothing has changed meanwhile. */
#define GET_TRIES 16

const char *const config_section_names[CONFIG_N_SECTIONS] = {
	[CONFIG_TARGET] = "target",
	[CONFIG_LISTENERS] = "listeners",
	[CONFIG_EXPORTS] = "exports",
	[CONFIG_BITMAPS] = "bitmaps",
	[CONFIG_ACCESS] = "access",
};

void items_add(struct items *items, const void *item)
{
	items->at = mem_resize(items->at, (items->n + 1) * sizeof(*items->at));
	items->at[items->n++] = item;
}

/* Zeroed, and there as long as the config is. */
void *config_alloc(struct config *c, size_t size)
{
	c->memory = mem_resize(c->memory,
			       (c->n_memory + 1) * sizeof(*c->memory));
	c->memory[c->n_memory] = mem_zalloc(size ? size : 1);
	return c->memory[c->n_memory++];
}

void config_free(struct config *c)
{
	size_t i;

	for (i = 0; i < CONFIG_N_SECTIONS; i++)
		if (c->lists[i].set)
			attr_list_free(&c->lists[i]);
	for (i = 0; i < c->n_memory; i++)
		free(c->memory[i]);
	free(c->memory);
	free(c->listeners.at);
	free(c->exports.at);
	free(c->bitmaps.at);
	free(c->access.at);
	json_decref(c->doc);
	memset(c, 0, sizeof(*c));
}

/* --- From the module --- */

static void take_all(struct items *items, const struct attr_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		items_add(items, attr_list_item(list, i));
}

static void take_bitmaps(struct config *c)
{
	const struct attr_list *list = &c->lists[CONFIG_BITMAPS];
	const struct bitmap *b;
	size_t i;

	for (i = 0; i < list->n; i++) {
		b = attr_list_item(list, i);
		/* What is in metadata comes and goes with that. */
		if (!b->borrowed && !b->stored)
			items_add(&c->bitmaps, b);
	}
}

static struct rules *new_rules(struct config *c, const struct access *a)
{
	struct rules *r = config_alloc(c, sizeof(*r));

	r->listener = a->listener;
	r->export_name = a->export_name;
	r->ep.address = a->address;
	r->ep.port = a->port;
	r->ep.ifindex = a->ifindex;
	r->deny_default = a->deny_default;
	r->list = config_alloc(c, NBDTARGET_MAX_RULES * sizeof(*r->list));
	items_add(&c->access, r);
	return r;
}

/* The module tells of one rule at a time, those of one behind the other. */
static void take_access(struct config *c)
{
	const struct attr_list *list = &c->lists[CONFIG_ACCESS];
	const struct access *a;
	struct rules *r = NULL;
	size_t i;

	for (i = 0; i < list->n; i++) {
		a = attr_list_item(list, i);
		if (!r || !attr_has(a, NBDTARGET_A_ACCESS_INDEX) || !a->index)
			r = new_rules(c, a);
		if (attr_has(a, NBDTARGET_A_ACCESS_INDEX) &&
		    r->n < NBDTARGET_MAX_RULES)
			r->list[r->n++] = a->rule;
	}
}

/* 0, or the exit status after it was said why. */
static int get_once(struct tool *t, struct config *c)
{
	struct attr_list *lists = c->lists;
	size_t i;

	if (target_get(t, &lists[CONFIG_TARGET]) ||
	    export_get_all(t, &lists[CONFIG_EXPORTS]) ||
	    attr_list_get(t, NBDTARGET_CMD_LISTENER_GET, &listener_attrs,
			  &lists[CONFIG_LISTENERS]) ||
	    attr_list_get(t, NBDTARGET_CMD_BITMAP_GET, &bitmap_attrs,
			  &lists[CONFIG_BITMAPS]) ||
	    attr_list_get(t, NBDTARGET_CMD_ACCESS_GET, &access_attrs,
			  &lists[CONFIG_ACCESS]))
		return kernel_fail(t, NULL, NULL);
	for (i = 0; i < CONFIG_N_SECTIONS; i++)
		c->has[i] = true;
	if (lists[CONFIG_TARGET].n)
		c->target = attr_list_item(&lists[CONFIG_TARGET], 0);
	take_all(&c->exports, &lists[CONFIG_EXPORTS]);
	take_all(&c->listeners, &lists[CONFIG_LISTENERS]);
	take_bitmaps(c);
	take_access(c);
	return 0;
}

static bool same_export(const void *a, const void *b)
{
	const struct export *x = a, *y = b;

	return x->id == y->id && members_same(&members_export, x, y);
}

static bool same_listener(const void *a, const void *b)
{
	const struct listener *x = a, *y = b;

	return x->id == y->id && members_same(&members_listener, x, y);
}

static bool same_bitmap(const void *a, const void *b)
{
	const struct bitmap *x = a, *y = b;

	return x->id == y->id && members_same(&members_bitmap, x, y);
}

static bool same_owner(const struct rules *a, const struct rules *b)
{
	if (a->listener != b->listener)
		return false;
	return a->listener ? endpoint_same(&a->ep, &b->ep) :
	       text_same(a->export_name, b->export_name);
}

static bool same_access(const void *a, const void *b)
{
	return same_owner(a, b) && rules_same(a, b);
}

static bool same_items(const struct items *a, const struct items *b,
		       bool (*same)(const void *a, const void *b))
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (!same(a->at[i], b->at[i]))
			return false;
	return true;
}

static bool same_target(const struct target *a, const struct target *b)
{
	return a && b ? members_same(&members_target, a, b) : a == b;
}

/* All that a file has of it: who may come is in several sections. */
static bool same_state(const struct config *a, const struct config *b)
{
	return same_target(a->target, b->target) &&
	       same_items(&a->exports, &b->exports, same_export) &&
	       same_items(&a->listeners, &b->listeners, same_listener) &&
	       same_items(&a->bitmaps, &b->bitmaps, same_bitmap) &&
	       same_items(&a->access, &b->access, same_access);
}

/*
 * The module tells of each section by itself. All of them were so at one moment, between
 * the last of the one time and the first of the next, if both times are the same.
 * 0, or the exit status after it was said why.
 */
int config_get(struct tool *t, struct config *c)
{
	struct config again;
	int ret, try;

	ret = get_once(t, c);
	for (try = 0; !ret && try < GET_TRIES; try++) {
		memset(&again, 0, sizeof(again));
		ret = get_once(t, &again);
		if (!ret && same_state(c, &again)) {
			config_free(&again);
			return 0;
		}
		config_free(c);
		*c = again;
	}
	return ret ? ret : fail(t, NULL,
				"what is configured changes all the time, so that there is no moment to tell of");
}

/* --- The order in which things are written, whenever they were made --- */

static int compare_texts(struct text a, struct text b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int ret = len ? memcmp(a.p, b.p, len) : 0;

	return ret ? ret : (a.len > b.len) - (a.len < b.len);
}

static int compare_endpoints(const struct endpoint *a, const struct endpoint *b)
{
	int ret = a->address.len - b->address.len;

	if (!ret)
		ret = memcmp(a->address.bytes, b->address.bytes, a->address.len);
	if (!ret)
		ret = a->port - b->port;
	return ret ? ret : (a->ifindex > b->ifindex) - (a->ifindex < b->ifindex);
}

static int compare_exports(const void *a, const void *b)
{
	const struct export *x = *(const void *const *)a;
	const struct export *y = *(const void *const *)b;

	return compare_texts(x->name, y->name);
}

static int compare_listeners(const void *a, const void *b)
{
	struct endpoint x, y;

	listener_endpoint(*(const void *const *)a, &x);
	listener_endpoint(*(const void *const *)b, &y);
	return compare_endpoints(&x, &y);
}

static int compare_bitmaps(const void *a, const void *b)
{
	const struct bitmap *x = *(const void *const *)a;
	const struct bitmap *y = *(const void *const *)b;
	int ret = compare_texts(x->export_name, y->export_name);

	return ret ? ret : compare_texts(x->name, y->name);
}

static int compare_rules(const void *a, const void *b)
{
	const struct rules *x = *(const void *const *)a;
	const struct rules *y = *(const void *const *)b;

	if (x->listener != y->listener)
		return x->listener - y->listener;
	return x->listener ? compare_endpoints(&x->ep, &y->ep) :
	       compare_texts(x->export_name, y->export_name);
}

static void sort(struct items *items,
		 int (*compare)(const void *a, const void *b))
{
	if (items->n)
		qsort(items->at, items->n, sizeof(*items->at), compare);
}

void config_sort(struct config *c)
{
	sort(&c->exports, compare_exports);
	sort(&c->listeners, compare_listeners);
	sort(&c->bitmaps, compare_bitmaps);
	sort(&c->access, compare_rules);
}

/* --- Looking for something --- */

const struct export *config_export(const struct config *c, struct text name)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < c->exports.n; i++) {
		e = c->exports.at[i];
		if (text_same(e->name, name))
			return e;
	}
	return NULL;
}

const struct listener *config_listener(const struct config *c,
				       const struct endpoint *ep)
{
	struct endpoint other;
	size_t i;

	for (i = 0; i < c->listeners.n; i++) {
		listener_endpoint(c->listeners.at[i], &other);
		if (endpoint_same(&other, ep))
			return c->listeners.at[i];
	}
	return NULL;
}

const struct bitmap *config_bitmap(const struct config *c, struct text export,
				   struct text name)
{
	const struct bitmap *b;
	size_t i;

	for (i = 0; i < c->bitmaps.n; i++) {
		b = c->bitmaps.at[i];
		if (text_same(b->export_name, export) &&
		    text_same(b->name, name))
			return b;
	}
	return NULL;
}

/* It is bound to an interface that wasn't there when a file said so. */
bool export_waits(const struct export *e)
{
	size_t i;

	for (i = 0; i < e->listeners.n; i++)
		if (endpoint_is_stand_in(&e->listeners.at[i]))
			return true;
	return false;
}

/* As far as it says: a bitmap may also be in metadata, or in no section. */
bool config_lends(const struct config *c, const struct export *borrower)
{
	const struct export *lender = config_export(c, borrower->bitmap_export);

	if (!lender)
		return false;
	return lender->metadata.len || !c->has[CONFIG_BITMAPS] ||
	       config_bitmap(c, lender->name, borrower->bitmap_name);
}

const struct rules *config_rules_of_export(const struct config *c,
					   struct text name)
{
	const struct rules *r;
	size_t i;

	for (i = 0; i < c->access.n; i++) {
		r = c->access.at[i];
		if (!r->listener && text_same(r->export_name, name))
			return r;
	}
	return NULL;
}

const struct rules *config_rules_of_listener(const struct config *c,
					     const struct endpoint *ep)
{
	const struct rules *r;
	size_t i;

	for (i = 0; i < c->access.n; i++) {
		r = c->access.at[i];
		if (r->listener && endpoint_same(&r->ep, ep))
			return r;
	}
	return NULL;
}

/* NULL is as good as none. */
bool rules_allow_all(const struct rules *r)
{
	return !r || (!r->n && r->deny_default == NBDTARGET_ACCESS_ALLOW);
}

/* By the look of it: others may be so, too. */
bool rules_allow_none(const struct rules *r)
{
	size_t i;

	if (!r || r->deny_default != NBDTARGET_ACCESS_DENY)
		return false;
	for (i = 0; i < r->n; i++)
		if (r->list[i].action != NBDTARGET_ACCESS_DENY)
			return false;
	return true;
}

/* What an export or a listener is from when it is added until its rules are set. */
bool rules_unset(const struct rules *r)
{
	return r && !r->n && r->deny_default == NBDTARGET_ACCESS_DENY;
}

static bool same_rule(const struct rule *a, const struct rule *b)
{
	return a->action == b->action && a->peer.len == b->peer.len &&
	       !memcmp(a->peer.bytes, b->peer.bytes, a->peer.len) &&
	       (!a->peer.len || a->prefix == b->prefix) &&
	       text_same(a->dn, b->dn) && text_same(a->psk, b->psk) &&
	       text_same(a->alt_name, b->alt_name);
}

bool rules_same(const struct rules *a, const struct rules *b)
{
	size_t i;

	if (!a || !b || rules_allow_all(a) || rules_allow_all(b))
		return rules_allow_all(a) && rules_allow_all(b);
	if (a->n != b->n || a->deny_default != b->deny_default)
		return false;
	for (i = 0; i < a->n; i++)
		if (!same_rule(&a->list[i], &b->list[i]))
			return false;
	return true;
}

/*
 * Whether nobody can come in who couldn't: all that differs is that what allowed went,
 * that what denies came, and that the default denies. Others may be so, too, and aren't
 * found out.
 */
static bool are_stricter(const struct rules *want, const struct rules *now)
{
	size_t i = 0, k = 0;

	if (rules_allow_all(now) || rules_allow_none(want))
		return true;
	if (rules_allow_all(want) || want->deny_default < now->deny_default)
		return false;
	while (i < now->n || k < want->n) {
		if (i < now->n && k < want->n &&
		    same_rule(&want->list[k], &now->list[i])) {
			i++;
			k++;
		} else if (k < want->n &&
			   want->list[k].action == NBDTARGET_ACCESS_DENY) {
			k++;
		} else if (i < now->n &&
			   now->list[i].action == NBDTARGET_ACCESS_ALLOW) {
			i++;
		} else {
			return false;
		}
	}
	return true;
}

enum change rules_change(const struct rules *want, const struct rules *now)
{
	if (rules_same(want, now))
		return CHANGE_NONE;
	if (are_stricter(want, now))
		return CHANGE_NARROWS;
	return are_stricter(now, want) ? CHANGE_WIDENS : CHANGE_SHIFTS;
}

/* --- What a file says, and what it leaves as it is --- */

static void add_bitmaps_of(struct config *to, const struct config *from,
			   struct text export)
{
	const struct bitmap *b;
	size_t i;

	for (i = 0; i < from->bitmaps.n; i++) {
		b = from->bitmaps.at[i];
		if (text_same(b->export_name, export))
			items_add(&to->bitmaps, b);
	}
}

static void add_rules(struct config *to, const struct rules *r)
{
	if (r)
		items_add(&to->access, r);
}

/*
 * In which configuration to look for what is kept of an export that is wanted. What it
 * was before this run, unless it is the one that was there then: this run may have made
 * it, closed, or made it anew. Else what it is now: somebody else may have changed it.
 */
static const struct config *kept_of(const struct export *e,
				    const struct config *file,
				    const struct config *before,
				    const struct config *now)
{
	const struct export *was = config_export(before, e->name);
	const struct export *is = config_export(now, e->name);

	return !file->has[CONFIG_EXPORTS] || (was && is && was->id == is->id) ?
	       now : before;
}

/* One that was made anew has them by their names; more may have been restored. */
static void keep_bitmaps_of(struct config *want, const struct config *from,
			    const struct config *now, struct text export)
{
	const struct bitmap *b;
	size_t i;

	add_bitmaps_of(want, now, export);
	for (i = 0; from != now && i < from->bitmaps.n; i++) {
		b = from->bitmaps.at[i];
		if (text_same(b->export_name, export) &&
		    !config_bitmap(now, export, b->name))
			items_add(&want->bitmaps, b);
	}
}

static void keep_bitmaps(struct config *want, const struct config *file,
			 const struct config *before, const struct config *now)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < want->exports.n; i++) {
		e = want->exports.at[i];
		keep_bitmaps_of(want, kept_of(e, file, before, now), now,
				e->name);
	}
}

static void keep_access(struct config *want, const struct config *file,
			const struct config *before, const struct config *now)
{
	const struct export *e;
	struct endpoint ep;
	size_t i;

	for (i = 0; i < want->exports.n; i++) {
		e = want->exports.at[i];
		add_rules(want,
			  config_rules_of_export(kept_of(e, file, before, now),
						 e->name));
	}
	for (i = 0; i < want->listeners.n; i++) {
		listener_endpoint(want->listeners.at[i], &ep);
		add_rules(want, config_rules_of_listener(now, &ep));
	}
}

static void add_all(struct items *to, const struct items *from)
{
	size_t i;

	for (i = 0; i < from->n; i++)
		items_add(to, from->at[i]);
}

/*
 * What the file has no section for stays as it is now; but of what this run has closed
 * or made anew, as it was before. Of what sections there are is told from what it has.
 */
void config_complete(struct config *want, const struct config *file,
		     const struct config *before, const struct config *now)
{
	memcpy(want->has, file->has, sizeof(want->has));
	want->target = file->target;
	add_all(&want->listeners, file->has[CONFIG_LISTENERS] ?
		&file->listeners : &now->listeners);
	add_all(&want->exports, file->has[CONFIG_EXPORTS] ?
		&file->exports : &now->exports);
	if (file->has[CONFIG_BITMAPS])
		add_all(&want->bitmaps, &file->bitmaps);
	else
		keep_bitmaps(want, file, before, now);
	if (file->has[CONFIG_ACCESS])
		add_all(&want->access, &file->access);
	else
		keep_access(want, file, before, now);
}

/* All may use it. */
void config_drop_rules(struct config *c, struct text export)
{
	const struct rules *r;
	size_t i, n = 0;

	for (i = 0; i < c->access.n; i++) {
		r = c->access.at[i];
		if (r->listener || !text_same(r->export_name, export))
			c->access.at[n++] = r;
	}
	c->access.n = n;
}

static enum take take_export(const struct choice *c, const struct config *file,
			     struct text name)
{
	const struct export *said = config_export(file, name);

	return said ? c->of(c->arg, CONFIG_EXPORTS, said) : TAKE_NOT;
}

static enum take take_listener(const struct choice *c,
			       const struct config *file,
			       const struct endpoint *ep)
{
	const struct listener *said = config_listener(file, ep);

	return said ? c->of(c->arg, CONFIG_LISTENERS, said) : TAKE_NOT;
}

/*
 * One that stays. If its device is gone, and by the file it is on the same one, as if
 * somebody wanted it as it is: no file has an id.
 */
static const struct export *as_it_is(struct config *want,
				     const struct export *said,
				     const struct export *is, enum take take)
{
	bool back = take != TAKE_NOT &&
		    is->state == NBDTARGET_EXPORT_STATE_GONE &&
		    text_same(said->device, is->device);
	bool bound = take == TAKE_REST && export_waits(is);
	struct export *e;

	if (!back && !bound)
		return is;
	e = config_alloc(want, sizeof(*e));
	*e = *is;
	if (back)
		e->present &= ~(1ULL << NBDTARGET_A_EXPORT_ID);
	if (bound)
		e->listeners = said->listeners;
	return e;
}

static void choose_exports(struct config *want, const struct config *file,
			   const struct config *now, const struct choice *c)
{
	const struct export *is, *said;
	enum take take;
	size_t i;

	for (i = 0; i < now->exports.n; i++) {
		is = now->exports.at[i];
		said = config_export(file, is->name);
		take = take_export(c, file, is->name);
		if (take != TAKE)
			items_add(&want->exports,
				  as_it_is(want, said, is, take));
	}
	for (i = 0; i < file->exports.n; i++) {
		said = file->exports.at[i];
		if (c->of(c->arg, CONFIG_EXPORTS, said) == TAKE)
			items_add(&want->exports, said);
	}
}

static void choose_listeners(struct config *want, const struct config *file,
			     const struct config *now, const struct choice *c)
{
	const struct listener *said;
	struct endpoint ep;
	size_t i;

	for (i = 0; i < now->listeners.n; i++) {
		listener_endpoint(now->listeners.at[i], &ep);
		if (take_listener(c, file, &ep) != TAKE)
			items_add(&want->listeners, now->listeners.at[i]);
	}
	for (i = 0; i < file->listeners.n; i++) {
		said = file->listeners.at[i];
		if (c->of(c->arg, CONFIG_LISTENERS, said) == TAKE)
			items_add(&want->listeners, said);
	}
}

/*
 * All as it is now, but for what of the file is chosen, with what is its own. The file is
 * complete.
 */
void config_only(struct config *want, const struct config *file,
		 const struct config *now, const struct choice *c)
{
	const struct config *from;
	struct endpoint ep;
	struct text name;
	enum take take;
	size_t i;

	memcpy(want->has, file->has, sizeof(want->has));
	if (file->target && c->of(c->arg, CONFIG_TARGET, file->target) == TAKE)
		want->target = file->target;
	choose_listeners(want, file, now, c);
	choose_exports(want, file, now, c);
	for (i = 0; i < want->exports.n; i++) {
		name = ((const struct export *)want->exports.at[i])->name;
		take = take_export(c, file, name);
		add_bitmaps_of(want, take >= TAKE_REST ? file : now, name);
		add_rules(want, config_rules_of_export(take == TAKE ? file : now,
						       name));
	}
	for (i = 0; i < want->listeners.n; i++) {
		listener_endpoint(want->listeners.at[i], &ep);
		from = take_listener(c, file, &ep) == TAKE ? file : now;
		add_rules(want, config_rules_of_listener(from, &ep));
	}
}
