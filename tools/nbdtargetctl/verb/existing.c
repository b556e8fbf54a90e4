// SPDX-License-Identifier: GPL-2.0
/*
 * What is there, held against what was asked for. A command that is run once more
 * succeeds when nothing of what it asks for is otherwise; or else it says all that
 * is, or changes it.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/fail.h"
#include "base/mem.h"
#include "verb/existing.h"

static void add(struct existing *x, const char *fmt, va_list ap)
{
	char *text = mem_vprintf(fmt, ap), *longer;

	if (x->list) {
		longer = mem_printf("%s; %s", x->list, text);
		free(x->list);
		free(text);
		text = longer;
	}
	x->list = text;
}

/* In a way that --or-update can change. "it ..." */
void existing_differs(struct existing *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(x, fmt, ap);
	va_end(ap);
}

void existing_differs_for_good(struct existing *x, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	add(x, fmt, ap);
	va_end(ap);
	x->fixed = true;
}

int existing_fail(struct tool *t, const char *thing, const char *kind,
		  const struct existing *x)
{
	return fail(t, thing, "the %s exists, but is another: %s%s", kind,
		    x->list, x->fixed ? "" : "; --or-update changes that");
}

void existing_free(struct existing *x)
{
	free(x->list);
	x->list = NULL;
}
