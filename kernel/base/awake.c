// SPDX-License-Identifier: GPL-2.0
/*
 * Staying awake: no hibernation while anything is exported.
 *
 * For that the kernel copies memory, has disks and network cards work again, and writes
 * the copy to a disk, which takes a while.  Threads of the kernel, ours and those of
 * drivers, go on meanwhile: a client's write would be carried out and acknowledged, and
 * after the machine has resumed nobody knew of it.  Neither the map of zeroes nor a
 * bitmap had it, nor the counters that say what was written; and metadata in memory were
 * older than those on their device.
 *
 * To stop for that, and be without clients for minutes, is no use to anybody who exports
 * disks.  So the kernel is told that it can't hibernate, and its log why.  Whoever begins to
 * export something while it does, is refused as well.  To suspend to memory is another
 * thing, after which that is as it was.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/errno.h>
#include <linux/notifier.h>
#include <linux/printk.h>
#include <linux/spinlock.h>
#include <linux/suspend.h>

#include "base/awake.h"

static DEFINE_SPINLOCK(lock);		/* guards both */
static unsigned int nr;			/* exports, from before they have a device */
static bool hibernates;

/* An export begins: 0, or -EAGAIN when the machine is about to hibernate. */
int nbdt_awake_begin(void)
{
	int err = 0;

	spin_lock(&lock);
	if (hibernates)
		err = -EAGAIN;
	else
		nr++;
	spin_unlock(&lock);
	return err;
}

/* It has closed its devices. */
void nbdt_awake_end(void)
{
	spin_lock(&lock);
	nr--;
	spin_unlock(&lock);
}

static int begin_hibernation(void)
{
	unsigned int count;

	spin_lock(&lock);
	count = nr;
	hibernates = !count;
	spin_unlock(&lock);
	if (!count)
		return NOTIFY_OK;
	pr_warn("no hibernation while %u device%s exported: what clients write meanwhile would be forgotten; remove the exports first\n",
		count, count == 1 ? " is" : "s are");
	return NOTIFY_BAD;
}

static void end_hibernation(void)
{
	spin_lock(&lock);
	hibernates = false;
	spin_unlock(&lock);
}

static int notified(struct notifier_block *block, unsigned long event, void *data)
{
	switch (event) {
	case PM_HIBERNATION_PREPARE:
		return begin_hibernation();
	case PM_POST_HIBERNATION:
		end_hibernation();
		return NOTIFY_OK;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block notifier = {
	.notifier_call = notified,
};

int nbdt_awake_init(void)
{
	return register_pm_notifier(&notifier);
}

void nbdt_awake_exit(void)
{
	unregister_pm_notifier(&notifier);
}
