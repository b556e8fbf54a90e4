// SPDX-License-Identifier: GPL-2.0
/*
 * Scanning: fill the allocation map by reading the device.
 *
 * One thread for each scan goes through the device, granule by granule, and
 * reads those of which nothing is known.  A granule is marked in the map before
 * it is read and is known to be zero if the mark is still there afterwards, so
 * writes meanwhile need no care; where anybody makes zeroes it waits.  Nobody waits
 * for it, as it may hang (map.c).
 *
 * The thread belongs to the export and is stopped, if it didn't end before,
 * when the export is removed, or by the administrator.  Whoever starts or
 * stops it holds a mutex that is there for nothing else, as the device may
 * keep them waiting; the thread itself takes no lock.
 */
#include <linux/blkdev.h>
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/wait_bit.h>

#include "compat/compat.h"
#include "content/content.h"
#include "content/look.h"
#include "content/map.h"
#include "content/scan.h"

/* Read at once; a granule may be more, or less. */
#define PIECE		(256UL << 10)

/* How soon to try again what can't be now; ms. */
#define RETRY		20

/* The part of a granule at OFFSET that is there, read into BUF: is it zero? */
static int piece_is_zero(struct nbdt_content *content, void *buf, u64 offset,
			 u32 len)
{
	return nbdt_look_read(content->bdev, buf, offset, len) ?:
	       !memchr_inv(buf, 0, len);
}

/* Return: 1 when OFFSET to END is zero, 0 when not, or -errno. */
static int range_is_zero(struct nbdt_content *content, void *buf, u64 offset,
			 u64 end)
{
	int zero = 1;

	while (offset < end && zero == 1) {
		u32 len = min_t(u64, PIECE, end - offset);

		zero = piece_is_zero(content, buf, offset, len);
		offset += len;
	}
	return zero;
}

/* Keep to the rate: sleep for as long as DONE bytes are ahead of it. */
static void pace(const struct nbdt_scan *scan, u64 done, ktime_t began)
{
	u64 due = mul_u64_u64_div_u64(done, MSEC_PER_SEC, scan->rate);
	s64 early = due - ktime_ms_delta(ktime_get(), began);

	/* In slices, as whoever stops it waits. */
	while (early > 0 && !READ_ONCE(scan->stopping)) {
		msleep_interruptible(min_t(s64, early, 100));
		early = due - ktime_ms_delta(ktime_get(), began);
	}
	cond_resched();
}

/* Return: as range_is_zero(), and then it is in the map; -ENODEV: not now. */
static int scan_granule(struct nbdt_content *content, void *buf, u64 at, u64 len)
{
	struct nbdt_map_zeroing scan;
	int zero;

	if (!nbdt_map_scan_begin(content->map, &scan, at, len))
		return -ENODEV;
	zero = range_is_zero(content, buf, at, at + len);
	nbdt_map_scan_end(content->map, &scan, zero == 1);
	return zero;
}

static int scan_device(struct nbdt_content *content, void *buf)
{
	struct nbdt_scan *scan = &content->scan;
	struct nbdt_map *map = content->map;
	u64 granule = 1ULL << map->shift;
	u64 end = round_down(map->size, content->block);
	ktime_t began = ktime_get();
	u64 at = 0, read = 0, len;
	int zero;

	while (at < end && !READ_ONCE(scan->stopping)) {
		len = end - at;
		if (!nbdt_map_state(map, at, &len)) {
			len = min(granule, end - at);
			zero = scan_granule(content, buf, at, len);
			if (zero == -ENODEV) {
				/* As long as anybody makes zeroes there. */
				msleep_interruptible(RETRY);
				continue;
			}
			if (zero < 0)
				return zero;
			read += len;
			pace(scan, read, began);
		}
		at += len;
		WRITE_ONCE(scan->done, at);
	}
	return at < end ? -EINTR : 0;
}

static int scan_thread(void *data)
{
	struct nbdt_content *content = data;
	struct nbdt_scan *scan = &content->scan;
	void *buf;
	int err = -ENOMEM;

	buf = alloc_pages_exact(PIECE, GFP_KERNEL | __GFP_NOWARN);
	if (buf) {
		err = scan_device(content, buf);
		free_pages_exact(buf, PIECE);
	}
	WRITE_ONCE(scan->err, err);
	WRITE_ONCE(scan->running, false);
	/* Who waits is looked for after that. */
	smp_mb();
	wake_up_var(&scan->running);
	return 0;
}

