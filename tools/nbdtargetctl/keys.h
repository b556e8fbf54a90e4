/* SPDX-License-Identifier: GPL-2.0 */
/* From a session of GnuTLS to the kernel's TLS. */
#ifndef NBDTARGETCTL_KEYS_H
#define NBDTARGETCTL_KEYS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>

const char *keys_choose(const char *list);
const char *keys_probe(void);
bool keys_ciphers_are_chosen(void);
char *keys_ciphers(void);
char *keys_names(void);
int keys_install(gnutls_session_t session, int fd);

#endif /* NBDTARGETCTL_KEYS_H */
