// SPDX-License-Identifier: GPL-2.0
/*
 * What has to be done with exports. One stays as long as it can become what is wanted
 * by set-export; else it is removed and added, which its clients and its bitmaps don't
 * survive. What can't be done to the end isn't begun: an export whose new device isn't
 * there, is held by one that stays or by somebody else, or can't be what it is for,
 * stays as well. One that nobody speaks of
 * is left alone, whatever became of its device, its path or its lender meanwhile. The
 * default goes from one to another when that is open, and not at all if it can't be.
 *
 * A device is known by its number, however it is spelt: a path may lead elsewhere than
 * it did.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/blockdev.h"
#include "base/mem.h"
#include "config/diff_export.h"
#include "config/words.h"
#include "verb/candidate.h"
#include "verb/verbs.h"

static void stop(struct twin *twin, enum step_result result,
		 const char *fmt, ...) __printf(3, 4);

static void stop(struct twin *twin, enum step_result result,
		 const char *fmt, ...)
{
	va_list ap;

	free(twin->why);
	twin->stopped = result;
	va_start(ap, fmt);
	twin->why = mem_vprintf(fmt, ap);
	va_end(ap);
}

static const char *so_it_stays(const struct twin *twin)
{
	return twin->now ? ", so it stays as it is" : "";
}

static bool is_stopped(const struct twin *twin)
{
	return twin->stopped != STEP_PLANNED;
}

/* It is to be there when all is done, and isn't yet, or not that one. */
bool twin_is_new(const struct twin *twin)
{
	return twin->fate == TWIN_ADDED ||
	       (twin->fate == TWIN_REPLACED && !is_stopped(twin));
}

/*
 * It is to be another one, and can't be now: it stays as it is. What is said of the
 * other, who may use it above all, isn't meant for the device that this one has.
 */
bool twin_is_kept(const struct twin *twin)
{
	return twin->fate == TWIN_REPLACED && is_stopped(twin);
}

/* It is there, and becomes what is wanted. */
bool twin_stays(const struct twin *twin)
{
	return twin->want && twin->now && !twin_is_new(twin) &&
	       !twin_is_kept(twin);
}

const struct twin *twins_of(const struct twins *twins, struct text name)
{
	const struct twin *twin;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		if (text_same(twin->want ? twin->want->name : twin->now->name,
			      name))
			return twin;
	}
	return NULL;
}

/* --- The device --- */

/* 0, and errno, when there is none. */
static dev_t find_device(struct text path)
{
	char *s = text_copy(path);
	dev_t number = blockdev_number(s);

	free(s);
	return number;
}

static bool is_other_device(const struct twin *twin)
{
	/* The path may be gone while the device is there. */
	if (!twin->device)
		return !text_same(twin->want->device, twin->now->device);
	return twin->device != export_device(twin->now);
}

static void check_device(struct twin *twin, const struct wish *wish)
{
	struct text path = twin->want->device;

	twin->device = find_device(path);
	if (twin->device) {
		path = twin->want->metadata;
		if (!path.len)
			return;
		twin->metadata = find_device(path);
		if (twin->metadata)
			return;
	}
	stop(twin, wish->restore ? STEP_ABSENT : STEP_FAILED, "%.*s: %s%s",
	     (int)path.len, path.p, strerror(errno), so_it_stays(twin));
}

/* A path that leads nowhere may have led to the device that is there. */
static bool is_other_metadata(const struct export *want,
			      const struct export *now)
{
	dev_t be, is = export_metadata_device(now);

	if (!want->metadata.len || !now->metadata.len)
		return want->metadata.len != now->metadata.len;
	be = find_device(want->metadata);
	return be && is ? be != is : !text_same(want->metadata, now->metadata);
}

/* --- What becomes of each --- */

