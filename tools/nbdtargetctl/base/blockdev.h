/* SPDX-License-Identifier: GPL-2.0 */
/* Block devices, as the system has them. */
#ifndef NBDTARGETCTL_BLOCKDEV_H
#define NBDTARGETCTL_BLOCKDEV_H

#include <stdbool.h>
#include <sys/types.h>

/* Of the block device that a path leads to; 0, and errno, when it leads to none. */
dev_t blockdev_number(const char *path);

/* Where sysfs has it, to be freed; NULL if it has none. */
char *blockdev_folder(dev_t dev);

bool blockdev_overlap(dev_t a, dev_t b);

/* Somebody has it for himself, as who exports it or has mounted it. */
bool blockdev_is_held(const char *path);

#endif /* NBDTARGETCTL_BLOCKDEV_H */
