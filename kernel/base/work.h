/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_WORK_H
#define NBDT_WORK_H

struct workqueue_struct;

/*
 * On the way of I/O, as are the disks' queues: must get on however short
 * memory is.  What runs here never waits for a device.
 */
extern struct workqueue_struct *nbdt_gate_wq;
/*
 * For what may wait for the administrator's locks.  Deadlines of I/O are here, too, as
 * that of a write to metadata, whose worker waits for its timer to end: so this must
 * get on as well, and what runs here never waits for a device.
 */
extern struct workqueue_struct *nbdt_control_wq;
/*
 * For what waits for a device, which may be for ever.  There are only so many workers:
 * none waits for what is queued here and may not have begun.
 */
extern struct workqueue_struct *nbdt_close_wq;
/* For looks at devices, which those wait for. */
extern struct workqueue_struct *nbdt_look_wq;

int nbdt_work_init(void);
void nbdt_work_exit(void);

#endif /* NBDT_WORK_H */
