/* SPDX-License-Identifier: GPL-2.0 */
/* What add-export would say of devices, before anything is done. */
#ifndef NBDTARGETCTL_CANDIDATE_H
#define NBDTARGETCTL_CANDIDATE_H

#include <stdbool.h>
#include <stdint.h>

struct candidate {
	const char *device;
	const char *metadata;		/* or NULL */
	bool read_only;
	/* It needn't be free: who holds it goes first. */
	bool device_is_held, metadata_is_held;
	uint64_t map_granularity;	/* 0: whatever fits */
};

char *candidate_wrong(const struct candidate *c);

#endif /* NBDTARGETCTL_CANDIDATE_H */
