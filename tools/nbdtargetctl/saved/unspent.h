/* SPDX-License-Identifier: GPL-2.0 */
/* What of a file of save-bitmaps would be believed, though an export may be written to. */
#ifndef NBDTARGETCTL_UNSPENT_H
#define NBDTARGETCTL_UNSPENT_H

#include "object/export.h"
#include "saved/source.h"

bool unspent_is(const struct source_item *item, const struct export *e);
bool unspent_is_any(const char *path, const struct export *e);

#endif /* NBDTARGETCTL_UNSPENT_H */
