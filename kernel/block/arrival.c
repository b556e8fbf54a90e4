// SPDX-License-Identifier: GPL-2.0
/*
 * Arrivals: block devices that come while exports wait for theirs.
 *
 * The kernel tells of each, in the context of whoever makes it come, who mustn't
 * be held up (watch.c).  So only its number is kept; a worker then goes through
 * the exports, and those whose device is gone, and are to have it back by
 * themselves, look whether it is theirs (export.c).
 *
 * As many as come at once are kept in a ring.  That more came, or that the kernel
 * lost events, is logged: what comes unseen takes an administrator.
 */
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "base/work.h"
#include "block/arrival.h"
#include "block/export.h"

/* Kept at once. */
#define ARRIVALS	256

/* Guards what follows. */
static DEFINE_SPINLOCK(lock);
static dev_t arrivals[ARRIVALS];
static unsigned int first, nr;
static bool missed;

static bool next(dev_t *dev)
{
	bool any;

	spin_lock_bh(&lock);
	any = nr;
	if (any) {
		*dev = arrivals[first];
		first = (first + 1) % ARRIVALS;
		nr--;
	}
	spin_unlock_bh(&lock);
	return any;
}

static bool was_missed(void)
{
	bool was;

	spin_lock_bh(&lock);
	was = missed;
	missed = false;
	spin_unlock_bh(&lock);
	return was;
}

static void look(struct work_struct *work)
{
	unsigned int noio = memalloc_noio_save();
	dev_t dev;

	/* Until it has its device an export has no clients, who may be what needs it. */
	while (next(&dev))
		nbdt_export_arrived(dev);
	memalloc_noio_restore(noio);
	if (was_missed() && nbdt_export_count())
		pr_warn("nbdtarget: devices may have come unseen; exports whose device is gone may need set-export --reopen\n");
}

/* Nothing can queue it any more when its queue ends. */
static DECLARE_WORK(look_work, look);

/* A device has come, or, if 0, may have.  Any context; mustn't wait. */
void nbdt_arrival_note(dev_t dev)
{
	if (!nbdt_export_count())
		return;
	spin_lock_bh(&lock);
	if (dev && nr < ARRIVALS)
		arrivals[(first + nr++) % ARRIVALS] = dev;
	else
		missed = true;
	spin_unlock_bh(&lock);
	queue_work(nbdt_close_wq, &look_work);
}
