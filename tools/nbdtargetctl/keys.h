/* SPDX-License-Identifier: GPL-2.0 */
/* From a session of GnuTLS to the kernel's TLS. */
#ifndef NBDTARGETCTL_KEYS_H
#define NBDTARGETCTL_KEYS_H

#include <gnutls/gnutls.h>

const char *keys_probe(void);
char *keys_ciphers(void);
int keys_install(gnutls_session_t session, int fd);

#endif /* NBDTARGETCTL_KEYS_H */
