/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_EXPORT_H
#define NBDT_NL_EXPORT_H

#include "base/event.h"

struct genl_info;
struct nbdt_export;
struct nbdt_nl_ops;

extern const struct nbdt_nl_ops nbdt_nl_export;

struct nbdt_export *nbdt_nl_find_export(struct genl_info *info,
					const char *name);
void nbdt_nl_export_event(struct nbdt_export *export, enum nbdt_event event);

#endif /* NBDT_NL_EXPORT_H */
