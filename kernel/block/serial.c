// SPDX-License-Identifier: GPL-2.0
/*
 * What a device is known by, so that it is recognized when it comes back, under
 * whichever number and name: the identifier that its driver has from the device
 * itself, as disks of SCSI and NVMe do, and for a partition also where it begins.
 * Serial numbers that user space makes up, or reads, are none: nothing in the
 * kernel vouches for them.
 *
 * What is made of a disk isn't that disk, though it may tell the disk's identifier
 * as its own: a mapped device does on newer kernels, if it is made of one.  So it is
 * known by nothing, and an identifier is the same only if the same driver says it.
 */
#include <linux/blkdev.h>
#include <linux/string.h>

#include "block/serial.h"
#include "content/reach.h"

/* An identifier of T10 begins with a vendor's name, which alone says nothing. */
#define VENDOR_LEN	8

/* From the one that says most on. */
static const enum blk_unique_id kinds[] = {
	BLK_UID_NAA, BLK_UID_EUI64, BLK_UID_T10,
};

/* Nothing, if it has none.  The device is open; its driver is asked, and may sleep. */
void nbdt_serial_read(struct nbdt_serial *serial, struct block_device *bdev)
{
	struct gendisk *disk = bdev->bd_disk;
	unsigned int i;
	int len;

	memset(serial, 0, sizeof(*serial));
	if (!disk->fops->get_unique_id || nbdt_is_mapped(bdev))
		return;
	serial->driver = disk->fops;
	for (i = 0; i < ARRAY_SIZE(kinds) && !serial->len; i++) {
		len = disk->fops->get_unique_id(disk, serial->id, kinds[i]);
		if (len <= 0 || len > NBDT_SERIAL_MAX ||
		    (kinds[i] == BLK_UID_T10 && len <= VENDOR_LEN))
			continue;
		serial->kind = kinds[i];
		serial->len = len;
	}
	serial->start = bdev->bd_start_sect;
}

/* May it be the device of that serial, as far as is seen without opening it? */
bool nbdt_serial_fits(const struct nbdt_serial *serial,
		      const struct block_device *bdev)
{
	return serial->driver == bdev->bd_disk->fops &&
	       serial->start == bdev->bd_start_sect;
}

bool nbdt_serial_same(const struct nbdt_serial *a, const struct nbdt_serial *b)
{
	return a->len && a->len == b->len && a->kind == b->kind &&
	       a->driver == b->driver && a->start == b->start &&
	       !memcmp(a->id, b->id, a->len);
}
