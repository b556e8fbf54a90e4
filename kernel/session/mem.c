// SPDX-License-Identifier: GPL-2.0
/*
 * Accounting of request memory: what clients make us hold is bounded, for
 * each connection, each export and the whole module.
 *
 * A connection's thread charges a request's buffer before it allocates it
 * and reads no further when it may not.  So that this costs nothing worth
 * mentioning, connections take from the module's limit in grants and charge
 * against those: the account is the thread's own, and the shared one, with its lock,
 * is touched once in many requests.
 *
 * A connection that was refused stands in line until it is let in or gives up.
 * Only who goes first is woken when somebody gives a grant back, and while
 * there is one nobody else takes from the limit, so that what comes free adds
 * up to what a large request needs.  A connection is always let in with what is
 * small with all that it holds (NBDT_MEM_FLOOR), above the limit if need be:
 * clients that don't read their replies can make others slow, but not stop
 * them, until the stall timeout ends them.
 *
 * Nothing ends a request in a device that hangs, and who comes again has more of them
 * there.  So what the connections of an export have is counted together, and the last
 * quarter is for exports that have little (EXPORT_LITTLE): who would have more may have
 * only what is left below it, and doesn't keep those in line behind him who wouldn't.
 * Several exports whose devices hang may have that quarter as well, each its little.
 * Who goes first of those who would have little changes whenever an export gets more,
 * too: he whom that lets by is woken then.
 */
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/spinlock.h>

#include "session/mem.h"

/* Grants are multiples of this, but for what is above the limit. */
#define GRANT		(256UL << 10)
/* What a connection has beyond what it uses, while nobody waits for it. */
#define SLACK		(5 * GRANT)
/* Of an export: a sixteenth of the limit, or one of the largest requests, at any offset. */
#define EXPORT_LITTLE	((32UL << 20) + 4 * GRANT)

/* Guards what follows, what exports have, and the line's part of accounts. */
static DEFINE_SPINLOCK(mem_lock);
static unsigned long granted;		/* may be read without */
static unsigned long limit = ULONG_MAX;	/* the same */
static LIST_HEAD(line);			/* who waits, in order of arrival */

u64 nbdt_mem_limit(void)
{
	return READ_ONCE(limit);
}

u64 nbdt_mem_granted(void)
{
	return READ_ONCE(granted);
}

static unsigned long last_quarter(void)
{
	return limit / 4;
}

/* Would his export have little, with what he wants? */
static bool is_modest(const struct nbdt_mem *mem, size_t bytes)
{
	unsigned long little = max(limit / 16,
				   min(EXPORT_LITTLE, last_quarter()));

	return *mem->share + bytes <= little;
}

/* Whether nobody goes before; those in line behind MEM don't. */
static bool has_turn_locked(const struct nbdt_mem *mem, bool modest)
{
	const struct nbdt_mem *other;

	lockdep_assert_held(&mem_lock);
	list_for_each_entry(other, &line, waiting) {
		if (other == mem)
			break;
		if (!modest || is_modest(other, other->wants))
			return false;
	}
	return true;
}

/* Who goes first: of all, and of the modest. */
static void wake_first_locked(void)
{
	struct nbdt_mem *mem, *first;

	lockdep_assert_held(&mem_lock);
	first = list_first_entry_or_null(&line, struct nbdt_mem, waiting);
	if (first)
		first->resume(first);
	list_for_each_entry(mem, &line, waiting) {
		if (!is_modest(mem, mem->wants))
			continue;
		if (mem != first)
			mem->resume(mem);
		break;
	}
}

void nbdt_mem_set_limit(u64 bytes)
{
	spin_lock(&mem_lock);
	WRITE_ONCE(limit, bytes);
	wake_first_locked();
	spin_unlock(&mem_lock);
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
	mem->alone = 0;
	mem->share = &mem->alone;
	INIT_LIST_HEAD(&mem->waiting);
	mem->resume = resume;
}

/**
 * nbdt_mem_join - have an account count as an export's
 * @mem: of a connection that is attached to it until nbdt_mem_exit()
 * @share: where what all of them have is counted; mem.c's alone
 */
void nbdt_mem_join(struct nbdt_mem *mem, unsigned long *share)
{
	spin_lock(&mem_lock);
	*share += mem->granted;
	mem->share = share;
	wake_first_locked();
	spin_unlock(&mem_lock);
}

static void grant_locked(struct nbdt_mem *mem, size_t bytes)
{
	mem->granted += bytes;
	*mem->share += bytes;
	WRITE_ONCE(granted, granted + bytes);
	wake_first_locked();
}

static void give_back(struct nbdt_mem *mem, size_t bytes)
{
	spin_lock(&mem_lock);
	mem->granted -= bytes;
	*mem->share -= bytes;
	WRITE_ONCE(granted, granted - bytes);
	wake_first_locked();
	spin_unlock(&mem_lock);
}

static bool is_waiting(const struct nbdt_mem *mem)
{
	return !list_empty(&mem->waiting);
}

/*
 * Leave the line; a connection that doesn't want any more, or may be held up before it
 * tries again, must do so.  Return: whether it was there.
 */
bool nbdt_mem_stop_waiting(struct nbdt_mem *mem)
{
	if (!is_waiting(mem))
		return false;
	spin_lock(&mem_lock);
	list_del_init(&mem->waiting);
	wake_first_locked();
	spin_unlock(&mem_lock);
	return true;
}

void nbdt_mem_exit(struct nbdt_mem *mem)
{
	WARN_ON_ONCE(mem->used);
	nbdt_mem_stop_waiting(mem);
	if (mem->granted)
		give_back(mem, mem->granted);
}

static bool may_take_locked(const struct nbdt_mem *mem, size_t bytes)
{
	bool modest = is_modest(mem, bytes);
	unsigned long most = modest ? limit : limit - last_quarter();

	return has_turn_locked(mem, modest) && granted + bytes <= most;
}

static void stand_in_line_locked(struct nbdt_mem *mem, size_t bytes)
{
	mem->wants = bytes;
	if (!is_waiting(mem))
		list_add_tail(&mem->waiting, &line);
}

/* Have at least BYTES more granted, and those if FLOOR; false when they aren't yet. */
static bool grow(struct nbdt_mem *mem, size_t bytes, bool floor)
{
	size_t grants = round_up(bytes, GRANT);
	bool may;

	spin_lock(&mem_lock);
	may = may_take_locked(mem, grants);
	if (may)
		grant_locked(mem, grants);
	else if (floor)
		grant_locked(mem, bytes);
	else
		stand_in_line_locked(mem, grants);
	spin_unlock(&mem_lock);
	return may || floor;
}

/**
 * nbdt_mem_charge - account for memory that is about to be allocated
 * @mem: the caller's connection's account
 * @bytes: how many
 *
 * Return: true when it may be allocated.  False when it may not yet: the
 * connection's thread is woken when it is worth another try, which is after
 * something of its own was uncharged, or when it is first in line and somebody
 * else gave memory back.  Whoever won't try again, or can't for long, calls
 * nbdt_mem_stop_waiting().
 */
bool nbdt_mem_charge(struct nbdt_mem *mem, size_t bytes)
{
	size_t used = mem->used + bytes;

	if (mem->used && used > NBDT_MEM_CONN_MAX)
		return false;
	if (used > mem->granted &&
	    !grow(mem, used - mem->granted, used <= NBDT_MEM_FLOOR))
		return false;
	nbdt_mem_stop_waiting(mem);
	mem->used = used;
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
