/* SPDX-License-Identifier: GPL-2.0 */
/* What the TLS agent may do. */
#ifndef NBDTARGETCTL_RIGHTS_H
#define NBDTARGETCTL_RIGHTS_H

#include "base/tool.h"

int rights_drop(const struct tool *t);

#endif /* NBDTARGETCTL_RIGHTS_H */
