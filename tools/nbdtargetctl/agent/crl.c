// SPDX-License-Identifier: GPL-2.0
/*
 * Is ca-crl.pem what it is taken for? The library takes any list, whoever has signed
 * it, and one that doesn't fit a CA keeps nobody out: then the administrator believes
 * in something that isn't there. Nor does it hold what it was given as trusted against
 * any: a CA of ca-cert.pem that a list names would let in who leaves out the rest of
 * its chain. So that isn't given to it, nor are those that only such a one has certified.
 *
 * One of the lists has to be of a CA that is in ca-cert.pem. Others may be of those
 * between it and the clients, whose certificates only the clients have; but one that
 * has the name of a CA in ca-cert.pem, and isn't by that, is damaged, of another key of
 * it, or encodes the name otherwise, so that the library doesn't find it. Of several by
 * a name the library goes by the newest: so there has to be one CA that has it, and each
 * list has to be whole. One that is about users only, or has what is new since another,
 * says so by a critical extension (RFC 5280, 5.2), and the library doesn't look at these.
 *
 * Whom a list keeps out comes back when it is gone, and so do some when an older one is
 * in its place. A file that is put together anew, or fetched from a copy that lags,
 * isn't a wish for that. So each CA that had a list is remembered, and has to have one
 * that isn't older until the agent is ended by who says so. Nor is it one that the CA has gone
 * from ca-cert.pem with it: others there may be certified by it, or certify it, and what
 * it kept out comes by these.
 *
 * What is past the day at which another was due keeps out whom it names, as before: it
 * is told of, once, as nobody new can be in it.
 */
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "agent/crl.h"
#include "agent/dn.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/text.h"

/* What makes it somebody else's; all else is about its time. */
#define NOT_OURS \
	(GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA | \
	 GNUTLS_CERT_SIGNATURE_FAILURE | GNUTLS_CERT_INSECURE_ALGORITHM | \
	 GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE)

#define KEY_ID_MAX 64
#define OID_MAX 128

/* The two files, while they are looked at. */
struct crls {
	gnutls_x509_crl_t *crls;
	unsigned int n;
	gnutls_x509_crt_t *cas;
	unsigned int n_cas;
	bool *revoked;		/* for each CA */
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
	free(c->revoked);
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
	if (err < 0)
		return files_fail(t, f, CA_CERT, gnutls_strerror(err));
	c->revoked = mem_zalloc(c->n_cas * sizeof(*c->revoked));
	return 0;
}

/* --- Who has issued a list --- */

static char *hex(const unsigned char *bytes, size_t n)
{
	char *s = mem_zalloc(2 * n + 1);
	size_t i;

	for (i = 0; i < n; i++)
		sprintf(s + 2 * i, "%02x", bytes[i]);
	return s;
}

/* Of what the library gave, which is freed. */
static char *take_name(int err, const gnutls_datum_t *der)
{
	char *name;

	if (err)
		return mem_copy("");
	name = dn_format((struct text) { (char *)der->data, der->size });
	gnutls_free(der->data);
	return name ? name : mem_copy("");
}

static char *name_of(gnutls_x509_crl_t crl)
{
	gnutls_datum_t der;
	int err = gnutls_x509_crl_get_raw_issuer_dn(crl, &der);

	return take_name(err, &der);
}

static char *name_of_ca(gnutls_x509_crt_t ca)
{
	gnutls_datum_t der;
	int err = gnutls_x509_crt_get_raw_dn(ca, &der);

	return take_name(err, &der);
}

static char *hint_of(gnutls_x509_crl_t crl)
{
	unsigned char id[KEY_ID_MAX];
	size_t size = sizeof(id);

	if (gnutls_x509_crl_get_authority_key_id(crl, id, &size, NULL))
		size = 0;
	return hex(id, size);
}

static char *key_of(gnutls_x509_crt_t ca)
{
	unsigned char id[KEY_ID_MAX];
	size_t size = sizeof(id);

	if (gnutls_x509_crt_get_key_id(ca, GNUTLS_KEYID_USE_SHA256, id, &size))
		size = 0;
	return hex(id, size);
}

