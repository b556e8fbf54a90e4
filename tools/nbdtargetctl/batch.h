/* SPDX-License-Identifier: GPL-2.0 */
/* Files of commands. */
#ifndef NBDTARGETCTL_BATCH_H
#define NBDTARGETCTL_BATCH_H

#include "base/tool.h"

int batch_run(struct tool *t, const char *path, bool keep_going);
bool batch_typographic(const char *s);
const char *batch_split(char *line, char ***argv, int *argc);

#endif /* NBDTARGETCTL_BATCH_H */
