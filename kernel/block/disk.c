// SPDX-License-Identifier: GPL-2.0
/*
 * Disks: block devices that are open, with all that requests on them need.
 *
 * A disk is part of an export, which makes it, opens and closes it, and frees it
 * with itself.  It is open from before the export is found until nobody has
 * requests, a scan, or anything else under way on it.
 *
 * Each has workers of its own, as one of a device that hangs must not be missed by
 * others; so each has threads that are there when no memory for another can be had
 * (WQ_MEM_RECLAIM), which is what lets slow requests get on then.  One thread for all
 * wouldn't do: it would be in the device that hangs.  To have thousands of exports that
 * nobody uses costs no threads all the same, as the workers come with the first client.
 *
 * A writer holds the device exclusively, and is told by its driver when it goes
 * away, where the kernel does so.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/device.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "base/text.h"
#include "block/disk.h"
#include "block/pages.h"
#include "compat/compat.h"
#include "content/bitmaps.h"
#include "content/map.h"
#include "content/scan.h"

/* SZ3: what clients take best when the device has no opinion. */
#define PREFERRED_BLOCK_MIN	SZ_4K
/* A device may ask for more (a RAID's stripe), within reason. */
#define PREFERRED_BLOCK_MAX	SZ_1M
/* Sizes are multiples of this even on devices with smaller blocks (SZ5). */
#define SIZE_UNIT		512U
/* Long requests that are carried out at once. */
#define LONG_WORKERS		4

/* Of all block devices: no module is given it, but each of these has it. */
static typeof(((struct device *)NULL)->class) blocks;

/**
 * nbdt_disk_init - what there is of a disk before its device is opened
 * @disk: zeroed
 * @config: of what
 *
 * Return: 0, or -ENOMEM: then there is nothing to undo.
 */
int nbdt_disk_init(struct nbdt_disk *disk,
		   const struct nbdt_disk_config *config)
{
	struct nbdt_content *content = &disk->content;

	disk->path = kstrdup(config->path, GFP_KERNEL);
	if (!disk->path)
		return -ENOMEM;
	content->name = config->name;
	content->device = disk->path;
	content->read_only = config->read_only;
	content->allocation_depth = config->allocation_depth;
	content->shared = config->shared;
	content->map_off = config->map_off || config->shared;
	mutex_init(&content->anew);
	nbdt_scan_init(&content->scan);
	nbdt_bitmaps_init(&content->bitmaps);
	disk->dead = config->dead;
	if (nbdt_proof_init(&content->proof))
		goto err_path;
	if (nbdt_gate_init(&content->gate, config->gate_opened))
		goto err_proof;
	return 0;

err_proof:
	nbdt_proof_exit(&content->proof);
err_path:
	kfree(disk->path);
	return -ENOMEM;
}

/**
 * nbdt_disk_hire - have workers for requests
 * @disk: open; nobody else does the same at the same time
 *
 * Before there is a first request; they stay until nbdt_disk_exit().
 *
 * Return: 0 or -ENOMEM.
 */
int nbdt_disk_hire(struct nbdt_disk *disk)
{
	if (!disk->slow_wq)
		disk->slow_wq = alloc_workqueue("nbdt_slow",
						WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!disk->long_wq)
		disk->long_wq = alloc_workqueue("nbdt_long",
						WQ_UNBOUND | WQ_MEM_RECLAIM,
						LONG_WORKERS);
	return disk->slow_wq && disk->long_wq ? 0 : -ENOMEM;
}

static void dismiss(struct workqueue_struct *wq)
{
	if (wq)
		destroy_workqueue(wq);
}

/* Its device is closed, or never was opened; its gate may be ended. */
void nbdt_disk_exit(struct nbdt_disk *disk)
{
	nbdt_gate_exit(&disk->content.gate);
	dismiss(disk->long_wq);
	dismiss(disk->slow_wq);
	nbdt_proof_exit(&disk->content.proof);
	nbdt_bitmaps_exit(&disk->content.bitmaps);
	nbdt_metadata_free(&disk->content);
	nbdt_map_destroy(disk->content.map);
	kfree(disk->path);
}

static u32 preferred_block(struct block_device *bdev)
{
	u32 size = max3((u32)PREFERRED_BLOCK_MIN,
			(u32)bdev_physical_block_size(bdev),
			(u32)bdev_io_opt(bdev));

	return min_t(u32, rounddown_pow_of_two(size), PREFERRED_BLOCK_MAX);
}

