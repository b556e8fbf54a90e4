// SPDX-License-Identifier: GPL-2.0
/*
 * One TLS handshake. It never waits: a step goes as far as the socket lets it
 * and says what it needs to go on, so that one thread does many of them and a
 * client that dawdles costs the others nothing but its memory.
 *
 * At its end the descriptor is closed, without a word to the client when the
 * kernel took over: nothing may be read or written behind the keys. The kernel then
 * is given what they were made of, so that it can change them by itself, and
 * here it is forgotten.
 */
#include <arpa/inet.h>
#include <gnutls/x509.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/cipher.h"
#include "agent/dn.h"
#include "agent/handshake.h"
#include "agent/ktls.h"
#include "agent/ticket.h"
#include "base/mem.h"
#include "nbdtarget.h"

/* Warnings that a client may send meanwhile. */
#define MAX_WARNINGS 8

static void set_text(struct handshake *h, const char *text)
{
	if (!h->text[0])
		snprintf(h->text, sizeof(h->text), "%s", text);
}

/* The kernel has the same file open: closing it doesn't end the watch. */
static void close_fd(struct handshake *h)
{
	if (h->fd < 0)
		return;
	if (h->epoll >= 0)
		epoll_ctl(h->epoll, EPOLL_CTL_DEL, h->fd, NULL);
	close(h->fd);
	h->fd = -1;
}

/* End it from outside. */
void handshake_fail(struct handshake *h, const char *text)
{
	set_text(h, text);
	close_fd(h);
}

void handshake_free(struct handshake *h)
{
	size_t i;

	close_fd(h);
	if (h->session)
		gnutls_deinit(h->session);
	cred_put(h->use.cred);
	for (i = 0; i < h->proof.n_alt_names; i++)
		free(h->proof.alt_names[i]);
	free(h->proof.alt_names);
	free(h->proof.name);
	gnutls_memset(&h->secrets, 0, sizeof(h->secrets));
	free(h->peer);
	free(h);
}

static void take_secret(unsigned char *to, size_t *to_size, const void *secret,
			size_t size)
{
	if (!secret || size > NBDTARGET_MAX_TLS_SECRET)
		return;
	memcpy(to, secret, size);
	*to_size = size;
}

/* Called by the library for each key that TLS 1.3 begins to use. */
static int note_secrets(gnutls_session_t session,
			gnutls_record_encryption_level_t level,
			const void *read, const void *write, size_t size)
{
	/* That is what cred_apply() has set. */
	char *use = gnutls_session_get_ptr(session);
	struct handshake *h = (void *)(use - offsetof(struct handshake, use));

	if (level != GNUTLS_ENCRYPTION_LEVEL_APPLICATION)
		return 0;
	take_secret(h->secrets.rx, &h->secrets.rx_size, read, size);
	take_secret(h->secrets.tx, &h->secrets.tx_size, write, size);
	return 0;
}

/* Takes the descriptor; one that can't begin fails with its first step. */
struct handshake *handshake_new(struct cred *cred, uint64_t conn, int fd)
{
	struct handshake *h = mem_zalloc(sizeof(*h));
	int err;

	h->conn = conn;
	h->fd = fd;
	h->epoll = -1;
	h->use.cred = cred_get(cred);
	err = gnutls_init(&h->session, GNUTLS_SERVER | GNUTLS_NONBLOCK |
			  GNUTLS_NO_TICKETS | GNUTLS_NO_TICKETS_TLS12 |
			  GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_SIGNAL);
	if (!err)
		err = cred_apply(&h->use, h->session);
	if (err) {
		set_text(h, gnutls_strerror(err));
		return h;
	}
	gnutls_transport_set_int(h->session, fd);
	gnutls_handshake_set_secret_function(h->session, note_secrets);
	return h;
}

/* --- Who the client is --- */

