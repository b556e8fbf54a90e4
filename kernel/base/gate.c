// SPDX-License-Identifier: GPL-2.0
/*
 * The gate that every request of an export passes that changes its device:
 * open all the time, and almost free to pass then; shut for the moments in
 * which something changes that no request may straddle.
 *
 * Whoever has such a change to make pays a visit.  The first to come shuts the
 * gate, which doesn't wait: requests inside go on to their end, later ones are
 * turned away, and come again when it is open (turn.c).  When the last has left,
 * all visitors are told, and when the last visit is over the gate opens.
 * Visits know nothing of each other and none waits for another's end, so they
 * can't lock each other out, however many gates one of them wants shut; what
 * two of them must not do at once they see to themselves.
 *
 * A visit may end before it was told: a device that hangs keeps its requests
 * inside for ever, and somebody with a deadline gives up.  Then the gate is
 * opened with requests in it, as if it had never been shut.
 *
 * Who has no deadline mustn't keep all others out for so long.  Such a visit is about
 * those who came through the gate before, and lets requests that it knows how to get
 * along with pass meanwhile, by a side door: at the price of a lock.  Any other
 * visit shuts that, too, and waits for who has passed.
 *
 * Telling and opening are the work of one item, which never runs twice at the
 * same time.  It has a queue where nothing waits for a device: one that hangs
 * must not keep others' gates shut.
 */
#include <linux/container_of.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/wait_bit.h>

#include "base/gate.h"
#include "base/work.h"

/* May come late, when the gate is open again: only a reason to look. */
static void gate_drained(struct percpu_ref *ref)
{
	struct nbdt_gate *gate = container_of(ref, struct nbdt_gate, inside);

	queue_work(nbdt_gate_wq, &gate->work);
}

static bool is_strict(const struct nbdt_gate_visit *visit)
{
	return !visit->alone;
}

/* Under the lock: the next who can be told; it stays from now on. */
static struct nbdt_gate_visit *next_to_tell(struct nbdt_gate *gate)
{
	struct nbdt_gate_visit *visit;

	visit = list_first_entry_or_null(&gate->coming, struct nbdt_gate_visit,
					 node);
	/* Never zero before it was killed, and for good afterwards. */
	if (!visit || !percpu_ref_is_zero(&gate->inside))
		return NULL;
	if (is_strict(visit) && gate->passing)
		return NULL;
	list_move_tail(&visit->node, &gate->staying);
	/* One that waits may give up as soon as the lock is free. */
	if (!visit->alone)
		complete(&visit->told);
	return visit;
}

static void tell(struct nbdt_gate *gate)
{
	void (*alone)(struct nbdt_gate_visit *visit);
	struct nbdt_gate_visit *visit;

	do {
		spin_lock_irq(&gate->lock);
		visit = next_to_tell(gate);
		alone = visit ? visit->alone : NULL;
		spin_unlock_irq(&gate->lock);
		if (alone)
			alone(visit);
	} while (visit);
}

static bool nobody_visits(const struct nbdt_gate *gate)
{
	return list_empty(&gate->coming) && list_empty(&gate->staying);
}

static bool shall_open(struct nbdt_gate *gate)
{
	bool shall;

	spin_lock_irq(&gate->lock);
	shall = gate->shut && nobody_visits(gate);
	spin_unlock_irq(&gate->lock);
	return shall;
}

static void open(struct nbdt_gate *gate)
{
	bool again;

	/* Whether or not it ever was empty. */
	percpu_ref_resurrect(&gate->inside);
	spin_lock_irq(&gate->lock);
	again = !nobody_visits(gate);
	if (!again)
		WRITE_ONCE(gate->shut, false);
	spin_unlock_irq(&gate->lock);
	if (again)
		percpu_ref_kill(&gate->inside);
	/*
	 * Who waits is looked for after the gate is open.  Those who came
	 * while it was not are tried again in any case.
	 */
	smp_mb();
	gate->opened(gate);
	wake_up_var(&gate->shut);
}

static void gate_work(struct work_struct *work)
{
	struct nbdt_gate *gate = container_of(work, struct nbdt_gate, work);

	tell(gate);
	if (shall_open(gate))
		open(gate);
	else if (nbdt_gate_lets_pass(gate))
		gate->opened(gate);
}

/**
 * nbdt_gate_init - make an open gate
 * @gate: the gate
 * @opened: called whenever the gate or its side door was opened: what was turned
 *	away is worth another try
 *
 * Return: 0 or -ENOMEM.
 */
