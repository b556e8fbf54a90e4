/* SPDX-License-Identifier: GPL-2.0 */
/* A verb with its options and arguments. */
#ifndef NBDTARGETCTL_COMMAND_H
#define NBDTARGETCTL_COMMAND_H

#include "base/tool.h"

int command_run(struct tool *t, int argc, char **argv);
void command_usage(void);

#endif /* NBDTARGETCTL_COMMAND_H */
