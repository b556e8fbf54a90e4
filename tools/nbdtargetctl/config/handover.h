/* SPDX-License-Identifier: GPL-2.0 */
/* Connections on their way from one module to the next. */
#ifndef NBDTARGETCTL_HANDOVER_H
#define NBDTARGETCTL_HANDOVER_H

#include <stddef.h>
#include <stdint.h>

#include "base/tool.h"
#include "nl/attr.h"

/* One of them; what it is, only modules know. */
struct carried {
	uint32_t id;		/* that it had */
	int fd;			/* its socket; -1 once it was given */
	char *attrs;		/* all others, as they came */
	size_t len;
};

struct handover {
	struct tool *t;
	struct attr_list conns;	/* those there were, for messages */
	struct carried *list;
	size_t n;
	size_t lost;		/* it was said which, or the kernel's log says it */
	size_t stuck;		/* still there, with requests in a device */
};

/*
 * Nobody else can change anything until the kernel's socket is closed. Waits for
 * commands of others for TIMEOUT ms. 0, or the exit status: then nothing has changed.
 */
int handover_claim(struct tool *t, uint64_t timeout);

/*
 * After that, and until that socket is closed; those that aren't through in TIMEOUT ms are
 * disconnected, and those whose device doesn't answer then, keep the module in use. 0, or
 * the exit status: then nothing was taken.
 */
int handover_take_all(struct handover *h, uint64_t timeout);

/* How many could go on. */
size_t handover_give_all(struct handover *h, uint64_t timeout);

/* Those that weren't given are closed. */
void handover_free(struct handover *h);

#endif /* NBDTARGETCTL_HANDOVER_H */
