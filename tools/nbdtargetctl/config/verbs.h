/* SPDX-License-Identifier: GPL-2.0 */
/* The verbs about all that is configured. */
#ifndef NBDTARGETCTL_CONFIG_VERBS_H
#define NBDTARGETCTL_CONFIG_VERBS_H

#include "base/options.h"

extern const struct verb verb_save;
extern const struct verb verb_apply;
extern const struct verb verb_restore;
extern const struct verb verb_upgrade;

#endif /* NBDTARGETCTL_CONFIG_VERBS_H */
