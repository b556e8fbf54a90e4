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
 * A connection that was refused stands in line until it is let in or gives up.
 * Only the first in line is woken when somebody gives a grant back, and while
 * there is one nobody else takes from the limit, so that what comes free adds
 * up to what a large request needs.  A connection that holds nothing is always
 * let in with a small request (NBDT_MEM_FLOOR), above the limit if need be:
 * clients that don't read their replies can make others slow, but not stop
 * them, until the stall timeout ends them.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "session/mem.h"

/* Grants are multiples of this. */
#define GRANT		(256UL << 10)
/* What a connection has beyond what it uses, while nobody waits for it. */
#define SLACK		(5 * GRANT)

static atomic_long_t granted = ATOMIC_LONG_INIT(0);
static unsigned long limit = ULONG_MAX;

static DEFINE_SPINLOCK(line_lock);
static LIST_HEAD(line);			/* who waits, in order of arrival */

u64 nbdt_mem_limit(void)
{
	return READ_ONCE(limit);
}

u64 nbdt_mem_granted(void)
{
	return atomic_long_read(&granted);
}

static void wake_first_locked(void)
{
	struct nbdt_mem *mem;

	mem = list_first_entry_or_null(&line, struct nbdt_mem, waiting);
	if (mem)
		mem->resume(mem);
}

static void wake_first(void)
{
	spin_lock(&line_lock);
	wake_first_locked();
	spin_unlock(&line_lock);
}

void nbdt_mem_set_limit(u64 bytes)
{
	WRITE_ONCE(limit, bytes);
	wake_first();
}

/* A share of what the machine has. */
void nbdt_mem_set_default(void)
{
	u64 memory = (u64)totalram_pages() << PAGE_SHIFT;

	nbdt_mem_set_limit(max_t(u64, memory / 16, NBDT_MEM_LIMIT_MIN));
}

void nbdt_mem_init(struct nbdt_mem *mem, void (*resume)(struct nbdt_mem *mem))
{
	mem->used = 0;
	mem->granted = 0;
	INIT_LIST_HEAD(&mem->waiting);
	mem->resume = resume;
}

static void give_back(struct nbdt_mem *mem, size_t bytes)
{
	mem->granted -= bytes;
	atomic_long_sub(bytes, &granted);
	/* Pairs with the barrier in stand_in_line(). */
	smp_mb__after_atomic();
	if (!list_empty(&line))
		wake_first();
}

static bool is_waiting(const struct nbdt_mem *mem)
{
	return !list_empty(&mem->waiting);
}

/* Whether nobody goes before. */
static bool has_turn(const struct nbdt_mem *mem)
{
	const struct list_head *first = READ_ONCE(line.next);

	return first == &mem->waiting || first == &line;
}

static void stand_in_line(struct nbdt_mem *mem)
{
	spin_lock(&line_lock);
	if (!is_waiting(mem))
		list_add_tail(&mem->waiting, &line);
	spin_unlock(&line_lock);
	/*
	 * Somebody who gave memory back before we were in line didn't see us;
	 * then we see what was given.
	 */
	smp_mb();
}

/* Leave the line; a connection that doesn't want any more must do so. */
void nbdt_mem_stop_waiting(struct nbdt_mem *mem)
{
	if (!is_waiting(mem))
		return;
	spin_lock(&line_lock);
	list_del_init(&mem->waiting);
	wake_first_locked();
	spin_unlock(&line_lock);
}

void nbdt_mem_exit(struct nbdt_mem *mem)
{
	WARN_ON_ONCE(mem->used);
	nbdt_mem_stop_waiting(mem);
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

/* Have BYTES more granted; false when they aren't yet. */
static bool grow(struct nbdt_mem *mem, size_t bytes, bool floor)
{
	if (has_turn(mem) && take(mem, bytes))
		return true;
	stand_in_line(mem);
	if (has_turn(mem) && take(mem, bytes))
		return true;
	if (floor)
		take_above_limit(mem, bytes);
	return floor;
}

/**
 * nbdt_mem_charge - account for memory that is about to be allocated
 * @mem: the caller's connection's account
 * @bytes: how many
 *
 * Return: true when it may be allocated.  False when it may not yet: the
 * connection's thread is woken when it is worth another try, which is after
 * something of its own was uncharged, or when it is first in line and somebody
 * else gave memory back.  Whoever won't try again calls
 * nbdt_mem_stop_waiting().
 */
bool nbdt_mem_charge(struct nbdt_mem *mem, size_t bytes)
{
	size_t missing;

	if (mem->used && mem->used + bytes > NBDT_MEM_CONN_MAX)
		return false;

	if (mem->used + bytes > mem->granted) {
		missing = round_up(mem->used + bytes - mem->granted, GRANT);
		if (!grow(mem, missing, !mem->used && bytes <= NBDT_MEM_FLOOR))
			return false;
	}
	nbdt_mem_stop_waiting(mem);
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
	keep = round_up(mem->used, GRANT);
	/* Some slack, lest a busy connection take and give all day. */
	if (mem->granted > keep + SLACK ||
	    (mem->granted > keep && !list_empty(&line)))
		give_back(mem, mem->granted - keep);
}

/* Somebody waits: who has more than he uses had better give it back. */
bool nbdt_mem_wanted(void)
{
	return !list_empty(&line);
}

/* Give back all that isn't used; for a connection that has been idle. */
void nbdt_mem_trim(struct nbdt_mem *mem)
{
	size_t keep = round_up(mem->used, GRANT);

	if (mem->granted > keep)
		give_back(mem, mem->granted - keep);
}
