// SPDX-License-Identifier: GPL-2.0
/*
 * Placement: the CPU on which a connection's thread runs.
 *
 * The scheduler puts a thread that is woken on an idle CPU.  For one that has but a
 * few thousand instructions to do that is the wrong one each time: the request's
 * lines are in the cache of the CPU by which its packets came, and to wake another
 * takes an interrupt.  So, by "arrival", a thread is bound to the CPU by which the
 * last packets of its client came.
 *
 * It follows when they come by another, but neither a single one nor at each turn:
 * that many in a row have to, and it moves ten times a second at most.  Who has no
 * time to wait doesn't look.  What has RFS steer packets to where the thread is
 * (sock_rps_record_flow(), in stream.c) has them stay there.
 *
 * Whether it may be there.  CPUs that the machine was told to keep free (isolcpus=,
 * nohz_full=, isolated partitions of kernels that tell) are no place; of a list that
 * the administrator gives, all are.  Where packets come by a CPU that is none, the
 * scheduler chooses among those that are.  A thread's mask that isn't what we gave it
 * is somebody's will (taskset, cpuset): such a thread is left alone for as long as
 * there is a CPU that everybody may use and it may not.  That its mask was opened is
 * told the same way when its CPU goes offline, and then it is ours again; when a CPU
 * comes back all look anew.  Whoever gives a thread the very CPU that it is bound to
 * isn't noticed.
 *
 * When one place is too much for all who are there: of a network card with one queue
 * all packets come by one CPU, and a client on this machine needs its own.  Once in a
 * while (tick) the housekeeping looks which CPUs had next to no idle time, while
 * others that may be used idled half of it.  Of those who were bound to a full one
 * and took a good part of it, all but one are let go: the scheduler is good at
 * this, and knows what else there is to do.  One alone is let go if it has several
 * large requests at a time: what is to be copied then is more than what it costs that
 * it is done elsewhere, while the client goes on.  It is a heuristic.  They come back
 * after a while, and after the double of it when that was too early.
 *
 * Who owns what.  The policy is replaced as a whole, under a lock that is held to take
 * a reference; a thread has one to what it goes by.  Only the thread changes where it
 * is: others tell it by the generation, or by SPREAD and being resumed.  So nobody
 * waits for it, and no other task is moved from outside.
 */
#include <linux/cpu.h>
#include <linux/cpuhotplug.h>
#include <linux/cpumask.h>
#include <linux/jiffies.h>
#include <linux/kernel_stat.h>
#include <linux/kref.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/sched/isolation.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/tick.h>

#include "base/stats.h"
#include "compat/compat.h"
#include "session/placement.h"

/* What has to come by another CPU in a row before it is believed. */
#define BELIEVE		16
/* Between two moves. */
#define REST		(HZ / 10)

/* A CPU that idled less than this part of the time is full, ... */
#define FULL		16
/* ... one that idled more than this has room, ... */
#define ROOM		2
/* ... and who ran for more than this is in the way of others. */
#define BUSY		32
/* Bytes of a request, on average, from which on copying them counts. */
#define LARGE		(32 << 10)

/* How long who was let go stays away. */
#define SPELL_MIN	(8 * HZ)
#define SPELL_MAX	(64 * HZ)

enum kind {
	BY_ARRIVAL,
	BY_SCHEDULER,
	BY_LIST,		/* by arrival, on the CPUs that are in it */
};

struct nbdt_placement_policy {
	struct kref ref;
	enum kind kind;
	cpumask_var_t cpus;	/* for who isn't bound to one */
	char text[];		/* as it was given */
};

/* What a CPU had to do between the last two looks. */
struct load {
	u64 idle;		/* ns, in all */
	bool full;
	u32 kept;		/* look at which somebody was kept there */
};

u32 nbdt_placement_generation = 1;

static DEFINE_SPINLOCK(policy_lock);	/* guards the pointer */
static struct nbdt_placement_policy *policy;
static int online_state;

/* The housekeeping's alone. */
static DEFINE_PER_CPU(struct load, loads);
static u64 looked_at;			/* ns */
static u64 looked_for;			/* ns: between the last two looks */
static u32 look;
static bool has_room;			/* there is a CPU that has */

/* --- The policy --- */

