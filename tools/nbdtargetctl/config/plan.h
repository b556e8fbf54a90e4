/* SPDX-License-Identifier: GPL-2.0 */
/* Steps from what is to what shall be, in the order in which they are done. */
#ifndef NBDTARGETCTL_PLAN_H
#define NBDTARGETCTL_PLAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/options.h"
#include "base/text.h"
#include "base/tool.h"
#include "config/config.h"

/*
 * Who may do less, and what makes room, comes first; who may come in, last. What lets in
 * others than before, and others no more, stands in between.
 */
enum step_phase {
	PHASE_TARGET,
	PHASE_LISTENER_OUT,
	PHASE_NARROWER,		/* TLS, bindings and rules by which fewer come in */
	PHASE_BORROWER_OUT,	/* exports with another's bitmap */
	PHASE_EXPORT_OUT,
	PHASE_BITMAP_OUT,
	PHASE_SHIFT,		/* the same, by which others do */
	PHASE_SET,		/* what has nothing to do with who comes in */
	PHASE_EXPORT_IN,
	PHASE_CONTENT_IN,	/* what bitmaps and maps had, from a file */
	PHASE_BITMAP_IN,
	PHASE_BORROWER_IN,
	PHASE_WIDER,		/* of exports; of those that are new, until then nobody */
	PHASE_DEFAULT,		/* goes from one that was it to one that is open */
	PHASE_LISTENER_IN,
	PHASE_LISTENER_WIDER,
};

enum step_result {
	STEP_PLANNED,
	STEP_DONE,
	STEP_FAILED,
	STEP_REFUSED,		/* it would need --force */
	STEP_SKIPPED,		/* what it needs failed */
	STEP_HELD,		/* it lets in more, and what lets in fewer failed */
	STEP_ABSENT,		/* there is no device for it, which is no failure */
	STEP_LEFT,		/* somebody has made it otherwise by hand */
};

/* A command of this tool, as a line of a batch file has it. */
struct step {
	enum step_phase phase;
	const struct verb *verb;
	char **words;		/* the first is the verb; NULL ends them */
	int n;
	int names;		/* arguments in front of the options */
	bool ended;		/* the options are, by "--" */
	bool opens;		/* it may let in somebody who couldn't come */
	const struct step *half_of;	/* of no use, and harm, without that; or NULL */
	char *why;		/* a note for people, or NULL */
	enum step_result result;
	const struct step **needs;
	size_t nr_needs;
	enum config_section section;
	const void *about;	/* what is wanted of that; of bitmaps, their export; or NULL */
};

struct plan {
	struct step **steps;
	size_t n;
	enum config_section section;	/* of those that come next */
	const void *about;
};

struct step *plan_add(struct plan *p, enum step_phase phase,
		      const struct verb *verb);
struct step *plan_add_change(struct plan *p, enum change how,
			     enum step_phase wider, const struct verb *verb);
void plan_about(struct plan *p, enum config_section section,
		const void *about);
void plan_drop_last(struct plan *p);
void plan_sort(struct plan *p);
void plan_free(struct plan *p);

void step_word(struct step *s, const char *word);
void step_option(struct step *s, const char *name, char *value);
void step_name(struct step *s, struct text name);
void step_needs(struct step *s, const struct step *other);
void step_note(struct step *s, enum step_result result, const char *fmt, ...)
	__printf(3, 4);
struct text step_line(const struct step *s);
bool step_in_one_line(const struct step *s);

#endif /* NBDTARGETCTL_PLAN_H */