/* By the bytes of a name the library looks for lists. */
static bool has_bytes_of(gnutls_x509_crl_t crl, gnutls_x509_crt_t ca)
{
	gnutls_datum_t one = { 0 }, other = { 0 };
	bool same;

	same = !gnutls_x509_crl_get_raw_issuer_dn(crl, &one) &&
	       !gnutls_x509_crt_get_raw_dn(ca, &other) &&
	       one.size == other.size && !memcmp(one.data, other.data, one.size);
	gnutls_free(one.data);
	gnutls_free(other.data);
	return same;
}

/* The CA in ca-cert.pem that has signed it, or NULL. */
static gnutls_x509_crt_t signer_of(const struct crls *c, gnutls_x509_crl_t crl)
{
	unsigned int i, status;

	for (i = 0; i < c->n_cas; i++) {
		status = 0;
		if (has_bytes_of(crl, c->cas[i]) &&
		    gnutls_x509_crl_verify(crl, &c->cas[i], 1, 0, &status) >= 0 &&
		    !(status & NOT_OURS))
			return c->cas[i];
	}
	return NULL;
}

static bool has_key(const struct crls *c, const char *key)
{
	bool found = false;
	unsigned int i;
	char *other;

	for (i = 0; i < c->n_cas && !found; i++) {
		other = key_of(c->cas[i]);
		found = !strcmp(other, key);
		free(other);
	}
	return found;
}

/* What isn't known doesn't tell them apart. */
static bool differ(const char *a, const char *b)
{
	return *a && *b && strcmp(a, b);
}

/* A CA that has changed its key is another one: each keeps out its own. */
static bool same_issuer(const struct crl_issuer *a, const struct crl_issuer *b)
{
	if (strcmp(a->name, b->name))
		return false;
	if (*a->key && *b->key)
		return !strcmp(a->key, b->key);
	return !differ(a->hint, b->hint);
}

/* As well known as the other one, if there is such. */
static struct crl_issuer *find(const struct crl_memory *m,
			       const struct crl_issuer *issuer)
{
	struct crl_issuer *found = NULL, *other;
	size_t i;

	for (i = 0; i < m->n; i++) {
		other = &m->issuers[i];
		if (!same_issuer(other, issuer))
			continue;
		if (!*other->key == !*issuer->key)
			return other;
		found = other;
	}
	return found;
}

static void add(struct crl_memory *m, const struct crl_issuer *issuer)
{
	m->issuers = mem_resize(m->issuers, (m->n + 1) * sizeof(*m->issuers));
	m->issuers[m->n++] = *issuer;
}

/* For who means it. */
char *crl_remedy(const struct crl_memory *before)
{
	return mem_printf("%s%s to let those in whom it kept out",
			  before->left ? "remove " : "start the agent anew",
			  before->left ? before->left : "");
}

static void drop_issuer(struct crl_issuer *issuer)
{
	free(issuer->name);
	free(issuer->key);
	free(issuer->hint);
}

void crl_forget(struct crl_memory *m)
{
	while (m->n)
		drop_issuer(&m->issuers[--m->n]);
	free(m->issuers);
	m->issuers = NULL;
	free(m->left);
	m->left = NULL;
}

/* Critical is what changes the meaning of all else; none of it is known here. */
static int check_extensions(const struct tool *t, const struct files *f,
			    gnutls_x509_crl_t crl)
{
	static const char wrong[] =
		"the list of %s may not be whole, by its critical extension %s: use one without";
	unsigned int i, critical = 0;
	char oid[OID_MAX], *name, *text;
	size_t size;
	int ret = 0;

	for (i = 0; ret >= 0 && !critical; i++) {
		size = sizeof(oid);
		ret = gnutls_x509_crl_get_extension_info(crl, i, oid, &size,
							 &critical);
	}
	if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
		return 0;
	name = name_of(crl);
	text = ret < 0 ?
	       mem_printf("the list of %s is malformed: %s", name,
			  gnutls_strerror(ret)) :
	       mem_printf(wrong, name, oid);
	ret = files_fail(t, f, CA_CRL, text);
	free(text);
	free(name);
	return ret;
}

