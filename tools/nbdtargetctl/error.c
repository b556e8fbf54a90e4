// SPDX-License-Identifier: GPL-2.0
/*
 * What goes to stderr: "nbdtargetctl: [FILE:LINE: ][VERB [THING]: ]TEXT".
 * Everything is escaped, for it may quote names that others chose.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nl.h"
#include "text.h"
#include "tool.h"

static void print_prefix(const struct tool *t, const char *thing)
{
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
		text_print(stderr, text_of(thing), TEXT_NAME);
	}
	fputs(": ", stderr);
}

static void print_message(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		return;
	text_print(stderr, text_of(s), 0);
	free(s);
}

int fail(const struct tool *t, const char *thing, const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
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

	fflush(stdout);
	print_prefix(t, NULL);
	va_start(ap, fmt);
	print_message(fmt, ap);
	va_end(ap);
	fprintf(stderr, "; see 'nbdtargetctl %s%s--help'\n",
		t->verb ? t->verb : "", t->verb ? " " : "");
	return TOOL_USAGE;
}

/* No extack text with EPERM: the family itself refused us. */
static bool not_permitted(const struct nl_error *e)
{
	return e->err == EPERM && !e->text[0];
}

/* Reports what the last request on t->nl came to, and what to do about it. */
int fail_kernel(const struct tool *t, const char *thing, const char *remedy)
{
	const struct nl_error *e = nl_last_error(t->nl);
	const char *text = e->text[0] ? e->text : strerror(e->err);

	if (not_permitted(e))
		remedy = "this needs CAP_NET_ADMIN, run it as root";
	else if (e->unreachable)
		remedy = e->err == ENOPKG ? "'modprobe nbdtarget' says why" :
			 NULL;
	fail(t, thing, "%s%s%s", text, remedy ? "; " : "",
	     remedy ? remedy : "");
	if (not_permitted(e) || e->unreachable)
		return TOOL_UNREACHABLE;
	return TOOL_REFUSED;
}

/* The kernel may add a text to a success, too. */
void warn_kernel(const struct tool *t, const char *thing)
{
	const struct nl_error *e = nl_last_error(t->nl);

	if (e->text[0])
		fail(t, thing, "warning: %s", e->text);
}

/* 0, or the exit status after it was said that the kernel isn't there. */
int tool_connect(struct tool *t, const char *thing)
{
	if (!t->nl)
		t->nl = nl_new();
	if (nl_connect(t->nl))
		return fail_kernel(t, thing, NULL);
	return 0;
}
