// SPDX-License-Identifier: GPL-2.0
/* Memory that is either there or the end of the program. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void *check(void *p)
{
	if (p)
		return p;
	fputs("nbdtargetctl: out of memory\n", stderr);
	exit(TOOL_REFUSED);
}

void *mem_zalloc(size_t size)
{
	return check(calloc(1, size));
}

void *mem_resize(void *p, size_t size)
{
	return check(realloc(p, size));
}

char *mem_copy(const char *s)
{
	return check(strdup(s));
}

char *mem_vprintf(const char *fmt, va_list ap)
{
	char *s = NULL;

	if (vasprintf(&s, fmt, ap) < 0)
		s = NULL;
	return check(s);
}

char *mem_printf(const char *fmt, ...)
{
	va_list ap;
	char *s;

	va_start(ap, fmt);
	s = mem_vprintf(fmt, ap);
	va_end(ap);
	return s;
}

bool mem_is_zero(const char *p, size_t len)
{
	return !*p && !memcmp(p, p + 1, len - 1);
}
