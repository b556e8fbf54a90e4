/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_GATE_H
#define NBDT_GATE_H

#include <linux/completion.h>
#include <linux/list.h>
#include <linux/percpu-refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct nbdt_gate {
	struct percpu_ref inside;	/* requests being carried out */
	spinlock_t lock;		/* guards what follows */
	bool shut;
	unsigned int strict;		/* visits that let nobody pass */
	unsigned int passing;		/* requests that came by the side door */
	struct list_head coming;	/* visits that wait until it is empty */
	struct list_head staying;	/* visits that know that it is */
	struct work_struct work;
	void (*opened)(struct nbdt_gate *gate);
};

/* Somebody who wants the gate shut and nobody inside, for a while. */
struct nbdt_gate_visit {
	struct list_head node;		/* guarded by the gate's lock */
	/*
	 * Set by nbdt_gate_visit_init(): who is told that it is so.  Lets requests
	 * pass by the side door.
	 */
	void (*alone)(struct nbdt_gate_visit *visit);
	struct completion told;		/* who waits, when there is no ALONE */
};

int nbdt_gate_init(struct nbdt_gate *gate,
		   void (*opened)(struct nbdt_gate *gate));
void nbdt_gate_settle(struct nbdt_gate *gate);
void nbdt_gate_exit(struct nbdt_gate *gate);

void nbdt_gate_visit_init(struct nbdt_gate_visit *visit,
			  void (*alone)(struct nbdt_gate_visit *visit));
void nbdt_gate_shut(struct nbdt_gate *gate, struct nbdt_gate_visit *visit);
int nbdt_gate_wait(struct nbdt_gate_visit *visit, unsigned long deadline);
void nbdt_gate_open(struct nbdt_gate *gate, struct nbdt_gate_visit *visit);

bool nbdt_gate_pass(struct nbdt_gate *gate);
void nbdt_gate_passed(struct nbdt_gate *gate);

/*
 * A few instructions, no shared cache line; false when the gate is shut.
 * Whoever gets in sees what was changed before the gate was opened.
 */
static inline bool nbdt_gate_enter(struct nbdt_gate *gate)
{
	if (!percpu_ref_tryget_live(&gate->inside))
		return false;
	smp_acquire__after_ctrl_dep();
	return true;
}

/* Somebody wants it to be. */
static inline bool nbdt_gate_is_shut(const struct nbdt_gate *gate)
{
	return READ_ONCE(gate->shut);
}

/* Is it worth a try to pass by the side door? */
static inline bool nbdt_gate_lets_pass(const struct nbdt_gate *gate)
{
	return !READ_ONCE(gate->strict);
}

static inline void nbdt_gate_leave(struct nbdt_gate *gate)
{
	percpu_ref_put(&gate->inside);
}

#endif /* NBDT_GATE_H */
