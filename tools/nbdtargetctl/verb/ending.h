/* SPDX-License-Identifier: GPL-2.0 */
/* Exports that are going to end, each looked after by a process of its own. */
#ifndef NBDTARGETCTL_ENDING_H
#define NBDTARGETCTL_ENDING_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "object/export.h"

enum ending_state {
	ENDING_BEGUN,		/* requests in flight are waited for */
	ENDING_HELD,		/* nobody writes; or there is nothing to hold */
	ENDING_GONE,		/* it was removed while nobody wrote */
	ENDING_UNSURE,		/* removed, but somebody may have written */
	ENDING_STAYS,		/* it was said why */
};

struct ending {
	const struct export *e;
	char *name;
	bool hold;		/* it has something to save */
	enum ending_state state;
	pid_t pid;
	int fd;			/* -1 once its process is done */
	off_t start, end;	/* its records, the caller's */
};

struct endings {
	struct tool *t;
	struct ending *list;
	size_t n;
	int signals;		/* that have this come to its end */
	sigset_t mask;		/* as it was before */
	bool hurry;		/* one came */
};

void endings_init(struct endings *x, struct tool *t);
void endings_add(struct endings *x, const struct export *e, bool hold);
void endings_wait_held(struct endings *x, uint64_t timeout);
void endings_remove(struct ending *one);
void endings_wait_gone(struct endings *x, uint64_t timeout);
void endings_let_stay(struct ending *one);
void endings_free(struct endings *x);

#endif /* NBDTARGETCTL_ENDING_H */
