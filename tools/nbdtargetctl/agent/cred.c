// SPDX-License-Identifier: GPL-2.0
/*
 * The TLS agent's credentials, in a folder laid out as other NBD programs
 * have it: ca-cert.pem, ca-crl.pem, server-cert.pem, server-key.pem and
 * keys.psk; and server-cert-2.pem with server-key-2.pem, for clients that can't
 * do with the first. There has to be a certificate with its key, or a file of
 * keys; and what clients' certificates are held against, unless none are asked for. What
 * keeps somebody out doesn't cease to because a file is gone: that isn't taken for
 * a wish.
 *
 * A loaded state never changes, but for the key of its tickets, which is made anew from
 * time to time (ticket.c), and what was told of it. When files did, the agent loads
 * another and drops its reference to the first, which lives on until the handshakes
 * that began with it have ended, none of them well unless the other was made of the same.
 * Secrets are wiped from memory with the last reference, and files that hold them right
 * after they were parsed.
 */
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cred.h"
#include "agent/crl.h"
#include "agent/files.h"
#include "agent/priority.h"
#include "agent/psk.h"
#include "base/fail.h"
#include "base/mem.h"

struct cred {
	unsigned int refs;
	struct cred_policy policy;
	struct files files;		/* with data while it is loaded */
	unsigned char digest[FILES_DIGEST];	/* of these */
	gnutls_certificate_credentials_t x509;	/* or NULL */
	gnutls_psk_server_credentials_t psk;	/* or NULL */
	gnutls_priority_t priority;
	struct psk_list keys;
	struct crl_memory crls;		/* its own, and those in force before */
	struct ticket_key ticket_key;
};

struct cred *cred_get(struct cred *cred)
{
	cred->refs++;
	return cred;
}

void cred_put(struct cred *cred)
{
	if (!cred || --cred->refs)
		return;
	files_drop(&cred->files);
	if (cred->x509)
		gnutls_certificate_free_credentials(cred->x509);
	if (cred->psk)
		gnutls_psk_free_server_credentials(cred->psk);
	if (cred->priority)
		gnutls_priority_deinit(cred->priority);
	psk_free(&cred->keys);
	ticket_drop(&cred->ticket_key);
	crl_forget(&cred->crls);
	free(cred->files.dir);
	free(cred);
}

/* What is loaded in its place can't do without these. */
const struct crl_memory *cred_crls(const struct cred *cred)
{
	return &cred->crls;
}

/* What is to be known of it as time goes by, once each. */
void cred_tell(const struct tool *t, struct cred *cred)
{
	crl_tell(t, &cred->files, &cred->crls);
}

/* Whether it would be another one if it were loaded now: see files_changed(). */
bool cred_changed(struct cred *cred)
{
	return files_changed(&cred->files);
}

/* Whether each lets in whom the other does: so it is when they were made of the same. */
bool cred_same(const struct cred *a, const struct cred *b)
{
	return !memcmp(a->digest, b->digest, sizeof(a->digest));
}

/* --- Certificates --- */

static int failed(const struct tool *t, const struct cred *cred, int i,
		  int err)
{
	return files_fail(t, &cred->files, i, gnutls_strerror(err));
}

static int load_trust(const struct tool *t, struct cred *cred,
		      const struct crl_memory *before)
{
	int n;

	if (!cred->files.had[CA_CERT])
		return 0;
	if (cred->files.had[CA_CRL])
		return crl_load(t, &cred->files, before, &cred->crls, cred->x509);
	n = gnutls_certificate_set_x509_trust_mem(cred->x509,
						  &cred->files.data[CA_CERT],
						  GNUTLS_X509_FMT_PEM);
	if (n <= 0)
		return failed(t, cred, CA_CERT,
			      n ? n : GNUTLS_E_NO_CERTIFICATE_FOUND);
	return 0;
}

static int check_ca(const struct tool *t, const struct cred *cred)
{
	const struct files *f = &cred->files;

	if (f->had[CA_CERT])
		return 0;
	if (f->had[CA_CRL])
		return fail(t, f->dir, "there is %s, but no %s",
			    files_name(CA_CRL), files_name(CA_CERT));
	if (cred->policy.verify == CRED_IGNORE)
		return 0;
	return fail(t, f->dir,
		    "there is no %s to check clients' certificates by; without any checks it takes --client-certificates ignore",
		    files_name(CA_CERT));
}

