/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_SCAN_H
#define NBDT_SCAN_H

#include <linux/mutex.h>
#include <linux/types.h>

struct netlink_ext_ack;
struct nbdt_export;
struct task_struct;

/* Bytes a second, unless it is told otherwise. */
#define NBDT_SCAN_RATE		(64U << 20)

/* The last scan of an export. */
struct nbdt_scan {
	struct mutex lock;		/* guards starting and stopping it */
	struct task_struct *task;
	u64 rate;			/* set before the task runs */
	bool stopping;			/* the task is asked to end */

	/* Written by the task, read by anybody. */
	u64 done;			/* bytes looked at */
	bool started;			/* ever */
	bool running;
	int err;			/* what ended it early */
};

void nbdt_scan_init(struct nbdt_scan *scan);
int nbdt_scan_start(struct nbdt_export *export, u64 rate,
		    struct netlink_ext_ack *extack);
int nbdt_scan_stop(struct nbdt_export *export);

#endif /* NBDT_SCAN_H */