int nbdt_gate_init(struct nbdt_gate *gate,
		   void (*opened)(struct nbdt_gate *gate))
{
	spin_lock_init(&gate->lock);
	gate->shut = false;
	gate->strict = 0;
	gate->passing = 0;
	INIT_LIST_HEAD(&gate->coming);
	INIT_LIST_HEAD(&gate->staying);
	INIT_WORK(&gate->work, gate_work);
	gate->opened = opened;
	return percpu_ref_init(&gate->inside, gate_drained,
			       PERCPU_REF_ALLOW_REINIT, GFP_KERNEL);
}

/*
 * Nobody is inside, nor comes; visits that wait are over.  Shutting may be under way
 * still: let it come to its end, which is the gate open again.
 */
void nbdt_gate_settle(struct nbdt_gate *gate)
{
	wait_var_event(&gate->shut, !READ_ONCE(gate->shut));
}

/*
 * After nbdt_gate_settle(), and after that rcu_barrier(), which does for any number of
 * gates: shutting ends in a callback, which may then still be running, and be about to
 * queue the work.
 */
void nbdt_gate_exit(struct nbdt_gate *gate)
{
	flush_work(&gate->work);
	percpu_ref_exit(&gate->inside);
}

/**
 * nbdt_gate_visit_init - make a visit that can be paid
 * @visit: the caller's
 * @alone: called, not under the lock, when the gate is shut and nobody inside;
 *	the visit then has to last as long as the gate does, and requests may pass by
 *	the side door.  NULL for one who waits with nbdt_gate_wait().
 */
void nbdt_gate_visit_init(struct nbdt_gate_visit *visit,
			  void (*alone)(struct nbdt_gate_visit *visit))
{
	INIT_LIST_HEAD(&visit->node);
	visit->alone = alone;
	init_completion(&visit->told);
}

/* Have the gate shut until nbdt_gate_open().  Nothing new for a visit that is. */
void nbdt_gate_shut(struct nbdt_gate *gate, struct nbdt_gate_visit *visit)
{
	unsigned long flags;
	bool first, is_zero;

	spin_lock_irqsave(&gate->lock, flags);
	first = !gate->shut;
	gate->shut = true;
	if (list_empty(&visit->node)) {
		list_add_tail(&visit->node, &gate->coming);
		WRITE_ONCE(gate->strict, gate->strict + is_strict(visit));
	}
	is_zero = percpu_ref_is_zero(&gate->inside);
	/*
	 * Under the lock, as the visit may be over at once, and the gate be opened.
	 * It doesn't wait: no other change of the reference is under way.
	 */
	if (first)
		percpu_ref_kill(&gate->inside);
	spin_unlock_irqrestore(&gate->lock, flags);
	if (!first && is_zero)
		queue_work(nbdt_gate_wq, &gate->work);
}

/**
 * nbdt_gate_wait - wait until nobody is inside
 * @visit: paid, and not over
 * @deadline: in jiffies
 *
 * Return: 0; -ETIMEDOUT; -EINTR when the caller is being killed.  The visit
 * goes on in any case.
 */
int nbdt_gate_wait(struct nbdt_gate_visit *visit, unsigned long deadline)
{
	unsigned long left = max_t(long, deadline - jiffies, 1);
	long ret;

	ret = wait_for_completion_killable_timeout(&visit->told, left);
	if (ret > 0)
		return 0;
	return ret ? -EINTR : -ETIMEDOUT;
}

/* The visit is over.  Any context. */
void nbdt_gate_open(struct nbdt_gate *gate, struct nbdt_gate_visit *visit)
{
	unsigned long flags;

	spin_lock_irqsave(&gate->lock, flags);
	if (!list_empty(&visit->node)) {
		list_del_init(&visit->node);
		WRITE_ONCE(gate->strict, gate->strict - is_strict(visit));
	}
	spin_unlock_irqrestore(&gate->lock, flags);
	queue_work(nbdt_gate_wq, &gate->work);
}

/**
 * nbdt_gate_pass - be inside by the side door
 * @gate: by which the caller was turned away
 *
 * Only for who gets along with all visits that have somebody to be told (turn.c).
 * Any context.
 *
 * Return: whether nobody minds; then nbdt_gate_passed() has to follow.
 */
bool nbdt_gate_pass(struct nbdt_gate *gate)
{
	unsigned long flags;
	bool passes;

	spin_lock_irqsave(&gate->lock, flags);
	passes = !gate->strict;
	gate->passing += passes;
	spin_unlock_irqrestore(&gate->lock, flags);
	return passes;
}

/* Who has passed leaves.  Any context. */
void nbdt_gate_passed(struct nbdt_gate *gate)
{
	unsigned long flags;

	spin_lock_irqsave(&gate->lock, flags);
	if (!--gate->passing && gate->strict)
		queue_work(nbdt_gate_wq, &gate->work);
	spin_unlock_irqrestore(&gate->lock, flags);
}
