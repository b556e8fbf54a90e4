// SPDX-License-Identifier: GPL-2.0
/*
 * The TLS agent's credentials, in a folder laid out as other NBD programs
 * have it: ca-cert.pem, ca-crl.pem, server-cert.pem, server-key.pem and
 * keys.psk, each of which may be missing as long as there is a certificate
 * with its key, or a file of keys.
 *
 * A loaded state never changes. When files did, the agent loads another and
 * drops its reference to the first, which lives on for the handshakes that
 * began with it. Secrets are wiped from memory with the last reference, and
 * files that hold them right after they were parsed.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cred.h"
#include "keys.h"

#define FILE_MAX (4 << 20)
#define KEY_MAX 1024	/* of a pre-shared key, in bytes */

enum { CA_CERT, CA_CRL, SERVER_CERT, SERVER_KEY, KEYS_PSK, N_FILES };

static const struct {
	const char *name;
	bool secret;
} files[N_FILES] = {
	[CA_CERT] = { "ca-cert.pem", false },
	[CA_CRL] = { "ca-crl.pem", false },
	[SERVER_CERT] = { "server-cert.pem", false },
	[SERVER_KEY] = { "server-key.pem", true },
	[KEYS_PSK] = { "keys.psk", true },
};

/* By which one can tell that a file is another; all zero when there is none */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
	struct timespec ctime;
};

struct psk {
	char *name;
	gnutls_datum_t key;
};

struct cred {
	unsigned int refs;
	char *dir;
	enum cred_verify verify;
	struct stamp stamps[N_FILES];
	gnutls_datum_t data[N_FILES];	/* while it is loaded */
	gnutls_certificate_credentials_t x509;	/* or NULL */
	gnutls_psk_server_credentials_t psk;	/* or NULL */
	gnutls_priority_t priority;
	struct psk *keys;
	size_t n_keys;
	bool have_ca;
};

static void wipe(gnutls_datum_t *datum)
{
	if (datum->data)
		gnutls_memset(datum->data, 0, datum->size);
	free(datum->data);
	datum->data = NULL;
	datum->size = 0;
}

static void free_data(struct cred *cred)
{
	int i;

	for (i = 0; i < N_FILES; i++)
		wipe(&cred->data[i]);
}

struct cred *cred_get(struct cred *cred)
{
	cred->refs++;
	return cred;
}

void cred_put(struct cred *cred)
{
	size_t i;

	if (!cred || --cred->refs)
		return;
	free_data(cred);
	if (cred->x509)
		gnutls_certificate_free_credentials(cred->x509);
	if (cred->psk)
		gnutls_psk_free_server_credentials(cred->psk);
	if (cred->priority)
		gnutls_priority_deinit(cred->priority);
	for (i = 0; i < cred->n_keys; i++) {
		free(cred->keys[i].name);
		wipe(&cred->keys[i].key);
	}
	free(cred->keys);
	free(cred->dir);
	free(cred);
}

