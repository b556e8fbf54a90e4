/* SPDX-License-Identifier: GPL-2.0 */
/* What of a file is there already by apply or restore, so that it isn't brought again. */
#ifndef NBDTARGETCTL_BROUGHT_H
#define NBDTARGETCTL_BROUGHT_H

#include <jansson.h>

#include "config/config.h"

/*
 * Whom the file names: the target, a listener or an export, with all that is its own; or
 * one of which it has the rules or bitmaps only.
 */
struct subject {
	enum config_section section;
	char *key;
	bool whole;		/* the file has the section that it is of */
	bool ours;		/* it wasn't there, or wasn't finished: nobody else's */
	bool half;		/* it is there by us, and lets in nobody yet */
	enum take take;		/* what becomes of it by this run */
	bool remains;		/* it isn't what it is to become yet, */
	bool waits;		/* or is but for bitmaps, and interfaces that aren't there */
};

struct brought {
	bool noted;		/* there is a place for it */
	json_t *marks;
	struct subject *list;
	size_t n;
};

int brought_read(struct tool *t, struct brought *b, bool needed);
void brought_free(struct brought *b);

void brought_add(struct brought *b, enum config_section section,
		 const void *about, bool whole, const struct config *now,
		 bool awaited);
struct subject *brought_find(const struct brought *b,
			     enum config_section section, const void *about);

int brought_begin(struct tool *t, struct brought *b);
int brought_end(struct tool *t, struct brought *b, const struct config *now);

#endif /* NBDTARGETCTL_BROUGHT_H */
