/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * What is on a metadata device (add-export --metadata), for the module, which
 * writes it, and the tool, which makes and checks it.  nbdtarget-metadata(5) says
 * the same for people.
 *
 * The device is a row of blocks of 4 KiB:
 *
 *	head, copy 0	8 blocks	struct nbdtarget_meta_head
 *	head, copy 1	8 blocks
 *	log		LOG_BLOCKS	struct nbdtarget_meta_log, each
 *	areas		the rest	struct nbdtarget_meta_bits, each
 *
 * All numbers are little endian.  Each of the three begins with the same 64 bytes
 * (struct nbdtarget_meta_mark): who has a copy of a structure knows by the checksum
 * (crc32c, of all of it, with the checksum itself being 0) whether it arrived as a
 * whole.  Nothing is written over the only good copy of anything:
 *
 *  - The head of sequence number N is written to copy N % 2, and the good one with
 *    the highest number counts.  So a change of what it holds takes place at once,
 *    or not at all.
 *  - The log's record of number N is written to its block N % LOG_BLOCKS; each holds
 *    all regions that are in the log then.  The good one with the highest number, of
 *    the head's generation, counts.
 *  - Block I of a bitmap's area is there twice, in blocks START + I and
 *    START + BLOCKS + I; the write of number N of it goes to the one N % 2.
 *
 * After each head a record follows, and each record names the head that it followed:
 * when there is no good one as new as that, a good one has gone bad, and what the
 * other says is of the past.
 *
 * A copy of a block of bits that never arrived, or has gone bad, looks as one that a
 * crash has torn: the other counts then.  So of each bitmap whose bits stay as they are,
 * that is of all after an orderly stop, and of those that don't record at any time, the
 * head says the sum of the sequence numbers of its blocks.
 *
 * What is known to be zero (the allocation map) is there after an orderly stop only:
 * once, in blocks of which none needs to be written over, each good or nothing known.
 * The head that says so is the last of its generation; the first of the next doesn't.
 * The same head says what the data device was like, for the proof that nobody has
 * written to it since, or that somebody has.
 *
 * A generation begins when an export begins to use the device.  The bits of a
 * bitmap that records are what is in its area, and the regions in the log; of one
 * that doesn't, what is in its area.
 */
#ifndef NBDTARGET_METADATA_H
#define NBDTARGET_METADATA_H

#include <linux/types.h>

#define NBDTARGET_META_BLOCK		4096U
#define NBDTARGET_META_VERSION		1U

/* In struct nbdtarget_meta_mark; as bytes: NbdHead1, NbdLog01, NbdBits1, NbdMap01. */
#define NBDTARGET_META_MAGIC_HEAD	0x316461654864624eULL
#define NBDTARGET_META_MAGIC_LOG	0x3130676f4c64624eULL
#define NBDTARGET_META_MAGIC_BITS	0x317374694264624eULL
#define NBDTARGET_META_MAGIC_MAP	0x313070614d64624eULL

#define NBDTARGET_META_UUID		16	/* bytes */
#define NBDTARGET_META_NAME		256	/* bytes, the last of them 0 */
#define NBDTARGET_META_BITMAPS		62
#define NBDTARGET_META_HEAD_BLOCKS	8U
#define NBDTARGET_META_LOG_BLOCKS	8U
#define NBDTARGET_META_LOG_START	(2 * NBDTARGET_META_HEAD_BLOCKS)
#define NBDTARGET_META_AREA_START	(NBDTARGET_META_LOG_START + \
					 NBDTARGET_META_LOG_BLOCKS)

/* Of regions: as large as a power of two may be, and as many as a record holds. */
#define NBDTARGET_META_REGION_SHIFT_MIN	16U
#define NBDTARGET_META_REGION_SHIFT_MAX	30U
#define NBDTARGET_META_REGIONS_MIN	64U
#define NBDTARGET_META_REGIONS_MAX	1000U
/* The log holds at least so much of the device: whatever one request may be. */
#define NBDTARGET_META_REACH_MIN	(128ULL << 20)

struct nbdtarget_meta_mark {
	__le64 magic;
	__le32 crc;
	__le32 version;
	__u8 uuid[NBDTARGET_META_UUID];	/* of the metadata */
	__le64 sequence;
	__le64 generation;		/* in which it was written */
	__le64 id;			/* bits, map: which it is; log: the head's number */
	__le64 index;			/* of the block in its area, or 0 */
};

