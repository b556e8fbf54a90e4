/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_PROOF_H
#define NBDT_PROOF_H

#include <linux/percpu.h>
#include <linux/types.h>

#include "base/watch.h"

struct block_device;

/* That nobody but an export has written to its device; see proof.c. */
struct nbdt_proof {
	struct block_device *bdev;
	u64 __percpu *written;		/* sectors, by the export */
	u64 base;			/* of the device, without these */
	u64 size;			/* of the device, in bytes */
	u64 number;			/* of the disk: what it is, by its own word */
	bool counts;			/* it was seen to count... */
	bool while_on;			/* ...as long as it is told to */
	bool counts_discards;		/* and these, too */
	bool disowned;			/* the export's own are as those of others */
	struct nbdt_watch watch;	/* for whether it becomes another */
};

u64 nbdt_proof_counter(struct block_device *bdev);
int nbdt_proof_init(struct nbdt_proof *proof);
void nbdt_proof_exit(struct nbdt_proof *proof);
void nbdt_proof_open(struct nbdt_proof *proof, struct block_device *bdev);
void nbdt_proof_close(struct nbdt_proof *proof);
u64 nbdt_proof_prepare(struct nbdt_proof *proof);
void nbdt_proof_begin(struct nbdt_proof *proof, u64 base);
void nbdt_proof_tick(struct nbdt_proof *proof);
void nbdt_proof_look(struct nbdt_proof *proof);
bool nbdt_proof_holds(struct nbdt_proof *proof);
bool nbdt_proof_broken(const struct nbdt_proof *proof);

/* The export has written so many bytes, and they are on the device.  Any context. */
static inline void nbdt_proof_wrote(struct nbdt_proof *proof, u64 bytes)
{
	if (unlikely(proof->disowned))
		return;
	/* After the device has counted them; see proof.c. */
	smp_wmb();
	this_cpu_add(*proof->written, bytes >> 9);
}

/*
 * The same of what it has discarded.  Where the disk may not count that, the export
 * doesn't, either: what others write could hide behind it.
 */
static inline void nbdt_proof_discarded(struct nbdt_proof *proof, u64 bytes)
{
	if (proof->counts_discards)
		nbdt_proof_wrote(proof, bytes);
}

/*
 * What the device had taken it may have lost, zeroes among it: nothing is proved until
 * the proof begins anew, with nothing known.  Any context.
 */
static inline void nbdt_proof_doubt(struct nbdt_proof *proof)
{
	nbdt_watch_tell(&proof->watch);
}

#endif /* NBDT_PROOF_H */
