/* SPDX-License-Identifier: GPL-2.0 */
/* What has to be done for what is to become what shall be. */
#ifndef NBDTARGETCTL_DIFF_H
#define NBDTARGETCTL_DIFF_H

#include "config/config.h"
#include "config/plan.h"
#include "config/wish.h"

void diff_plan(struct plan *p, const struct config *want,
	       const struct config *now, const struct wish *wish);

#endif /* NBDTARGETCTL_DIFF_H */
