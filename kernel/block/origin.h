/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_ORIGIN_H
#define NBDT_ORIGIN_H

#include <asm/barrier.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "base/stats.h"

/*
 * Where requests come from and go back to: a client's connection, as far as
 * whoever carries out its requests has to know it.  Its thread alone submits.
 */
struct nbdt_origin {
	/* Set before the thread starts, then read-only. */
	u32 id;				/* the connection's */
	struct task_struct *task;	/* pinned until the memory is freed */
	/* Have it end.  Any context, any number; doesn't wait. */
	void (*kill)(struct nbdt_origin *origin, const char *reason);
	/* By its thread: if it is known now to have been told of a loss, end that. */
	void (*settle)(struct nbdt_origin *origin);

	/* The thread's alone: requests that it has carried out itself. */
	struct llist_head here;
	/* Any context adds, the thread takes: requests carried out. */
	struct llist_head done;
	/*
	 * Set by anybody, cleared by the thread: try again what was parked, and
	 * look whether there is memory to give back, a key that is worn, replies that
	 * aren't read, another CPU to be on, or another module to go to.
	 */
	bool resume;
	/* Set once: nobody waits for replies any more, or it was killed. */
	bool gone;
	bool killed;

	/* Written by the thread, read by anybody. */
	struct nbdt_stats stats;

	struct list_head node;		/* guarded by the lock of its origins */
};

/* Those that are attached to one export. */
struct nbdt_origins {
	spinlock_t lock;		/* guards what follows */
	struct list_head list;
	u32 nr;				/* may be read without */
	struct nbdt_stats past;		/* of those that have left */

	/* What requests of all of them have, in bytes; by who counts it (mem.c). */
	unsigned long memory;
};

void nbdt_origins_init(struct nbdt_origins *origins);
void nbdt_origins_add(struct nbdt_origins *origins, struct nbdt_origin *origin);
void nbdt_origins_del(struct nbdt_origins *origins, struct nbdt_origin *origin);
bool nbdt_origins_empty(struct nbdt_origins *origins);
void nbdt_origins_kill(struct nbdt_origins *origins, const char *reason);
void nbdt_origins_stats(struct nbdt_origins *origins, struct nbdt_stats *sum);
int nbdt_origins_wait(struct nbdt_origins *origins);
bool nbdt_origins_wait_timeout(struct nbdt_origins *origins, unsigned long time);

/* Have the thread try again what it couldn't do.  Any context. */
static inline void nbdt_origin_resume(struct nbdt_origin *origin)
{
	/* Whoever sees it sees why. */
	smp_store_release(&origin->resume, true);
	wake_up_process(origin->task);
}

/* Is it pointless to go on with its requests? */
static inline bool nbdt_origin_is_gone(const struct nbdt_origin *origin)
{
	return READ_ONCE(origin->gone) || READ_ONCE(origin->killed);
}

#endif /* NBDT_ORIGIN_H */
