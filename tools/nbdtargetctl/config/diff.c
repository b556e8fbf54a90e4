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

/* --- Rules --- */

static struct step *rules_step(const struct diff *d, enum step_phase phase,
			       const char *option, char *owner,
			       const struct rules *rules)
{
	struct step *s = add(d, phase, &verb_set_access);

	step_option(s, option, owner);
	words_rules(s, rules);
	return s;
}

/* As an export is from when it is added until its rules are set: for nobody. */
static bool is_closed(const struct rules *r)
{
	return r && !r->n && r->deny_default == NBDTARGET_ACCESS_DENY;
}

static enum step_phase access_phase(const struct rules *want,
				    const struct rules *now)
{
	return rules_are_stricter(want, now) ? PHASE_STRICTER : PHASE_ACCESS;
}

/*
 * One that was left closed half way is opened when all else is done, and not as long as
 * what was saved of it would be believed another time.
 */
static void diff_access_of_export(const struct diff *d, const struct export *e,
				  const struct step *spent)
{
	const struct rules *want = config_rules_of_export(d->want, e->name);
	const struct rules *now = config_rules_of_export(d->now, e->name);
	const struct twin *twin = twins_of(&d->twins, e->name);
	enum step_phase phase;
	struct step *s;

	if (twin_is_kept(twin))
		return;
	if (twin_is_new(twin) ? !twin_is_closed(twin, d->want, d->wish) :
				rules_same(want, now))
		return;
	if (twin_is_new(twin) || is_closed(now))
		phase = PHASE_ACCESS_IN;
	else
		phase = access_phase(want, now);
	s = rules_step(d, phase, "--export", text_copy(e->name), want);
	step_needs(s, twin->in);
	step_needs(s, phase == PHASE_ACCESS_IN ? spent : NULL);
	/* Neither is opened while the other is still to be closed. */
	step_needs(phase == PHASE_STRICTER ? twin->set : s,
		   phase == PHASE_STRICTER ? s : twin->stricter);
}

/* Its own steps are NULL when there are none. */
static void diff_access_of_listener(const struct diff *d,
				    const struct endpoint *ep,
				    const struct step *in, struct step *set)
{
	const struct rules *want = config_rules_of_listener(d->want, ep);
	const struct rules *now = config_rules_of_listener(d->now, ep);
	struct step *s;

	if (in ? rules_allow_all(want) : rules_same(want, now))
		return;
	s = rules_step(d, in ? PHASE_LISTENER_ACCESS_IN :
		       access_phase(want, now), "--listener",
		       endpoint_format(ep), want);
	step_needs(s, in);
	s->opens = s->phase != PHASE_STRICTER;
	/* Neither is opened while the other is still to be closed. */
	if (set && set->phase == PHASE_STRICTER)
		step_needs(s, set);
	else if (set && s->phase == PHASE_STRICTER)
		step_needs(set, s);
}

/* --- Listeners --- */

static void name_listener(struct step *s, const struct endpoint *ep)
{
	char *name = endpoint_format(ep);

	step_name(s, text_of(name));
	free(name);
}

/* Those that came by it stay, unless they are still negotiating. */
static const struct step *listener_out(const struct diff *d,
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

static const struct step *listener_in(const struct diff *d,
				      const struct listener *l,
				      const struct step *out)
{
	struct step *s = add(d, PHASE_LISTENER_IN, &verb_add_listener);
	struct endpoint ep;

	s->opens = true;
	listener_endpoint(l, &ep);
	if (l->tls != NBDTARGET_TLS_MODE_OFF)
		step_option(s, "--tls", tls_mode(l));
	if (!rules_allow_all(config_rules_of_listener(d->want, &ep)))
		step_option(s, "--access", mem_copy("deny"));
	if (d->wish->commands)
		step_option(s, "--if-missing", NULL);
	name_listener(s, &ep);
	step_needs(s, out);
	return s;
}

static struct step *listener_set(const struct diff *d,
				 const struct listener *l,
				 const struct listener *now)
{
	/* From off on, some come in who didn't: those that have TLS. */
	bool stricter = l->tls == NBDTARGET_TLS_MODE_REQUIRED &&
			now->tls == NBDTARGET_TLS_MODE_OPTIONAL;
	struct step *s = add(d, stricter ? PHASE_STRICTER : PHASE_SET,
			     &verb_set_listener);
	struct endpoint ep;

	s->opens = !stricter;
	listener_endpoint(l, &ep);
	step_option(s, "--tls", tls_mode(l));
	name_listener(s, &ep);
	return s;
}

/* As it is, it is what is wanted: no file has an id. */
static bool is_left_alone(const struct listener *want,
			  const struct listener *now)
{
	return now && attr_has(want, NBDTARGET_A_LISTENER_ID);
}

/* One whose socket somebody else closed is of no use. */
static void diff_listener(const struct diff *d, const struct listener *l)
{
	const struct step *out = NULL, *in = NULL;
	struct step *set = NULL;
	const struct listener *now;
	struct endpoint ep;

	listener_endpoint(l, &ep);
	now = config_listener(d->now, &ep);
	if (is_left_alone(l, now)) {
		diff_access_of_listener(d, &ep, NULL, NULL);
		return;
	}
	if (now && now->closed)
		out = listener_out(d, &ep);
	if (!now || now->closed)
		in = listener_in(d, l, out);
	else if (now->tls != l->tls)
		set = listener_set(d, l, now);
	diff_access_of_listener(d, &ep, in, set);
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
		plan_about(d->p, CONFIG_EXPORTS, twin ? twin->want : NULL);
		if (twin && twin->want && !twin_is_new(twin) &&
		    !twin_is_kept(twin) &&
		    !config_bitmap(d->want, b->export_name, b->name))
			bitmap_out(d, b);
	}
	for (i = 0; i < d->want->bitmaps.n; i++) {
		b = d->want->bitmaps.at[i];
		twin = twins_of(&d->twins, b->export_name);
		plan_about(d->p, CONFIG_EXPORTS, twin ? twin->want : NULL);
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
	       is_closed(config_rules_of_export(d->now, twin->want->name));
}

/* Nobody is to come to it, and there is nothing to restore. */
static bool stays_closed(const struct diff *d, const struct twin *twin)
{
	const struct export *e = twin->want;

	return !twin_is_new(twin) &&
	       is_closed(config_rules_of_export(d->want, e->name)) &&
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
