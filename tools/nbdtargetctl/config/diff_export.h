/* SPDX-License-Identifier: GPL-2.0 */
/* What has to be done with exports. */
#ifndef NBDTARGETCTL_DIFF_EXPORT_H
#define NBDTARGETCTL_DIFF_EXPORT_H

#include "config/config.h"
#include "config/plan.h"
#include "config/wish.h"

/* An export that is there, that shall be, or both, and what comes of it. */
struct twin {
	const struct export *want, *now;	/* one may be NULL */
	enum {
		TWIN_STAYS,
		TWIN_REOPENED,
		TWIN_REPLACED,
		TWIN_ADDED,
		TWIN_REMOVED,
	} fate;
	dev_t device, metadata;		/* that are wanted; 0: none */
	bool looked_at;			/* these are */
	enum step_result stopped;	/* STEP_PLANNED when nothing is in the way */
	char *why;			/* what is in the way, or what it costs */
	struct step *out, *in, *set;	/* of its own, or NULL */
	struct step *who[CHANGES];	/* by which who comes in changes so */
	struct step *heir;		/* by which it gets the default from another; or NULL */
};

struct twins {
	struct twin *list;
	size_t n;
};

void twins_find(struct twins *twins, const struct config *want,
		const struct config *now, const struct wish *wish);
void twins_plan(struct twins *twins, struct plan *p, const struct config *want,
		const struct wish *wish);
const struct twin *twins_of(const struct twins *twins, struct text name);
bool twin_is_new(const struct twin *twin);
bool twin_stays(const struct twin *twin);
bool twin_is_kept(const struct twin *twin);
bool twin_is_closed(const struct twin *twin, const struct config *want,
		    const struct wish *wish);
void twins_free(struct twins *twins);

#endif /* NBDTARGETCTL_DIFF_EXPORT_H */
