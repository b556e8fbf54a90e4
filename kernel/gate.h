/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_GATE_H
#define NBDT_GATE_H

#include <linux/percpu-refcount.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

struct nbdt_gate {
	struct percpu_ref inside;	/* requests being carried out */
	spinlock_t lock;		/* guards shut */
	bool shut;
	struct work_struct empty;	/* queued when shut and nobody inside */
};

int nbdt_gate_init(struct nbdt_gate *gate, work_func_t empty);
void nbdt_gate_exit(struct nbdt_gate *gate);
void nbdt_gate_shut(struct nbdt_gate *gate);
void nbdt_gate_open(struct nbdt_gate *gate);

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

static inline void nbdt_gate_leave(struct nbdt_gate *gate)
{
	percpu_ref_put(&gate->inside);
}

#endif /* NBDT_GATE_H */
