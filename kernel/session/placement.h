/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_PLACEMENT_H
#define NBDT_PLACEMENT_H

#include <linux/compiler.h>
#include <linux/types.h>

struct netlink_ext_ack;
struct nbdt_placement_policy;
struct nbdt_stats;
struct task_struct;

/* Where a connection's thread runs; see placement.c. */
struct nbdt_placement {
	/* The thread's alone, but that the housekeeping reads CPU. */
	struct nbdt_placement_policy *policy;	/* that it goes by */
	u32 seen;		/* nbdt_placement_generation when it took that */
	int cpu;		/* that it is bound to; -1: the scheduler chooses */
	int settled;		/* what comes by this CPU has its effect; or -1 */
	int next;		/* by which the last came that came by another */
	u32 strays;		/* how many in a row did */
	unsigned long moved;	/* when it was bound last, in jiffies */

	/* Set by the housekeeping, cleared by the thread: jiffies | 1, or 0. */
	unsigned long spread;	/* until when the scheduler chooses */

	/* The housekeeping's alone. */
	unsigned long spell;	/* how long that was the last time, in jiffies */
	unsigned long until;	/*  and when it was over */
	u64 ran;		/* of the thread's CPU time, in ns, ... */
	u64 bytes;		/* and of its requests, at the last look */
	u64 requests;
};

/* Changes whenever threads are to ask anew where they may be. */
extern u32 nbdt_placement_generation;

int nbdt_placement_init(void);
void nbdt_placement_exit(void);

/* By the administrator. */
int nbdt_placement_set(const char *text, struct netlink_ext_ack *extack);
char *nbdt_placement_text(void);

/* By the connection's thread. */
void nbdt_placement_begin(struct nbdt_placement *p);
void nbdt_placement_end(struct nbdt_placement *p);
void nbdt_placement_resume(struct nbdt_placement *p);
void nbdt_placement_differs(struct nbdt_placement *p, int cpu);

/* By the housekeeping. */
void nbdt_placement_look(void);
bool nbdt_placement_tick(struct nbdt_placement *p,
			 const struct task_struct *task,
			 const struct nbdt_stats *stats, bool many);

/**
 * nbdt_placement_note - something came, after there had been nothing to do
 * @p: of the connection whose thread calls
 * @cpu: by which it came
 */
static inline void nbdt_placement_note(struct nbdt_placement *p, int cpu)
{
	if (unlikely(cpu != p->settled || p->strays ||
		     p->seen != READ_ONCE(nbdt_placement_generation)))
		nbdt_placement_differs(p, cpu);
}

#endif /* NBDT_PLACEMENT_H */
