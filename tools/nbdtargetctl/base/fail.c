// SPDX-License-Identifier: GPL-2.0
/*
 * What goes to stderr, or to who asked for it: "nbdtargetctl: [FILE:LINE: ][VERB
 * [THING]: ]TEXT".
 * Everything is escaped, for it may quote names that others chose.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/out.h"
#include "base/text.h"

/* Longer than any that quotes no more than names. */
#define MESSAGE_MAX 1024

/* The same byte, or the next one that begins a character. */
static const char *at_character(const char *s)
{
	while ((*s & 0xc0) == 0x80)
		s++;
	return s;
}

/* Whole, unless somebody's word made it long: then its beginning and its end. */
static void print_cut(FILE *f, struct text s, unsigned int how)
{
	const char *end = s.p + s.len, *head, *tail;

	if (s.len <= MESSAGE_MAX) {
		text_print(f, s, how);
		return;
	}
	head = at_character(s.p + MESSAGE_MAX / 2);
	tail = at_character(end - MESSAGE_MAX / 2);
	text_print(f, (struct text){ s.p, head - s.p }, how);
	fputs(" ... ", f);
	text_print(f, (struct text){ tail, end - tail }, how);
}

static void print_prefix(FILE *f, const struct tool *t, const char *thing)
{
	if (t->priority)
		fputs(t->priority, f);
	fputs("nbdtargetctl: ", f);
	if (t->file) {
		text_print(f, text_of(t->file), 0);
		fprintf(f, ":%lu: ", t->line);
	}
	if (!t->verb)
		return;
	fputs(t->verb, f);
	if (thing) {
		fputc(' ', f);
		print_cut(f, text_of(thing), TEXT_NAME);
	}
	fputs(": ", f);
}

static void print_message(FILE *f, const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		return;
	print_cut(f, text_of(s), 0);
	free(s);
}

/* The line but for its end; where that belongs. */
static FILE *print_line(const struct tool *t, const char *thing, const char *fmt,
			va_list ap)
{
	FILE *f = t->to ? t->to : stderr;

	out_flush();
	print_prefix(f, t, thing);
	print_message(f, fmt, ap);
	return f;
}

int fail(const struct tool *t, const char *thing, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputc('\n', print_line(t, thing, fmt, ap));
	va_end(ap);
	return TOOL_REFUSED;
}

int fail_usage(const struct tool *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fprintf(print_line(t, NULL, fmt, ap), "; see 'nbdtargetctl %s%s--help'\n",
		t->verb ? t->verb : "", t->verb ? " " : "");
	va_end(ap);
	return TOOL_USAGE;
}
