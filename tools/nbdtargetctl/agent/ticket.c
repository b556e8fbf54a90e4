// SPDX-License-Identifier: GPL-2.0
/*
 * Tickets: what a client of TLS 1.3 may come back with, instead of proving anew who it
 * is.  In it is all that the server has to know, sealed with a key that only this
 * process has.  It opens as long as its life lasts, and as long as all of these hold:
 *
 *  - The key is there.  It is a part of one loaded state of the credentials: with others
 *    all tickets are void, whatever it is that changed, and nobody has to find out what
 *    a ticket was given for.  It is never older than the life of a ticket, and with it
 *    goes what could open those of before.
 *  - The client's certificate is still good (cred_renew()), as time goes by.
 *  - It was given for a certificate, or for having none: pre-shared keys have as little
 *    to compute without.
 *
 * Who came with a ticket gets no other, so that there is never more than one life
 * between the proof of a private key and a connection.  TLS 1.2 has none: its tickets
 * have the keys of the connection in them, which a later theft is not to reveal.
 *
 * What GnuTLS makes of a ticket is kept within bounds that it doesn't have itself. It
 * believes the names in each that opens, before it knows whether it can be used, and
 * forgets neither these names nor an earlier choice when another comes: after a
 * ticket that was seen on the wire a client without a certificate would be somebody
 * else.  So in a handshake there is one ticket at most, the same in each ClientHello.
 * Nor does it forget that it took one, when it asks the client for another key share and
 * that comes without, or makes it one that can't be used.  So a ticket proves something
 * where keys are made of it, and without that names count if their private key was used.
 */
#include <gnutls/crypto.h>
#include <gnutls/socket.h>
#include <gnutls/x509.h>
#include <string.h>
#include <time.h>

#include "agent/files.h"
#include "agent/ticket.h"
#include "base/clock.h"

/* By IANA, of extensions; and what makes keys of its own for each connection. */
#define EXT_PRE_SHARED_KEY 41
#define EXT_PSK_KEY_EXCHANGE_MODES 45
#define PSK_DHE_KE 1

/* A chain of certificates that makes a ticket longer than this isn't worth one. */
#define CHAIN_MAX 8192

/* What the extensions of a ClientHello say of tickets. */
struct offer {
	bool resumes;		/* the client knows of tickets */
	unsigned int n;		/* that it offers; pre-shared keys are among them */
	unsigned char digest[TICKET_DIGEST];	/* of one of them */
};

void ticket_drop(struct ticket_key *key)
{
	files_wipe(&key->key);
}

/* Its length, and the place behind it; less than 0 when it isn't there. */
static int take_length(const unsigned char **p, const unsigned char *end)
{
	int n;

	if (end - *p < 2)
		return -1;
	n = (*p)[0] << 8 | (*p)[1];
	*p += 2;
	return n <= end - *p ? n : -1;
}

/* Identities, each with an age behind it, and what proves them. */
static int take_identities(struct offer *o, const unsigned char *p,
			   const unsigned char *end)
{
	int n = take_length(&p, end);

	if (n < 0)
		return GNUTLS_E_UNEXPECTED_PACKET_LENGTH;
	for (end = p + n; p < end; p += n + 4) {
		n = take_length(&p, end);
		if (n < 0 || end - p - n < 4)
			return GNUTLS_E_UNEXPECTED_PACKET_LENGTH;
		if (gnutls_hash_fast(GNUTLS_DIG_SHA256, p, n, o->digest))
			return GNUTLS_E_INTERNAL_ERROR;
		o->n++;
	}
	return 0;
}

/* Called by the library for each extension. */
static int take_extension(void *ctx, unsigned int id, const unsigned char *data,
			  unsigned int size)
{
	struct offer *o = ctx;

	if (id == EXT_PRE_SHARED_KEY)
		return take_identities(o, data, data + size);
	if (id == EXT_PSK_KEY_EXCHANGE_MODES && size > 1)
		o->resumes = memchr(data + 1, PSK_DHE_KE, size - 1);
	return 0;
}