/* Of several lists of a CA the newest is what there is. */
static void note(struct crl_memory *now, const struct crls *c,
		 gnutls_x509_crl_t crl)
{
	gnutls_x509_crt_t ca = signer_of(c, crl);
	struct crl_issuer issuer = {
		.name = name_of(crl),
		.key = ca ? key_of(ca) : mem_copy(""),
		.hint = hint_of(crl),
		.issued = gnutls_x509_crl_get_this_update(crl),
		.due = gnutls_x509_crl_get_next_update(crl),
		.in_force = true,
	};
	struct crl_issuer *found = find(now, &issuer);

	if (!found || !*found->key != !*issuer.key) {
		add(now, &issuer);
		return;
	}
	if (issuer.issued >= found->issued) {
		found->issued = issuer.issued;
		found->due = issuer.due;
	}
	drop_issuer(&issuer);
}

/* --- What was there before --- */

/* In place of some: who had a list has one, which isn't older; or what is wrong. */
static const char *judge_one(const struct crls *c, const struct crl_issuer *had,
			     const struct crl_memory *now)
{
	const struct crl_issuer *has = find(now, had);
	bool known = *had->key && has_key(c, had->key);

	if (!has || (known && strcmp(has->key, had->key)))
		return "is gone";
	return has->issued < had->issued ? "is older than the one before" : NULL;
}

static int judge_memory(const struct tool *t, const struct files *f,
			const struct crls *c, const struct crl_memory *before,
			const struct crl_memory *now)
{
	const char *wrong = NULL;
	char *text, *remedy;
	size_t i;
	int ret;

	for (i = 0; i < before->n && !wrong; i++)
		wrong = judge_one(c, &before->issuers[i], now);
	if (!wrong)
		return 0;
	remedy = crl_remedy(before);
	text = mem_printf("the list of %s %s: %s", before->issuers[i - 1].name,
			  wrong, remedy);
	ret = files_fail(t, f, CA_CRL, text);
	free(text);
	free(remedy);
	return ret;
}

/* A name that two of them have, or NULL. */
static const char *name_of_two(const struct crl_memory *now)
{
	size_t i, j;

	for (i = 1; i < now->n; i++)
		for (j = 0; j < i; j++)
			if (!strcmp(now->issuers[i].name, now->issuers[j].name))
				return now->issuers[i].name;
	return NULL;
}

static int judge_names(const struct tool *t, const struct files *f,
		       const struct crl_memory *now)
{
	const char *name = name_of_two(now);
	char *text;
	int ret;

	if (!name)
		return 0;
	text = mem_printf("two CAs named %s have lists, and only one would count: leave one out",
			  name);
	ret = files_fail(t, f, CA_CRL, text);
	free(text);
	return ret;
}

/* A list without a key is of none of these. */
static bool is_named_as_ca(const struct crls *c, const struct crl_issuer *issuer)
{
	bool is = false;
	unsigned int i;
	char *name;

	for (i = 0; i < c->n_cas && !is; i++) {
		name = name_of_ca(c->cas[i]);
		is = !strcmp(name, issuer->name);
		free(name);
	}
	return is;
}

static int judge_signer(const struct tool *t, const struct files *f,
			const struct crls *c, const struct crl_issuer *issuer)
{
	static const char wrong[] =
		"the list of %s isn't signed by the CA of that name, in its encoding: get it anew";
	char *text;
	int ret;

	if (*issuer->key || !is_named_as_ca(c, issuer))
		return 0;
	text = mem_printf(wrong, issuer->name);
	ret = files_fail(t, f, CA_CRL, text);
	free(text);
	return ret;
}

