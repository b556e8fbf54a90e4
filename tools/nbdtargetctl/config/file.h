/* SPDX-License-Identifier: GPL-2.0 */
/* Files that say what shall be, nbdtarget.json(5). */
#ifndef NBDTARGETCTL_FILE_H
#define NBDTARGETCTL_FILE_H

#include "config/config.h"

#define FILE_FORMAT 1

/* 0, or the exit status after all that is wrong was said with line and column. */
int file_read(struct tool *t, const char *path, struct config *c);

#endif /* NBDTARGETCTL_FILE_H */
