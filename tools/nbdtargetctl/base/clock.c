// SPDX-License-Identifier: GPL-2.0
/* The time, as deadlines have it. */
#include <time.h>

#include "agent/clock.h"

int64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}
