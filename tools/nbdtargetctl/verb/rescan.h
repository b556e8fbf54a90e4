/* SPDX-License-Identifier: GPL-2.0 */
/* The partitions of a device that clients may have changed. */
#ifndef NBDTARGETCTL_RESCAN_H
#define NBDTARGETCTL_RESCAN_H

#include "object/export.h"

/* NULL, or why the kernel didn't read them anew. */
const char *rescan(const struct export *e);

#endif /* NBDTARGETCTL_RESCAN_H */
