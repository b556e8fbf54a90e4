// SPDX-License-Identifier: GPL-2.0
/*
 * Plans that are carried out, step by step. One that fails doesn't keep those from
 * going on that don't need it; but once something that is to go, or to let in fewer or
 * others, is still as it was, nothing opens that leads there, or that it leads to: no
 * listener, and behind a listener no export. Who comes would find what isn't meant for
 * him. What is done by halves isn't begun when it is known that the other half isn't
 * done. What is done is told when it is, on stdout; what isn't, on stderr, as the verb
 * that it is says it, and once more by number at the end.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "base/out.h"
#include "config/run.h"
#include "show/json.h"

static const char *const result_names[] = {
	[STEP_PLANNED] = "planned",
	[STEP_DONE] = "done",
	[STEP_FAILED] = "failed",
	[STEP_REFUSED] = "refused",
	[STEP_SKIPPED] = "skipped",
	[STEP_HELD] = "skipped",
	[STEP_ABSENT] = "absent",
	[STEP_LEFT] = "left",
};

static bool is_failure(enum step_result result)
{
	return result == STEP_FAILED || result == STEP_REFUSED ||
	       result == STEP_SKIPPED || result == STEP_HELD;
}

/* What comes later lets in only whom this says. Bitmaps let in nobody. */
static bool keeps_out(const struct step *s)
{
	return s->phase > PHASE_TARGET && s->phase <= PHASE_SHIFT &&
	       s->phase != PHASE_BITMAP_OUT;
}

/* Why it isn't done is no matter: that a device is absent, for one, is no failure. */
static void note_result(struct run *r, const struct step *s)
{
	if (s->result == STEP_PLANNED || s->result == STEP_DONE ||
	    !keeps_out(s))
		return;
	r->kept_any = true;
	r->kept_listener |= s->section == CONFIG_LISTENERS;
}

static bool is_held(const struct run *r, const struct step *s)
{
	return s->opens && (s->section == CONFIG_LISTENERS ? r->kept_any :
			    r->kept_listener);
}

/* Why it isn't even tried; STEP_PLANNED when it is. */
static enum step_result is_kept(const struct run *r, const struct step *s)
{
	size_t i;

	if (s->result != STEP_PLANNED)
		return s->result;
	for (i = 0; i < s->nr_needs; i++) {
		if (s->needs[i]->result == STEP_ABSENT)
			return STEP_ABSENT;
		if (is_failure(s->needs[i]->result))
			return STEP_SKIPPED;
	}
	if (s->half_of && is_failure(s->half_of->result))
		return s->half_of->result == STEP_HELD ? STEP_HELD :
		       STEP_SKIPPED;
	return is_held(r, s) ? STEP_HELD : STEP_PLANNED;
}

/* Until nothing changes: the half of something may come before what keeps the other. */
static void foresee(struct run *r, struct plan *p)
{
	bool changed = true;
	struct step *s;
	size_t i;

	while (changed) {
		changed = false;
		for (i = 0; i < p->n; i++) {
			s = p->steps[i];
			if (s->result != STEP_PLANNED)
				continue;
			s->result = is_kept(r, s);
			note_result(r, s);
			changed |= s->result != STEP_PLANNED;
		}
	}
}

/* The verb does it, and says why when it can't. */
static enum step_result perform(struct tool *t, const struct step *s)
{
	const char *verb = t->verb;
	bool json = t->json;
	struct args a;
	int ret;

	t->verb = s->verb->name;
	ret = args_parse(t, s->verb, s->n, s->words, &a);
	if (!ret)
		ret = s->verb->run(t, &a);
	t->verb = verb;
	t->json = json;
	return ret ? STEP_FAILED : STEP_DONE;
}

static void tell_json(struct run *r, const struct step *s)
{
	json_t *o = json_object(), *words = json_array();
	struct text line = step_line(s);
	int i;

	for (i = 0; i < s->n; i++)
		json_add(words, json_take(text_format(text_of(s->words[i]), 0)));
	json_put(o, "verb", json_string(s->verb->name));
	json_put_text(o, "command", line);
	json_put(o, "words", words);
	json_put(o, "result", json_string(r->dry && s->result == STEP_DONE ?
					  "planned" : result_names[s->result]));
	if (s->why)
		json_put(o, "why", json_take(text_format(text_of(s->why), 0)));
	json_add(r->told, o);
	free((char *)line.p);
}

