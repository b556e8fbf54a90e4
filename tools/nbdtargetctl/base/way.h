/* SPDX-License-Identifier: GPL-2.0 */
/* Who may turn the way to a file. */
#ifndef NBDTARGETCTL_WAY_H
#define NBDTARGETCTL_WAY_H

#include <sys/stat.h>

#include "base/tool.h"

const char *way_bad_owner(const struct stat *st);
int way_check(const struct tool *t, const char *path);

#endif /* NBDTARGETCTL_WAY_H */
