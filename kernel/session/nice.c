// SPDX-License-Identifier: GPL-2.0
/*
 * Nice: which connection's thread goes first where they share a CPU, with each
 * other and with whoever feeds them.
 *
 * A client that sends a request and waits for the answer feels every moment
 * in which its thread isn't run, and asks for little: its thread goes before
 * others (a nice value below 0).  A client that has many requests under way
 * feels how many are answered in all, and these cost the less the more of
 * them are taken at once: its thread lets others go first (a nice value a
 * little above 0).  So a modest client isn't held up by a greedy one, and
 * what a local client or the network stack has to hand over on this CPU has
 * been handed over when the thread looks.  On a CPU with nothing else to run
 * it makes no difference.
 *
 * One who is answered fast enough looks alone, even if he had more to ask.
 * So it is believed only for a while, and not across a pause: then the thread
 * lets others go first again, and sees.
 *
 * A nice value that the administrator gives a thread stays.
 */
#include <linux/sched.h>

#include "session/nice.h"

void nbdt_nice_change(struct nbdt_nice *nice, int value)
{
	if (task_nice(current) != nice->value)
		return;
	set_user_nice(current, value);
	nice->value = value;
}
