/* SPDX-License-Identifier: GPL-2.0 */
/* What an agent that runs leaves for one that only looks, or comes when it has crashed. */
#ifndef NBDTARGETCTL_MARK_H
#define NBDTARGETCTL_MARK_H

#include "agent/crl.h"
#include "base/tool.h"

char *mark_path(void);
void mark_get(struct crl_memory *crls);
int mark_set(const struct tool *t, const struct crl_memory *crls);
void mark_drop(void);

#endif /* NBDTARGETCTL_MARK_H */
