// SPDX-License-Identifier: GPL-2.0
/*
 * The files of the folder of credentials: which there are, who may have written
 * them, whether they have changed, and what is in them. What was read is wiped from memory.
 *
 * Whoever can write any of them is the server, and so is who can put another in
 * its place: see way.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/files.h"
#include "agent/log.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/way.h"

#define FILE_MAX (4 << 20)

static const struct {
	const char *name;
	bool secret;
} names[N_FILES] = {
	[CA_CERT] = { "ca-cert.pem", false },
	[CA_CRL] = { "ca-crl.pem", false },
	[SERVER_CERT] = { "server-cert.pem", false },
	[SERVER_KEY] = { "server-key.pem", true },
	[SERVER_CERT_2] = { "server-cert-2.pem", false },
	[SERVER_KEY_2] = { "server-key-2.pem", true },
	[KEYS_PSK] = { "keys.psk", true },
};

const char *files_name(int i)
{
	return names[i].name;
}

/* Say what is wrong with one. */
int files_fail(const struct tool *t, const struct files *f, int i,
	       const char *text)
{
	char *path = mem_printf("%s/%s", f->dir, files_name(i));
	int ret = fail(t, path, "%s", text);

	free(path);
	return ret;
}

/* The same of what is taken all the same. */
void files_warn(const struct tool *t, const struct files *f, int i,
		const char *text)
{
	char *path = mem_printf("%s/%s", f->dir, files_name(i));

	log_warning(t, path, text);
	free(path);
}

void files_wipe(gnutls_datum_t *datum)
{
	if (datum->data)
		gnutls_memset(datum->data, 0, datum->size);
	free(datum->data);
	datum->data = NULL;
	datum->size = 0;
}

/* What was read isn't needed any more. */
void files_drop(struct files *f)
{
	int i;

	for (i = 0; i < N_FILES; i++)
		files_wipe(&f->data[i]);
}

static void take_stamp(struct stamp *stamp, const struct stat *st)
{
	stamp->dev = st->st_dev;
	stamp->ino = st->st_ino;
	stamp->size = st->st_size;
	stamp->mtime = st->st_mtim;
	stamp->ctime = st->st_ctim;
}

static int add_to_digest(gnutls_hash_hd_t hash, bool there,
			 const gnutls_datum_t *data)
{
	int err = gnutls_hash(hash, &there, sizeof(there));

	if (!err)
		err = gnutls_hash(hash, &data->size, sizeof(data->size));
	if (!err && data->size)
		err = gnutls_hash(hash, data->data, data->size);
	return err;
}

/* What the system allows, by which the library judges certificates as well. */
static int add_system(gnutls_hash_hd_t hash)
{
	const char *path = gnutls_get_system_config_file();
	gnutls_datum_t data = { 0 };
	bool there = path && !gnutls_load_file(path, &data);
	int err = add_to_digest(hash, there, &data);

	gnutls_free(data.data);
	return err;
}

/* Of all that was read, before it is parsed, to DIGEST; 0 or a GnuTLS error. */
int files_digest(const struct files *f, unsigned char *digest)
{
	gnutls_hash_hd_t hash;
	int i, err = gnutls_hash_init(&hash, GNUTLS_DIG_SHA256);

	if (err)
		return err;
	for (i = 0; i < N_FILES && !err; i++)
		err = add_to_digest(hash, f->had[i], &f->data[i]);
	if (!err)
		err = add_system(hash);
	gnutls_hash_deinit(hash, digest);
	return err;
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
bool files_changed(struct files *f)
{
	bool changed = false;
	int i;

	for (i = 0; i < N_FILES; i++) {
		char *path = mem_printf("%s/%s", f->dir, names[i].name);
		struct stamp stamp = { 0 };
		struct stat st;

		if (!stat(path, &st))
			take_stamp(&stamp, &st);
		changed |= !same_stamp(&stamp, &f->stamps[i]);
		f->stamps[i] = stamp;
		free(path);
	}
	return changed;
}

/* A secret of root's may be one that a group has, as Debian's ssl-cert. */
static const char *bad_mode(const struct stat *st, bool secret)
{
	const char *wrong = way_bad_owner(st);

	if (!S_ISREG(st->st_mode))
		return "is no regular file";
	if (wrong)
		return wrong;
	if (secret && st->st_mode & (st->st_uid ? 077 : 07))
		return "may be read by others; its mode has to be 0600 or less";
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

static int read_file(const struct tool *t, struct files *f, int i,
		     const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *wrong;
	struct stat st;
	int ret = 0;

	if (fd < 0 && errno == ENOENT) {
		/* What it leads to may come later, and would count. */
		if (lstat(path, &st))
			return 0;
		return fail(t, path, "leads to nothing");
	}
	if (fd < 0 || fstat(fd, &st)) {
		ret = fail(t, path, "%s", strerror(errno));
		goto out;
	}
	take_stamp(&f->stamps[i], &st);
	f->had[i] = true;
	wrong = bad_mode(&st, names[i].secret);
	if (wrong)
		ret = fail(t, path, "%s", wrong);
	if (!ret)
		ret = way_check(t, path);
	if (!ret && read_all(fd, &f->data[i], st.st_size))
		ret = fail(t, path, "%s", strerror(errno));
out:
	if (fd >= 0)
		close(fd);
	return ret;
}

int files_read(const struct tool *t, struct files *f)
{
	int i, ret = way_check(t, f->dir);

	for (i = 0; i < N_FILES && !ret; i++) {
		char *path = mem_printf("%s/%s", f->dir, names[i].name);

		ret = read_file(t, f, i, path);
		free(path);
	}
	return ret;
}
