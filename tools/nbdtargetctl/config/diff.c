// SPDX-License-Identifier: GPL-2.0
/*
 * What has to be done for what is to become what shall be: the target's limits,
 * listeners, bitmaps and rules here, exports in diff_export.c.
 *
 * Nothing is planned for what is as it shall be, so that nobody who uses it notices.
 * What would lose something, clients or what a bitmap has recorded, is planned as
 * refused unless it was said that it may.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "config/diff.h"
#include "config/diff_export.h"
#include "config/words.h"
#include "saved/unspent.h"
#include "verb/verbs.h"

struct diff {
	struct plan *p;
	const struct config *want, *now;
	const struct wish *wish;
	struct twins twins;
	bool shifting;		/* a listener is, see struct door */
};

static struct step *add(const struct diff *d, enum step_phase phase,
			const struct verb *verb)
{
	return plan_add(d->p, phase, verb);
}

static void diff_target(const struct diff *d)
{
	struct step *s;

	if (!d->want->target)
		return;
	plan_about(d->p, CONFIG_TARGET, d->want->target);
	s = add(d, PHASE_TARGET, &verb_set_target);
	if (!words_target(s, d->want->target, d->now->target))
		plan_drop_last(d->p);
}

/* --- Who may come --- */

/*
 * By what somebody comes: an export or a listener that is there, with its rules, and its
 * other steps by which who comes changes. All that narrows is done before what shifts, and
 * that before all that widens, of others, too: so whoever gets in at any time could before,
 * or can when all is done. But two shifts on one way, of rules and TLS, or of a listener
 * and an export, would let in between them who neither could nor can: that is closed first,
 * and opened when all else has shifted.
 */
struct door {
	const char *option;		/* of set-access */
	char *owner;			/* its value */
	const struct rules *want, *now;
	enum change other;		/* by TLS, or by an export's listeners */
	struct step *const *who;	/* the steps of that, for each change, or NULL */
	enum step_phase wider;
	const struct step *spent;	/* before it is open for the first time, or NULL */
	struct step *behind;		/* when it is what it shall be, or NULL */
};

/*
 * For nobody, as long as others are on their way. It isn't what an export is from when it
 * is added until its rules are set, rules_unset(): one with clients isn't taken for that.
 */
static const struct rules shut = {
	.deny_default = NBDTARGET_ACCESS_DENY,
	.list = &(struct rule){ .action = NBDTARGET_ACCESS_DENY },
	.n = 1,
};

static size_t count_shifts(const struct door *o)
{
	if (rules_allow_none(o->now))
		return 0;
	return (o->other == CHANGE_SHIFTS) +
	       (rules_change(o->want, o->now) == CHANGE_SHIFTS);
}

static struct step *rules_step(const struct diff *d, const struct door *o,
			       enum change change, const struct rules *rules)
{
	struct step *s = plan_add_change(d->p, change, o->wider,
					 &verb_set_access);

	step_option(s, o->option, mem_copy(o->owner));
	words_rules(s, rules);
	return s;
}

/* Half of what is done to it; without the other, its rules are nowhere. */
static void shut_door(const struct diff *d, const struct door *o,
		      struct step *rules[CHANGES])
{
	struct step *s = rules_step(d, o, CHANGE_NARROWS, &shut);

	rules[CHANGE_NARROWS] = s;
	if (!d->want->has[CONFIG_ACCESS])
		step_note(s, STEP_FAILED,
			  "the file lacks \"access\", so that its rules would be lost if this ended half way");
	if (rules_allow_none(o->want))
		return;
	rules[CHANGE_WIDENS] = rules_step(d, o, CHANGE_WIDENS, o->want);
	s->half_of = rules[CHANGE_WIDENS];
}

/* What comes later isn't done when what comes before it wasn't. */
static void order_steps(struct step *const who[CHANGES],
			struct step *const rules[CHANGES])
{
	enum change later, before;

	for (later = CHANGE_SHIFTS; later < CHANGES; later++) {
		for (before = CHANGE_NARROWS; before < later; before++) {
			step_needs(rules[later], rules[before]);
			step_needs(rules[later], who[before]);
			step_needs(who[later], rules[before]);
			step_needs(who[later], who[before]);
		}
	}
}

