/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_DISK_H
#define NBDT_DISK_H

#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/kdev_t.h>
#include <linux/llist.h>
#include <linux/sizes.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "base/gate.h"
#include "base/node.h"
#include "base/proto.h"
#include "base/watch.h"
#include "block/range.h"
#include "block/serial.h"
#include "compat/bdev.h"
#include "content/content.h"
#include "content/metadata.h"

struct address_space;
struct netlink_ext_ack;

/* The largest logical block that is taken. */
#define NBDT_BLOCK_MAX		SZ_64K
/* Pieces of memory that a bio has done with for sure, as it ends with a block (io.c). */
#define NBDT_BIO_PIECES		(BIO_MAX_VECS - NBDT_BLOCK_MAX / PAGE_SIZE)

/* Bits for what a device that offered it refused to do. */
enum {
	NBDT_REFUSED_DISCARD,
	NBDT_REFUSED_ZERO,		/* to zero, and keep the space */
	NBDT_REFUSED_UNMAP,		/* to zero, by giving it back if it likes */
};

/*
 * An open block device: what requests are carried out on, and how they are
 * kept apart meanwhile.
 */
struct nbdt_disk {
	/* What is known of it; has the device and the size of its blocks. */
	struct nbdt_content content;

	/* Set when it is opened, or opened anew, then read-only. */
	char *path;
	struct nbdt_bdev device;	/* held, if it is written to */
	struct address_space *pages;	/* the host's cache; see pages.c */
	u32 device_id;			/* nbdt_device_id() */
	struct nbdt_serial serial;
	u64 bytes;			/* of the device when it was opened */
	u32 min_block;			/* told to clients */
	u32 preferred_block;
	/* Called when the device goes away for good; mustn't wait. */
	void (*dead)(struct nbdt_disk *disk);

	/* Whose turn it is; see turn.c. */
	bool careful;			/* changes with the gate shut only */
	bool want_careful;		/* what it changes to */
	struct nbdt_gate_visit careful_visit;
	unsigned long last_partial;	/* jiffies */
	struct nbdt_ranges ranges;
	struct llist_head aside;	/* long requests between two parts */
	struct llist_head unlogged;	/* those that the log has to take */

	/*
	 * It isn't asked for these again, as each costs a line in the kernel's
	 * log, until it has become another.
	 */
	unsigned long refused;
	struct nbdt_watch watch;
	/*
	 * What a flush found lost, which each that asks is told of until somebody is
	 * known to have it: an errno, or 0, and above it the number of such losses.
	 */
	u32 loss;

	/* Its own, as a device that hangs keeps all workers that it gets. */
	struct workqueue_struct *slow_wq;
	struct workqueue_struct *long_wq;	/* of few workers */
};

/* What it takes to have one. */
struct nbdt_disk_config {
	const char *name;		/* the export's, which outlives it */
	const char *path;
	struct nbdt_node node;		/* at the path */
	bool read_only;
	bool allocation_depth;
	bool zeroed;			/* it is known to be all zero */
	bool map_off;			/* nothing is to be known from a map */
	bool shared;			/* others write where we can't see it */
	u32 map_granule;		/* bytes; 0: the map's choice */
	struct nbdt_metadata_config metadata;	/* without a path: none */
	void (*gate_opened)(struct nbdt_gate *gate);	/* nbdt_gate_init() */
	void (*dead)(struct nbdt_disk *disk);
};

int nbdt_disk_init(struct nbdt_disk *disk,
		   const struct nbdt_disk_config *config);
void nbdt_disk_exit(struct nbdt_disk *disk);
int nbdt_disk_open(struct nbdt_disk *disk,
		   const struct nbdt_disk_config *config,
		   struct netlink_ext_ack *extack);
int nbdt_disk_check_node(const struct nbdt_disk *disk,
			 const struct nbdt_node *node,
			 struct netlink_ext_ack *extack);
int nbdt_disk_hire(struct nbdt_disk *disk);
int nbdt_disk_reopen(struct nbdt_disk *disk, const struct nbdt_node *node,
		     struct netlink_ext_ack *extack);
unsigned int nbdt_disk_search(const struct nbdt_disk *disk,
			      void (*found)(dev_t dev));
bool nbdt_disk_may_be(const struct nbdt_disk *disk, dev_t dev);
bool nbdt_disk_read_serial(dev_t dev, struct nbdt_serial *serial);
void nbdt_disk_close(struct nbdt_disk *disk);

/* A device's number as the contract has it, whatever the kernel's own is like. */
static inline u32 nbdt_device_id(dev_t dev)
{
	return MAJOR(dev) << 20 | MINOR(dev);
}

int nbdt_disk_flush(struct nbdt_disk *disk);
u32 nbdt_disk_note_loss(struct nbdt_disk *disk, int err);
void nbdt_disk_end_loss(struct nbdt_disk *disk, u32 loss);

static inline int nbdt_disk_loss_error(u32 loss)
{
	return -(int)(loss & MAX_ERRNO);
}

/* That clients have to be told of; or 0.  Any context. */
static inline u32 nbdt_disk_loss(const struct nbdt_disk *disk)
{
	u32 loss = READ_ONCE(disk->loss);

	return nbdt_disk_loss_error(loss) ? loss : 0;
}

u64 nbdt_disk_size(const struct nbdt_disk *disk);
u64 nbdt_disk_seq(const struct nbdt_disk *disk);
u64 nbdt_disk_start(const struct nbdt_disk *disk);
const char *nbdt_disk_lost(const struct nbdt_disk *disk);
bool nbdt_disk_is_other(const struct nbdt_disk *disk,
			const struct nbdt_serial *was);
void nbdt_disk_look(struct nbdt_disk *disk);
bool nbdt_disk_can_trim(const struct nbdt_disk *disk);
bool nbdt_disk_is_locked(const struct nbdt_disk *disk);

/* Does it begin or end within a logical block? */
static inline bool nbdt_disk_is_partial(const struct nbdt_disk *disk,
					const struct nbdt_cmd *cmd)
{
	return (cmd->offset | cmd->length) & (disk->content.block - 1);
}

/* Have one of its workers do it.  Any context. */
static inline void nbdt_disk_queue(struct nbdt_disk *disk,
				   struct work_struct *work)
{
	queue_work(disk->slow_wq, work);
}

/* The same for what takes long, so that what doesn't never waits for it. */
static inline void nbdt_disk_queue_long(struct nbdt_disk *disk,
					struct work_struct *work)
{
	queue_work(disk->long_wq, work);
}

#endif /* NBDT_DISK_H */