/* As a line of a batch file, with a comment behind it. */
static void tell_text(const struct step *s)
{
	struct text line = step_line(s);

	text_print(stdout, line, 0);
	if (s->why) {
		fputs("\t# ", stdout);
		text_print(stdout, text_of(s->why), 0);
	}
	putchar('\n');
	out_flush();
	free((char *)line.p);
}

/* What isn't done, and whose fault it is; a verb that failed has said so. */
static void complain(struct run *r, const struct step *s)
{
	struct text line = step_line(s);
	char *shown = text_format(line, 0);

	if (s->result == STEP_REFUSED)
		fail(r->t, NULL, "refused without --force: %s: %s", shown,
		     s->why);
	else if (s->result == STEP_ABSENT && s->why)
		fail(r->t, NULL, "warning: left out: %s: %s", shown, s->why);
	else if (s->result == STEP_SKIPPED)
		fail(r->t, NULL, "not done, as what it needs wasn't: %s",
		     shown);
	else if (s->result == STEP_HELD && r->by_hand &&
		 s->section != CONFIG_LISTENERS)
		fail(r->t, NULL,
		     "not done, as by hand a listener lets in others than it shall, but 'apply' does both: %s: %s",
		     r->by_hand, shown);
	else if (s->result == STEP_HELD)
		fail(r->t, NULL,
		     "not done, as what keeps others out wasn't: %s", shown);
	else if (s->result == STEP_LEFT)
		fail(r->t, NULL,
		     "warning: not done, as somebody has changed it by hand, but 'apply' does it: %s",
		     shown);
	else if (s->why)
		fail(r->t, NULL, "%s: %s", shown, s->why);
	free(shown);
	free((char *)line.p);
}

static void run_step(struct run *r, struct step *s)
{
	enum step_result kept = is_kept(r, s);
	bool tried = kept == STEP_PLANNED && !r->dry;

	s->result = kept;
	if (tried)
		s->result = perform(r->t, s);
	else if (kept == STEP_PLANNED)
		s->result = STEP_DONE;
	if (s->result == STEP_DONE) {
		r->done++;
		if (!r->told && !r->quiet)
			tell_text(s);
	} else if (!tried) {
		complain(r, s);
	}
	r->failed += is_failure(s->result);
	r->absent += s->result == STEP_ABSENT;
	note_result(r, s);
	if (r->told)
		tell_json(r, s);
}

/*
 * Of a plan, the steps of these phases. Those before were done by another plan; which
 * of them are planned once more failed then, and were told of.
 */
void run_plan(struct run *r, struct plan *p, enum step_phase first, enum step_phase last)
{
	struct step *s;
	size_t i;

	for (i = 0; i < p->n; i++) {
		s = p->steps[i];
		if (s->phase < first && s->result == STEP_PLANNED)
			s->result = STEP_FAILED;
		note_result(r, s);
	}
	foresee(r, p);
	for (i = 0; i < p->n; i++) {
		s = p->steps[i];
		if (s->phase < first || s->phase > last)
			continue;
		run_step(r, s);
		if (is_failure(s->result))
			foresee(r, p);
	}
}

/*
 * Behind listeners that stay as somebody has made them nothing opens, either, if they let
 * in others than they shall.
 */
void run_keep(struct run *r, const struct plan *p)
{
	const struct step *s;
	struct text line;
	size_t i;

	for (i = 0; i < p->n; i++) {
		s = p->steps[i];
		if (s->section != CONFIG_LISTENERS || r->by_hand ||
		    (s->phase != PHASE_NARROWER && s->phase != PHASE_SHIFT))
			continue;
		line = step_line(s);
		r->by_hand = text_format(line, 0);
		r->kept_listener = true;
		free((char *)line.p);
	}
}

/* What a file says otherwise than somebody has made it since isn't done, but told. */
void run_leave(struct run *r, struct step *s)
{
	s->result = STEP_LEFT;
	r->left++;
	complain(r, s);
	if (r->told)
		tell_json(r, s);
}

/* The exit status, after what there is to say of all of it. */
int run_end(struct run *r)
{
	json_t *o;

	free(r->by_hand);
	r->by_hand = NULL;
	if (r->told) {
		o = json_object();
		json_put(o, "steps", r->told);
		json_put(o, "changed", json_integer(r->done));
		json_put(o, "failed", json_integer(r->failed));
		json_put(o, "left", json_integer(r->left));
		json_print(o, false);
	}
	if (r->failed)
		return fail(r->t, NULL,
			    "%zu of %zu steps %s", r->failed,
			    r->failed + r->done,
			    r->dry ? "can't be done" : "weren't done");
	if (r->left)
		return TOOL_LEFT;
	return r->done ? TOOL_CHANGED : TOOL_OK;
}