/* The key for a client that comes now. */
static int renew(struct ticket_key *key, unsigned int life)
{
	int64_t now = clock_now();

	if (key->key.data && now - key->made < (int64_t)life * 1000)
		return 0;
	ticket_drop(key);
	key->made = now;
	return gnutls_session_ticket_key_generate(&key->key);
}

/* What the client says first decides. */
static int open_tickets(struct ticket_use *use, struct ticket_key *key,
			unsigned int life, gnutls_session_t session,
			const struct offer *o)
{
	int err;

	if (!o->resumes || o->n > 1)
		return 0;
	err = renew(key, life);
	if (err)
		return err;
	use->open = true;
	use->offered = o->n;
	memcpy(use->digest, o->digest, sizeof(use->digest));
	/* One value for all sessions: the library makes its keys of it. */
	gnutls_db_set_cache_expiration(session, life);
	return gnutls_session_ticket_enable_server(session, &key->key);
}

/* The same client once more, asked for another key share: what may it offer? */
static bool is_same(const struct ticket_use *use, const struct offer *o)
{
	if (!use->open || !o->n)
		return true;
	return use->offered && o->n == 1 &&
	       !memcmp(use->digest, o->digest, sizeof(use->digest));
}

/* A ClientHello, before the library looks at it; LIFE is in s.  0 or its error. */
int ticket_hello(struct ticket_use *use, struct ticket_key *key,
		 unsigned int life, gnutls_session_t session,
		 const gnutls_datum_t *hello)
{
	struct offer o = { 0 };
	int err = gnutls_ext_raw_parse(&o, take_extension, hello,
				       GNUTLS_EXT_RAW_FLAG_TLS_CLIENT_HELLO);

	if (err < 0)
		return err;
	if (use->heard)
		return is_same(use, &o) ? 0 :
		       GNUTLS_E_RECEIVED_ILLEGAL_PARAMETER;
	use->heard = true;
	return open_tickets(use, key, life, session, &o);
}

/*
 * Are keys made of a ticket, which only its owner can do?  Where they aren't this side has
 * chosen how to sign.
 */
bool ticket_is_used(gnutls_session_t session)
{
	return gnutls_session_is_resumed(session) &&
	       gnutls_sign_algorithm_get(session) == GNUTLS_SIGN_UNKNOWN;
}

static time_t expiry(const gnutls_datum_t *der)
{
	gnutls_x509_crt_t crt;
	time_t end = 0;

	if (gnutls_x509_crt_init(&crt))
		return 0;
	if (!gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER))
		end = gnutls_x509_crt_get_expiration_time(crt);
	gnutls_x509_crt_deinit(crt);
	return end;
}

/*
 * Will what the client has sent be good for as long as a ticket?  One that isn't any
 * more would keep out a client that has another certificate by then.
 */
static bool lasts(unsigned int life, gnutls_session_t session)
{
	time_t until = time(NULL) + life;
	const gnutls_datum_t *chain;
	unsigned int i, n = 0;
	size_t size = 0;

	chain = gnutls_certificate_get_peers(session, &n);
	for (i = 0; chain && i < n; i++) {
		size += chain[i].size;
		if (size > CHAIN_MAX || expiry(&chain[i]) < until)
			return false;
	}
	return true;
}

/*
 * Is the client, which has proved all that it has to, to get one?  The library can't
 * send it when it has already given its keys to the kernel (its option "ktls").
 */
bool ticket_is_due(const struct ticket_use *use, unsigned int life,
		   gnutls_session_t session)
{
	return use->open && !gnutls_transport_is_ktls_enabled(session) &&
	       gnutls_protocol_get_version(session) == GNUTLS_TLS1_3 &&
	       gnutls_auth_client_get_type(session) == GNUTLS_CRD_CERTIFICATE &&
	       !gnutls_session_is_resumed(session) && lasts(life, session);
}
