/* SPDX-License-Identifier: GPL-2.0 */
/* How the tool says that something failed: each returns the exit status. */
#ifndef NBDTARGETCTL_FAIL_H
#define NBDTARGETCTL_FAIL_H

#include "base/tool.h"

int fail(const struct tool *t, const char *thing, const char *fmt, ...)
	__printf(3, 4);
int fail_usage(const struct tool *t, const char *fmt, ...)
	__printf(2, 3);

#endif /* NBDTARGETCTL_FAIL_H */
