// SPDX-License-Identifier: GPL-2.0
/*
 * What a device is known by, so that it is recognized when it comes back, under
 * whichever number and name: the identifier that its driver has from the device
 * itself, as disks of SCSI and NVMe do, and for a partition also where it begins.
 * Serial numbers that user space makes up, or reads, are none: nothing in the
 * kernel vouches for them.
 *
 * An identifier is no other's because it has a company's number in it (OUI), which has
 * made it.  Who makes one up without being one, as a target in software that is the same
 * on each host, isn't believed in anything.  A local one (NAA 3) has no company, and is
 * for those who assign it to see to.
 *
 * Nor does a drive's identifier say anything of the medium in it.
 *
 * A disk may become another in place: a LUN behind which the storage maps another
 * volume stays the same disk, with its number, to whoever has it open.  Once the kernel
 * has read its identifier anew, that tells.
 *
 * What is made of a disk isn't that disk, though it may tell the disk's identifier
 * as its own: a mapped device does on newer kernels, if it is made of one.  So it is
 * known by nothing, and an identifier is the same only if the same driver says it.
 */
#include <linux/blkdev.h>
#include <linux/string.h>

#include "block/serial.h"
#include "compat/unaligned.h"
#include "content/reach.h"

/* An identifier of T10 begins with a vendor's name, which alone says nothing. */
#define VENDOR_LEN	8

/* From the one that says most on. */
static const enum blk_unique_id kinds[] = {
	BLK_UID_NAA, BLK_UID_EUI64, BLK_UID_T10,
};

/* The 24 bits from bit FROM on; bit 0 is the highest of the first byte. */
static u32 company_at(const struct nbdt_serial *serial, unsigned int from)
{
	return get_unaligned_be32(serial->id + from / 8) << from % 8 >> 8;
}

/* Did somebody make it who sees to it that there is no other? */
static bool has_company(const struct nbdt_serial *serial)
{
	switch (serial->kind) {
	case BLK_UID_EUI64:
		/* Of 16 bytes, the last 8 are one of 8. */
		return company_at(serial, serial->len == 16 ? 64 : 0);
	case BLK_UID_NAA:
		switch (serial->id[0] >> 4) {
		case 2:
			return company_at(serial, 16);
		case 5:
		case 6:
			return company_at(serial, 4);
		}
	}
	return true;
}

/* Its identifier of that kind; nothing, if it has none. */
static void read_kind(struct nbdt_serial *serial, struct block_device *bdev,
		      u32 kind)
{
	struct gendisk *disk = bdev->bd_disk;
	int len;

	memset(serial, 0, sizeof(*serial));
	if (!disk->fops->get_unique_id || nbdt_is_mapped(bdev) ||
	    disk->flags & GENHD_FL_REMOVABLE)
		return;
	serial->driver = disk->fops;
	serial->kind = kind;
	serial->start = bdev->bd_start_sect;
	len = disk->fops->get_unique_id(disk, serial->id, kind);
	if (len > (kind == BLK_UID_T10 ? VENDOR_LEN : 0) &&
	    len <= NBDT_SERIAL_MAX)
		serial->len = len;
}

/* Nothing, if it has none.  The device is open; its driver is asked, and may sleep. */
void nbdt_serial_read(struct nbdt_serial *serial, struct block_device *bdev)
{
	unsigned int i = 0;

	do
		read_kind(serial, bdev, kinds[i]);
	while (!serial->len && ++i < ARRAY_SIZE(kinds));
	if (!has_company(serial))
		serial->len = 0;
}

/**
 * nbdt_serial_is_other - does an open device tell another identifier than it did?
 * @was: of the same disk, whichever module has asked it
 * @bdev: whose driver is asked for one of the same kind, and waits for no device
 *
 * Who tells none, or has had none, may be the same.
 */
bool nbdt_serial_is_other(const struct nbdt_serial *was,
			  struct block_device *bdev)
{
	struct nbdt_serial now;

	if (!was->len)
		return false;
	read_kind(&now, bdev, was->kind);
	return now.len && has_company(&now) &&
	       (now.len != was->len || memcmp(now.id, was->id, now.len));
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
