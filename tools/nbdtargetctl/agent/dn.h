/* SPDX-License-Identifier: GPL-2.0 */
/* The names in a certificate, as rules and people have them. */
#ifndef NBDTARGETCTL_DN_H
#define NBDTARGETCTL_DN_H

#include <stddef.h>

#include "base/text.h"

/* What the caller frees; NULL when it is malformed, and "" when it is empty. */
char *dn_format(struct text der);

/* Of any bytes, printable text that is the same for no others; to be freed. */
char *dn_escape(struct text value);

#endif /* NBDTARGETCTL_DN_H */
