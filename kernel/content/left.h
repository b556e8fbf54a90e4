/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_LEFT_H
#define NBDT_LEFT_H

#include <linux/completion.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "nbdtarget_metadata.h"

struct nbdt_content;
struct nbdt_ledger;

/* A look at a device that is left; see left.c. */
struct nbdt_left {
	struct work_struct work;
	struct completion done;
	const struct nbdt_content *content;
	struct nbdtarget_meta_left entry;	/* for the head */
	/* Set by the caller, before. */
	bool gone;			/* the device is, or it isn't stored that it was */
	bool went_on;			/* writes, when the metadata had failed */
	u32 ends;			/* valid when it is done... */
	int err;			/* ...and this is 0 */
};

/* What became of a device that was left. */
enum nbdt_left_verdict {
	NBDT_LEFT_UNKNOWN,
	NBDT_LEFT_SAME,			/* nobody has written to it */
	NBDT_LEFT_WRITTEN,		/* somebody has, or nothing speaks against it */
};

void nbdt_left_take(struct nbdt_left *left, const struct nbdt_ledger *ledger,
		    const struct nbdt_content *content, const char *boot);
void nbdt_left_end(struct nbdt_left *left);
enum nbdt_left_verdict nbdt_left_judge(const struct nbdt_ledger *ledger,
				       struct nbdt_content *content,
				       const char *boot, const char **why);
bool nbdt_left_went_on(const struct nbdt_ledger *ledger);
void nbdt_left_exit(void);

#endif /* NBDT_LEFT_H */