/*
 * Whether there is a certificate doesn't matter: it may come back, and whoever was kept
 * out by the CRL would, too.
 */
static int check_crl(const struct tool *t, struct cred *cred,
		     const struct crl_memory *before)
{
	const struct files *f = &cred->files;
	char *remedy;
	int ret;

	cred->crls.had = f->had[CA_CRL] || before->had;
	if (f->had[CA_CRL])
		return 0;
	if (cred->policy.require_crl)
		return fail(t, f->dir, "there is no %s, which --require-crl demands",
			    files_name(CA_CRL));
	if (!before->had)
		return 0;
	remedy = crl_remedy(before);
	ret = fail(t, f->dir, "%s is gone: %s", files_name(CA_CRL), remedy);
	free(remedy);
	return ret;
}

/* Whether there is a certificate with its key; less than 0: one of them. */
static int has_pair(const struct tool *t, const struct files *f, int cert,
		    int key)
{
	if (f->had[cert] == f->had[key])
		return f->had[cert];
	fail(t, f->dir, "there is %s, but no %s",
	     files_name(f->had[cert] ? cert : key),
	     files_name(f->had[cert] ? key : cert));
	return -1;
}

static int load_pair(const struct tool *t, struct cred *cred, int cert, int key)
{
	int has = has_pair(t, &cred->files, cert, key);
	int err;

	if (has <= 0)
		return has ? TOOL_REFUSED : 0;
	err = gnutls_certificate_set_x509_key_mem(cred->x509,
						  &cred->files.data[cert],
						  &cred->files.data[key],
						  GNUTLS_X509_FMT_PEM);
	return err < 0 ? failed(t, cred, cert, err) : 0;
}

static int load_x509(const struct tool *t, struct cred *cred,
		     const struct crl_memory *before)
{
	const struct files *f = &cred->files;
	int has = has_pair(t, f, SERVER_CERT, SERVER_KEY);
	int err, ret;

	if (has < 0)
		return TOOL_REFUSED;
	if (!has && (f->had[SERVER_CERT_2] || f->had[SERVER_KEY_2]))
		return fail(t, f->dir, "there is a second certificate, but no %s",
			    files_name(SERVER_CERT));
	if (!has)
		return 0;
	ret = check_ca(t, cred);
	if (ret)
		return ret;
	err = gnutls_certificate_allocate_credentials(&cred->x509);
	if (err)
		return fail(t, NULL, "%s", gnutls_strerror(err));
	gnutls_certificate_set_known_dh_params(cred->x509,
					       GNUTLS_SEC_PARAM_MEDIUM);
	ret = load_pair(t, cred, SERVER_CERT, SERVER_KEY);
	if (!ret)
		ret = load_pair(t, cred, SERVER_CERT_2, SERVER_KEY_2);
	return ret ? ret : load_trust(t, cred, before);
}

/* --- Pre-shared keys --- */

/* Called by the library. */
static int find_key(gnutls_session_t session, const char *name,
		    gnutls_datum_t *key)
{
	const struct cred_use *use = gnutls_session_get_ptr(session);

	return psk_find(&use->cred->keys, name, key);
}

static int load_psk(const struct tool *t, struct cred *cred)
{
	int err, ret = psk_load(t, &cred->files, cred->policy.weak_psk,
				     &cred->keys);

	if (ret || !cred->keys.n)
		return ret;
	err = gnutls_psk_allocate_server_credentials(&cred->psk);
	if (err)
		return fail(t, NULL, "%s", gnutls_strerror(err));
	gnutls_psk_set_server_credentials_function(cred->psk, find_key);
	gnutls_psk_set_server_known_dh_params(cred->psk,
					      GNUTLS_SEC_PARAM_MEDIUM);
	return 0;
}

/* --- All of it --- */

static int read_files(const struct tool *t, struct cred *cred)
{
	int err, ret = files_read(t, &cred->files);

	if (ret)
		return ret;
	err = files_digest(&cred->files, cred->digest);
	return err ? fail(t, NULL, "%s", gnutls_strerror(err)) : 0;
}