static bool differs_for_good(const struct export *want,
			     const struct export *now)
{
	return want->read_only != now->read_only ||
	       want->allocation_depth != now->allocation_depth ||
	       want->shared != now->shared || want->map != now->map ||
	       !text_same(want->bitmap_export, now->bitmap_export) ||
	       !text_same(want->bitmap_name, now->bitmap_name) ||
	       is_other_metadata(want, now) ||
	       want->metadata_continue != now->metadata_continue ||
	       (attr_has(want, NBDTARGET_A_EXPORT_MAP_GRANULARITY) &&
		attr_has(now, NBDTARGET_A_EXPORT_MAP_GRANULARITY) &&
		want->map_granularity != now->map_granularity);
}

static bool is_gone(const struct export *e)
{
	return e->state == NBDTARGET_EXPORT_STATE_GONE;
}

/*
 * What is wanted is what is there, as the module told of it: no file has an id. How
 * that came about, and whether it could once more, is nobody's matter.
 */
static bool is_left_alone(const struct twin *twin)
{
	return twin->want && twin->now &&
	       attr_has(twin->want, NBDTARGET_A_EXPORT_ID);
}

static void decide(struct twin *twin, const struct wish *wish)
{
	if (!twin->want) {
		twin->fate = wish->restore ? TWIN_STAYS : TWIN_REMOVED;
		return;
	}
	if (wish->commands) {
		twin->fate = TWIN_ADDED;
		return;
	}
	if (is_left_alone(twin))
		return;
	check_device(twin, wish);
	if (!twin->now)
		twin->fate = TWIN_ADDED;
	else if (differs_for_good(twin->want, twin->now))
		twin->fate = TWIN_REPLACED;
	else if (is_gone(twin->now))
		twin->fate = text_same(twin->want->device, twin->now->device) ?
			     TWIN_REOPENED : TWIN_REPLACED;
	else if (is_other_device(twin))
		twin->fate = TWIN_REPLACED;
	else
		twin->stopped = STEP_PLANNED;
}

static bool is_borrower(const struct export *e)
{
	return attr_has(e, NBDTARGET_A_EXPORT_BITMAP_NAME);
}

/* The bitmap that is lent goes, whether or not another of that name comes. */
static bool loses_bitmap(const struct twins *twins, const struct config *want,
			 const struct config *now, const struct export *e)
{
	const struct twin *lender = twins_of(twins, e->bitmap_export);
	bool stays = lender && lender->fate != TWIN_REMOVED &&
		     lender->fate != TWIN_REPLACED;
	const struct bitmap *is = config_bitmap(now, e->bitmap_export,
						e->bitmap_name);
	const struct bitmap *be = config_bitmap(want, e->bitmap_export,
						e->bitmap_name);

	/* Those that are in metadata are no part of what is compared. */
	if (stays && lender->now && lender->now->metadata.len)
		return false;
	return !stays || !is || !be ||
	       (attr_has(be, NBDTARGET_A_BITMAP_GRANULARITY) &&
		be->granularity != is->granularity);
}

static void decide_borrowers(struct twins *twins, const struct config *want,
			     const struct config *now)
{
	struct twin *twin;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		if (twin->fate == TWIN_STAYS && twin->want &&
		    !is_left_alone(twin) &&
		    is_borrower(twin->now) &&
		    loses_bitmap(twins, want, now, twin->now))
			twin->fate = TWIN_REPLACED;
	}
}

/*
 * One that goes before it comes has its rules meanwhile in this program alone. The next
 * would take it for one without any.
 */
static void stop_for_rules(struct twin *twin, const struct config *want,
			   const struct config *now)
{
	if (twin->fate == TWIN_REPLACED && !is_stopped(twin) &&
	    !want->has[CONFIG_ACCESS] &&
	    !rules_allow_all(config_rules_of_export(now, twin->now->name)))
		stop(twin, STEP_FAILED,
		     "the file lacks \"access\", so that its rules would be lost if this ended half way%s",
		     so_it_stays(twin));
}

static size_t count_bitmaps(const struct config *c, struct text export)
{
	const struct bitmap *b;
	size_t i, n = 0;

	for (i = 0; i < c->bitmaps.n; i++) {
		b = c->bitmaps.at[i];
		n += text_same(b->export_name, export);
	}
	return n;
}

