/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_STATS_H
#define NBDT_STATS_H

#include <linux/types.h>

/*
 * Counters of answered requests.  Each connection has its own, written by
 * its thread only, so counting costs an addition; an export's are the sum
 * over its connections, living and past.
 */
struct nbdt_stats {
	u64 requests;
	u64 errors;
	u64 reads;
	u64 read_bytes;
	u64 writes;
	u64 written_bytes;
	u64 unaligned;
};

static inline void nbdt_stats_add(struct nbdt_stats *sum,
				  const struct nbdt_stats *stats)
{
	sum->requests += READ_ONCE(stats->requests);
	sum->errors += READ_ONCE(stats->errors);
	sum->reads += READ_ONCE(stats->reads);
	sum->read_bytes += READ_ONCE(stats->read_bytes);
	sum->writes += READ_ONCE(stats->writes);
	sum->written_bytes += READ_ONCE(stats->written_bytes);
	sum->unaligned += READ_ONCE(stats->unaligned);
}

#endif /* NBDT_STATS_H */