/* SHIFTS: how many it may have. */
static void diff_door(const struct diff *d, const struct door *o, size_t shifts)
{
	enum change change = rules_change(o->want, o->now);
	struct step *rules[CHANGES] = { NULL };

	if (count_shifts(o) > shifts)
		shut_door(d, o, rules);
	else if (change != CHANGE_NONE)
		rules[change] = rules_step(d, o, change, o->want);
	if (rules_unset(o->now))
		step_needs(rules[CHANGE_WIDENS], o->spent);
	order_steps(o->who, rules);
	for (change = CHANGE_NARROWS; change < CHANGES; change++)
		step_needs(o->behind, rules[change]);
}

/* --- Rules of exports --- */

/*
 * One that was left closed half way is opened when all else is done, and not as long as
 * what was saved of it would be believed another time.
 */
static void diff_access_of_export(const struct diff *d, const struct export *e,
				  const struct step *spent)
{
	const struct twin *twin = twins_of(&d->twins, e->name);
	struct door o = {
		.option = "--export",
		.owner = text_copy(e->name),
		.want = config_rules_of_export(d->want, e->name),
		.now = config_rules_of_export(d->now, e->name),
		.who = twin->who,
		.wider = PHASE_WIDER,
		.spent = spent,
		.behind = twin->heir,
	};
	struct step *s;

	if (twin_stays(twin)) {
		o.other = words_listeners_change(e, twin->now);
		diff_door(d, &o, d->shifting ? 0 : 1);
	} else if (twin_is_new(twin) &&
		   twin_is_closed(twin, d->want, d->wish)) {
		s = rules_step(d, &o, CHANGE_WIDENS, o.want);
		step_needs(s, twin->in);
		step_needs(s, spent);
		step_needs(o.behind, s);
	}
	free(o.owner);
}

/* --- Listeners --- */

static void name_listener(struct step *s, const struct endpoint *ep)
{
	char *name = endpoint_format(ep);

	step_name(s, text_of(name));
	free(name);
}

/* Those that came by it stay, unless they are still negotiating. */
static struct step *listener_out(const struct diff *d,
				 const struct endpoint *ep)
{
	struct step *s = add(d, PHASE_LISTENER_OUT, &verb_remove_listener);

	name_listener(s, ep);
	return s;
}

static char *tls_mode(const struct listener *l)
{
	return mem_copy(listener_tls(l));
}

static void listener_in(const struct diff *d, const struct listener *l,
			const struct step *out)
{
	struct step *s = add(d, PHASE_LISTENER_IN, &verb_add_listener);
	struct endpoint ep;
	struct door o = {
		.option = "--listener",
		.wider = PHASE_LISTENER_WIDER,
	};

	s->opens = true;
	listener_endpoint(l, &ep);
	o.want = config_rules_of_listener(d->want, &ep);
	if (l->tls != NBDTARGET_TLS_MODE_OFF)
		step_option(s, "--tls", tls_mode(l));
	if (!rules_allow_all(o.want))
		step_option(s, "--access", mem_copy("deny"));
	if (d->wish->commands)
		step_option(s, "--if-missing", NULL);
	name_listener(s, &ep);
	step_needs(s, out);
	if (rules_allow_all(o.want))
		return;
	o.owner = endpoint_format(&ep);
	step_needs(rules_step(d, &o, CHANGE_WIDENS, o.want), s);
	free(o.owner);
}

/* Without TLS come others than with it; where it is optional, both. */
static enum change tls_change(const struct listener *want,
			      const struct listener *now)
{
	if (want->tls == now->tls)
		return CHANGE_NONE;
	if (now->tls == NBDTARGET_TLS_MODE_OPTIONAL)
		return CHANGE_NARROWS;
	return want->tls == NBDTARGET_TLS_MODE_OPTIONAL ? CHANGE_WIDENS :
	       CHANGE_SHIFTS;
}

static struct step *listener_set(const struct diff *d,
				 const struct listener *l, enum change change)
{
	struct step *s = plan_add_change(d->p, change, PHASE_LISTENER_WIDER,
					 &verb_set_listener);
	struct endpoint ep;

	listener_endpoint(l, &ep);
	step_option(s, "--tls", tls_mode(l));
	name_listener(s, &ep);
	return s;
}

/* The door is complete but for its steps, and its name. */
static void find_door(const struct diff *d, const struct listener *l,
		      const struct listener *now, struct door *o)
{
	struct endpoint ep;

	listener_endpoint(l, &ep);
	*o = (struct door) {
		.option = "--listener",
		.want = config_rules_of_listener(d->want, &ep),
		.now = config_rules_of_listener(d->now, &ep),
		.wider = PHASE_LISTENER_WIDER,
		.other = tls_change(l, now),
	};
}

