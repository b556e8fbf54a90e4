/* SPDX-License-Identifier: GPL-2.0 */
/* What an agent that runs leaves for one that only looks. */
#ifndef NBDTARGETCTL_MARK_H
#define NBDTARGETCTL_MARK_H

#include <stdbool.h>

#include "base/tool.h"

bool mark_is_set(void);
int mark_set(const struct tool *t, bool set);

#endif /* NBDTARGETCTL_MARK_H */
