/* SPDX-License-Identifier: GPL-2.0 */
/* The files of the folder of credentials. */
#ifndef NBDTARGETCTL_FILES_H
#define NBDTARGETCTL_FILES_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "base/tool.h"

enum {
	CA_CERT, CA_CRL, SERVER_CERT, SERVER_KEY, SERVER_CERT_2, SERVER_KEY_2,
	KEYS_PSK, N_FILES
};

/* By which one can tell that a file is another; all zero when there is none */
struct stamp {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec mtime;
	struct timespec ctime;
};

/* In bytes. */
#define FILES_DIGEST 32

struct files {
	char *dir;
	bool had[N_FILES];		/* those that were there to be read */
	struct stamp stamps[N_FILES];
	gnutls_datum_t data[N_FILES];	/* empty for one that isn't there */
};

const char *files_name(int i);
int files_fail(const struct tool *t, const struct files *f, int i,
	       const char *text);
void files_warn(const struct tool *t, const struct files *f, int i,
		const char *text);
int files_read(const struct tool *t, struct files *f);
int files_digest(const struct files *f, unsigned char *digest);
bool files_changed(struct files *f);
void files_drop(struct files *f);
void files_wipe(gnutls_datum_t *datum);

#endif /* NBDTARGETCTL_FILES_H */