static int device_error(const char *device, int err,
			struct netlink_ext_ack *extack)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
		nbdt_set_err_msg(extack, "device '%.40s' does not exist",
				 device);
		break;
	case -ENOTBLK:
		nbdt_set_err_msg(extack, "'%.40s' is not a block device",
				 device);
		break;
	case -EBUSY:
		nbdt_set_err_msg(extack,
				 "device '%.40s' is mounted or otherwise in use",
				 device);
		break;
	case -EROFS:
		nbdt_set_err_msg(extack,
				 "device '%.40s' is read-only; so must be the export",
				 device);
		break;
	default:
		nbdt_set_err_msg(extack, "device '%.40s' can't be opened",
				 device);
	}
	return err;
}

/* Is there a block device, as far as that is known before it is opened? */
int nbdt_disk_check_node(const struct nbdt_disk *disk,
			 const struct nbdt_node *node,
			 struct netlink_ext_ack *extack)
{
	return node->err ? device_error(disk->path, node->err, extack) : 0;
}

static void device_dead(struct nbdt_bdev *device)
{
	struct nbdt_disk *disk = container_of(device, struct nbdt_disk, device);

	disk->dead(disk);
}

/* Only a writer has to be alone with the device. */
static int open_device(struct nbdt_disk *disk,
		       const struct nbdt_node *node)
{
	bool writable = !disk->content.read_only;
	int err;

	if (node->err)
		return node->err;
	err = nbdt_bdev_open(&disk->device, node->dev,
			     writable ? device_dead : NULL);
	if (err)
		return err;
	disk->content.bdev = disk->device.bdev;
	/* Before anything is seen of it that another would have otherwise. */
	disk->content.number = READ_ONCE(disk->device.bdev->bd_disk->diskseq);
	if (writable && bdev_read_only(disk->content.bdev)) {
		nbdt_bdev_close(&disk->device);
		return -EROFS;
	}
	return 0;
}

static int check_device(struct nbdt_disk *disk,
			struct netlink_ext_ack *extack)
{
	struct block_device *bdev = disk->content.bdev;

	disk->device_id = nbdt_device_id(bdev->bd_dev);
	disk->bytes = bdev_nr_bytes(bdev);
	disk->content.block = bdev_logical_block_size(bdev);
	if (disk->content.block > NBDT_BLOCK_MAX) {
		nbdt_set_err_msg(extack,
				 "device '%.40s' has blocks above 64 KiB",
				 disk->path);
		return -EINVAL;
	}
	if (bdev_is_zoned(bdev) && !disk->content.read_only) {
		nbdt_set_err_msg(extack,
				 "device '%.40s' is zoned and can't be written at will",
				 disk->path);
		return -EINVAL;
	}
	if (bdev_nr_bytes(bdev) < max(SIZE_UNIT, disk->content.block)) {
		nbdt_set_err_msg(extack, "device '%.40s' is too small",
				 disk->path);
		return -EINVAL;
	}
	disk->min_block = 1;
	disk->preferred_block = preferred_block(bdev);
	return 0;
}

static int check_granule(const struct nbdt_disk *disk, u32 granule,
			 struct netlink_ext_ack *extack)
{
	u32 least = nbdt_map_least_granule(bdev_nr_bytes(disk->content.bdev));

	if (!is_power_of_2(granule)) {
		nbdt_set_err_msg(extack,
				 "the map's granularity is no power of two");
		return -EINVAL;
	}
	if (granule < disk->content.block) {
		nbdt_set_err_msg(extack,
				 "the map's granularity is below the blocks of '%.40s'",
				 disk->path);
		return -EINVAL;
	}
	if (granule < least) {
		nbdt_set_err_msg(extack,
				 "the map would be too large: its granularity has to be %u KiB or more",
				 least >> 10);
		return -EINVAL;
	}
	return 0;
}

/* What is never written learns nothing, but by being told or by a scan. */
static int create_map(struct nbdt_disk *disk,
		      const struct nbdt_disk_config *config,
		      struct netlink_ext_ack *extack)
{
	u32 granule = config->map_granule;
	int err;

