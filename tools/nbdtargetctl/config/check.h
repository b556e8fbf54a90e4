/* SPDX-License-Identifier: GPL-2.0 */
/* What is wrong in a file, each with its place. */
#ifndef NBDTARGETCTL_CHECK_H
#define NBDTARGETCTL_CHECK_H

#include "config/config.h"
#include "config/place.h"

struct reader {
	struct tool *t;
	const char *path;
	const char *text;
	struct config *c;
	size_t wrong;		/* how much is */
	struct place sections[CONFIG_N_SECTIONS];
	const char **zones;	/* interfaces that there aren't; see stand_in() */
	size_t n_zones;
};

void wrong_at(struct reader *r, const struct place *place, const char *fmt, ...)
	__printf(3, 4);
void wrong_key(struct reader *r, const struct place *place, const char *fmt, ...)
	__printf(3, 4);

void warn_at(struct reader *r, const struct place *place, const char *fmt, ...)
	__printf(3, 4);

void check_all(struct reader *r);

#endif /* NBDTARGETCTL_CHECK_H */
