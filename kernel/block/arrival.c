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
 * There are as many at once as ARRIVALS.  That more came, or that the kernel lost
 * events, is logged: what comes unseen takes an administrator.
 *
 * A work frees itself.  None is queued any more when its queue ends, which waits for
 * all.
 */
#include <linux/atomic.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "base/work.h"
#include "block/arrival.h"
#include "block/export.h"

#define ARRIVALS	256

struct arrival {
	struct work_struct work;
	dev_t dev;
};

static atomic_t arrivals;

static void look(struct work_struct *work)
{
	struct arrival *arrival = container_of(work, struct arrival, work);
	unsigned int noio = memalloc_noio_save();

	/* Until it has its device an export has no clients, who may be what needs it. */
	nbdt_export_arrived(arrival->dev);
	memalloc_noio_restore(noio);
	kfree(arrival);
	atomic_dec(&arrivals);
}

static bool begin_to_look(dev_t dev)
{
	struct arrival *arrival;

	if (!atomic_add_unless(&arrivals, 1, ARRIVALS))
		return false;
	arrival = kmalloc(sizeof(*arrival), GFP_ATOMIC | __GFP_NOWARN);
	if (!arrival) {
		atomic_dec(&arrivals);
		return false;
	}
	INIT_WORK(&arrival->work, look);
	arrival->dev = dev;
	queue_work(nbdt_close_wq, &arrival->work);
	return true;
}

/* A device has come, or, if 0, may have.  Any context; mustn't wait. */
void nbdt_arrival_note(dev_t dev)
{
	if (!nbdt_export_count())
		return;
	if (!dev || !begin_to_look(dev))
		pr_warn_ratelimited("nbdtarget: devices may have come unseen; exports whose device is gone may need set-export --reopen\n");
}
