/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NICE_H
#define NBDT_NICE_H

#include <linux/jiffies.h>
#include <linux/types.h>

/* How a connection's client asks; the thread's alone. */
struct nbdt_nice {
	int value;		/* that we gave the thread last */
	u32 alone;		/* requests in a row that were alone */
	unsigned long last;	/* when the last one came, in jiffies */
};

#define NBDT_NICE_ALONE	(-2)
#define NBDT_NICE_MANY	4

/* Requests in a row that have to be alone before it is believed, ... */
#define NBDT_NICE_BELIEVE	96
/* ... the number after which, and the pause after which, it is doubted. */
#define NBDT_NICE_DOUBT		4096
#define NBDT_NICE_PAUSE		(HZ / 10)

void nbdt_nice_change(struct nbdt_nice *nice, int value);

/**
 * nbdt_nice_note - requests came
 * @nice: of the connection whose thread calls
 * @in_flight: how many are there, received and not yet answered
 */
static inline void nbdt_nice_note(struct nbdt_nice *nice, u32 in_flight)
{
	unsigned long now = jiffies;

	if (in_flight > 1 || nice->alone == NBDT_NICE_DOUBT ||
	    time_after(now, nice->last + NBDT_NICE_PAUSE))
		nice->alone = 0;
	else
		nice->alone++;
	nice->last = now;

	if (!nice->alone && nice->value != NBDT_NICE_MANY)
		nbdt_nice_change(nice, NBDT_NICE_MANY);
	else if (nice->alone == NBDT_NICE_BELIEVE)
		nbdt_nice_change(nice, NBDT_NICE_ALONE);
}

#endif /* NBDT_NICE_H */
