// SPDX-License-Identifier: GPL-2.0
/*
 * Arrivals: block devices that come while exports wait for theirs.
 *
 * The kernel tells of each, in the context of whoever makes it come, who mustn't
 * be held up (watch.c).  So a work of its own goes through the exports: those whose
 * device is gone, and are to have it back by themselves, take it if it is theirs
 * (export.c).  To see that means to open it, if it may be one by what is seen from
 * outside; no other is touched.  A device that hangs there holds up what waits for that
 * device, and no other arrival.  Nor does an export that hangs while it is opened anew:
 * only its own devices wait for that.
 *
 * A device may be there before anybody waits for it, as by another way to the same
 * disk; and it may come unseen, as the kernel loses events, and no more than ARRIVALS
 * are looked at together.  So when an export begins to wait, or one may have come
 * unseen, all block devices of the machine are gone through, and those are looked at
 * that may be what an export waits for, by what is seen from outside.  A second later,
 * as many may begin at once.
 *
 * However often a device is to be looked at while that is under way, it is done once
 * more.
 *
 * A work frees itself.  It holds the module, so that nobody who removes that waits for
 * a device that hangs, but is told that the module is in use; and its queue, whose end
 * waits for what is left of a work behind that, is there.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "base/work.h"
#include "block/arrival.h"

#define ARRIVALS	256

/* How long after it is wanted. */
#define SEARCH_TIME	HZ

struct arrival {
	struct work_struct work;
	struct list_head node;
	dev_t dev;
	bool again;			/* what was seen of it may be over */
};

/* Of the exports, which are above this; set once. */
static u32 (*count)(void);
static void (*search_all)(void (*found)(dev_t dev));
static void (*arrived)(dev_t dev);

static DEFINE_SPINLOCK(lock);		/* guards what follows, in any context */
static LIST_HEAD(arrivals);		/* of a number each */
static unsigned int nr_arrivals;

static void search(struct work_struct *work);
static DECLARE_DELAYED_WORK(search_work, search);

static void begin(struct arrival *arrival)
{
	spin_lock_irq(&lock);
	arrival->again = false;
	spin_unlock_irq(&lock);
}

/* False when it is to be looked at once more. */
static bool end(struct arrival *arrival)
{
	bool over;

	spin_lock_irq(&lock);
	over = !arrival->again;
	if (over) {
		list_del(&arrival->node);
		WRITE_ONCE(nr_arrivals, nr_arrivals - 1);
	}
	spin_unlock_irq(&lock);
	return over;
}

static void look(struct work_struct *work)
{
	struct arrival *arrival = container_of(work, struct arrival, work);
	unsigned int noio = memalloc_noio_save();

	begin(arrival);
	/* Until it has its device an export has no clients, who may be what needs it. */
	arrived(arrival->dev);
	memalloc_noio_restore(noio);
	if (!end(arrival)) {
		queue_work(nbdt_close_wq, work);
		return;
	}
	kfree(arrival);
	/* Its end waits for this worker. */
	module_put(THIS_MODULE);
}

static struct arrival *find_locked(dev_t dev)
{
	struct arrival *arrival;

	lockdep_assert_held(&lock);
	list_for_each_entry(arrival, &arrivals, node) {
		if (arrival->dev == dev)
			return arrival;
	}
	return NULL;
}

/* False when there is no room. */
static bool add_locked(dev_t dev)
{
	struct arrival *arrival;

	lockdep_assert_held(&lock);
	if (nr_arrivals == ARRIVALS)
		return false;
	arrival = kmalloc(sizeof(*arrival), GFP_ATOMIC | __GFP_NOWARN);
	if (!arrival || !try_module_get(THIS_MODULE)) {
		kfree(arrival);
		return false;
	}
	INIT_WORK(&arrival->work, look);
	arrival->dev = dev;
	list_add(&arrival->node, &arrivals);
	WRITE_ONCE(nr_arrivals, nr_arrivals + 1);
	queue_work(nbdt_close_wq, &arrival->work);
	return true;
}

static bool begin_to_look(dev_t dev)
{
	struct arrival *arrival;
	unsigned long flags;
	bool has_room = true;

	spin_lock_irqsave(&lock, flags);
	arrival = find_locked(dev);
	if (arrival)
		arrival->again = true;
	else
		has_room = add_locked(dev);
	spin_unlock_irqrestore(&lock, flags);
	return has_room;
}

/* An export begins to wait: what it waits for may be there.  Any context. */
void nbdt_arrival_search(void)
{
	queue_delayed_work(nbdt_control_wq, &search_work, SEARCH_TIME);
}

/* Is any looked at? */
bool nbdt_arrival_is_any(void)
{
	return READ_ONCE(nr_arrivals);
}

/* A device has come, or, if 0, may have.  Any context; mustn't wait. */
void nbdt_arrival_note(dev_t dev)
{
	if (count() && (!dev || !begin_to_look(dev)))
		nbdt_arrival_search();
}

static void search(struct work_struct *work)
{
	search_all(nbdt_arrival_note);
}

/* No export is there any more that could wait, and no more is told. */
void nbdt_arrival_exit(void)
{
	cancel_delayed_work_sync(&search_work);
}

/**
 * nbdt_arrival_init - say who looks at devices that come
 * @export_count: how many there are to look; any context
 * @export_search: finds what there is already that may be a device that is waited for;
 *	waits for no device
 * @export_arrived: has them look; may wait
 */
void nbdt_arrival_init(u32 (*export_count)(void),
		       void (*export_search)(void (*found)(dev_t dev)),
		       void (*export_arrived)(dev_t dev))
{
	count = export_count;
	search_all = export_search;
	arrived = export_arrived;
}