static int judge(const struct tool *t, const struct files *f,
		 const struct crls *c, const struct crl_memory *before,
		 const struct crl_memory *now)
{
	int ret = judge_names(t, f, now);
	bool ours = false;
	size_t i;

	if (ret)
		return ret;

	for (i = 0; i < now->n; i++)
		ours |= *now->issuers[i].key;
	if (!ours)
		return files_fail(t, f, CA_CRL, "it is by no CA of ca-cert.pem");
	for (i = 0; i < now->n && !ret; i++)
		ret = judge_signer(t, f, c, &now->issuers[i]);
	return ret ? ret : judge_memory(t, f, c, before, now);
}

/* What is known of a CA, and was told of its list, stays so. */
static void merge(struct crl_issuer *now, const struct crl_issuer *before)
{
	now->told = before->told && now->issued == before->issued;
	if (!*now->key) {
		free(now->key);
		now->key = mem_copy(before->key);
	}
}

/* Those that are remembered only, too. */
void crl_carry(const struct crl_memory *before, struct crl_memory *now)
{
	struct crl_issuer copy, *found;
	size_t i;

	for (i = 0; i < before->n; i++) {
		found = find(now, &before->issuers[i]);
		if (found) {
			merge(found, &before->issuers[i]);
			continue;
		}
		copy = before->issuers[i];
		copy.name = mem_copy(copy.name);
		copy.key = mem_copy(copy.key);
		copy.hint = mem_copy(copy.hint);
		copy.in_force = false;
		add(now, &copy);
	}
}

/* --- Which CAs are trusted --- */

/* Of those by a name it is the newest. */
static bool counts(const struct crl_memory *now, gnutls_x509_crl_t crl)
{
	time_t issued = gnutls_x509_crl_get_this_update(crl);
	char *name = name_of(crl);
	bool does = false;
	size_t i;

	for (i = 0; i < now->n; i++)
		if (!strcmp(now->issuers[i].name, name))
			does |= now->issuers[i].issued == issued;
	free(name);
	return does;
}

static bool is_named(const struct crls *c, const struct crl_memory *now,
		     gnutls_x509_crt_t ca)
{
	unsigned int i;

	for (i = 0; i < c->n; i++)
		if (gnutls_x509_crt_check_revocation(ca, &c->crls[i], 1) &&
		    counts(now, c->crls[i]))
			return true;
	return false;
}

static bool has_certified(gnutls_x509_crt_t by, gnutls_x509_crt_t ca)
{
	unsigned int status = 0;

	return gnutls_x509_crt_check_issuer(ca, by) &&
	       gnutls_x509_crt_verify(ca, &by, 1, 0, &status) >= 0 &&
	       !(status & (GNUTLS_CERT_SIGNER_NOT_FOUND |
			   GNUTLS_CERT_SIGNATURE_FAILURE));
}

/* By one that is revoked, and by none that isn't: it may have been renewed. */
static bool is_below_revoked(const struct crls *c, gnutls_x509_crt_t ca)
{
	bool bad = false;
	unsigned int i;

	for (i = 0; i < c->n_cas; i++) {
		if (!has_certified(c->cas[i], ca))
			continue;
		if (!c->revoked[i])
			return false;
		bad = true;
	}
	return bad;
}

static void find_revoked(struct crls *c, const struct crl_memory *now)
{
	bool found;
	unsigned int i;

	do {
		found = false;
		for (i = 0; i < c->n_cas; i++) {
			if (c->revoked[i] || (!is_named(c, now, c->cas[i]) &&
					      !is_below_revoked(c, c->cas[i])))
				continue;
			c->revoked[i] = true;
			found = true;
		}
	} while (found);
}

static void warn_revoked(const struct tool *t, const struct files *f,
			 gnutls_x509_crt_t ca)
{
	static const char what[] =
		"%s isn't trusted, as a list of %s names it or who has certified it: take it out";
	char *name = name_of_ca(ca);
	char *text = mem_printf(what, name, files_name(CA_CRL));

	files_warn(t, f, CA_CERT, text);
	free(text);
	free(name);
}