/* What goes with it needs --force. */
static void count_costs(struct twin *twin, const struct config *now,
			const struct wish *wish)
{
	enum step_result result = wish->force ? STEP_PLANNED : STEP_REFUSED;
	size_t bitmaps;

	if (is_stopped(twin) || (twin->fate != TWIN_REMOVED &&
				 twin->fate != TWIN_REPLACED))
		return;
	bitmaps = count_bitmaps(now, twin->now->name);
	if (twin->now->connections)
		stop(twin, result, "%" PRIu64 " of its clients have to go",
		     twin->now->connections);
	else if (bitmaps)
		stop(twin, result,
		     "what its bitmaps (%zu) have recorded goes, unless save-bitmaps saves it",
		     bitmaps);
}

/* What an export holds, so that no other can: what it only reads isn't. */
struct held {
	dev_t device, metadata;
};

static struct held held_now(const struct twin *twin)
{
	const struct export *e = twin->now;

	return (struct held) {
		.device = e->read_only ? 0 : export_device(e),
		.metadata = export_metadata_device(e),
	};
}

static struct held held_later(const struct twin *twin)
{
	return (struct held) {
		.device = twin->want->read_only ? 0 : twin->device,
		.metadata = twin->metadata,
	};
}

static bool is_among(const struct held *held, dev_t device)
{
	return blockdev_overlap(device, held->device) ||
	       blockdev_overlap(device, held->metadata);
}

/* Is one of these that the other has? What it is called, or NULL. */
static const char *find_conflict(const struct held *wants,
				 const struct held *has)
{
	if (is_among(has, wants->device))
		return "device";
	return is_among(has, wants->metadata) ? "metadata" : NULL;
}

static bool is_to_go(const struct twin *twin)
{
	return twin->now && !is_stopped(twin) &&
	       (twin->fate == TWIN_REMOVED || twin->fate == TWIN_REPLACED);
}

static bool is_to_come(const struct twin *twin)
{
	return twin_is_new(twin) && !is_stopped(twin);
}

/* In the order of plan_all_in(). */
static bool comes_before(const struct twin *a, const struct twin *b)
{
	return !a->want->name.len == !b->want->name.len ? a < b :
	       a->want->name.len;
}

static void stop_for_holder(struct twin *twin, const struct twin *other)
{
	struct held wants = held_later(twin), has;
	const char *what = NULL;

	if (other->now && !is_to_go(other)) {
		has = held_now(other);
		what = find_conflict(&wants, &has);
		if (what)
			stop(twin, STEP_FAILED,
			     "its %s is held by export '%.*s', which stays%s",
			     what, (int)other->now->name.len,
			     other->now->name.p, so_it_stays(twin));
	} else if (twin->now && is_to_come(other) && comes_before(other, twin)) {
		has = held_later(other);
		what = find_conflict(&wants, &has);
		if (what)
			stop(twin, STEP_FAILED,
			     "export '%.*s' shall have its %s, too%s",
			     (int)other->want->name.len, other->want->name.p,
			     what, so_it_stays(twin));
	}
}

static bool stop_for_holders(struct twins *twins)
{
	bool changed = false;
	struct twin *twin;
	size_t i, k;

	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		if (!is_to_come(twin))
			continue;
		for (k = 0; k < twins->n && !is_stopped(twin); k++)
			if (k != i)
				stop_for_holder(twin, &twins->list[k]);
		changed |= is_stopped(twin);
	}
	return changed;
}

/* Whoever holds it now goes first. */
static bool becomes_free(const struct twins *twins, dev_t device)
{
	struct held has;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		if (!is_to_go(&twins->list[i]))
			continue;
		has = held_now(&twins->list[i]);
		if (is_among(&has, device))
			return true;
	}
	return false;
}

