/* SPDX-License-Identifier: GPL-2.0 */
/* Files that are replaced as a whole, or not at all. */
#ifndef NBDTARGETCTL_REPLACE_H
#define NBDTARGETCTL_REPLACE_H

#include <stdio.h>

struct replace {
	char *path;		/* behind all links */
	const char *wrong;	/* what is, if not errno */
	char *temp;
	FILE *f;		/* mode 0600 */
};

/* Each returns 0, or -1 as replace_error() says. */
int replace_begin(struct replace *r, const char *path);
int replace_commit(struct replace *r);

const char *replace_error(const struct replace *r);

/* Whether or not it was put in place. */
void replace_end(struct replace *r);

#endif /* NBDTARGETCTL_REPLACE_H */