/* Give the library all but these, and the lists; there may be nobody left to trust. */
static int apply(const struct tool *t, const struct files *f,
		 const struct crls *c, gnutls_certificate_credentials_t x509)
{
	unsigned int i;
	int ret = 0;

	for (i = 0; i < c->n_cas && ret >= 0; i++) {
		if (c->revoked[i])
			warn_revoked(t, f, c->cas[i]);
		else
			ret = gnutls_certificate_set_x509_trust(x509,
								&c->cas[i], 1);
	}
	if (ret < 0)
		return files_fail(t, f, CA_CERT, gnutls_strerror(ret));
	ret = gnutls_certificate_set_x509_crl(x509, c->crls, c->n);
	return ret < 0 ? files_fail(t, f, CA_CRL, gnutls_strerror(ret)) : 0;
}

/*
 * To credentials, of files that were read, with a CA, in place of others; 0, or it was
 * said what is wrong.  NOW is what is remembered of them.
 */
int crl_load(const struct tool *t, const struct files *f,
	     const struct crl_memory *before, struct crl_memory *now,
	     gnutls_certificate_credentials_t x509)
{
	struct crls c = { 0 };
	int ret = import(t, f, &c);
	unsigned int i;

	for (i = 0; i < c.n && !ret; i++)
		ret = check_extensions(t, f, c.crls[i]);
	for (i = 0; i < c.n && !ret; i++)
		note(now, &c, c.crls[i]);
	if (!ret)
		ret = judge(t, f, &c, before, now);
	if (!ret) {
		find_revoked(&c, now);
		ret = apply(t, f, &c, x509);
	}
	drop(&c);
	return ret;
}

/* --- As time goes by --- */

static bool is_old(const struct crl_issuer *issuer, time_t time_now)
{
	return issuer->in_force && issuer->due != -1 && issuer->due <= time_now;
}

/* Of those that it wasn't told of yet. */
void crl_tell(const struct tool *t, const struct files *f, struct crl_memory *m)
{
	time_t now = time(NULL);
	char *text;
	size_t i;

	for (i = 0; i < m->n; i++) {
		if (m->issuers[i].told || !is_old(&m->issuers[i], now))
			continue;
		text = mem_printf("the list of %s is old: the next one is due",
				  m->issuers[i].name);
		files_warn(t, f, CA_CRL, text);
		free(text);
		m->issuers[i].told = true;
	}
}

/* When there is one to be told of next; -1: never. */
time_t crl_next(const struct crl_memory *m)
{
	time_t next = -1;
	size_t i;

	for (i = 0; i < m->n; i++)
		if (m->issuers[i].in_force && !m->issuers[i].told &&
		    m->issuers[i].due != -1 &&
		    (next == -1 || m->issuers[i].due < next))
			next = m->issuers[i].due;
	return next;
}

/* Whose it is, if there is one. */
const char *crl_old(const struct crl_memory *m)
{
	time_t now = time(NULL);
	size_t i;

	for (i = 0; i < m->n; i++)
		if (is_old(&m->issuers[i], now))
			return m->issuers[i].name;
	return NULL;
}

/* --- For another process, a line each --- */

void crl_write(FILE *f, const struct crl_memory *m)
{
	const struct crl_issuer *issuer;
	size_t i;

	for (i = 0; i < m->n; i++) {
		issuer = &m->issuers[i];
		fprintf(f, "%s %s %lld %s\n", *issuer->key ? issuer->key : "-",
			*issuer->hint ? issuer->hint : "-",
			(long long)issuer->issued, issuer->name);
	}
}

static const char *read_word(char **s, const char *ends)
{
	char *word = strsep(s, ends);

	return !word || !strcmp(word, "-") ? "" : word;
}

void crl_read(FILE *f, struct crl_memory *m)
{
	struct crl_issuer issuer = { .due = -1 };
	char *line = NULL, *s;
	size_t size = 0;

	while (getline(&line, &size, f) > 0) {
		s = line;
		issuer.key = mem_copy(read_word(&s, " "));
		issuer.hint = mem_copy(read_word(&s, " "));
		issuer.issued = strtoll(read_word(&s, " "), NULL, 10);
		issuer.name = mem_copy(read_word(&s, "\n"));
		add(m, &issuer);
	}
	free(line);
}
