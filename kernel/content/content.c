// SPDX-License-Identifier: GPL-2.0
/*
 * What is known of a device's content, and told: the allocation map (map.c), as
 * long as it is proved that nobody else has written (proof.c).
 *
 * The map itself knows only of what the export does.  So whoever tells of it has
 * to ask here, each time, after it was asked itself: what somebody writes
 * meanwhile may be told of as it was before.
 *
 * If a write of the export's own may change anything anywhere (reach.c), it is as one of
 * somebody else.
 *
 * When the proof is broken, nothing is told from the map any more.  Both begin
 * anew, the map empty, when that can be done with no request of the export under
 * way: when a scan starts, when the administrator has all of it forgotten, and
 * when a client comes while there is no other.
 */
#include <linux/blkdev.h>
#include <linux/jiffies.h>

#include "base/gate.h"
#include "compat/compat.h"
#include "content/content.h"
#include "content/map.h"

/* How long to wait for requests in flight; ms. */
#define FORGET_TIMEOUT		30000

/**
 * nbdt_content_lost - is its device no longer what was opened?
 * @content: of an open device
 *
 * What has to be so still: its driver is there; its disk has the number that the kernel
 * gives a disk anew when it gets another medium, as does a loop device that gets
 * another file; and its blocks are no larger than those for which requests are made.
 * Another table of a mapped device is no other device.
 *
 * Return: why, in a few words; NULL if it still is.
 */
const char *nbdt_content_lost(const struct nbdt_content *content)
{
	struct gendisk *disk = content->bdev->bd_disk;

	if (!disk_live(disk))
		return "it was removed";
	if (READ_ONCE(disk->diskseq) != content->number)
		return "another medium is in its place";
	if (bdev_logical_block_size(content->bdev) > content->block)
		return "it has larger blocks";
	return NULL;
}

/* Can what the map says be told now? */
bool nbdt_content_is_believed(struct nbdt_content *content)
{
	return !content->map_off && nbdt_proof_holds(&content->proof);
}

/**
 * nbdt_content_is_zero - is the beginning of a range certain to be zero?
 * @content: of an open device
 * @offset: where it begins, in bytes
 * @len: its length, not 0; made shorter to how far the answer holds
 *
 * Costs next to nothing when the map doesn't say so.
 */
bool nbdt_content_is_zero(struct nbdt_content *content, u64 offset, u64 *len)
{
	u64 all = *len;

	if (!nbdt_map_zero(content->map, offset, len))
		return false;
	*len = all;
	/* Again, as the proof may have begun anew meanwhile. */
	return nbdt_content_is_believed(content) &&
	       nbdt_map_zero(content->map, offset, len);
}

/**
 * nbdt_content_set_reach - a write may change what is around it
 * @content: of an open device; beside which nothing is done
 */
void nbdt_content_set_reach(struct nbdt_content *content)
{
	nbdt_map_set_reach(content->map, content->bdev);
	content->proof.disowned = content->map->reach.anywhere;
}

/* Return: 0, or -EINVAL when there is to be no map. */
int nbdt_content_check_map(const struct nbdt_content *content,
			   struct netlink_ext_ack *extack)
{
	if (!content->map_off)
		return 0;
	nbdt_set_err_msg(extack, "the map of '%.32s' is off", content->name);
	return -EINVAL;
}

/* To who can't do anything to it now.  Its export may have it back in a moment. */
int nbdt_content_tell_closing(const struct nbdt_content *content,
			    struct netlink_ext_ack *extack)
{
	nbdt_set_err_msg(extack,
			 "the device of '%.24s' is being closed, or opened anew",
			 content->name);
	return -ENODEV;
}

/*
 * What a write changes may have changed with the device.  That is taken up when
 * nothing is under way: what is long may be between two parts, and has to end as
 * it began.
 */
static int take_up_reach(struct nbdt_content *content, bool idle,
			 struct netlink_ext_ack *extack)
{
	if (idle) {
		nbdt_content_set_reach(content);
		return 0;
	}
	if (nbdt_map_reaches(content->map, content->bdev))
		return 0;
	nbdt_set_err_msg(extack,
			 "'%.24s' is another device now, which takes a moment without a client",
			 content->name);
	return -EBUSY;
}

/* If it fails, nothing is proved until the next time. */
static int begin_anew(struct nbdt_content *content, bool idle,
		      struct netlink_ext_ack *extack)
{
	u64 base;
	int err;

	mutex_lock(&content->anew);
	/* What was known elsewhere isn't any more, either; before it is gone. */
	WRITE_ONCE(content->began_anew, true);
	base = nbdt_proof_prepare(&content->proof);
	/* From now on it shows if the device becomes another. */
	err = take_up_reach(content, idle, extack);
	nbdt_map_forget(content->map);
	if (!err)
		nbdt_proof_begin(&content->proof, base);
	mutex_unlock(&content->anew);
	return err;
}

/**
 * nbdt_content_forget - forget what is known to be zero, and begin anew
 * @content: of an export with a reference, that isn't being removed
 * @extack: why not
 *
 * Waits for requests in flight.
 *
 * Return: 0; -EINVAL when there is no map; -ETIMEDOUT when they don't come to an
 * end, -EINTR when the caller was killed: then nothing has changed; -EBUSY when the
 * device has become another and there may be clients: then nothing is known.
 */
int nbdt_content_forget(struct nbdt_content *content,
			struct netlink_ext_ack *extack)
{
	struct nbdt_gate_visit visit;
	int err;

	err = nbdt_content_check_map(content, extack);
	if (err)
		return err;
	nbdt_gate_visit_init(&visit, NULL);
	nbdt_gate_shut(&content->gate, &visit);
	err = nbdt_gate_wait(&visit, jiffies +
			     msecs_to_jiffies(FORGET_TIMEOUT));
	if (err)
		nbdt_set_err_msg(extack,
				 "requests in flight on '%.24s' don't come to an end",
				 content->name);
	else
		err = begin_anew(content, false, extack);
	nbdt_gate_open(&content->gate, &visit);
	return err;
}

/* The same if the proof is broken: what is known is known of something else. */
int nbdt_content_doubt(struct nbdt_content *content,
		       struct netlink_ext_ack *extack)
{
	int err = nbdt_content_check_map(content, extack);

	if (err || !nbdt_proof_broken(&content->proof))
		return err;
	return nbdt_content_forget(content, extack);
}

/* The same when there are no requests, and won't be before it is done. */
void nbdt_content_doubt_idle(struct nbdt_content *content)
{
	if (!content->map_off && nbdt_proof_broken(&content->proof))
		begin_anew(content, true, NULL);
}
