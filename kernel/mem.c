// SPDX-License-Identifier: GPL-2.0
/*
 * Accounting of request memory: what clients make us hold is bounded, for
 * each connection and for the whole module.
 *
 * A connection's thread charges a request's buffer before it allocates it
 * and reads no further when it may not.  So that this costs nothing worth
 * mentioning, connections take from the module's limit in grants and charge
 * against those: the account is the thread's own, and the one shared counter
 * is touched once in many requests.
 *
 * A connection that was refused is on the list of waiters until it is let
 * in, and is woken when somebody gives a grant back.  A connection that holds
 * nothing is always let in with a small request (NBDT_MEM_FLOOR), above the
 * limit if need be: clients that don't read their replies can make others
 * slow, but not stop them, until the stall timeout ends them.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "conn.h"
#include "mem.h"

/* Grants are multiples of this; as much stays with an idle connection. */
#define GRANT		(256UL << 10)

static atomic_long_t granted = ATOMIC_LONG_INIT(0);
static unsigned long limit = ULONG_MAX;

static DEFINE_SPINLOCK(waiters_lock);
static LIST_HEAD(waiters);

u64 nbdt_mem_limit(void)
{
	return READ_ONCE(limit);
}

u64 nbdt_mem_granted(void)
{
	return atomic_long_read(&granted);
}

static void wake_waiters(void)
{
	struct nbdt_mem *mem;

	spin_lock(&waiters_lock);
	list_for_each_entry(mem, &waiters, waiting)
		nbdt_conn_resume(container_of(mem, struct nbdt_conn, mem));
	spin_unlock(&waiters_lock);
}

void nbdt_mem_set_limit(u64 bytes)
{
	WRITE_ONCE(limit, bytes);
	wake_waiters();
}

void nbdt_mem_init(struct nbdt_mem *mem)
{
	mem->used = 0;
	mem->granted = 0;
	INIT_LIST_HEAD(&mem->waiting);
}

static void give_back(struct nbdt_mem *mem, size_t bytes)
{
	mem->granted -= bytes;
	atomic_long_sub(bytes, &granted);
	/* Pairs with the barrier in wait_for_memory(). */
	smp_mb__after_atomic();
	if (!list_empty(&waiters))
		wake_waiters();
}

static void stop_waiting(struct nbdt_mem *mem)
{
	spin_lock(&waiters_lock);
	list_del_init(&mem->waiting);
	spin_unlock(&waiters_lock);
}

void nbdt_mem_exit(struct nbdt_mem *mem)
{
	WARN_ON_ONCE(mem->used);
	if (!list_empty(&mem->waiting))
		stop_waiting(mem);
	if (mem->granted)
		give_back(mem, mem->granted);
}

static bool take(struct nbdt_mem *mem, size_t bytes)
{
	long old = atomic_long_read(&granted);

	/* Never more for a moment: others would be refused because of it. */
	do {
		if (old + bytes > READ_ONCE(limit))
			return false;
	} while (!atomic_long_try_cmpxchg(&granted, &old, old + bytes));
	mem->granted += bytes;
	return true;
}

static void take_above_limit(struct nbdt_mem *mem, size_t bytes)
{
	atomic_long_add(bytes, &granted);
	mem->granted += bytes;
}

static void wait_for_memory(struct nbdt_mem *mem)
{
	spin_lock(&waiters_lock);
	if (list_empty(&mem->waiting))
		list_add_tail(&mem->waiting, &waiters);
	spin_unlock(&waiters_lock);
	/*
	 * Somebody who gave memory back before we were on the list didn't
	 * see us; then we see what was given.
	 */
	smp_mb();
}

/**
 * nbdt_mem_charge - account for memory that is about to be allocated
 * @mem: the caller's connection's account
 * @bytes: how many
 *
 * Return: true when it may be allocated.  False when it may not yet: the
 * connection's thread is woken when it is worth another try, which is after
 * something of its own was uncharged or somebody else gave memory back.
 */
bool nbdt_mem_charge(struct nbdt_mem *mem, size_t bytes)
{
	size_t missing;

	if (mem->used && mem->used + bytes > NBDT_MEM_CONN_MAX)
		return false;

	if (mem->used + bytes > mem->granted) {
		missing = round_up(mem->used + bytes - mem->granted, GRANT);
		if (!take(mem, missing)) {
			wait_for_memory(mem);
			if (!take(mem, missing)) {
				if (mem->used || bytes > NBDT_MEM_FLOOR)
					return false;
				take_above_limit(mem, missing);
			}
		}
		if (!list_empty(&mem->waiting))
			stop_waiting(mem);
	}
	mem->used += bytes;
	return true;
}

/**
 * nbdt_mem_uncharge - account for memory that was freed
 * @mem: the caller's connection's account
 * @bytes: how many
 */
void nbdt_mem_uncharge(struct nbdt_mem *mem, size_t bytes)
{
	size_t keep;

	mem->used -= bytes;
	keep = round_up(mem->used, GRANT) + GRANT;
	/* Keep some slack, lest a busy connection take and give all day. */
	if (mem->granted > keep + 4 * GRANT ||
	    (mem->granted > keep && !list_empty(&waiters)))
		give_back(mem, mem->granted - keep);
}

/* An idle connection can give something back. */
bool nbdt_mem_excess(const struct nbdt_mem *mem)
{
	return READ_ONCE(mem->granted) > round_up(READ_ONCE(mem->used), GRANT);
}

/* Give back all that isn't used; for a connection that has been idle. */
void nbdt_mem_trim(struct nbdt_mem *mem)
{
	size_t keep = round_up(mem->used, GRANT);

	if (mem->granted > keep)
		give_back(mem, mem->granted - keep);
}