static void take_stamp(struct stamp *stamp, const struct stat *st)
{
	stamp->dev = st->st_dev;
	stamp->ino = st->st_ino;
	stamp->size = st->st_size;
	stamp->mtime = st->st_mtim;
	stamp->ctime = st->st_ctim;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool same_stamp(const struct stamp *a, const struct stamp *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       same_time(&a->mtime, &b->mtime) &&
	       same_time(&a->ctime, &b->ctime);
}

/*
 * Is any of the files another one, or has it other content, than when it was
 * loaded or this was last asked? What doesn't load is tried once.
 */
bool cred_changed(struct cred *cred)
{
	bool changed = false;
	int i;

	for (i = 0; i < N_FILES; i++) {
		char *path = mem_printf("%s/%s", cred->dir, files[i].name);
		struct stamp stamp = { 0 };
		struct stat st;

		if (!stat(path, &st))
			take_stamp(&stamp, &st);
		changed |= !same_stamp(&stamp, &cred->stamps[i]);
		cred->stamps[i] = stamp;
		free(path);
	}
	return changed;
}

/* --- Reading files --- */

/* Whoever can write any of them is the server; a secret is read by it only */
static const char *bad_mode(const struct stat *st, bool secret)
{
	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (st->st_uid && st->st_uid != geteuid())
		return "belongs to somebody else";
	if (secret && (st->st_mode & 077))
		return "may be read by others; its mode has to be 0600 or less";
	if (st->st_mode & 022)
		return "may be written by others";
	if (st->st_size > FILE_MAX)
		return "is too large";
	return NULL;
}

static int read_all(int fd, gnutls_datum_t *datum, size_t size)
{
	ssize_t n;

	/* Terminated, for those who take it for text. */
	datum->data = mem_zalloc(size + 1);
	while (datum->size < size) {
		n = read(fd, datum->data + datum->size, size - datum->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (!n)
			break;
		datum->size += n;
	}
	return 0;
}

static int read_file(const struct tool *t, struct cred *cred, int i,
		     const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *wrong;
	struct stat st;
	int ret = 0;

	if (fd < 0 && errno == ENOENT)
		return 0;
	if (fd < 0 || fstat(fd, &st)) {
		ret = fail(t, path, "%s", strerror(errno));
		goto out;
	}
	take_stamp(&cred->stamps[i], &st);
	wrong = bad_mode(&st, files[i].secret);
	if (wrong)
		ret = fail(t, path, "%s", wrong);
	else if (read_all(fd, &cred->data[i], st.st_size))
		ret = fail(t, path, "%s", strerror(errno));
out:
	if (fd >= 0)
		close(fd);
	return ret;
}

static int read_files(const struct tool *t, struct cred *cred)
{
	int i, ret = 0;

	for (i = 0; i < N_FILES && !ret; i++) {
		char *path = mem_printf("%s/%s", cred->dir, files[i].name);

		ret = read_file(t, cred, i, path);
		free(path);
	}
	return ret;
}

/* --- Certificates --- */

static int failed(const struct tool *t, const struct cred *cred, int i,
		  int err)
{
	char *path = mem_printf("%s/%s", cred->dir, files[i].name);
	int ret = fail(t, path, "%s", gnutls_strerror(err));

	free(path);
	return ret;
}

static int load_trust(const struct tool *t, struct cred *cred)
{
	int n;

	if (!cred->data[CA_CERT].data) {
		if (!cred->data[CA_CRL].data)
			return 0;
		return fail(t, cred->dir, "there is %s, but no %s",
			    files[CA_CRL].name, files[CA_CERT].name);
	}
	n = gnutls_certificate_set_x509_trust_mem(cred->x509,
						  &cred->data[CA_CERT],
						  GNUTLS_X509_FMT_PEM);
	if (n <= 0)
		return failed(t, cred, CA_CERT,
			      n ? n : GNUTLS_E_NO_CERTIFICATE_FOUND);
	cred->have_ca = true;
	if (!cred->data[CA_CRL].data)
		return 0;
	n = gnutls_certificate_set_x509_crl_mem(cred->x509,
						&cred->data[CA_CRL],
						GNUTLS_X509_FMT_PEM);
	return n < 0 ? failed(t, cred, CA_CRL, n) : 0;
}

static int load_x509(const struct tool *t, struct cred *cred)
{
	bool cert = cred->data[SERVER_CERT].data;
	int err;

	if (cert != !!cred->data[SERVER_KEY].data)
		return fail(t, cred->dir, "there is %s, but no %s",
			    files[cert ? SERVER_CERT : SERVER_KEY].name,
			    files[cert ? SERVER_KEY : SERVER_CERT].name);
	if (!cert)
		return 0;
	err = gnutls_certificate_allocate_credentials(&cred->x509);
	if (err)
		return fail(t, NULL, "%s", gnutls_strerror(err));
	err = gnutls_certificate_set_x509_key_mem(cred->x509,
						  &cred->data[SERVER_CERT],
						  &cred->data[SERVER_KEY],
						  GNUTLS_X509_FMT_PEM);
	if (err < 0)
		return failed(t, cred, SERVER_CERT, err);
	gnutls_certificate_set_known_dh_params(cred->x509,
					       GNUTLS_SEC_PARAM_MEDIUM);
	return load_trust(t, cred);
}

/* --- Pre-shared keys --- */

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* HEX of LEN characters; NULL when it isn't that. */
static unsigned char *parse_hex(const char *hex, size_t len)
{
	unsigned char *bytes;
	size_t i;

	if (!len || len % 2 || len > 2 * KEY_MAX ||
	    strspn(hex, "0123456789abcdefABCDEF") < len)
		return NULL;
	bytes = mem_zalloc(len / 2 + 1);
	for (i = 0; i < len / 2; i++)
		bytes[i] = hex_digit(hex[2 * i]) << 4 |
			   hex_digit(hex[2 * i + 1]);
	return bytes;
}

/* "NAME:HEX", or "#HEX:HEX" for a name that is no text. */
static const char *parse_key(char *line, struct psk *psk)
{
	char *colon = strrchr(line, ':');
	size_t len;

	if (!colon)
		return "there is no colon";
	*colon++ = '\0';
	len = strcspn(colon, "\r");
	if (line[0] == '#') {
		psk->name = (char *)parse_hex(line + 1, strlen(line + 1));
		if (psk->name &&
		    strlen(psk->name) != strlen(line + 1) / 2)
			return "the name has a NUL in it";
	} else {
		psk->name = mem_copy(line);
	}
	if (!psk->name || !*psk->name)
		return "the name is empty or not valid";
	psk->key.data = parse_hex(colon, len);
	psk->key.size = len / 2;
	return psk->key.data ? NULL : "the key is not hexadecimal";
}

static int load_keys(const struct tool *t, struct cred *cred)
{
	char *line = (char *)cred->data[KEYS_PSK].data, *next;
	unsigned long number = 1;
	const char *wrong;

	for (; line && *line; line = next, number++) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!line[strspn(line, " \t\r")])
			continue;
		cred->keys = mem_resize(cred->keys, (cred->n_keys + 1) *
					sizeof(*cred->keys));
		memset(&cred->keys[cred->n_keys], 0, sizeof(*cred->keys));
		wrong = parse_key(line, &cred->keys[cred->n_keys++]);
		if (wrong)
			return fail(t, cred->dir, "%s, line %lu: %s",
				    files[KEYS_PSK].name, number, wrong);
	}
	if (cred->data[KEYS_PSK].data && !cred->n_keys)
		return fail(t, cred->dir, "there is no key in %s",
			    files[KEYS_PSK].name);
	return 0;
}