static char *devices_wrong(const struct twins *twins, const struct twin *twin)
{
	const struct export *e = twin->want;
	char *device = text_copy(e->device);
	char *metadata = e->metadata.len ? text_copy(e->metadata) : NULL;
	const struct candidate c = {
		.device = device,
		.metadata = metadata,
		.read_only = e->read_only,
		.device_is_held = becomes_free(twins, twin->device),
		.metadata_is_held = becomes_free(twins, twin->metadata),
		.map_granularity = attr_has(e,
					    NBDTARGET_A_EXPORT_MAP_GRANULARITY) ?
				   e->map_granularity : 0,
	};
	char *wrong;

	if (metadata && blockdev_overlap(twin->device, twin->metadata))
		wrong = mem_printf("'%s' is its own device", metadata);
	else
		wrong = candidate_wrong(&c);
	free(metadata);
	free(device);
	return wrong;
}

/*
 * One that isn't there yet loses nothing by being tried. Where nothing is in the way of
 * one that is, nothing can come into it later but one that stays: once is enough.
 */
static bool stop_for_devices(struct twins *twins)
{
	bool changed = false;
	struct twin *twin;
	char *wrong;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		if (!is_to_come(twin) || !twin->now || twin->looked_at)
			continue;
		twin->looked_at = true;
		wrong = devices_wrong(twins, twin);
		if (!wrong)
			continue;
		stop(twin, STEP_FAILED, "%s%s", wrong, so_it_stays(twin));
		free(wrong);
		changed = true;
	}
	return changed;
}

/* Where it is to be lent from, when all that can be done is. */
static bool can_borrow(const struct twins *twins, const struct config *want,
		       const struct config *now, const struct export *e)
{
	const struct twin *lender = twins_of(twins, e->bitmap_export);
	bool as_it_is = lender && (is_stopped(lender) || !lender->want);
	const struct export *from;
	const struct bitmap *b;

	if (!lender || lender->fate == TWIN_REMOVED)
		return false;
	from = as_it_is ? lender->now : lender->want;
	if (!from)
		return false;
	b = config_bitmap(as_it_is ? now : want, e->bitmap_export,
			  e->bitmap_name);
	return from->metadata.len || (b && !b->recording);
}

static bool stop_for_lenders(struct twins *twins, const struct config *want,
			     const struct config *now)
{
	bool changed = false;
	struct twin *twin;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		if (!is_to_come(twin) || !twin->now || !is_borrower(twin->want) ||
		    can_borrow(twins, want, now, twin->want))
			continue;
		stop(twin, STEP_FAILED,
		     "bitmap '%.*s' of export '%.*s' isn't there, or records%s",
		     (int)twin->want->bitmap_name.len, twin->want->bitmap_name.p,
		     (int)twin->want->bitmap_export.len,
		     twin->want->bitmap_export.p, so_it_stays(twin));
		changed = true;
	}
	return changed;
}

/* Until nothing changes: one that stays may keep another from going. */
static void stop_all(struct twins *twins, const struct config *want,
		     const struct config *now)
{
	while (stop_for_holders(twins) || stop_for_devices(twins) ||
	       stop_for_lenders(twins, want, now))
		;
}

static void add_twin(struct twins *twins, const struct export *want,
		     const struct export *now)
{
	struct twin *twin;

	twins->list = mem_resize(twins->list,
				 (twins->n + 1) * sizeof(*twins->list));
	twin = &twins->list[twins->n++];
	memset(twin, 0, sizeof(*twin));
	twin->want = want;
	twin->now = now;
}

void twins_find(struct twins *twins, const struct config *want,
		const struct config *now, const struct wish *wish)
{
	const struct export *e;
	size_t i;

	memset(twins, 0, sizeof(*twins));
	for (i = 0; i < now->exports.n; i++) {
		e = now->exports.at[i];
		add_twin(twins, config_export(want, e->name), e);
	}
	for (i = 0; i < want->exports.n; i++) {
		e = want->exports.at[i];
		if (!config_export(now, e->name))
			add_twin(twins, e, NULL);
	}
	for (i = 0; i < twins->n; i++)
		decide(&twins->list[i], wish);
	decide_borrowers(twins, want, now);
	for (i = 0; i < twins->n; i++) {
		stop_for_rules(&twins->list[i], want, now);
		count_costs(&twins->list[i], now, wish);
	}
	if (!wish->commands)
		stop_all(twins, want, now);
}