static void policy_release(struct kref *ref)
{
	struct nbdt_placement_policy *old =
		container_of(ref, struct nbdt_placement_policy, ref);

	free_cpumask_var(old->cpus);
	kfree(old);
}

static void policy_put(struct nbdt_placement_policy *old)
{
	kref_put(&old->ref, policy_release);
}

/* The one of now; GENERATION is when it will be another, or is to be taken anew. */
static struct nbdt_placement_policy *policy_get(u32 *generation)
{
	struct nbdt_placement_policy *now;

	spin_lock(&policy_lock);
	now = policy;
	kref_get(&now->ref);
	*generation = nbdt_placement_generation;
	spin_unlock(&policy_lock);
	return now;
}

/* May anything run on a CPU, online or not? */
static bool is_for_all(int cpu)
{
	bool is;

	rcu_read_lock();
	is = housekeeping_cpu(cpu, HK_TYPE_DOMAIN) &&
	     housekeeping_cpu(cpu, HK_TYPE_TICK);
	rcu_read_unlock();
	return is;
}

static bool may_use(const struct nbdt_placement_policy *by, int cpu)
{
	if (cpu < 0 || !cpu_online(cpu))
		return false;
	return by->kind == BY_LIST ? cpumask_test_cpu(cpu, by->cpus) :
				     is_for_all(cpu);
}

static void take_all(struct cpumask *cpus)
{
	int cpu;

	cpumask_clear(cpus);
	for_each_possible_cpu(cpu)
		if (is_for_all(cpu))
			cpumask_set_cpu(cpu, cpus);
}

static int take_list(struct cpumask *cpus, const char *text,
		     struct netlink_ext_ack *extack)
{
	int err = cpulist_parse(text, cpus);

	if (err == -ERANGE || (!err && !cpumask_subset(cpus, cpu_possible_mask)))
		nbdt_set_err_msg(extack, "a CPU of placement isn't there");
	else if (err || cpumask_empty(cpus))
		nbdt_set_err_msg(extack,
				 "placement is none of arrival, scheduler and a list of CPUs");
	else if (!cpumask_intersects(cpus, cpu_online_mask))
		nbdt_set_err_msg(extack, "no CPU of placement is online");
	else
		return 0;
	return -EINVAL;
}

static int policy_parse(struct nbdt_placement_policy *new,
			struct netlink_ext_ack *extack)
{
	if (!strcmp(new->text, "arrival"))
		new->kind = BY_ARRIVAL;
	else if (!strcmp(new->text, "scheduler"))
		new->kind = BY_SCHEDULER;
	else
		new->kind = BY_LIST;
	if (new->kind == BY_LIST)
		return take_list(new->cpus, new->text, extack);
	take_all(new->cpus);
	return 0;
}

static struct nbdt_placement_policy *
policy_create(const char *text, struct netlink_ext_ack *extack)
{
	size_t len = strlen(text) + 1;
	struct nbdt_placement_policy *new;
	int err = -ENOMEM;

	new = kzalloc(struct_size(new, text, len), GFP_KERNEL);
	if (!new)
		return ERR_PTR(err);
	strscpy(new->text, text, len);
	kref_init(&new->ref);
	if (!zalloc_cpumask_var(&new->cpus, GFP_KERNEL))
		goto err_free;
	err = policy_parse(new, extack);
	if (err)
		goto err_cpus;
	return new;

err_cpus:
	free_cpumask_var(new->cpus);
err_free:
	kfree(new);
	return ERR_PTR(err);
}

/* With the lock held. */
static void have_all_look(void)
{
	WRITE_ONCE(nbdt_placement_generation, nbdt_placement_generation + 1);
}

/**
 * nbdt_placement_set - say where threads are to run
 * @text: "arrival", "scheduler", or CPUs as taskset -c has them
 * @extack: says why not
 *
 * Threads that are there follow when they next have something to do.
 *
 * Return: 0; -EINVAL when it is none of these, or no CPU of the list is there;
 * -ENOMEM.
 */
int nbdt_placement_set(const char *text, struct netlink_ext_ack *extack)
{
	struct nbdt_placement_policy *new = policy_create(text, extack), *old;

	if (IS_ERR(new))
		return PTR_ERR(new);
	spin_lock(&policy_lock);
	old = policy;
	policy = new;
	have_all_look();
	spin_unlock(&policy_lock);
	policy_put(old);
	return 0;
}

