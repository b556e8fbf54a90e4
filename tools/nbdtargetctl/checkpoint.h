/* SPDX-License-Identifier: GPL-2.0 */
/* A held checkpoint: nobody writes to an export. */
#ifndef NBDTARGETCTL_CHECKPOINT_H
#define NBDTARGETCTL_CHECKPOINT_H

#include <stdint.h>

#include "tool.h"

/* Each returns 0 or a negative errno, see nl_last_error(). */
int checkpoint_hold(struct tool *t, const char *name, uint32_t *id);
int checkpoint_release(struct tool *t, uint32_t id);

#endif /* NBDTARGETCTL_CHECKPOINT_H */
