// SPDX-License-Identifier: GPL-2.0
/* The time, as deadlines have it. */
#include <time.h>

#include "base/clock.h"

int64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* That is what the one clock goes on for, and the other doesn't. */
unsigned int clock_slept(void)
{
	struct timespec awake, all;

	clock_gettime(CLOCK_MONOTONIC, &awake);
	clock_gettime(CLOCK_BOOTTIME, &all);
	return all.tv_sec - awake.tv_sec - (all.tv_nsec < awake.tv_nsec);
}

void clock_pause(unsigned int ms)
{
	const struct timespec ts = { .tv_nsec = ms * 1000000L };

	nanosleep(&ts, NULL);
}