static void add_alt_name(struct proof *proof, char *name)
{
	proof->alt_names = mem_resize(proof->alt_names,
				      (proof->n_alt_names + 1) *
				      sizeof(*proof->alt_names));
	proof->alt_names[proof->n_alt_names++] = name;
}

static char *format_ip(const void *bytes, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if ((size != 4 && size != 16) ||
	    !inet_ntop(size == 4 ? AF_INET : AF_INET6, bytes, text,
		       sizeof(text)))
		return NULL;
	return mem_printf("IP:%s", text);
}

static char *format_text(const char *kind, const char *bytes, size_t size)
{
	char *escaped = dn_escape((struct text) { bytes, size });
	char *name = mem_printf("%s:%s", kind, escaped);

	free(escaped);
	return name;
}

/* NULL when it is of a kind that nobody asks for. */
static char *format_alt_name(unsigned int type, const char *bytes, size_t size)
{
	switch (type) {
	case GNUTLS_SAN_DNSNAME:
		return format_text("DNS", bytes, size);
	case GNUTLS_SAN_RFC822NAME:
		return format_text("email", bytes, size);
	case GNUTLS_SAN_URI:
		return format_text("URI", bytes, size);
	case GNUTLS_SAN_IPADDRESS:
		return format_ip(bytes, size);
	default:
		return NULL;
	}
}

/*
 * All of them or none: a rule that denies may be about the one that was left
 * out.
 */
static const char *take_alt_names(struct proof *proof, gnutls_x509_crt_t crt)
{
	char bytes[NBDTARGET_MAX_ALT_NAME + 1], *name;
	unsigned int i, type;
	size_t size;
	int ret;

	for (i = 0; ; i++) {
		size = sizeof(bytes);
		ret = gnutls_x509_crt_get_subject_alt_name2(crt, i, bytes,
							    &size, &type,
							    NULL);
		if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return NULL;
		if (ret < 0)
			return "an alternative name is too long or malformed";
		if (type != GNUTLS_SAN_IPADDRESS &&
		    type != GNUTLS_SAN_OTHERNAME && memchr(bytes, '\0', size))
			return "an alternative name has a NUL in it";
		name = format_alt_name(type, bytes, size);
		if (!name)
			continue;
		add_alt_name(proof, name);
		if (strlen(name) > NBDTARGET_MAX_ALT_NAME)
			return "an alternative name is too long";
		if (proof->n_alt_names > NBDTARGET_MAX_ALT_NAMES)
			return "there are too many alternative names";
	}
}

static const char *take_dn(struct proof *proof, gnutls_x509_crt_t crt)
{
	gnutls_datum_t der;

	if (gnutls_x509_crt_get_raw_dn(crt, &der))
		return "the distinguished name is malformed";
	proof->name = dn_format((struct text) { (char *)der.data, der.size });
	gnutls_free(der.data);
	if (!proof->name || strlen(proof->name) > NBDTARGET_MAX_IDENTITY)
		return "the distinguished name is malformed or too long";
	if (!*proof->name) {
		free(proof->name);
		proof->name = NULL;
	}
	return NULL;
}

/* It may have either kind of name, but one there has to be. */
static const char *take_names(struct proof *proof, gnutls_x509_crt_t crt)
{
	const char *wrong = take_dn(proof, crt);

	if (!wrong)
		wrong = take_alt_names(proof, crt);
	if (!wrong && !proof->name && !proof->n_alt_names)
		wrong = "the certificate has no name, nor an alternative one";
	return wrong;
}

/* Its key has signed, here or when the client got its ticket; see ticket.c. */
static bool is_proved(const struct handshake *h)
{
	return ticket_is_used(h->session) ||
	       gnutls_sign_algorithm_get_client(h->session) !=
	       GNUTLS_SIGN_UNKNOWN;
}