/* In a bitmap's flags. */
#define NBDTARGET_META_RECORDING	0x1U
#define NBDTARGET_META_INCONSISTENT	0x2U	/* all of it is dirty */
/* What it is if the checkpoint that is pending took place. */
#define NBDTARGET_META_RECORDING_AFTER	0x4U
#define NBDTARGET_META_THERE_AFTER	0x8U	/* isn't there if not */

struct nbdtarget_meta_bitmap {
	char name[NBDTARGET_META_NAME];
	__le64 id;			/* never used again */
	__le64 size;			/* of the device, when it was made; bytes */
	__le64 start;			/* of its area, a block */
	/* Of the sequence numbers of its blocks that count; 0: it isn't said. */
	__le64 sum;
	__le32 blocks;			/* in the area: twice as many are taken */
	__le32 shift;			/* of a granule */
	__le32 flags;
	__le32 zero_too;
};

/* In a head's flags. */
#define NBDTARGET_META_CLEAN		0x1U	/* nobody uses it */
#define NBDTARGET_META_FAILED		0x2U	/* writes went on without */
#define NBDTARGET_META_PENDING		0x4U	/* a checkpoint of a group */
#define NBDTARGET_META_MAP		0x8U	/* with CLEAN: there is a map */

/* So many checkpoints of groups are remembered by who decides them. */
#define NBDTARGET_META_GROUPS		16

struct nbdtarget_meta_checkpoint {
	__le64 number;			/* from 1 on; 0: there was none */
	__u8 group[NBDTARGET_META_UUID];	/* zeroes: of one export only */
	char name[NBDTARGET_META_NAME];
};

#define NBDTARGET_META_BOOT		40	/* bytes, the last of them 0 */

/* In its flags. */
#define NBDTARGET_META_ENDS		0x1U	/* the checksum is there */

/* With CLEAN: the data device as it was left, to tell what happened to it since. */
struct nbdtarget_meta_left {
	char boot[NBDTARGET_META_BOOT];	/* of the machine; empty: what follows isn't said */
	__le64 disk;			/* the disk's own number (diskseq) */
	__le64 sector;			/* of the disk, at which the device begins */
	__le64 written_disk;		/* sectors written and discarded, by its counters... */
	__le64 written;			/* ...and by those of the device, if it is a part */
	__le32 flags;
	__le32 ends;			/* crc32c of the first MiB and of the last */
};

/* With MAP: what was known to be zero. */
struct nbdtarget_meta_map {
	__le64 id;			/* as a bitmap has one; never used again */
	__le64 generation;		/* the head's, or it doesn't count */
	__le64 size;			/* of the map's device, in bytes */
	__le64 start;			/* of its blocks, which are there once */
	__le32 blocks;
	__le32 shift;			/* of a granule */
	__le32 filled;			/* blocks that were written: others know nothing */
	__le32 zero;
};

struct nbdtarget_meta_head {
	struct nbdtarget_meta_mark mark;
	__le32 flags;
	__le32 region_shift;
	__le32 regions;			/* that the log holds, at most */
	__le32 bitmaps;			/* how many there are */
	__le64 blocks;			/* of the metadata device */
	__le64 size;			/* of the data device, in bytes */
	__le64 next_id;			/* of a bitmap */
	char identity[NBDTARGET_META_NAME];	/* of the data device */
	struct nbdtarget_meta_checkpoint last;
	/* With PENDING: it took place if the metadata DECIDER says so. */
	struct nbdtarget_meta_checkpoint pending;
	__u8 decider[NBDTARGET_META_UUID];
	/* The last that this one decided, and that took place; the last is first. */
	__u8 groups[NBDTARGET_META_GROUPS][NBDTARGET_META_UUID];
	struct nbdtarget_meta_map map;
	struct nbdtarget_meta_left left;
	__u8 zero[2688];
	struct nbdtarget_meta_bitmap bitmap[NBDTARGET_META_BITMAPS];
	__u8 zero_too[9912];
};

struct nbdtarget_meta_log {
	struct nbdtarget_meta_mark mark;
	__le32 count;
	__le32 zero;
	__le32 region[NBDTARGET_META_REGIONS_MAX];
	__u8 zero_too[24];
};

/*
 * Bit 0 of byte 0 of block 0 is the bitmap's first granule.  Of a map the low four bits
 * of byte 0 are the first granule: 1 zero, 2 discarded; the rest are 0.
 */
#define NBDTARGET_META_BITS		(NBDTARGET_META_BLOCK - 64)	/* bytes */

struct nbdtarget_meta_bits {
	struct nbdtarget_meta_mark mark;
	__u8 bits[NBDTARGET_META_BITS];
};

#endif /* NBDTARGET_METADATA_H */