void twins_free(struct twins *twins)
{
	size_t i;

	for (i = 0; i < twins->n; i++)
		free(twins->list[i].why);
	free(twins->list);
	memset(twins, 0, sizeof(*twins));
}

/* --- Steps --- */

static void note(struct step *s, const struct twin *twin)
{
	if (twin->why)
		step_note(s, twin->stopped, "%s", twin->why);
}

static void plan_out(struct plan *p, struct twin *twin,
		     const struct wish *wish)
{
	struct step *s = plan_add(p, is_borrower(twin->now) ?
				  PHASE_BORROWER_OUT : PHASE_EXPORT_OUT,
				  &verb_remove_export);

	if (wish->force)
		step_option(s, "--force", NULL);
	step_name(s, twin->now->name);
	note(s, twin);
	twin->out = s;
}

/* Nobody gets in before its rules are set, and its bitmaps are what they were. */
bool twin_is_closed(const struct twin *twin, const struct config *want,
		    const struct wish *wish)
{
	if (!rules_allow_all(config_rules_of_export(want, twin->want->name)))
		return true;
	/* Commands have to find one that is there as they make it. */
	return !wish->commands &&
	       (wish->content || count_bitmaps(want, twin->want->name));
}

/* Whoever holds its device now has to go first. */
static void need_devices(struct step *s, const struct twins *twins,
			 const struct twin *twin)
{
	struct held wants = held_later(twin), has;
	const struct twin *other;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		other = &twins->list[i];
		if (other == twin || !other->out)
			continue;
		has = held_now(other);
		if (find_conflict(&wants, &has))
			step_needs(s, other->out);
	}
}

/* But for one with the empty name: beside that no other becomes it, and it needn't. */
static bool is_any_default(const struct twins *twins)
{
	size_t i;

	for (i = 0; i < twins->n; i++)
		if (twins->list[i].now && twins->list[i].now->is_default)
			return !twins_of(twins, text_of(""));
	return false;
}

/*
 * It gets the default when all else is done to it: from another, or, if it is there already,
 * from whoever had it, who may be gone since the round before.
 */
static bool is_heir(const struct twins *twins, const struct twin *twin)
{
	if (!twin->want || !twin->want->is_default ||
	    (twin->now && twin->now->is_default) || twin->stopped == STEP_ABSENT)
		return false;
	return twin_stays(twin) ? !twins_of(twins, text_of("")) :
				  is_any_default(twins);
}

static void plan_in(struct plan *p, struct twins *twins, struct twin *twin,
		    const struct config *want, const struct wish *wish)
{
	struct step *s = plan_add(p, is_borrower(twin->want) ?
				  PHASE_BORROWER_IN : PHASE_EXPORT_IN,
				  &verb_add_export);
	const struct twin *lender;

	words_export(s, twin->want, is_heir(twins, twin));
	s->opens = !twin_is_closed(twin, want, wish);
	if (!s->opens)
		step_option(s, "--access", mem_copy("deny"));
	if (wish->commands)
		step_option(s, "--if-missing", NULL);
	step_name(s, twin->want->name);
	step_name(s, twin->want->device);
	step_needs(s, twin->out);
	need_devices(s, twins, twin);
	lender = is_borrower(twin->want) ?
		 twins_of(twins, twin->want->bitmap_export) : NULL;
	if (lender)
		step_needs(s, lender->in);
	if (twin->out)
		twin->out->half_of = s;
	else
		note(s, twin);
	twin->in = s;
}

static void plan_who(struct plan *p, struct twin *twin)
{
	enum change change;
	struct step *s;
	bool differs;

	for (change = CHANGE_NARROWS; change < CHANGES; change++) {
		s = plan_add_change(p, change, PHASE_WIDER, &verb_set_export);
		differs = words_export_who(s, twin->want, twin->now, change);
		step_name(s, twin->want->name);
		if (differs)
			twin->who[change] = s;
		else
			plan_drop_last(p);
	}
}

