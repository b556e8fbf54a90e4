/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_LOG_H
#define NBDT_LOG_H

#include "base/event.h"

struct nbdt_export;

void nbdt_log_export(struct nbdt_export *export, enum nbdt_event event);

#endif /* NBDT_LOG_H */
