/* SPDX-License-Identifier: GPL-2.0 */
/* One change of everything at a time. */
#ifndef NBDTARGETCTL_LOCK_H
#define NBDTARGETCTL_LOCK_H

#include "base/tool.h"

/* Its descriptor, to be closed; or -1 after it was said why. */
int lock_take(struct tool *t);

/* For verbs that this one runs, until it lets go; 0, or the exit status. */
int lock_hold(struct tool *t);
void lock_let_go(void);

#endif /* NBDTARGETCTL_LOCK_H */