/*
 * Somebody is to be the default; but not one whose device comes later, before which none is.
 */
static bool has_default(const struct twins *twins)
{
	const struct twin *twin;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		if (twin->want && twin->want->is_default &&
		    twin->stopped != STEP_ABSENT)
			return true;
	}
	return false;
}

static void plan_set(struct plan *p, const struct twins *twins,
		     struct twin *twin)
{
	struct step *s = plan_add(p, PHASE_SET, &verb_set_export);
	bool differs;

	if (twin->fate == TWIN_REOPENED)
		step_option(s, "--reopen", NULL);
	differs = words_export_set(s, twin->want, twin->now,
				   twin->want->is_default ?
				   is_heir(twins, twin) : has_default(twins));
	step_name(s, twin->want->name);
	if (!differs && twin->fate != TWIN_REOPENED) {
		plan_drop_last(p);
		return;
	}
	if (twin->fate == TWIN_REOPENED)
		note(s, twin);
	step_needs(s, twin->who[CHANGE_NARROWS]);
	twin->set = s;
}

/* Whatever becomes of that, it is there. */
static void plan_on_return(struct plan *p, const struct twin *twin)
{
	struct step *s = plan_add(p, twin->in ? twin->in->phase : PHASE_SET,
				  &verb_set_export);
	bool differs = words_export_on_return(s, twin->want,
					      twin->in ? NULL : twin->now);

	step_name(s, twin->want->name);
	step_needs(s, twin->in);
	step_needs(s, twin->set);
	if (!differs)
		plan_drop_last(p);
}

/* Who sets its rules adds to what this needs. */
static void plan_heir(struct plan *p, struct twin *twin)
{
	struct step *s = plan_add(p, PHASE_DEFAULT, &verb_set_export);
	enum change change;

	step_option(s, "--default", NULL);
	step_name(s, twin->want->name);
	step_needs(s, twin->out);
	step_needs(s, twin->in);
	step_needs(s, twin->set);
	for (change = CHANGE_NARROWS; change < CHANGES; change++)
		step_needs(s, twin->who[change]);
	twin->heir = s;
}

/* Those that come at once: who lends a bitmap, or who borrows one. */
static void plan_some_in(struct plan *p, struct twins *twins, bool borrowers,
			 bool nameless, const struct config *want,
			 const struct wish *wish)
{
	struct twin *twin;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		plan_about(p, CONFIG_EXPORTS, twin->want);
		if (twin_is_new(twin) && is_borrower(twin->want) == borrowers &&
		    !twin->want->name.len == nameless)
			plan_in(p, twins, twin, want, wish);
	}
}

/* Beside one with the empty name, no other can become the default: it comes last. */
static void plan_all_in(struct plan *p, struct twins *twins, bool borrowers,
			const struct config *want, const struct wish *wish)
{
	plan_some_in(p, twins, borrowers, false, want, wish);
	plan_some_in(p, twins, borrowers, true, want, wish);
}

void twins_plan(struct twins *twins, struct plan *p, const struct config *want,
		const struct wish *wish)
{
	struct twin *twin;
	size_t i;

	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		plan_about(p, CONFIG_EXPORTS, twin->want);
		if (twin->fate == TWIN_REMOVED || twin->fate == TWIN_REPLACED)
			plan_out(p, twin, wish);
	}
	/* Who lends a bitmap comes before who borrows it. */
	plan_all_in(p, twins, false, want, wish);
	plan_all_in(p, twins, true, want, wish);
	for (i = 0; i < twins->n; i++) {
		twin = &twins->list[i];
		plan_about(p, CONFIG_EXPORTS, twin->want);
		if (twin_stays(twin)) {
			plan_who(p, twin);
			plan_set(p, twins, twin);
		}
		if (twin->in || twin_stays(twin))
			plan_on_return(p, twin);
		if (is_heir(twins, twin))
			plan_heir(p, twin);
	}
}
