/* SPDX-License-Identifier: GPL-2.0 */
/* What is configured as the options and arguments of verbs. */
#ifndef NBDTARGETCTL_WORDS_H
#define NBDTARGETCTL_WORDS_H

#include "config/config.h"
#include "config/plan.h"

bool words_target(struct step *s, const struct target *want,
		  const struct target *now);
void words_export(struct step *s, const struct export *e, bool is_moved);
bool words_export_who(struct step *s, const struct export *want,
		      const struct export *now, enum change change);
enum change words_listeners_change(const struct export *want,
				   const struct export *now);
bool words_export_set(struct step *s, const struct export *want,
		      const struct export *now, bool is_moved);
bool words_export_on_return(struct step *s, const struct export *want,
			    const struct export *now);
void words_bitmap(struct step *s, const struct bitmap *b);
void words_rules(struct step *s, const struct rules *r);

#endif /* NBDTARGETCTL_WORDS_H */