/* What was set last; to be freed.  NULL when there is no memory. */
char *nbdt_placement_text(void)
{
	u32 generation;
	struct nbdt_placement_policy *now = policy_get(&generation);
	char *text = kstrdup(now->text, GFP_KERNEL);

	policy_put(now);
	return text;
}

/* --- The thread's --- */

/* Is its mask what we gave it, or no less than anybody's? */
static bool is_ours(const struct nbdt_placement *p)
{
	const struct cpumask *mask = current->cpus_ptr;
	int cpu;

	if (cpumask_equal(mask, p->cpu >= 0 ? cpumask_of(p->cpu) :
					      p->policy->cpus))
		return true;
	for_each_online_cpu(cpu)
		if (is_for_all(cpu) && !cpumask_test_cpu(cpu, mask))
			return false;
	return true;
}

/* To one CPU; or, with -1, to all that the policy has. */
static void bind(struct nbdt_placement *p, int cpu)
{
	if (set_cpus_allowed_ptr(current, cpu >= 0 ? cpumask_of(cpu) :
						     p->policy->cpus))
		/* It went offline in this moment; the kernel opens the mask then. */
		return;
	WRITE_ONCE(p->cpu, cpu);
}

/* What has come so many times came by that CPU. */
static void follow(struct nbdt_placement *p, int cpu)
{
	p->strays = 0;
	p->moved = jiffies;
	if (p->policy->kind != BY_SCHEDULER && is_ours(p)) {
		if (may_use(p->policy, cpu))
			bind(p, cpu);
		else if (p->cpu >= 0)
			bind(p, -1);
	}
	/* Otherwise it may be another time. */
	if (p->policy->kind == BY_SCHEDULER || p->cpu == cpu)
		p->settled = cpu;
}

/* Take the policy of now. */
static void take_policy(struct nbdt_placement *p)
{
	struct nbdt_placement_policy *old = p->policy;
	bool was_list = old->kind == BY_LIST, ours = is_ours(p);

	p->policy = policy_get(&p->seen);
	policy_put(old);
	p->settled = -1;
	p->strays = 0;
	p->moved = jiffies - REST;
	WRITE_ONCE(p->spread, 0);
	if (!ours)
		return;
	if (p->cpu >= 0 && p->policy->kind != BY_SCHEDULER &&
	    may_use(p->policy, p->cpu) &&
	    cpumask_equal(current->cpus_ptr, cpumask_of(p->cpu)))
		p->settled = p->cpu;
	else if (p->cpu >= 0 || was_list || p->policy->kind == BY_LIST)
		bind(p, -1);
}

/**
 * nbdt_placement_begin - be where the policy has threads of which nothing is known
 * @p: zeroed, of the connection whose thread calls; nbdt_placement_end() follows
 */
void nbdt_placement_begin(struct nbdt_placement *p)
{
	p->policy = policy_get(&p->seen);
	p->settled = -1;
	p->moved = jiffies - REST;
	WRITE_ONCE(p->cpu, -1);
	if (p->policy->kind == BY_LIST && is_ours(p))
		bind(p, -1);
}

void nbdt_placement_end(struct nbdt_placement *p)
{
	policy_put(p->policy);
	p->policy = NULL;
}

/* The housekeeping had the thread look: it may be that it is to make room. */
void nbdt_placement_resume(struct nbdt_placement *p)
{
	if (!READ_ONCE(p->spread) || p->cpu < 0)
		return;
	if (is_ours(p))
		bind(p, -1);
	p->settled = -1;
}

static bool is_spread(struct nbdt_placement *p)
{
	unsigned long until = READ_ONCE(p->spread);

	if (until && time_before(jiffies, until))
		return true;
	if (until)
		WRITE_ONCE(p->spread, 0);
	return false;
}

/**
 * nbdt_placement_differs - what came wasn't as ever
 * @p: of the connection whose thread calls
 * @cpu: by which it came
 */
void nbdt_placement_differs(struct nbdt_placement *p, int cpu)
{
	if (p->seen != READ_ONCE(nbdt_placement_generation))
		take_policy(p);
	if (cpu == p->settled || cpu != p->next)
		p->strays = 0;
	p->next = cpu;
	if (cpu == p->settled || is_spread(p))
		return;
	if (++p->strays >= BELIEVE && time_after_eq(jiffies, p->moved + REST))
		follow(p, cpu);
}

