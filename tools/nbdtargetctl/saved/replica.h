/* SPDX-License-Identifier: GPL-2.0 */
/* Devices that DRBD replicates to other hosts. */
#ifndef NBDTARGETCTL_REPLICA_H
#define NBDTARGETCTL_REPLICA_H

#include <stdbool.h>
#include <sys/types.h>

/* Is it one? */
bool replica_is(dev_t dev);

/* What two volumes of one resource are to each other; see replica.c. */
char *replica_pair(dev_t data, dev_t metadata);

/* NULL, or what may become of bitmaps when another host takes over. */
const char *replica_doubt(dev_t data, dev_t metadata);

#endif /* NBDTARGETCTL_REPLICA_H */
