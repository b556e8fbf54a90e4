// SPDX-License-Identifier: GPL-2.0
/*
 * Arrivals: block devices that come while exports wait for theirs.
 *
 * The kernel tells of each, in the context of whoever makes it come, who mustn't
 * be held up (watch.c).  So only its number is kept, in a work of its own that then
 * goes through the exports: those whose device is gone, and are to have it back by
 * themselves, look whether it is theirs (export.c).  To look means to open it, and a
 * device that hangs there holds up what waits for that device, and no other arrival.
 *
 * An export that somebody is opening anew can't be asked.  That may take long, and come
 * to nothing; so the number is kept, and its work is queued again when one of these has
 * ended, whichever that was.
 *
 * There are as many at once as ARRIVALS.  That more came, or that the kernel lost
 * events, is logged: what comes unseen takes an administrator.
 *
 * A device may come before the one whose place it takes is known to be gone, as by
 * another way to the same disk; then nobody waits for it, and it comes no more.  So
 * the numbers of the last that came, and are there, are remembered, and looked at again
 * when an export begins to wait.  A second later, as many may begin at once.
 *
 * A work frees itself.  It holds the module, so that nobody who removes that waits for
 * a device that hangs, but is told that the module is in use; and its queue, whose end
 * waits for what is left of a work behind that, is there.
 */
#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "base/work.h"
#include "block/arrival.h"

#define ARRIVALS	256

/* How long after an export has begun to wait. */
#define RECALL_TIME	HZ

struct arrival {
	struct work_struct work;
	struct list_head node;		/* on KEPT, or nowhere */
	dev_t dev;
};

static atomic_t arrivals;

/* Of the exports, which are above this; set once. */
static u32 (*count)(void);
static bool (*arrived)(dev_t dev);

static DEFINE_SPINLOCK(kept_lock);	/* guards what follows */
static LIST_HEAD(kept);
static u64 ended;			/* how many were opened anew, or weren't */

/* The last that came, in a ring; 0: none. */
static DEFINE_SPINLOCK(last_lock);	/* guards what follows, in any context */
static dev_t last[ARRIVALS];
static unsigned int next_last;

static unsigned int recalled;		/* how many of them; the work's */

static u64 count_ended(void)
{
	u64 now;

	spin_lock(&kept_lock);
	now = ended;
	spin_unlock(&kept_lock);
	return now;
}

/* Until the next has ended, unless one did since SINCE. */
static void keep(struct arrival *arrival, u64 since)
{
	spin_lock(&kept_lock);
	if (ended == since)
		list_add_tail(&arrival->node, &kept);
	else
		queue_work(nbdt_close_wq, &arrival->work);
	spin_unlock(&kept_lock);
}

static void forget(struct arrival *arrival)
{
	kfree(arrival);
	atomic_dec(&arrivals);
	/* Its end waits for this worker. */
	module_put(THIS_MODULE);
}

static void look(struct work_struct *work)
{
	struct arrival *arrival = container_of(work, struct arrival, work);
	unsigned int noio = memalloc_noio_save();
	u64 since = count_ended();

	/* Until it has its device an export has no clients, who may be what needs it. */
	if (arrived(arrival->dev))
		keep(arrival, since);
	else
		forget(arrival);
	memalloc_noio_restore(noio);
}

static bool begin_to_look(dev_t dev)
{
	struct arrival *arrival;

	if (!atomic_add_unless(&arrivals, 1, ARRIVALS))
		return false;
	arrival = kmalloc(sizeof(*arrival), GFP_ATOMIC | __GFP_NOWARN);
	if (!arrival || !try_module_get(THIS_MODULE))
		goto err_arrival;
	INIT_WORK(&arrival->work, look);
	arrival->dev = dev;
	queue_work(nbdt_close_wq, &arrival->work);
	return true;

err_arrival:
	kfree(arrival);
	atomic_dec(&arrivals);
	return false;
}

/* Where it is in the ring; ARRIVALS if it isn't. */
static unsigned int index_of(dev_t dev)
{
	unsigned int i = 0;

	lockdep_assert_held(&last_lock);
	while (i < ARRIVALS && last[i] != dev)
		i++;
	return i;
}

static void remember(dev_t dev)
{
	unsigned long flags;

	spin_lock_irqsave(&last_lock, flags);
	if (index_of(dev) == ARRIVALS) {
		last[next_last] = dev;
		next_last = (next_last + 1) % ARRIVALS;
	}
	spin_unlock_irqrestore(&last_lock, flags);
}

/* It has left: nobody tries to open it in vain.  Any context. */
void nbdt_arrival_forget(dev_t dev)
{
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&last_lock, flags);
	i = index_of(dev);
	if (i < ARRIVALS)
		last[i] = 0;
	spin_unlock_irqrestore(&last_lock, flags);
}

static dev_t remembered(unsigned int i)
{
	unsigned long flags;
	dev_t dev;

	spin_lock_irqsave(&last_lock, flags);
	dev = last[i];
	spin_unlock_irqrestore(&last_lock, flags);
	return dev;
}

static void recall(struct work_struct *work);
static DECLARE_DELAYED_WORK(recall_work, recall);

/* When there are as many at once as there may be, the rest comes later. */
static void recall(struct work_struct *work)
{
	dev_t dev;

	for (; recalled < ARRIVALS; recalled++) {
		dev = remembered(recalled);
		if (dev && !begin_to_look(dev)) {
			queue_delayed_work(nbdt_control_wq, &recall_work,
					   RECALL_TIME);
			return;
		}
	}
	recalled = 0;
}

/* An export begins to wait: what it waits for may be there already. */
void nbdt_arrival_recall(void)
{
	queue_delayed_work(nbdt_control_wq, &recall_work, RECALL_TIME);
}

/* A device has come, or, if 0, may have.  Any context; mustn't wait. */
void nbdt_arrival_note(dev_t dev)
{
	if (!count())
		return;
	if (dev)
		remember(dev);
	if (!dev || !begin_to_look(dev))
		pr_warn_ratelimited("nbdtarget: devices may have come unseen; exports whose device is gone may need set-export --reopen\n");
}

/* An export's device was opened anew, or couldn't be. */
void nbdt_arrival_again(void)
{
	struct arrival *arrival, *next;

	spin_lock(&kept_lock);
	ended++;
	list_for_each_entry_safe(arrival, next, &kept, node) {
		list_del(&arrival->node);
		queue_work(nbdt_close_wq, &arrival->work);
	}
	spin_unlock(&kept_lock);
}

/* No export is there any more that could wait. */
void nbdt_arrival_exit(void)
{
	cancel_delayed_work_sync(&recall_work);
}

/**
 * nbdt_arrival_init - say who looks at devices that come
 * @export_count: how many there are to look; any context
 * @export_arrived: has them look; may wait.  Returns whether to do it again after
 *	nbdt_arrival_again()
 */
void nbdt_arrival_init(u32 (*export_count)(void),
		       bool (*export_arrived)(dev_t dev))
{
	count = export_count;
	arrived = export_arrived;
}
