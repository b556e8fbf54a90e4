/* SPDX-License-Identifier: GPL-2.0 */
/* What a file says becomes so, as a part of something larger. */
#ifndef NBDTARGETCTL_APPLY_H
#define NBDTARGETCTL_APPLY_H

#include <stdbool.h>

#include "base/tool.h"

int apply_as_restore(struct tool *t, const char *path, const char *content,
		     bool listeners);

#endif /* NBDTARGETCTL_APPLY_H */