	if (disk->content.map_off && (granule || config->zeroed)) {
		nbdt_set_err_msg(extack,
				 "nothing can be known to be zero when the map is off");
		return -EINVAL;
	}
	if (granule) {
		err = check_granule(disk, granule, extack);
		if (err)
			return err;
	}
	disk->content.map = nbdt_map_create(bdev_nr_bytes(disk->content.bdev),
					    granule);
	if (!disk->content.map)
		return -ENOMEM;
	if (disk->content.map_off)
		return 0;
	nbdt_proof_open(&disk->content.proof, disk->content.bdev);
	/* After that, as it shows then if it changes. */
	nbdt_content_set_reach(&disk->content);
	if (disk->content.read_only && !config->zeroed)
		return 0;
	err = nbdt_map_fill(disk->content.map);
	if (!err && config->zeroed)
		nbdt_map_fill_zero(disk->content.map);
	return err;
}

/* What programs of the host wrote, and think is there. */
static int write_back(struct nbdt_disk *disk, struct netlink_ext_ack *extack)
{
	int err;

	disk->pages = nbdt_compat_mapping(disk->content.bdev);
	err = nbdt_pages_begin(disk->content.bdev, disk->pages,
			       !disk->content.read_only);
	if (err)
		nbdt_set_err_msg(extack,
				 "what the host has cached of '%.40s' can't be written",
				 disk->path);
	return err;
}

/* The bitmaps that there were, and what it takes to have them after a crash. */
static int open_metadata(struct nbdt_disk *disk,
			 const struct nbdt_metadata_config *config,
			 struct netlink_ext_ack *extack)
{
	if (!config->path)
		return 0;
	if (disk->content.read_only) {
		nbdt_set_err_msg(extack,
				 "a read-only export has no use for metadata");
		return -EINVAL;
	}
	return nbdt_metadata_open(&disk->content, nbdt_disk_size(disk), config,
				  extack);
}

static void close_device(struct nbdt_disk *disk)
{
	nbdt_proof_close(&disk->content.proof);
	nbdt_watch_end(&disk->watch);
	nbdt_bdev_close(&disk->device);
}

/**
 * nbdt_disk_open - open the device, and see whether it will do
 * @disk: after nbdt_disk_init()
 * @config: as there
 * @extack: told why not
 *
 * Return: 0, or an error as export-add in the netlink contract; then the
 * device isn't open.
 */
int nbdt_disk_open(struct nbdt_disk *disk,
		   const struct nbdt_disk_config *config,
		   struct netlink_ext_ack *extack)
{
	int err;

	err = open_device(disk, &config->node);
	if (err)
		return device_error(disk->path, err, extack);
	WRITE_ONCE(blocks, disk_to_dev(disk->content.bdev->bd_disk)->class);
	nbdt_watch_begin(&disk->watch, bdev_whole(disk->content.bdev)->bd_dev);
	nbdt_serial_read(&disk->serial, disk->content.bdev);
	err = check_device(disk, extack);
	if (!err)
		err = write_back(disk, extack);
	if (!err)
		err = create_map(disk, config, extack);
	if (!err)
		err = open_metadata(disk, &config->metadata, extack);
	if (err)
		close_device(disk);
	return err;
}

/* All that was made for its size and its blocks goes on with it. */
static int check_same(const struct nbdt_disk *disk, u64 bytes, u32 block,
		      struct netlink_ext_ack *extack)
{
	struct block_device *bdev = disk->content.bdev;
	struct nbdt_serial serial;

	nbdt_serial_read(&serial, bdev);
	if (disk->serial.len && !nbdt_serial_same(&serial, &disk->serial)) {
		nbdt_set_err_msg(extack,
				 "device '%.40s' is another device than it was, by its identity",
				 disk->path);
		return -EINVAL;
	}
	if (bdev_nr_bytes(bdev) == bytes &&
	    bdev_logical_block_size(bdev) == block)
		return 0;
	nbdt_set_err_msg(extack,
			 "device '%.40s' has another size than it had, or other blocks",
			 disk->path);
	return -EINVAL;
}

/* There is no client any more who would be told. */
static void forget_loss(struct nbdt_disk *disk)
{
	u32 loss = nbdt_disk_loss(disk);
	char name[NBDT_NAME_SHOWN];

	if (!loss)
		return;
	pr_warn_ratelimited("export '%s': a flush failed with error %d, and no client is known to have been told\n",
			    nbdt_text_show_name(name, disk->content.name),
			    -nbdt_disk_loss_error(loss));
	nbdt_disk_end_loss(disk, loss);
}

/*
 * What recorded isn't believed, and a crash doesn't change that.  If it can't be stored,
 * the device counts as gone to the bitmaps: what is left of them says so (left.c).
 */
static void distrust(struct nbdt_disk *disk, struct nbdt_metadata_storing *storing,
		     struct netlink_ext_ack *extack)
{
	char name[NBDT_NAME_SHOWN];

