/* SPDX-License-Identifier: GPL-2.0 */
/* The run's connection to the module, and what the module has to say. */
#ifndef NBDTARGETCTL_KERNEL_H
#define NBDTARGETCTL_KERNEL_H

#include "base/tool.h"

int kernel_connect(struct tool *t, const char *thing);
int kernel_fail(const struct tool *t, const char *thing, const char *remedy);
void kernel_warn(const struct tool *t, const char *thing);

#endif /* NBDTARGETCTL_KERNEL_H */
