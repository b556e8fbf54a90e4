/* SPDX-License-Identifier: GPL-2.0 */
/* Plans that are carried out, and told of. */
#ifndef NBDTARGETCTL_RUN_H
#define NBDTARGETCTL_RUN_H

#include <jansson.h>

#include "config/plan.h"

struct run {
	struct tool *t;
	bool dry;
	bool quiet;		/* what is done isn't told, but what isn't */
	json_t *told;		/* steps, when JSON is wanted */
	size_t done, failed;	/* of the steps; failed counts those refused, too */
	size_t left;		/* as somebody has made them by hand */
	size_t absent;		/* left out, as a device isn't there */
	bool kept_listener;	/* one lets in others than it shall: no export opens */
	bool kept_any;		/* one, or an export, does: no listener opens */
	char *by_hand;		/* what would mend a listener that is so by hand, or NULL */
};

void run_plan(struct run *r, struct plan *p, enum step_phase first, enum step_phase last);
void run_keep(struct run *r, const struct plan *p);
void run_leave(struct run *r, struct step *s);
int run_end(struct run *r);

#endif /* NBDTARGETCTL_RUN_H */