	nbdt_bitmaps_distrust(&disk->content);
	if (!nbdt_metadata_store(&disk->content, storing, extack))
		nbdt_bitmaps_back(&disk->content);
	else
		pr_warn_ratelimited("export '%s': that bitmaps that record are inconsistent can't be written to its metadata\n",
				    nbdt_text_show_name(name, disk->content.name));
}

/**
 * nbdt_disk_reopen - open the device anew that went away
 * @disk: nothing is under way on it, nor begun
 * @node: what is at its path now
 * @extack: told why not
 *
 * Nothing of what was known of its content is believed, but bitmaps that don't
 * record.
 *
 * Return: 0, or an error as nbdt_disk_open(): then all is as before.
 */
int nbdt_disk_reopen(struct nbdt_disk *disk, const struct nbdt_node *node,
		     struct netlink_ext_ack *extack)
{
	struct block_device *bdev = disk->content.bdev;
	struct nbdt_bdev device = disk->device;
	struct nbdt_metadata_storing storing;
	u64 number = disk->content.number;
	u32 block = disk->content.block;
	u64 bytes = disk->bytes;
	int err;

	/* What may fail later is the metadata's device alone. */
	err = nbdt_metadata_reserve(&disk->content, &storing);
	if (err)
		return err;
	err = open_device(disk, node);
	if (err) {
		device_error(disk->path, err, extack);
		goto err_restore;
	}
	err = check_same(disk, bytes, block, extack);
	if (!err)
		err = check_device(disk, extack);
	if (!err)
		err = write_back(disk, extack);
	if (err)
		goto err_close;
	nbdt_proof_close(&disk->content.proof);
	nbdt_watch_end(&disk->watch);
	nbdt_bdev_close(&device);
	/*
	 * Without an identity it may be another device, of whose clients nothing was
	 * lost.  Who has one keeps it, and may be asked for it at any time.
	 */
	if (!disk->serial.len) {
		forget_loss(disk);
		nbdt_serial_read(&disk->serial, disk->content.bdev);
	}
	disk->refused = 0;
	nbdt_watch_begin(&disk->watch, bdev_whole(disk->content.bdev)->bd_dev);
	WRITE_ONCE(disk->content.began_anew, true);
	nbdt_map_forget(disk->content.map);
	if (!disk->content.map_off)
		nbdt_proof_open(&disk->content.proof, disk->content.bdev);
	nbdt_content_set_reach(&disk->content);
	/* The device is open, whether or not that can be said. */
	distrust(disk, &storing, extack);
	return 0;

err_close:
	nbdt_bdev_close(&disk->device);
err_restore:
	nbdt_metadata_release(&storing);
	disk->device = device;
	disk->pages = nbdt_compat_mapping(bdev);
	disk->content.bdev = bdev;
	disk->content.number = number;
	disk->content.block = block;
	disk->bytes = bytes;
	disk->device_id = nbdt_device_id(bdev->bd_dev);
	return err;
}

/* Nothing reads or writes the device any more.  One that hangs doesn't keep the other. */
void nbdt_disk_close(struct nbdt_disk *disk)
{
	forget_loss(disk);
	nbdt_metadata_leave(&disk->content);
	if (!disk->content.read_only)
		nbdt_pages_end(disk->content.bdev, disk->pages);
	close_device(disk);
	nbdt_metadata_close(&disk->content);
}

struct search {
	const struct nbdt_disk *disk;
	void (*found)(dev_t dev);
	unsigned int sizeless;
};

/* One of all block devices. */
static int look_at(struct device *dev, void *data)
{
	struct search *search = data;
	struct block_device *bdev = dev_to_bdev(dev);
	u64 bytes = bdev_nr_bytes(bdev);

	if (!nbdt_serial_fits(&search->disk->serial, bdev))
		return 0;
	/* One that goes has none, either. */
	if (!bytes && disk_live(bdev->bd_disk))
		search->sizeless++;
	else if (search->found && bytes == search->disk->bytes)
		search->found(bdev->bd_dev);
	return 0;
}

/**
 * nbdt_disk_search - find what there is that may be the same device
 * @disk: has been open; may be being opened anew
 * @found: called for each, if not NULL; to open it will tell more
 *
 * May sleep, for no device.
 *
 * Return: how many more may be, and have no size: it couldn't be read yet.
 */
