/* SPDX-License-Identifier: GPL-2.0 */
/* The credentials that are in force, as their files change and time goes by. */
#ifndef NBDTARGETCTL_FORCE_H
#define NBDTARGETCTL_FORCE_H

#include <stdint.h>

#include "agent/cred.h"
#include "base/tool.h"

struct force {
	const struct tool *t;
	const char *dir;
	struct cred_policy policy;
	/* Told of others in force, before anybody else is; not of the same. */
	void (*replaced)(struct force *f);
	struct cred *cred;
	char *said;		/* of those that don't load; NULL while there are none */
	int64_t again;		/* when they are tried, of the monotonic clock, in ms */
	int64_t pause;		/* between that and the time after, in ms */
};

int force_begin(struct force *f);
int force_check(struct force *f);
void force_forget(void);
void force_end(struct force *f);
void force_ready(const struct force *f);
void force_reload(struct force *f);
void force_refresh(struct force *f);
int force_tick(struct force *f);

#endif /* NBDTARGETCTL_FORCE_H */
