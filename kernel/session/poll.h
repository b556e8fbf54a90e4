/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Polling: looking for what comes next, for a moment, instead of sleeping.
 *
 * What wakes a thread on an idle CPU is an interrupt, and it takes the CPU as
 * long to come out of its idleness as the thread to do all that a small request
 * needs.  A client with one request at a time waits for that each time.
 *
 * So where the last waits were brief the thread goes on looking for as long as
 * such a wait takes.  It does so only while no other task is on its CPU's queue,
 * and stops at once when one is.  What it takes is power, and in a VM the host's
 * time: a client that always goes on in time, with as little as a byte, keeps a
 * CPU busy that would have been idle.  One that stops, or a disk that takes its
 * time, costs one such wait in vain, and then none until enough of them were
 * brief again.  Waits in which another task had the CPU at the start tell nothing
 * of the client and aren't counted.
 */
#ifndef NBDT_POLL_H
#define NBDT_POLL_H

#include <linux/processor.h>
#include <linux/sched.h>
#include <linux/sched/clock.h>
#include <linux/sched/stat.h>
#include <linux/time64.h>
#include <linux/types.h>

#include "base/target.h"

/* How long a connection's thread has to wait, each time; the thread's alone. */
struct nbdt_poll {
	u32 brief;		/* waits in a row that were brief */
	u64 limit;		/* which a brief one doesn't exceed, in ns */
	u64 since;		/* start of the wait, local_clock(); 0: unknown */
};

/* Brief waits in a row before the next one is expected to be. */
#define NBDT_POLL_BELIEVE	16

/**
 * nbdt_poll_begin - there is nothing to do
 * @poll: of the connection whose thread calls
 *
 * Costs next to nothing where others want the CPU: it isn't polled then.
 */
static inline void nbdt_poll_begin(struct nbdt_poll *poll)
{
	poll->since = 0;
	poll->limit = nbdt_target_poll_time() * NSEC_PER_USEC;
	if (poll->limit && single_task_running())
		poll->since = local_clock();
}

static inline bool nbdt_poll_was_brief(const struct nbdt_poll *poll)
{
	return local_clock() - poll->since <= poll->limit;
}

/* Look once more, instead of sleeping? */
static inline bool nbdt_poll_continue(const struct nbdt_poll *poll)
{
	if (!poll->since || poll->brief < NBDT_POLL_BELIEVE ||
	    need_resched() || !single_task_running() ||
	    !nbdt_poll_was_brief(poll))
		return false;
	cpu_relax();
	return true;
}

/* Something came, after the thread had slept. */
static inline void nbdt_poll_end(struct nbdt_poll *poll)
{
	if (poll->since)
		poll->brief = nbdt_poll_was_brief(poll) ? poll->brief + 1 : 0;
}

#endif /* NBDT_POLL_H */
