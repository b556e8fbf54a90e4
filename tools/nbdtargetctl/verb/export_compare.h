/* SPDX-License-Identifier: GPL-2.0 */
/* Is an export that is there what was asked for? */
#ifndef NBDTARGETCTL_EXPORT_COMPARE_H
#define NBDTARGETCTL_EXPORT_COMPARE_H

#include "base/options.h"
#include "object/export.h"
#include "verb/existing.h"

/* What was asked for; options that weren't given don't count. */
struct export_wanted {
	const char *device;
	const char *metadata;		/* or NULL, as the next */
	const char *on_error;
	bool read_only;
	bool is_default;
	bool allocation_depth;
	bool zeroed;
	bool shared;
	bool map_given;
	bool map_off;
	bool tls_given;
	bool tls_required;
	bool on_return_given;
	uint32_t on_return;
	bool deny, allow;		/* the one that was given */
	const struct opt_value *description;
	const struct opt_value *max_connections;
	const struct opt_value *map_granularity;
	const struct opt_value *bitmap_from;
	const struct opt_value *least_generation;
	bool listeners_given;
	struct endpoints listeners;
};

int export_compare(struct tool *t, const struct export *e,
		   const struct export_wanted *w, struct existing *x);

#endif /* NBDTARGETCTL_EXPORT_COMPARE_H */
