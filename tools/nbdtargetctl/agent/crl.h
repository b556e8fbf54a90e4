/* SPDX-License-Identifier: GPL-2.0 */
/* Lists of certificates that don't count any more. */
#ifndef NBDTARGETCTL_CRL_H
#define NBDTARGETCTL_CRL_H

#include "agent/files.h"
#include "base/tool.h"

int crl_check(const struct tool *t, const struct files *f);

#endif /* NBDTARGETCTL_CRL_H */
