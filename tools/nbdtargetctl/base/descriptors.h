/* SPDX-License-Identifier: GPL-2.0 */
/* How many files this program may have open. */
#ifndef NBDTARGETCTL_DESCRIPTORS_H
#define NBDTARGETCTL_DESCRIPTORS_H

#include <stdbool.h>
#include <stddef.h>

bool descriptors_allow(size_t n);

#endif /* NBDTARGETCTL_DESCRIPTORS_H */
