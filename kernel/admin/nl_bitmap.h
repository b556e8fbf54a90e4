/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_BITMAP_H
#define NBDT_NL_BITMAP_H

#include "base/event.h"

struct nbdt_export;
struct nbdt_nl_ops;

extern const struct nbdt_nl_ops nbdt_nl_bitmap;

void nbdt_nl_bitmap_came(struct nbdt_export *export);
void nbdt_nl_bitmap_event(struct nbdt_export *export, const char *name,
			  enum nbdt_event event);

#endif /* NBDT_NL_BITMAP_H */
