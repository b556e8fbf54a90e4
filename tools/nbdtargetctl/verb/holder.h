/* SPDX-License-Identifier: GPL-2.0 */
/* Who holds a device that is busy. */
#ifndef NBDTARGETCTL_HOLDER_H
#define NBDTARGETCTL_HOLDER_H

#include "base/tool.h"

/* For people, to be freed; NULL when nobody is found. */
char *holder_find(struct tool *t, const char *path);

#endif /* NBDTARGETCTL_HOLDER_H */