void nbdt_scan_init(struct nbdt_scan *scan)
{
	mutex_init(&scan->lock);
}

/*
 * Under the lock: have the task end, and wait until it has.  It may be reading
 * from a device that hangs.
 */
static int stop(struct nbdt_scan *scan)
{
	int err;

	if (!scan->task)
		return 0;
	WRITE_ONCE(scan->stopping, true);
	err = wait_var_event_killable(&scan->running,
				      !READ_ONCE(scan->running));
	if (err)
		return err;
	kthread_stop(scan->task);
	put_task_struct(scan->task);
	scan->task = NULL;
	return 0;
}

/* Under the lock. */
static int start(struct nbdt_content *content, u32 id, u64 rate,
		 struct netlink_ext_ack *extack)
{
	struct nbdt_scan *scan = &content->scan;
	struct task_struct *task;
	int err;

	err = nbdt_content_doubt(content, extack);
	if (err)
		return err;
	/* One that is only read knows nothing before its first scan. */
	err = nbdt_map_fill(content->map);
	if (err)
		return err;
	task = kthread_create(scan_thread, content, "nbdt-scan/%u", id);
	if (IS_ERR(task))
		return PTR_ERR(task);
	/* It may end at any time, and is to be stopped all the same. */
	get_task_struct(task);
	scan->task = task;
	scan->rate = rate ?: NBDT_SCAN_RATE;
	scan->stopping = false;
	WRITE_ONCE(scan->err, 0);
	WRITE_ONCE(scan->started, true);
	WRITE_ONCE(scan->done, 0);
	WRITE_ONCE(scan->running, true);
	wake_up_process(task);
	return 0;
}

/**
 * nbdt_scan_start - begin to look for what is zero
 * @content: of an export with a reference
 * @id: of the export, for the thread's name
 * @rate: most bytes a second; 0 for NBDT_SCAN_RATE
 * @extack: why not
 *
 * Return: 0, -EBUSY when one is running already, -ENODEV while the device is closed or
 * opened anew, -ENOMEM, -EINTR when the caller was killed, or as
 * nbdt_content_forget().
 */
int nbdt_scan_start(struct nbdt_content *content, u32 id, u64 rate,
		    struct netlink_ext_ack *extack)
{
	struct nbdt_scan *scan = &content->scan;
	int err;

	/* Who has it starts one, or waits for the end of the last. */
	if (!mutex_trylock(&scan->lock)) {
		nbdt_set_err_msg(extack, "a scan is running already");
		return -EBUSY;
	}
	if (READ_ONCE(content->closing)) {
		err = nbdt_content_tell_closing(content, extack);
	} else if (READ_ONCE(scan->running)) {
		nbdt_set_err_msg(extack, "a scan is running already");
		err = -EBUSY;
	} else {
		err = stop(scan) ?: start(content, id, rate, extack);
	}
	mutex_unlock(&scan->lock);
	return err;
}

/**
 * nbdt_scan_cancel - have the scan that is running end
 * @content: of an export with a reference
 *
 * Doesn't wait for it.
 *
 * Return: 0; -ENOENT when none is.
 */
int nbdt_scan_cancel(struct nbdt_content *content)
{
	struct nbdt_scan *scan = &content->scan;

	if (!READ_ONCE(scan->running))
		return -ENOENT;
	WRITE_ONCE(scan->stopping, true);
	return 0;
}

/**
 * nbdt_scan_stop - no scan runs any more
 * @content: of an export that is closing: none begins any more
 *
 * Waits for the device, which may hang.
 *
 * Return: 0; -EINTR or -ERESTARTSYS when the caller was killed: it will end.
 */
int nbdt_scan_stop(struct nbdt_content *content)
{
	struct nbdt_scan *scan = &content->scan;
	int err;

	err = mutex_lock_killable(&scan->lock);
	if (err)
		return err;
	err = stop(scan);
	mutex_unlock(&scan->lock);
	return err;
}
