/* SPDX-License-Identifier: GPL-2.0 */
/* What is agreed on with clients, in the library's words. */
#ifndef NBDTARGETCTL_PRIORITY_H
#define NBDTARGETCTL_PRIORITY_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

#include "base/tool.h"

/* Which kinds of credentials there are. */
struct priority_kinds {
	bool x509;
	bool psk;
};

int priority_load(const struct tool *t, const char *policy,
		  struct priority_kinds kinds, gnutls_priority_t *priority);

#endif /* NBDTARGETCTL_PRIORITY_H */
