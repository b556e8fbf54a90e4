/* SPDX-License-Identifier: GPL-2.0 */
/* The target as a whole, as the module reports it. */
#ifndef NBDTARGETCTL_TARGET_H
#define NBDTARGETCTL_TARGET_H

#include "base/text.h"
#include "base/tool.h"
#include "nl/attr.h"

struct target {
	uint64_t present;
	struct text version;
	uint64_t max_connections;
	uint64_t negotiation_timeout;
	uint64_t stall_timeout;
	uint64_t max_in_flight;
	uint64_t memory_limit;
	uint64_t memory_used;
	uint64_t exports;
	uint64_t listeners;
	uint64_t all_listeners;
	uint64_t connections;
	uint64_t tls_key_policy;	/* NBDTARGET_TLS_KEY_POLICY_* */
	uint64_t tls_key_records;
	uint64_t poll_time;		/* us */
	bool log_clients;
	uint64_t peer_timeout;		/* ms */
	uint64_t closing;		/* exports */
	struct text placement;
	uint64_t handover_format;
};

extern const struct attr_set target_attrs;
extern const struct attr_names target_key_policies;

int target_get(struct tool *t, struct attr_list *list);
void target_print(const struct target *tg);
void target_print_line(const struct target *tg);

#endif /* NBDTARGETCTL_TARGET_H */