static int copy_key(gnutls_datum_t *to, const unsigned char *key,
		    unsigned int size)
{
	to->data = gnutls_malloc(size);
	if (!to->data)
		return -1;
	memcpy(to->data, key, size);
	to->size = size;
	return 0;
}

/*
 * Called by the library. One that asks with a name that isn't there gets a
 * key that nobody knows, so that it can't be told from one with a wrong key.
 */
static int find_key(gnutls_session_t session, const char *name,
		    gnutls_datum_t *key)
{
	const struct cred_use *use = gnutls_session_get_ptr(session);
	const struct cred *cred = use->cred;
	unsigned char nobodys[32];
	size_t i;

	for (i = 0; i < cred->n_keys; i++)
		if (!strcmp(cred->keys[i].name, name))
			return copy_key(key, cred->keys[i].key.data,
					cred->keys[i].key.size);
	if (gnutls_rnd(GNUTLS_RND_KEY, nobodys, sizeof(nobodys)))
		return -1;
	return copy_key(key, nobodys, sizeof(nobodys));
}

static int load_psk(const struct tool *t, struct cred *cred)
{
	int err, ret = load_keys(t, cred);

	if (ret || !cred->n_keys)
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

/*
 * Versions and ciphers that the kernel takes over; keys that are agreed on
 * in a way that a later theft doesn't reveal; nothing after the handshake.
 */
static int load_priority(const struct tool *t, struct cred *cred)
{
	static const char basis[] =
		"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-CIPHER-ALL";
	char *ciphers = keys_ciphers();
	char *all = mem_printf("%s%s:-KX-ALL%s%s:%%NO_TICKETS%s", basis, ciphers,
			       cred->x509 ?
			       ":+ECDHE-ECDSA:+ECDHE-RSA:+DHE-RSA" : "",
			       cred->psk ? ":+ECDHE-PSK:+DHE-PSK" : "",
			       keys_ciphers_are_chosen() ?
			       ":%SERVER_PRECEDENCE" : "");
	const char *where;
	int err = gnutls_priority_init(&cred->priority, all, &where);

	if (err)
		fail(t, NULL, "priority '%s': %s", all, gnutls_strerror(err));
	free(ciphers);
	free(all);
	return err ? TOOL_REFUSED : 0;
}

static int load(const struct tool *t, struct cred *cred)
{
	int ret = read_files(t, cred);

	if (!ret)
		ret = load_x509(t, cred);
	if (!ret)
		ret = load_psk(t, cred);
	if (!ret && !cred->x509 && !cred->psk)
		ret = fail(t, cred->dir, "there is neither %s nor %s",
			   files[SERVER_CERT].name, files[KEYS_PSK].name);
	if (!ret)
		ret = load_priority(t, cred);
	free_data(cred);
	return ret;
}

/* With one reference; NULL after it was said why not. */
struct cred *cred_load(const struct tool *t, const char *dir,
		       enum cred_verify verify)
{
	struct cred *cred = mem_zalloc(sizeof(*cred));

	cred->refs = 1;
	cred->dir = mem_copy(dir);
	cred->verify = verify;
	if (!load(t, cred))
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
	if (!err && cred->x509)
		err = gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE,
					     cred->x509);
	if (!err && cred->psk)
		err = gnutls_credentials_set(session, GNUTLS_CRD_PSK,
					     cred->psk);
	gnutls_certificate_server_set_request(session, cred->have_ca ?
					      requests[cred->verify] :
					      GNUTLS_CERT_IGNORE);
	return err;
}
