/* SPDX-License-Identifier: GPL-2.0 */
/* Pre-shared keys. */
#ifndef NBDTARGETCTL_PSK_H
#define NBDTARGETCTL_PSK_H

#include <gnutls/gnutls.h>
#include <stddef.h>

#include "agent/files.h"
#include "base/tool.h"

struct psk;

struct psk_list {
	struct psk *keys;
	size_t n;
};

int psk_load(const struct tool *t, const struct files *f, bool weak,
	     struct psk_list *list);
int psk_find(const struct psk_list *list, const char *name,
	     gnutls_datum_t *key);
void psk_free(struct psk_list *list);

#endif /* NBDTARGETCTL_PSK_H */
