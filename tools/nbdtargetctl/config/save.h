/* SPDX-License-Identifier: GPL-2.0 */
/* All that is configured, for what something larger restores. */
#ifndef NBDTARGETCTL_SAVE_H
#define NBDTARGETCTL_SAVE_H

#include "base/tool.h"

int save_for_now(struct tool *t, const char *path);

#endif /* NBDTARGETCTL_SAVE_H */
