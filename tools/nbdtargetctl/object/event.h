/* SPDX-License-Identifier: GPL-2.0 */
/* Events, one line each, as text or as JSON. */
#ifndef NBDTARGETCTL_EVENT_H
#define NBDTARGETCTL_EVENT_H

#include <libmnl/libmnl.h>

#include "base/tool.h"

void event_print(const struct tool *t, const struct nlmsghdr *nlh);
void event_print_own(const struct tool *t, const char *name, const char *text);

#endif /* NBDTARGETCTL_EVENT_H */
