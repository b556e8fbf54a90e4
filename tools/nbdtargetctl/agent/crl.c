// SPDX-License-Identifier: GPL-2.0
/*
 * Is ca-crl.pem what it is taken for? The library takes any list, whoever has signed
 * it, and one that doesn't fit a CA keeps nobody out: then the administrator believes
 * in something that isn't there.
 *
 * One of the lists has to be of a CA that is in ca-cert.pem. Others may be of those
 * between it and the clients, whose certificates only the clients have. What is past
 * the day at which another was due keeps out whom it names, as before: it is told of,
 * as nobody new can be in it.
 */
#include <gnutls/x509.h>

#include "agent/crl.h"
#include "base/fail.h"
#include "base/mem.h"

/* What makes it somebody else's; all else is about its time. */
#define NOT_OURS \
	(GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA | \
	 GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_INSECURE_ALGORITHM | \
	 GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE)

struct crls {
	gnutls_x509_crl_t *crls;
	unsigned int n;
	gnutls_x509_crt_t *cas;
	unsigned int n_cas;
};

static void drop(struct crls *c)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		gnutls_x509_crl_deinit(c->crls[i]);
	gnutls_free(c->crls);
	for (i = 0; i < c->n_cas; i++)
		gnutls_x509_crt_deinit(c->cas[i]);
	gnutls_free(c->cas);
}

static int import(const struct tool *t, const struct files *f, struct crls *c)
{
	int err = gnutls_x509_crl_list_import2(&c->crls, &c->n,
					       &f->data[CA_CRL],
					       GNUTLS_X509_FMT_PEM, 0);

	if (err < 0)
		return files_fail(t, f, CA_CRL, gnutls_strerror(err));
	err = gnutls_x509_crt_list_import2(&c->cas, &c->n_cas,
					   &f->data[CA_CERT],
					   GNUTLS_X509_FMT_PEM, 0);
	return err < 0 ? files_fail(t, f, CA_CERT, gnutls_strerror(err)) : 0;
}

/* Is it by one of the CAs?  LATE is set when another should be there by now. */
static bool is_ours(const struct crls *c, gnutls_x509_crl_t crl, bool *late)
{
	unsigned int status = 0;

	if (gnutls_x509_crl_verify(crl, c->cas, c->n_cas, 0, &status) < 0 ||
	    status & NOT_OURS)
		return false;
	*late |= status & GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED;
	return true;
}

static int judge(const struct tool *t, const struct files *f,
		 const struct crls *c)
{
	bool ours = false, late = false;
	unsigned int i;

	for (i = 0; i < c->n; i++)
		ours |= is_ours(c, c->crls[i], &late);
	if (!ours)
		return files_fail(t, f, CA_CRL, "it is by no CA of ca-cert.pem");
	if (late)
		files_warn(t, f, CA_CRL, "it is old: the next one is due");
	return 0;
}

/* Of files that were read, with a CA; 0, or it was said what is wrong. */
int crl_check(const struct tool *t, const struct files *f)
{
	struct crls c = { 0 };
	int ret = import(t, f, &c);

	if (!ret)
		ret = judge(t, f, &c);
	drop(&c);
	return ret;
}
