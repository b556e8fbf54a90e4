// SPDX-License-Identifier: GPL-2.0
/*
 * Steps from what is to what shall be. Each is a command of this tool, word by word:
 * so what is planned can be shown, written to a batch file and done by hand, and is
 * done by the very code that does it for people.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/plan.h"

struct step *plan_add(struct plan *p, enum step_phase phase, const struct verb *verb)
{
	struct step *s = mem_zalloc(sizeof(*s));

	s->phase = phase;
	s->verb = verb;
	s->section = p->section;
	s->about = p->about;
	p->steps = mem_resize(p->steps, (p->n + 1) * sizeof(struct step *));
	p->steps[p->n++] = s;
	step_word(s, verb->name);
	return s;
}

/* One by which who may come changes so; WIDER is the phase in which more may. */
struct step *plan_add_change(struct plan *p, enum change how,
			     enum step_phase wider, const struct verb *verb)
{
	const enum step_phase phases[CHANGES] = {
		[CHANGE_NARROWS] = PHASE_NARROWER,
		[CHANGE_SHIFTS] = PHASE_SHIFT,
		[CHANGE_WIDENS] = wider,
	};
	struct step *s = plan_add(p, phases[how], verb);

	s->opens = how != CHANGE_NARROWS;
	return s;
}

/* The steps that come next are about that. */
void plan_about(struct plan *p, enum config_section section, const void *about)
{
	p->section = section;
	p->about = about;
}

/* Those of a phase stay in the order in which they were added. */
void plan_sort(struct plan *p)
{
	struct step **sorted = mem_zalloc((p->n + 1) * sizeof(struct step *));
	size_t i, n = 0;
	enum step_phase phase;

	for (phase = 0; phase <= PHASE_LISTENER_WIDER; phase++)
		for (i = 0; i < p->n; i++)
			if (p->steps[i]->phase == phase)
				sorted[n++] = p->steps[i];
	free(p->steps);
	p->steps = sorted;
}

static void free_step(struct step *s)
{
	int i;

	for (i = 0; i < s->n; i++)
		free(s->words[i]);
	free(s->words);
	free(s->needs);
	free(s->why);
	free(s);
}

/* One that turned out to change nothing. */
void plan_drop_last(struct plan *p)
{
	free_step(p->steps[--p->n]);
}

void plan_free(struct plan *p)
{
	while (p->n)
		plan_drop_last(p);
	free(p->steps);
	p->steps = NULL;
}

/* --- Its words --- */

static void take_word(struct step *s, char *word)
{
	s->words = mem_resize(s->words, (s->n + 2) * sizeof(char *));
	s->words[s->n++] = word;
	s->words[s->n] = NULL;
}

void step_word(struct step *s, const char *word)
{
	take_word(s, mem_copy(word));
}

static void step_text(struct step *s, struct text text)
{
	take_word(s, text.len ? text_copy(text) : mem_copy(""));
}

/* The value is freed; NULL for an option that has none. */
void step_option(struct step *s, const char *name, char *value)
{
	step_word(s, name);
	if (value)
		take_word(s, value);
}

/*
 * An argument, one after the other, once all options are there: in front of them, as
 * people write it, unless it may be taken for one.
 */
void step_name(struct step *s, struct text name)
{
	char *word;

	if (!s->ended && name.len && *name.p == '-') {
		step_word(s, "--");
		s->ended = true;
	}
	step_text(s, name);
	if (s->ended)
		return;
	word = s->words[s->n - 1];
	s->names++;
	memmove(&s->words[s->names + 1], &s->words[s->names],
		(s->n - 1 - s->names) * sizeof(char *));
	s->words[s->names] = word;
}

void step_needs(struct step *s, const struct step *other)
{
	if (!s || !other)
		return;
	s->needs = mem_resize(s->needs,
			      (s->nr_needs + 1) * sizeof(struct step *));
	s->needs[s->nr_needs++] = other;
}

/* What people should know of it, and what becomes of it if that is known. */
void step_note(struct step *s, enum step_result result, const char *fmt, ...)
{
	va_list ap;

	free(s->why);
	s->result = result;
	va_start(ap, fmt);
	s->why = mem_vprintf(fmt, ap);
	va_end(ap);
}

/* --- As a line --- */

static bool is_plain(const char *s)
{
	const char *at = s;

	while ((*at >= '0' && *at <= '9') || (*at >= 'A' && *at <= 'Z') ||
	       (*at >= 'a' && *at <= 'z') || (*at && strchr("_@%+:,./=-", *at)))
		at++;
	return *s && !*at;
}

/* In single quotes, but for these, which stand in double ones. */
static void write_word(FILE *f, const char *s)
{
	if (is_plain(s)) {
		fputs(s, f);
		return;
	}
	fputc('\'', f);
	for (; *s; s++) {
		if (*s == '\'')
			fputs("'\"'\"'", f);
		else
			fputc(*s, f);
	}
	fputc('\'', f);
}

/* As batch files have it, without its end; to be freed. */
struct text step_line(const struct step *s)
{
	struct text line = { 0 };
	char *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);
	int i;

	for (i = 0; f && i < s->n; i++) {
		if (i)
			fputc(' ', f);
		write_word(f, s->words[i]);
	}
	if (f)
		fclose(f);
	line.p = out ? out : mem_copy("");
	line.len = strlen(line.p);
	return line;
}

/* A batch file can't have another in it. */
bool step_in_one_line(const struct step *s)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (strchr(s->words[i], '\n'))
			return false;
	return true;
}
