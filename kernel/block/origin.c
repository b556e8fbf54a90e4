// SPDX-License-Identifier: GPL-2.0
/*
 * Origins of requests: the connections that are attached to an export.
 *
 * One is on the list from the moment it may submit until nothing of it is in
 * flight any more.  Who holds the list's lock can call it; nobody else than its
 * thread takes it off.
 */
#include <linux/string.h>
#include <linux/wait_bit.h>

#include "block/origin.h"

void nbdt_origins_init(struct nbdt_origins *origins)
{
	spin_lock_init(&origins->lock);
	INIT_LIST_HEAD(&origins->list);
}

void nbdt_origins_add(struct nbdt_origins *origins, struct nbdt_origin *origin)
{
	spin_lock(&origins->lock);
	list_add_tail(&origin->node, &origins->list);
	WRITE_ONCE(origins->nr, origins->nr + 1);
	spin_unlock(&origins->lock);
}

/* By its thread, with nothing in flight. */
void nbdt_origins_del(struct nbdt_origins *origins, struct nbdt_origin *origin)
{
	spin_lock(&origins->lock);
	list_del(&origin->node);
	nbdt_stats_add(&origins->past, &origin->stats);
	WRITE_ONCE(origins->nr, origins->nr - 1);
	spin_unlock(&origins->lock);
	/* Who waits is looked for after the count has changed. */
	smp_mb();
	wake_up_var(&origins->nr);
}

/* If so, all that the last one did is seen. */
bool nbdt_origins_empty(struct nbdt_origins *origins)
{
	bool empty;

	spin_lock(&origins->lock);
	empty = !origins->nr;
	spin_unlock(&origins->lock);
	return empty;
}

void nbdt_origins_kill(struct nbdt_origins *origins, const char *reason)
{
	struct nbdt_origin *origin;

	spin_lock(&origins->lock);
	list_for_each_entry(origin, &origins->list, node)
		origin->kill(origin, reason);
	spin_unlock(&origins->lock);
}

/* The sum over those that are there and those that were. */
void nbdt_origins_stats(struct nbdt_origins *origins, struct nbdt_stats *sum)
{
	struct nbdt_origin *origin;

	memset(sum, 0, sizeof(*sum));
	spin_lock(&origins->lock);
	nbdt_stats_add(sum, &origins->past);
	list_for_each_entry(origin, &origins->list, node)
		nbdt_stats_add(sum, &origin->stats);
	spin_unlock(&origins->lock);
}

/* Until none is left.  Return: 0, or -ERESTARTSYS when the caller was killed. */
int nbdt_origins_wait(struct nbdt_origins *origins)
{
	return wait_var_event_killable(&origins->nr, !READ_ONCE(origins->nr));
}

/* The same, for that many jiffies.  Return: whether none is left. */
bool nbdt_origins_wait_timeout(struct nbdt_origins *origins, unsigned long time)
{
	return wait_var_event_timeout(&origins->nr, !READ_ONCE(origins->nr), time);
}
