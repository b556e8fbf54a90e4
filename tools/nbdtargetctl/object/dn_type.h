/* SPDX-License-Identifier: GPL-2.0 */
/* What the attributes of distinguished names are called. */
#ifndef NBDTARGETCTL_DN_TYPE_H
#define NBDTARGETCTL_DN_TYPE_H

#include "base/text.h"

/* NULL, or what is wrong with one that is in no name. */
const char *dn_type_wrong(struct text type);

#endif /* NBDTARGETCTL_DN_TYPE_H */
