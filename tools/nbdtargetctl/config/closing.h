/* SPDX-License-Identifier: GPL-2.0 */
/* Exports that were removed, and aren't closed yet. */
#ifndef NBDTARGETCTL_CLOSING_H
#define NBDTARGETCTL_CLOSING_H

#include "config/config.h"

bool closing_wait(struct tool *t, const struct items *wanted,
		  const struct config *now);

#endif /* NBDTARGETCTL_CLOSING_H */