static int load(const struct tool *t, struct cred *cred,
		const struct crl_memory *before)
{
	int ret = read_files(t, cred);

	if (!ret)
		ret = check_crl(t, cred, before);
	if (!ret)
		ret = load_x509(t, cred, before);
	if (!ret)
		ret = load_psk(t, cred);
	if (!ret && !cred->x509 && !cred->psk)
		ret = fail(t, cred->files.dir, "there is neither %s nor %s",
			   files_name(SERVER_CERT), files_name(KEYS_PSK));
	if (!ret)
		ret = priority_load(t, cred->policy.priority,
				    (struct priority_kinds) {
					    .x509 = cred->x509,
					    .psk = cred->psk,
				    }, &cred->priority);
	files_drop(&cred->files);
	crl_carry(before, &cred->crls);
	return ret;
}

/*
 * In place of some that have left these CRLs behind. With one reference; NULL after it
 * was said why not.
 */
struct cred *cred_load(const struct tool *t, const char *dir,
		       struct cred_policy policy,
		       const struct crl_memory *before)
{
	struct cred *cred = mem_zalloc(sizeof(*cred));

	cred->refs = 1;
	cred->files.dir = mem_copy(dir);
	cred->policy = policy;
	if (!load(t, cred, before))
		return cred;
	cred_put(cred);
	return NULL;
}

/*
 * Is the client's certificate to be trusted? Called by the library in the
 * middle of the handshake, so that the client is told if it isn't.
 */
static int verify(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (void *)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	struct cred_use *use = gnutls_session_get_ptr(session);
	unsigned int n = 0;
	int err;

	/* Whether there has to be one is for the library to say. */
	if (!gnutls_certificate_get_peers(session, &n) || !n)
		return 0;
	err = gnutls_certificate_verify_peers(session, &purpose, 1,
					      &use->status);
	if (!err && use->status)
		err = GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR;
	return err;
}

/*
 * Is whoever came with a ticket still to be trusted? The credentials are those that it
 * was given by, but time has gone by. 0 or a GnuTLS error.
 */
int cred_renew(gnutls_session_t session)
{
	const struct cred_use *use = gnutls_session_get_ptr(session);
	unsigned int n = 0;

	if (use->cred->policy.verify == CRED_REQUIRE &&
	    (!gnutls_certificate_get_peers(session, &n) || !n))
		return GNUTLS_E_CERTIFICATE_REQUIRED;
	return verify(session);
}

/* Called by the library with what a client says first. */
static int hear(gnutls_session_t session, unsigned int type, unsigned int when,
		unsigned int incoming, const gnutls_datum_t *msg)
{
	struct cred_use *use = gnutls_session_get_ptr(session);

	(void)type;
	(void)when;
	(void)incoming;
	return ticket_hello(&use->ticket, &use->cred->ticket_key,
			    use->cred->policy.tickets, session, msg);
}

/* Is the client, which has proved all that it has to, to get a ticket? */
bool cred_owes_ticket(const struct cred_use *use, gnutls_session_t session)
{
	return ticket_is_due(&use->ticket, use->cred->policy.tickets, session);
}

/* Give them to a session, which ends before USE; 0 or a GnuTLS error. */
int cred_apply(struct cred_use *use, gnutls_session_t session)
{
	struct cred *cred = use->cred;
	static const gnutls_certificate_request_t requests[] = {
		[CRED_REQUIRE] = GNUTLS_CERT_REQUIRE,
		[CRED_REQUEST] = GNUTLS_CERT_REQUEST,
		[CRED_IGNORE] = GNUTLS_CERT_IGNORE,
	};
	int err = gnutls_priority_set(session, cred->priority);

	gnutls_session_set_ptr(session, use);
	gnutls_session_set_verify_function(session, verify);
	if (cred->policy.tickets && cred->x509)
		gnutls_handshake_set_hook_function(session,
						   GNUTLS_HANDSHAKE_CLIENT_HELLO,
						   GNUTLS_HOOK_PRE, hear);
	if (!err && cred->x509)
		err = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
					     cred->x509);
	if (!err && cred->psk)
		err = gnutls_credentials_set(session, GNUTLS_CRD_PSK,
					     cred->psk);
	gnutls_certificate_server_set_request(session, cred->x509 ?
					      requests[cred->policy.verify] :
					      GNUTLS_CERT_IGNORE);
	return err;
}
