// SPDX-License-Identifier: GPL-2.0
/*
 * The gate that every request of an export passes: open all the time, and
 * almost free to pass then; shut for the moments in which something changes
 * that no request may straddle.
 *
 * Shutting doesn't wait.  Requests inside go on to their end, later ones are
 * turned away and tried again by their connections; when the last has left,
 * the work given to nbdt_gate_init() runs, does what it has to and opens the
 * gate again.  So nobody sleeps for it but that work, which has a queue where
 * nothing waits for a device: one that hangs must not keep others' gates shut.
 */
#include <linux/container_of.h>
#include <linux/sched.h>
#include <linux/wait_bit.h>

#include "gate.h"
#include "slow.h"

static void gate_drained(struct percpu_ref *ref)
{
	struct nbdt_gate *gate = container_of(ref, struct nbdt_gate, inside);

	queue_work(nbdt_gate_wq, &gate->empty);
}

/**
 * nbdt_gate_init - make an open gate
 * @gate: the gate
 * @empty: runs when the gate is shut and the last request has left; must end
 *	in nbdt_gate_open()
 *
 * Return: 0 or -ENOMEM.
 */
int nbdt_gate_init(struct nbdt_gate *gate, work_func_t empty)
{
	spin_lock_init(&gate->lock);
	gate->shut = false;
	INIT_WORK(&gate->empty, empty);
	return percpu_ref_init(&gate->inside, gate_drained,
			       PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
}

/* Nobody may be inside, or come. */
void nbdt_gate_exit(struct nbdt_gate *gate)
{
	/*
	 * Shutting may be under way still: let it come to its end, which is
	 * the gate open again.
	 */
	wait_var_event(&gate->shut, !READ_ONCE(gate->shut));
	flush_work(&gate->empty);
	percpu_ref_exit(&gate->inside);
}

/* Shut the gate, if it isn't. */
void nbdt_gate_shut(struct nbdt_gate *gate)
{
	unsigned long flags;
	bool first;

	spin_lock_irqsave(&gate->lock, flags);
	first = !gate->shut;
	gate->shut = true;
	spin_unlock_irqrestore(&gate->lock, flags);
	if (first)
		percpu_ref_kill(&gate->inside);
}

/* For the work alone: open the gate again. */
void nbdt_gate_open(struct nbdt_gate *gate)
{
	unsigned long flags;

	percpu_ref_reinit(&gate->inside);
	spin_lock_irqsave(&gate->lock, flags);
	WRITE_ONCE(gate->shut, false);
	spin_unlock_irqrestore(&gate->lock, flags);
	/* Who waits is looked for after the gate is open. */
	smp_mb();
	wake_up_var(&gate->shut);
}