static void listener_stays(const struct diff *d, const struct listener *l,
			   const struct listener *now)
{
	struct step *who[CHANGES] = { NULL };
	struct endpoint ep;
	struct door o;

	find_door(d, l, now, &o);
	if (o.other != CHANGE_NONE)
		who[o.other] = listener_set(d, l, o.other);
	listener_endpoint(l, &ep);
	o.owner = endpoint_format(&ep);
	o.who = who;
	diff_door(d, &o, 1);
	free(o.owner);
}

/* As it is, it is what is wanted: no file has an id. */
static bool is_left_alone(const struct listener *want,
			  const struct listener *now)
{
	return now && attr_has(want, NBDTARGET_A_LISTENER_ID);
}

/* One whose socket somebody else closed is of no use, and isn't opened half way. */
static struct step *closed_out(const struct diff *d, const struct endpoint *ep)
{
	struct step *s = listener_out(d, ep);

	if (!d->want->has[CONFIG_ACCESS] &&
	    !rules_allow_all(config_rules_of_listener(d->now, ep)))
		step_note(s, STEP_FAILED,
			  "its socket is closed, but the file lacks \"access\", so that its rules would be lost if this ended half way");
	return s;
}

static void diff_listener(const struct diff *d, const struct listener *l)
{
	const struct listener *now;
	struct endpoint ep;

	listener_endpoint(l, &ep);
	now = config_listener(d->now, &ep);
	if (now && (!now->closed || is_left_alone(l, now)))
		listener_stays(d, l, now);
	else
		listener_in(d, l, now ? closed_out(d, &ep) : NULL);
}

/* Whether one lets in others than before, and others no more, without being closed. */
static bool is_any_shifting(const struct diff *d)
{
	const struct listener *l, *now;
	struct endpoint ep;
	struct door o;
	size_t i;

	for (i = 0; i < d->want->listeners.n; i++) {
		l = d->want->listeners.at[i];
		listener_endpoint(l, &ep);
		now = config_listener(d->now, &ep);
		if (!now || now->closed)
			continue;
		find_door(d, l, now, &o);
		if (count_shifts(&o) == 1)
			return true;
	}
	return false;
}

static void diff_listeners(const struct diff *d)
{
	struct endpoint ep;
	size_t i;

	for (i = 0; i < d->now->listeners.n && !d->wish->restore; i++) {
		listener_endpoint(d->now->listeners.at[i], &ep);
		plan_about(d->p, CONFIG_LISTENERS, NULL);
		if (!config_listener(d->want, &ep))
			listener_out(d, &ep);
	}
	for (i = 0; i < d->want->listeners.n; i++) {
		plan_about(d->p, CONFIG_LISTENERS, d->want->listeners.at[i]);
		diff_listener(d, d->want->listeners.at[i]);
	}
}

/* --- Bitmaps --- */

static struct step *bitmap_step(const struct diff *d, enum step_phase phase,
				const struct verb *verb,
				const struct bitmap *b)
{
	struct step *s = add(d, phase, verb);

	if (verb == &verb_add_bitmap)
		words_bitmap(s, b);
	if (d->wish->commands)
		step_option(s, "--if-missing", NULL);
	step_name(s, b->export_name);
	step_name(s, b->name);
	return s;
}

static const struct step *bitmap_out(const struct diff *d,
				     const struct bitmap *b)
{
	struct step *s = bitmap_step(d, PHASE_BITMAP_OUT, &verb_remove_bitmap,
				     b);

	step_note(s, d->wish->force ? STEP_PLANNED : STEP_REFUSED,
		  "what it has recorded goes, unless save-bitmaps saves it");
	return s;
}

static void bitmap_in(const struct diff *d, const struct bitmap *b,
		      const struct step *needed)
{
	step_needs(bitmap_step(d, PHASE_BITMAP_IN, &verb_add_bitmap, b),
		   needed);
}

/*
 * At boot, what was saved last is newer than the file, and is left alone; but for one
 * that wasn't restored to the end, and is worth nothing.
 */
static void diff_bitmap(const struct diff *d, const struct bitmap *b,
			const struct bitmap *now)
{
	if (d->wish->restore && (now->consistent || !b->recording))
		return;
	if (!d->wish->restore &&
	    attr_has(b, NBDTARGET_A_BITMAP_GRANULARITY) &&
	    b->granularity != now->granularity)
		bitmap_in(d, b, bitmap_out(d, now));
	else if (b->recording != now->recording)
		bitmap_step(d, PHASE_SET, b->recording ? &verb_enable_bitmap :
			    &verb_disable_bitmap, b);
}