unsigned int nbdt_disk_search(const struct nbdt_disk *disk,
			      void (*found)(dev_t dev))
{
	struct search search = { .disk = disk, .found = found };

	class_for_each_device(READ_ONCE(blocks), NULL, &search, look_at);
	return search.sizeless;
}

/* May the device of that number be the same?  To open it will tell more.  Waits for none. */
bool nbdt_disk_may_be(const struct nbdt_disk *disk, dev_t dev)
{
	struct device *device = class_find_device_by_devt(READ_ONCE(blocks), dev);
	bool may_be;

	if (!device)
		return false;
	may_be = nbdt_serial_fits(&disk->serial, dev_to_bdev(device));
	put_device(device);
	return may_be;
}

/* What the device of that number is known by; false if by nothing.  It is opened. */
bool nbdt_disk_read_serial(dev_t dev, struct nbdt_serial *serial)
{
	struct nbdt_bdev device;

	if (nbdt_bdev_open(&device, dev, NULL))
		return false;
	nbdt_serial_read(serial, device.bdev);
	nbdt_bdev_close(&device);
	return serial->len;
}

/* For the target itself: put on stable media what was written.  Waits for the device. */
int nbdt_disk_flush(struct nbdt_disk *disk)
{
	int err = blkdev_issue_flush(disk->content.bdev);

	if (err)
		nbdt_disk_note_loss(disk, err);
	return err;
}

/**
 * nbdt_disk_note_loss - a flush failed, whoever asked for it
 * @disk: what it had taken it may have lost, of any client's
 * @err: how it said so
 *
 * The device tells once, to whom asks next; that may be nobody's request, or that of a
 * client that never hears of it.  So each FLUSH from here on is told instead of it, until
 * nbdt_disk_end_loss().  One with FUA isn't: it is for what it writes itself.
 *
 * Any context.  Return: the loss, which isn't 0.
 */
u32 nbdt_disk_note_loss(struct nbdt_disk *disk, int err)
{
	u32 was, loss;

	nbdt_proof_doubt(&disk->content.proof);
	do {
		was = READ_ONCE(disk->loss);
		loss = ((was | MAX_ERRNO) + 1) | -err;
	} while (cmpxchg(&disk->loss, was, loss) != was);
	return loss;
}

/* Somebody is known to have it; another may have come since.  Any context. */
void nbdt_disk_end_loss(struct nbdt_disk *disk, u32 loss)
{
	cmpxchg(&disk->loss, loss, loss & ~MAX_ERRNO);
}

/* As clients see it, in bytes: whole blocks, and at least sectors. */
u64 nbdt_disk_size(const struct nbdt_disk *disk)
{
	return round_down(bdev_nr_bytes(disk->content.bdev),
			  max(SIZE_UNIT, disk->content.block));
}

/*
 * Of the disk that it is, or a part of, when it was opened: no other has it until the
 * machine is started anew, nor has another medium in its place.
 */
u64 nbdt_disk_seq(const struct nbdt_disk *disk)
{
	return disk->content.number;
}

/* Where a partition begins in its disk, in sectors; 0 for a disk. */
u64 nbdt_disk_start(const struct nbdt_disk *disk)
{
	return get_start_sect(disk->content.bdev);
}

/*
 * Is its device no longer what was opened?  Why, in a few words, as nbdt_content_lost();
 * NULL if it still is.
 */
const char *nbdt_disk_lost(const struct nbdt_disk *disk)
{
	const char *why = nbdt_content_lost(&disk->content);

	if (!why && nbdt_disk_is_other(disk, &disk->serial))
		why = "it has another identity, as of another volume";
	return why;
}

/* Is it certain to be another than what was known by that, of the same disk? */
bool nbdt_disk_is_other(const struct nbdt_disk *disk,
			const struct nbdt_serial *was)
{
	return nbdt_serial_is_other(was, disk->content.bdev);
}

/* It may do what it refused when it has become another since. */
void nbdt_disk_look(struct nbdt_disk *disk)
{
	if (!nbdt_watch_changed(&disk->watch))
		return;
	nbdt_watch_again(&disk->watch);
	WRITE_ONCE(disk->refused, 0);
}

/* Does it have discards? */
bool nbdt_disk_can_trim(const struct nbdt_disk *disk)
{
	return bdev_max_discard_sectors(disk->content.bdev);
}

/* Does it take no writes, though it is open for them? */
bool nbdt_disk_is_locked(const struct nbdt_disk *disk)
{
	return !disk->content.read_only && bdev_read_only(disk->content.bdev);
}
