/* SPDX-License-Identifier: GPL-2.0 */
/* Checkpoints: points between writes, which may be held. */
#ifndef NBDTARGETCTL_CHECKPOINT_H
#define NBDTARGETCTL_CHECKPOINT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tool.h"

struct checkpoint {
	const char *const *exports;
	int n;
	const char *freeze;		/* a bitmap's name, or NULL */
	const char *start;		/* as well */
	const char *name;		/* as well */
	const uint64_t *timeout;	/* in ms; NULL for the kernel's own */
	bool hold;			/* nobody writes until its end */
};

/* Each returns 0 or a negative errno, see nl_last_error(). */
int checkpoint_begin(struct tool *t, const struct checkpoint *c, uint32_t *id);
int checkpoint_end(struct tool *t, uint32_t id, bool abort_);

#endif /* NBDTARGETCTL_CHECKPOINT_H */
