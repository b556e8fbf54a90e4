/* SPDX-License-Identifier: GPL-2.0 */
/* The time, as deadlines have it. */
#ifndef NBDTARGETCTL_CLOCK_H
#define NBDTARGETCTL_CLOCK_H

#include <stdint.h>

/* Of the monotonic clock, in ms. */
int64_t clock_now(void);

/* For how long the machine was asleep since it was started, in seconds. */
unsigned int clock_slept(void);

/* Let so many ms go by, less than a thousand; fewer when there is a signal. */
void clock_pause(unsigned int ms);

#endif /* NBDTARGETCTL_CLOCK_H */
