/* SPDX-License-Identifier: GPL-2.0 */
/* What a plan may do, and what it is for. */
#ifndef NBDTARGETCTL_WISH_H
#define NBDTARGETCTL_WISH_H

#include <stdbool.h>

struct wish {
	bool force;		/* clients and bitmaps may have to go */
	bool restore;		/* at boot: what has no device yet comes later */
	bool commands;		/* for a batch file: nobody knows on what it is run */
	const char *content;	/* file of save-bitmaps, or NULL */
	bool trust;		/* as for restore-bitmaps */
};

#endif /* NBDTARGETCTL_WISH_H */
