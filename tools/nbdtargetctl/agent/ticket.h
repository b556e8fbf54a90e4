/* SPDX-License-Identifier: GPL-2.0 */
/* Tickets, by which a client takes up a session that it had. */
#ifndef NBDTARGETCTL_TICKET_H
#define NBDTARGETCTL_TICKET_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

/* The key that they are sealed with. */
struct ticket_key {
	gnutls_datum_t key;	/* empty before the first client */
	int64_t made;		/* on the monotonic clock, in ms */
};

#define TICKET_DIGEST 32

/* What of it there is in a handshake. */
struct ticket_use {
	bool heard;		/* the first word of the client */
	bool open;		/* tickets are taken, and may be given */
	bool offered;		/* by the client, one */
	unsigned char digest[TICKET_DIGEST];	/* of that */
};

int ticket_hello(struct ticket_use *use, struct ticket_key *key,
		 unsigned int life, gnutls_session_t session,
		 const gnutls_datum_t *hello);
bool ticket_is_used(gnutls_session_t session);
bool ticket_is_due(const struct ticket_use *use, unsigned int life,
		   gnutls_session_t session);
void ticket_drop(struct ticket_key *key);

#endif /* NBDTARGETCTL_TICKET_H */
