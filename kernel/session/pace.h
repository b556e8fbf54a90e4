/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_PACE_H
#define NBDT_PACE_H

#include <linux/jiffies.h>
#include <linux/types.h>

/* How a connection's client asks; the thread's alone. */
struct nbdt_pace {
	int nice;		/* that we gave the thread last */
	u32 alone;		/* requests in a row that were alone */
	unsigned long last;	/* when the last one came, in jiffies */
};

#define NBDT_PACE_NICE_ALONE	(-2)
#define NBDT_PACE_NICE_MANY	4

/* Requests in a row that have to be alone before it is believed, ... */
#define NBDT_PACE_BELIEVE	96
/* ... the number after which, and the pause after which, it is doubted. */
#define NBDT_PACE_DOUBT		4096
#define NBDT_PACE_PAUSE		(HZ / 10)

void nbdt_pace_change(struct nbdt_pace *pace, int nice);

/**
 * nbdt_pace_note - requests came
 * @pace: of the connection whose thread calls
 * @in_flight: how many are there, received and not yet answered
 */
static inline void nbdt_pace_note(struct nbdt_pace *pace, u32 in_flight)
{
	unsigned long now = jiffies;

	if (in_flight > 1 || pace->alone == NBDT_PACE_DOUBT ||
	    time_after(now, pace->last + NBDT_PACE_PAUSE))
		pace->alone = 0;
	else
		pace->alone++;
	pace->last = now;

	if (!pace->alone && pace->nice != NBDT_PACE_NICE_MANY)
		nbdt_pace_change(pace, NBDT_PACE_NICE_MANY);
	else if (pace->alone == NBDT_PACE_BELIEVE)
		nbdt_pace_change(pace, NBDT_PACE_NICE_ALONE);
}

#endif /* NBDT_PACE_H */
