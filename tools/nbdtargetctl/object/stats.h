/* SPDX-License-Identifier: GPL-2.0 */
/* Counters of an export or a connection. */
#ifndef NBDTARGETCTL_STATS_H
#define NBDTARGETCTL_STATS_H

#include "nl/attr.h"

struct stats {
	uint64_t present;
	uint64_t requests;
	uint64_t errors;
	uint64_t reads;
	uint64_t read_bytes;
	uint64_t writes;
	uint64_t written_bytes;
	uint64_t unaligned;
};

extern const struct attr_set stats_attrs;

#endif /* NBDTARGETCTL_STATS_H */
