/* SPDX-License-Identifier: GPL-2.0 */
/* What is there, held against what was asked for: --if-missing, --or-update. */
#ifndef NBDTARGETCTL_EXISTING_H
#define NBDTARGETCTL_EXISTING_H

#include <stdbool.h>

#include "base/tool.h"

/* All zero before the first difference. */
struct existing {
	char *list;		/* of differences, for people; NULL for none */
	bool fixed;		/* one of them can't be changed */
};

void existing_differs(struct existing *x, const char *fmt, ...)
	__printf(2, 3);
void existing_differs_for_good(struct existing *x, const char *fmt, ...)
	__printf(2, 3);
int existing_fail(struct tool *t, const char *thing, const char *kind,
		  const struct existing *x);
void existing_free(struct existing *x);

#endif /* NBDTARGETCTL_EXISTING_H */
