/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A READ that is answered in parts, each as soon as it is there.
 *
 * The connection's thread cuts it up while it receives (transmit.c): every
 * part is a request of its own, with the cookie of the READ and a piece of
 * its range, and has its chunk in the reply.  The series is what they have in
 * common.  It belongs to the thread alone, as a part is cut and answered
 * there; it ends with the last part, whose chunk is the one with DONE, unless
 * the connection ends before all parts were cut and carried out: a client must not
 * take what it has then for all.
 */
#ifndef NBDT_SERIES_H
#define NBDT_SERIES_H

#include <linux/slab.h>

#include "base/proto.h"

/* Longest part; a READ up to this is one. */
#define NBDT_SERIES_PART	(256U << 10)

struct nbdt_series {
	struct nbdt_cmd cmd;	/* the whole READ */
	u32 refs;		/* parts not yet answered, and who cuts them */
	bool failed;		/* TX10: the client was told of an error */
	bool unanswered;	/* a part was dropped, so there is no end to tell of */
};

/* True for the last: free it, when it is of no more use. */
static inline bool nbdt_series_put(struct nbdt_series *series)
{
	return !--series->refs;
}

/* One part less, which isn't answered, or nobody any more who cuts what is left. */
static inline void nbdt_series_drop(struct nbdt_series *series)
{
	series->unanswered = true;
	if (nbdt_series_put(series))
		kfree(series);
}

#endif /* NBDT_SERIES_H */
