/* SPDX-License-Identifier: GPL-2.0 */
/* The time, as deadlines have it. */
#ifndef NBDTARGETCTL_CLOCK_H
#define NBDTARGETCTL_CLOCK_H

#include <stdint.h>

/* Of the monotonic clock, in ms. */
int64_t clock_now(void);

#endif /* NBDTARGETCTL_CLOCK_H */
