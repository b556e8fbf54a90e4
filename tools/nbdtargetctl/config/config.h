/* SPDX-License-Identifier: GPL-2.0 */
/* All that is configured, as the module has it or as a file says it shall be. */
#ifndef NBDTARGETCTL_CONFIG_H
#define NBDTARGETCTL_CONFIG_H

#include <jansson.h>

#include "base/address.h"
#include "base/text.h"
#include "base/tool.h"
#include "nl/attr.h"
#include "object/bitmap.h"
#include "object/export.h"
#include "object/listener.h"
#include "object/rule.h"
#include "object/target.h"

/* Who may use an export, or come by a listener; without any, all may. */
struct rules {
	bool listener;
	struct text export_name;
	struct endpoint ep;
	uint64_t deny_default;		/* NBDTARGET_ACCESS_* */
	struct rule *list;
	size_t n;
};

/* What a file may leave out, to leave it as it is. */
enum config_section {
	CONFIG_TARGET,
	CONFIG_LISTENERS,
	CONFIG_EXPORTS,
	CONFIG_BITMAPS,
	CONFIG_ACCESS,
	CONFIG_N_SECTIONS,
};

extern const char *const config_section_names[CONFIG_N_SECTIONS];

/* What becomes of who may come. */
enum change {
	CHANGE_NONE,
	CHANGE_NARROWS,		/* nobody may who might not */
	CHANGE_SHIFTS,		/* some may who might not, and others may no more */
	CHANGE_WIDENS,		/* whoever might may */
	CHANGES,
};

/* Pointers to objects of one kind. */
struct items {
	const void **at;
	size_t n;
};

struct config {
	bool has[CONFIG_N_SECTIONS];
	const struct target *target;	/* NULL when nothing is said of it */
	struct items listeners;
	struct items exports;
	struct items bitmaps;		/* without those that are lent */
	struct items access;		/* struct rules */

	/* What the objects are in, and what their texts point into. */
	struct attr_list lists[CONFIG_N_SECTIONS];
	json_t *doc;
	void **memory;
	size_t n_memory;
};

/* What becomes of an export, or a listener, that a file and the module have. */
enum take {
	TAKE_NOT,		/* it stays as it is now, or isn't there */
	TAKE_BACK,		/* the same, but its device if that is gone */
	TAKE_REST,		/* the same, but its bitmaps, and interfaces that it waits for */
	TAKE,			/* as the file has it */
};

struct choice {
	enum take (*of)(const void *arg, enum config_section section,
			const void *said);
	const void *arg;
};

void items_add(struct items *items, const void *item);
void *config_alloc(struct config *c, size_t size);
void config_free(struct config *c);

int config_get(struct tool *t, struct config *c);
void config_sort(struct config *c);
void config_complete(struct config *want, const struct config *file,
		     const struct config *before, const struct config *now);
void config_drop_rules(struct config *c, struct text export);
void config_only(struct config *want, const struct config *file,
		 const struct config *now, const struct choice *choice);

const struct export *config_export(const struct config *c, struct text name);
const struct listener *config_listener(const struct config *c,
				       const struct endpoint *ep);
const struct bitmap *config_bitmap(const struct config *c, struct text export,
				   struct text name);
bool export_waits(const struct export *e);
bool config_lends(const struct config *c, const struct export *borrower);
const struct rules *config_rules_of_export(const struct config *c,
					   struct text name);
const struct rules *config_rules_of_listener(const struct config *c,
					     const struct endpoint *ep);
bool rules_same(const struct rules *a, const struct rules *b);
bool rules_allow_all(const struct rules *r);
bool rules_allow_none(const struct rules *r);
bool rules_unset(const struct rules *r);
enum change rules_change(const struct rules *want, const struct rules *now);

#endif /* NBDTARGETCTL_CONFIG_H */
