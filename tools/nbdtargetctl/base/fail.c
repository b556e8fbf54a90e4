// SPDX-License-Identifier: GPL-2.0
/*
 * What goes to stderr: "nbdtargetctl: [FILE:LINE: ][VERB [THING]: ]TEXT".
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
static void print_cut(struct text s, unsigned int how)
{
	const char *end = s.p + s.len, *head, *tail;

	if (s.len <= MESSAGE_MAX) {
		text_print(stderr, s, how);
		return;
	}
	head = at_character(s.p + MESSAGE_MAX / 2);
	tail = at_character(end - MESSAGE_MAX / 2);
	text_print(stderr, (struct text){ s.p, head - s.p }, how);
	fputs(" ... ", stderr);
	text_print(stderr, (struct text){ tail, end - tail }, how);
}

static void print_prefix(const struct tool *t, const char *thing)
{
	if (t->priority)
		fputs(t->priority, stderr);
	fputs("nbdtargetctl: ", stderr);
	if (t->file) {
		text_print(stderr, text_of(t->file), 0);
		fprintf(stderr, ":%lu: ", t->line);
	}
	if (!t->verb)
		return;
	fputs(t->verb, stderr);
	if (thing) {
		fputc(' ', stderr);
		print_cut(text_of(thing), TEXT_NAME);
	}
	fputs(": ", stderr);
}

static void print_message(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		return;
	print_cut(text_of(s), 0);
	free(s);
}

int fail(const struct tool *t, const char *thing, const char *fmt, ...)
{
	va_list ap;

	out_flush();
	print_prefix(t, thing);
	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return TOOL_REFUSED;
}

int fail_usage(const struct tool *t, const char *fmt, ...)
{
	va_list ap;

	out_flush();
	print_prefix(t, NULL);
	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see 'nbdtargetctl %s%s--help'\n",
		t->verb ? t->verb : "", t->verb ? " " : "");
	return TOOL_USAGE;
}