/* --- The housekeeping's --- */

/* In ns, since the machine was started. */
static u64 idle_time(int cpu)
{
	u64 idle = get_cpu_idle_time_us(cpu, NULL);
	u64 waiting = get_cpu_iowait_time_us(cpu, NULL);

	if (idle != -1ULL && waiting != -1ULL)
		return (idle + waiting) * NSEC_PER_USEC;
	/* It has ticks all the time, which count. */
	return kcpustat_cpu(cpu).cpustat[CPUTIME_IDLE] +
	       kcpustat_cpu(cpu).cpustat[CPUTIME_IOWAIT];
}

static void look_at(const struct nbdt_placement_policy *by, int cpu)
{
	struct load *load = per_cpu_ptr(&loads, cpu);
	u64 now = idle_time(cpu), idle = now - load->idle;

	load->idle = now;
	load->full = idle < looked_for / FULL;
	if (idle > looked_for / ROOM && may_use(by, cpu))
		has_room = true;
}

/* What have the CPUs had to do?  Before nbdt_placement_tick() of each connection. */
void nbdt_placement_look(void)
{
	u32 generation;
	struct nbdt_placement_policy *now = policy_get(&generation);
	u64 time = ktime_get_ns();
	int cpu;

	looked_for = time - looked_at;
	looked_at = time;
	look++;
	has_room = false;
	if (now->kind != BY_SCHEDULER)
		for_each_online_cpu(cpu)
			look_at(now, cpu);
	policy_put(now);
}

/* The first of those that are in each other's way stays. */
static bool is_too_much(int cpu, bool large)
{
	struct load *load = per_cpu_ptr(&loads, cpu);

	if (!has_room || !load->full)
		return false;
	if (load->kept == look || large)
		return true;
	load->kept = look;
	return false;
}

/* Longer than the last time, if that was too short. */
static void leave_to_scheduler(struct nbdt_placement *p)
{
	if (p->spell && time_before(jiffies, p->until + SPELL_MAX))
		p->spell = min_t(unsigned long, p->spell * 2, SPELL_MAX);
	else
		p->spell = SPELL_MIN;
	p->until = jiffies + p->spell;
	WRITE_ONCE(p->spread, p->until | 1);
}

/**
 * nbdt_placement_tick - has a connection to make room for others?
 * @p: of the connection; after nbdt_placement_look()
 * @task: its thread
 * @stats: what it has answered
 * @many: its client has several requests at a time
 *
 * Return: true when its thread has to be resumed, which then does.
 */
bool nbdt_placement_tick(struct nbdt_placement *p,
			 const struct task_struct *task,
			 const struct nbdt_stats *stats, bool many)
{
	u64 ran = READ_ONCE(task->se.sum_exec_runtime);
	u64 requests = READ_ONCE(stats->requests);
	u64 bytes = READ_ONCE(stats->read_bytes) +
		    READ_ONCE(stats->written_bytes);
	bool busy = ran - p->ran > looked_for / BUSY;
	bool large = many &&
		     bytes - p->bytes >= (requests - p->requests) * LARGE;
	int cpu = READ_ONCE(p->cpu);

	p->ran = ran;
	p->bytes = bytes;
	p->requests = requests;
	if (cpu < 0 || READ_ONCE(p->spread) || !busy || !is_too_much(cpu, large))
		return false;
	leave_to_scheduler(p);
	return true;
}

/* --- The beginning and the end --- */

static int came_online(unsigned int cpu)
{
	spin_lock(&policy_lock);
	have_all_look();
	spin_unlock(&policy_lock);
	return 0;
}

int nbdt_placement_init(void)
{
	struct nbdt_placement_policy *first = policy_create("arrival", NULL);

	if (IS_ERR(first))
		return PTR_ERR(first);
	policy = first;
	online_state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN,
						 "nbdtarget:online",
						 came_online, NULL);
	if (online_state >= 0)
		return 0;
	policy_put(first);
	return online_state;
}

/* No thread is left. */
void nbdt_placement_exit(void)
{
	cpuhp_remove_state_nocalls(online_state);
	policy_put(policy);
}
