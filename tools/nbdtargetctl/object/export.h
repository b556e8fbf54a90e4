/* SPDX-License-Identifier: GPL-2.0 */
/* Exports, as the module reports them. */
#ifndef NBDTARGETCTL_EXPORT_H
#define NBDTARGETCTL_EXPORT_H

#include <sys/types.h>

#include "base/text.h"
#include "base/tool.h"
#include "nl/attr.h"
#include "object/stats.h"

struct export {
	uint64_t present;
	uint64_t id;
	struct text name;
	struct text device;
	uint64_t device_id;
	struct text description;
	bool read_only;
	bool is_default;
	uint64_t max_connections;
	uint64_t connections;
	uint64_t size;
	uint64_t logical_block;
	uint64_t min_block;
	uint64_t preferred_block;
	uint64_t max_payload;
	uint64_t flags;
	bool allocation_depth;
	uint64_t map_granularity;	/* as the rest: only if there is a map */
	uint64_t map_memory;
	uint64_t zero_bytes;
	uint64_t hole_bytes;
	uint64_t map;			/* NBDTARGET_MAP_* */
	bool map_believed;
	bool shared;
	uint64_t scan_state;		/* NBDTARGET_SCAN_STATE_* */
	uint64_t scan_done;
	bool tls_required;
	uint64_t state;			/* NBDTARGET_EXPORT_STATE_* */
	uint64_t on_return;		/* NBDTARGET_ON_RETURN_* */
	bool zeroed;
	struct text bitmap_export;	/* that it shows, both or neither */
	struct text bitmap_name;
	struct endpoints listeners;	/* to come by; none: all */
	struct stats stats;
	struct text metadata;		/* its device; what follows if there is one */
	bool metadata_continue;
	uint64_t metadata_generation;
	uint64_t metadata_bound;
	uint64_t metadata_writes;
	uint64_t metadata_error;	/* an errno, if it has failed */
	uint64_t metadata_device_id;
	uint64_t metadata_size;		/* of the device that it is for */
};

extern const struct attr_set export_attrs;

/* device-id is the number of the device as the module has it. */
dev_t export_device(const struct export *e);
dev_t export_metadata_device(const struct export *e);
uint64_t export_device_id(dev_t dev);

const char *export_parse_listeners(const char *s, struct endpoints *all);
void export_put_listeners(struct nlmsghdr *nlh, const struct endpoints *all);
bool export_has_listener(const struct export *e, const struct endpoint *ep);
char *export_format_listeners(const struct endpoints *all);
int export_get(struct tool *t, const char *name, struct attr_list *list);
int export_get_all(struct tool *t, struct attr_list *list);
const struct export *export_named(const struct attr_list *list, const char *name);
const char *export_state(const struct export *e);
void export_print(const struct export *e);
void export_print_all(const struct attr_list *list, const char *indent);

#endif /* NBDTARGETCTL_EXPORT_H */
