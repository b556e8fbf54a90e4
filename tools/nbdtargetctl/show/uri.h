/* SPDX-License-Identifier: GPL-2.0 */
/* NBD URIs, as clients take them. */
#ifndef NBDTARGETCTL_URI_H
#define NBDTARGETCTL_URI_H

#include "base/address.h"
#include "base/text.h"

char *uri_format(const struct endpoint *ep, struct text name, bool tls);

#endif /* NBDTARGETCTL_URI_H */
