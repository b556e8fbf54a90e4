/* SPDX-License-Identifier: GPL-2.0 */
/* From a session of GnuTLS to the kernel's TLS. */
#ifndef NBDTARGETCTL_KTLS_H
#define NBDTARGETCTL_KTLS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A cipher that both have. */
struct cipher {
	gnutls_cipher_algorithm_t gnutls;
	const char *name;	/* in a priority string */
	uint16_t kernel;
	size_t iv_size;
	size_t key_size;
	size_t salt_size;
	size_t size;		/* of all */
};

const char *ktls_probe(void);
void ktls_prove_padding(void);
bool ktls_takes(const struct cipher *c);
int ktls_install(gnutls_session_t session, const struct cipher *c, int fd);

#endif /* NBDTARGETCTL_KTLS_H */