static void diff_bitmaps(const struct diff *d)
{
	const struct bitmap *b, *other;
	const struct twin *twin;
	size_t i;

	for (i = 0; i < d->now->bitmaps.n && !d->wish->restore; i++) {
		b = d->now->bitmaps.at[i];
		twin = twins_of(&d->twins, b->export_name);
		plan_about(d->p, CONFIG_BITMAPS, twin ? twin->want : NULL);
		if (twin && twin->want && !twin_is_new(twin) &&
		    !twin_is_kept(twin) &&
		    !config_bitmap(d->want, b->export_name, b->name))
			bitmap_out(d, b);
	}
	for (i = 0; i < d->want->bitmaps.n; i++) {
		b = d->want->bitmaps.at[i];
		twin = twins_of(&d->twins, b->export_name);
		plan_about(d->p, CONFIG_BITMAPS, twin ? twin->want : NULL);
		if (twin && twin_is_kept(twin))
			continue;
		other = config_bitmap(d->now, b->export_name, b->name);
		if (!twin || twin_is_new(twin) || !other)
			bitmap_in(d, b, twin ? twin->in : NULL);
		else
			diff_bitmap(d, b, other);
	}
}

static bool lacks_bitmaps(const struct diff *d, const struct export *e)
{
	const struct bitmap *b;
	size_t i;

	for (i = 0; i < d->want->bitmaps.n; i++) {
		b = d->want->bitmaps.at[i];
		if (text_same(b->export_name, e->name) &&
		    !config_bitmap(d->now, b->export_name, b->name))
			return true;
	}
	return false;
}

/* One that wasn't there, or that nobody was let in yet. */
static bool has_no_clients(const struct diff *d, const struct twin *twin)
{
	return twin_is_new(twin) ||
	       rules_unset(config_rules_of_export(d->now, twin->want->name));
}

/* Nobody is to come to it, and there is nothing to restore. */
static bool stays_closed(const struct diff *d, const struct twin *twin)
{
	const struct export *e = twin->want;

	return !twin_is_new(twin) &&
	       rules_unset(config_rules_of_export(d->want, e->name)) &&
	       !lacks_bitmaps(d, e);
}

static struct step *content_step(const struct diff *d, const struct twin *twin)
{
	struct step *s = add(d, PHASE_CONTENT_IN, &verb_restore_bitmaps);

	if (has_no_clients(d, twin)) {
		step_option(s, "--if-missing", NULL);
		step_option(s, "--final", NULL);
		if (d->wish->trust)
			step_option(s, "--trust", NULL);
	} else {
		step_option(s, "--spend", NULL);
	}
	step_name(s, text_of(d->wish->content));
	step_name(s, twin->want->name);
	step_needs(s, twin->in);
	return s;
}

/*
 * What was saved of one without clients; whatever isn't restored is spent by that, as
 * clients are to come. One that is open may have been written to: what was saved of it is
 * spent, and else not looked at.
 *
 * The step without which the file would be believed though clients come, or NULL.
 */
static const struct step *diff_content(const struct diff *d,
				       const struct export *e)
{
	const struct twin *twin = twins_of(&d->twins, e->name);
	const struct step *s;
	bool unspent;

	if (!d->wish->content || twin_is_kept(twin))
		return NULL;
	/* It comes after what was saved of its lender, and only reads. */
	if (attr_has(e, NBDTARGET_A_EXPORT_BITMAP_NAME))
		return NULL;
	unspent = !twin_is_new(twin) &&
		  unspent_is_any(d->wish->content, twin->now);
	if (has_no_clients(d, twin) ? stays_closed(d, twin) : !unspent)
		return NULL;
	s = content_step(d, twin);
	return unspent ? s : NULL;
}

/* --- All of it --- */

/* As if nothing were there, when it is to be commands. */
void diff_plan(struct plan *p, const struct config *want,
	       const struct config *now, const struct wish *wish)
{
	struct diff d = { .p = p, .want = want, .now = now, .wish = wish };
	size_t i;

	d.shifting = is_any_shifting(&d);
	diff_target(&d);
	twins_find(&d.twins, want, now, wish);
	twins_plan(&d.twins, p, want, wish);
	diff_bitmaps(&d);
	for (i = 0; i < want->exports.n; i++) {
		const struct step *spent;

		plan_about(p, CONFIG_EXPORTS, want->exports.at[i]);
		spent = diff_content(&d, want->exports.at[i]);
		diff_access_of_export(&d, want->exports.at[i], spent);
	}
	diff_listeners(&d);
	plan_sort(p);
	twins_free(&d.twins);
}