static const char *take_certificate(struct handshake *h)
{
	const gnutls_datum_t *chain;
	gnutls_x509_crt_t crt;
	const char *wrong;
	unsigned int n;

	chain = gnutls_certificate_get_peers(h->session, &n);
	if (!chain || !n)
		return NULL;
	if (!is_proved(h))
		return "the certificate is not of this handshake";
	if (gnutls_x509_crt_init(&crt))
		return "out of memory";
	if (gnutls_x509_crt_import(crt, &chain[0], GNUTLS_X509_FMT_DER))
		wrong = "the certificate is malformed";
	else
		wrong = take_names(&h->proof, crt);
	gnutls_x509_crt_deinit(crt);
	h->proof.auth = NBDTARGET_TLS_AUTH_X509;
	return wrong;
}

static const char *take_psk(struct handshake *h)
{
	const char *name = gnutls_psk_server_get_username(h->session);

	if (!name || !*name || strlen(name) > NBDTARGET_MAX_IDENTITY)
		return "the name of the key is empty or too long";
	h->proof.auth = NBDTARGET_TLS_AUTH_PSK;
	h->proof.name = mem_copy(name);
	return NULL;
}

/* NULL, or what is wrong with what it sent. */
static const char *take_proof(struct handshake *h)
{
	if (gnutls_auth_client_get_type(h->session) == GNUTLS_CRD_PSK)
		return take_psk(h);
	return take_certificate(h);
}

/* --- Its course --- */

static enum handshake_end failed(struct handshake *h, const char *text)
{
	set_text(h, text);
	close_fd(h);
	return HANDSHAKE_FAILED;
}

/* The library calls itself done: do as much. */
static enum handshake_end finish(struct handshake *h)
{
	int err = 0;

	/* The last that it sends: the kernel's records are counted on from here. */
	if (h->owes_ticket)
		err = gnutls_session_ticket_send(h->session, 1, 0);
	if (err == GNUTLS_E_AGAIN || err == GNUTLS_E_INTERRUPTED)
		return HANDSHAKE_WRITES;
	if (err)
		return failed(h, gnutls_strerror(err));
	/* What it has read ahead would be lost to the kernel. */
	if (gnutls_record_check_pending(h->session))
		return failed(h, "data came along with the handshake");
	err = ktls_install(h->session, cipher_of(h->session), h->fd);
	if (err)
		return failed(h, strerror(-err));
	close_fd(h);
	return HANDSHAKE_DONE;
}

/* What the library says of a certificate that it doesn't trust. */
static void explain_certificate(struct handshake *h)
{
	gnutls_datum_t text;

	if (!h->use.status ||
	    gnutls_certificate_verification_status_print(h->use.status,
							 GNUTLS_CRT_X509,
							 &text, 0))
		return;
	set_text(h, (const char *)text.data);
	gnutls_free(text.data);
}

/* 0, or what the library says. */
static int negotiate(struct handshake *h)
{
	unsigned int warnings = 0;
	int err;

	do {
		err = gnutls_handshake(h->session);
	} while (err == GNUTLS_E_INTERRUPTED ||
		 (err == GNUTLS_E_WARNING_ALERT_RECEIVED &&
		  warnings++ < MAX_WARNINGS));
	if (!err && gnutls_session_is_resumed(h->session))
		err = cred_renew(h->session);
	return err;
}

/* Go on as far as it goes. */
enum handshake_end handshake_step(struct handshake *h)
{
	const char *wrong;
	int err;

	if (h->text[0])
		return failed(h, "");
	if (h->proved)
		return finish(h);
	err = negotiate(h);
	if (!err) {
		wrong = take_proof(h);
		if (wrong)
			return failed(h, wrong);
		h->proved = true;
		h->owes_ticket = cred_owes_ticket(&h->use, h->session);
		return finish(h);
	}
	if (err == GNUTLS_E_AGAIN)
		return gnutls_record_get_direction(h->session) ?
		       HANDSHAKE_WRITES : HANDSHAKE_READS;
	gnutls_alert_send_appropriate(h->session, err);
	explain_certificate(h);
	return failed(h, gnutls_strerror(err));
}
