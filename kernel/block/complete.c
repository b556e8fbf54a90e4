// SPDX-License-Identifier: GPL-2.0
/* How requests come back to where they came from. */
#include <linux/llist.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "block/complete.h"
#include "block/origin.h"
#include "block/request.h"
#include "block/request_trace.h"
#include "block/turn.h"

/**
 * nbdt_request_complete - hand a request back to its connection
 * @req: carried out, or failed; not the caller's any more afterwards
 *
 * Any context.  Within the connection's thread, which then must not be going
 * through its replies, it is answered at once.
 */
void nbdt_request_complete(struct nbdt_request *req)
{
	struct nbdt_origin *origin = req->origin;

	trace_nbdt_request_done(req);
	nbdt_turn_end(req);

	/*
	 * A device without latency is done when the thread has submitted; not if
	 * its driver holds a lock that interrupts take.
	 */
	if (in_task() && current == origin->task && !irqs_disabled()) {
		__llist_add(&req->done, &origin->here);
		return;
	}
	/*
	 * As soon as the request is on the list, the thread may answer it,
	 * end, and be reaped with the connection; both are freed after a
	 * grace period, so that there still is somebody to wake.
	 */
	rcu_read_lock();
	if (llist_add(&req->done, &origin->done))
		wake_up_process(origin->task);
	rcu_read_unlock();
}
