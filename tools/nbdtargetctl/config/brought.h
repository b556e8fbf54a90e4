/* SPDX-License-Identifier: GPL-2.0 */
/* What of a file is there already by apply or restore, so that it isn't brought again. */
#ifndef NBDTARGETCTL_BROUGHT_H
#define NBDTARGETCTL_BROUGHT_H

#include <jansson.h>

#include "config/config.h"

/* Of the file: the target, a listener or an export, with all that is its own. */
struct subject {
	enum config_section section;
	char *key;
	bool taken;		/* it becomes what the file says */
	bool ours;		/* it wasn't there, or wasn't finished: nobody else's */
	bool remains;		/* and isn't that yet */
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
		 const void *about, bool exists, bool awaited);
struct subject *brought_find(const struct brought *b,
			     enum config_section section, const void *about);

int brought_begin(struct tool *t, struct brought *b);
int brought_end(struct tool *t, struct brought *b, const struct config *now);

#endif /* NBDTARGETCTL_BROUGHT_H */
