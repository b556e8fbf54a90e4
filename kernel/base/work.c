// SPDX-License-Identifier: GPL-2.0
/* Queues for work that belongs to no export alone. */
#include <linux/errno.h>
#include <linux/workqueue.h>

#include "base/work.h"

struct workqueue_struct *nbdt_gate_wq;
struct workqueue_struct *nbdt_control_wq;
struct workqueue_struct *nbdt_close_wq;
struct workqueue_struct *nbdt_look_wq;

int nbdt_work_init(void)
{
	nbdt_gate_wq = alloc_workqueue("nbdt_gate", WQ_UNBOUND | WQ_MEM_RECLAIM,
				       0);
	if (!nbdt_gate_wq)
		return -ENOMEM;
	nbdt_control_wq = alloc_workqueue("nbdt_control",
					  WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!nbdt_control_wq)
		goto err_gate;
	nbdt_close_wq = alloc_workqueue("nbdt_close", WQ_UNBOUND,
					WQ_MAX_ACTIVE);
	if (!nbdt_close_wq)
		goto err_control;
	nbdt_look_wq = alloc_workqueue("nbdt_look", WQ_UNBOUND, WQ_MAX_ACTIVE);
	if (!nbdt_look_wq)
		goto err_close;
	return 0;

err_close:
	destroy_workqueue(nbdt_close_wq);
err_control:
	destroy_workqueue(nbdt_control_wq);
err_gate:
	destroy_workqueue(nbdt_gate_wq);
	return -ENOMEM;
}

void nbdt_work_exit(void)
{
	destroy_workqueue(nbdt_look_wq);
	destroy_workqueue(nbdt_close_wq);
	destroy_workqueue(nbdt_control_wq);
	destroy_workqueue(nbdt_gate_wq);
}
