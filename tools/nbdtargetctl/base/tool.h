/* SPDX-License-Identifier: GPL-2.0 */
/* What every part of the tool knows: the run, and how it may end. */
#ifndef NBDTARGETCTL_TOOL_H
#define NBDTARGETCTL_TOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#define __printf(fmt, first) __attribute__((format(printf, fmt, first)))
#define __aligned(n) __attribute__((aligned(n)))

/* Exit status of the tool, documented in nbdtargetctl(8). */
enum tool_exit {
	TOOL_OK = 0,
	TOOL_REFUSED = 1,	/* the kernel refused, or something failed */
	TOOL_USAGE = 2,		/* the command line is wrong */
	TOOL_UNREACHABLE = 3,	/* no module, or no permission */
	TOOL_CHANGED = 4,	/* apply: it wasn't as it should be, and is now */
	TOOL_NO_VERDICT = 5,	/* check-metadata: it changed while it was read */
	TOOL_LEFT = 6,		/* restore --awaited: by hand it was made otherwise */
};

struct nl;

struct tool {
	struct nl *nl;		/* NULL until a verb needs the kernel */
	const char *verb;	/* the one that runs, or NULL */
	const char *file;	/* batch that it comes from, or NULL */
	unsigned long line;	/* in that file */
	bool json;
	size_t distrusted;	/* bitmaps that were restored as dirty as a whole */
	int signal;		/* came, and ended no more than what ran then; or 0 */
	const char *priority;	/* of what is said, for the journal; or NULL */
	FILE *to;		/* what is said goes there; NULL: to stderr */
};

#endif /* NBDTARGETCTL_TOOL_H */
