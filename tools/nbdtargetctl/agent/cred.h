/* SPDX-License-Identifier: GPL-2.0 */
/* The TLS agent's credentials: what the server is, and whom it trusts. */
#ifndef NBDTARGETCTL_CRED_H
#define NBDTARGETCTL_CRED_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stddef.h>

#include "agent/crl.h"
#include "agent/ticket.h"
#include "base/tool.h"

/* What to do about client certificates; all but the last needs a CA for them. */
enum cred_verify {
	CRED_REQUIRE,	/* no certificate, no TLS */
	CRED_REQUEST,	/* one that is sent has to be good */
	CRED_IGNORE,	/* none is asked for */
};

/* What is asked of clients, and so of the folder. */
struct cred_policy {
	enum cred_verify verify;
	bool require_crl;
	bool weak_psk;		/* keys of less than 128 bits will do */
	const char *priority;	/* see priority.c; or NULL */
	unsigned int tickets;	/* how long they live, in s; 0: there are none */
};

/* One state of the folder.  Handshakes that use it hold a reference. */
struct cred;

/* A session's part in it. */
struct cred_use {
	struct cred *cred;	/* with a reference, the caller's */
	unsigned int status;	/* GNUTLS_CERT_*: what is wrong with the client's */
	struct ticket_use ticket;
};

struct cred *cred_load(const struct tool *t, const char *dir,
		       struct cred_policy policy,
		       const struct crl_memory *before);
const struct crl_memory *cred_crls(const struct cred *cred);
void cred_tell(const struct tool *t, struct cred *cred);
bool cred_changed(struct cred *cred);
bool cred_same(const struct cred *a, const struct cred *b);
struct cred *cred_get(struct cred *cred);
void cred_put(struct cred *cred);

int cred_apply(struct cred_use *use, gnutls_session_t session);
int cred_renew(gnutls_session_t session);
bool cred_owes_ticket(const struct cred_use *use, gnutls_session_t session);

#endif /* NBDTARGETCTL_CRED_H */
