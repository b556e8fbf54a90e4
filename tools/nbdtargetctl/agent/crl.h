/* SPDX-License-Identifier: GPL-2.0 */
/* Lists of certificates that don't count any more. */
#ifndef NBDTARGETCTL_CRL_H
#define NBDTARGETCTL_CRL_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "agent/files.h"
#include "base/tool.h"

/* A CA that has a list, or had one. */
struct crl_issuer {
	char *name;		/* as dn_format() writes it */
	char *key;		/* by which it was known in ca-cert.pem; or empty */
	char *hint;		/* what the list itself says of the key; or empty */
	time_t issued;		/* the newest that there was */
	time_t due;		/* when another is; -1 when it doesn't say */
	bool in_force;		/* that one is */
	bool told;		/* that it is old */
};

/* Of credentials in force: what those that come in their place can't do without. */
struct crl_memory {
	bool had;		/* there was a file */
	char *left;		/* where, by an agent that crashed; or NULL */
	struct crl_issuer *issuers;
	size_t n;
};

int crl_load(const struct tool *t, const struct files *f,
	     const struct crl_memory *before, struct crl_memory *now,
	     gnutls_certificate_credentials_t x509);
void crl_carry(const struct crl_memory *before, struct crl_memory *now);
void crl_forget(struct crl_memory *m);
char *crl_remedy(const struct crl_memory *before);

/* Those that are past the day at which another is due. */
void crl_tell(const struct tool *t, const struct files *f, struct crl_memory *m);
time_t crl_next(const struct crl_memory *m);
const char *crl_old(const struct crl_memory *m);

void crl_write(FILE *f, const struct crl_memory *m);
void crl_read(FILE *f, struct crl_memory *m);

#endif /* NBDTARGETCTL_CRL_H */
