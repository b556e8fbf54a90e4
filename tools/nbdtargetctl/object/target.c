// SPDX-License-Identifier: GPL-2.0
/* The target as a whole, as the module reports it, and how it is shown. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nbdtarget.h"
#include "object/target.h"
#include "show/figure.h"

static const char *const key_policy_names[] = {
	[NBDTARGET_TLS_KEY_POLICY_CLOSE] = "close",
	[NBDTARGET_TLS_KEY_POLICY_WARN] = "warn",
	[NBDTARGET_TLS_KEY_POLICY_OFF] = "off",
};

const struct attr_names target_key_policies = {
	key_policy_names,
	ARRAY_SIZE(key_policy_names)
};

#define FIELD(type_, kind_, key_, member_, ...) {		\
	.type = NBDTARGET_A_TARGET_##type_, .kind = ATTR_##kind_, \
	.key = key_, .offset = offsetof(struct target, member_), \
	##__VA_ARGS__ }

static const struct attr_field fields[] = {
	FIELD(VERSION, TEXT, "version", version),
	FIELD(MAX_CONNECTIONS, NUMBER, "max-connections", max_connections),
	FIELD(NEGOTIATION_TIMEOUT, NUMBER, "negotiation-timeout",
	      negotiation_timeout),
	FIELD(STALL_TIMEOUT, NUMBER, "stall-timeout", stall_timeout),
	FIELD(MAX_IN_FLIGHT, NUMBER, "max-in-flight", max_in_flight),
	FIELD(MEMORY_LIMIT, NUMBER, "memory-limit", memory_limit),
	FIELD(MEMORY_USED, NUMBER, "memory-used", memory_used),
	FIELD(EXPORTS, NUMBER, "exports", exports),
	FIELD(LISTENERS, NUMBER, "listeners", listeners),
	FIELD(CONNECTIONS, NUMBER, "connections", connections),
	FIELD(TLS_KEY_POLICY, ENUM, "tls-key-policy", tls_key_policy,
	      .more = &target_key_policies),
	FIELD(TLS_KEY_RECORDS, NUMBER, "tls-key-records", tls_key_records),
	FIELD(POLL_TIME, NUMBER, "poll-time", poll_time),
	FIELD(LOG_CLIENTS, BOOL, "log-clients", log_clients),
	FIELD(PEER_TIMEOUT, NUMBER, "peer-timeout", peer_timeout),
	FIELD(ALL_LISTENERS, NUMBER, "all-listeners", all_listeners),
	FIELD(CLOSING, NUMBER, "closing", closing),
	FIELD(PLACEMENT, TEXT, "placement", placement),
	FIELD(HANDOVER_FORMAT, NUMBER, "handover-format", handover_format),
};

const struct attr_set target_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct target)
};

/* 0 or a negative errno, see nl_last_error(). */
int target_get(struct tool *t, struct attr_list *list)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_TARGET_GET);
	int ret;

	memset(list, 0, sizeof(*list));
	ret = nl_do(t->nl, nlh, &list->reply);
	attr_list_take(&target_attrs, list);
	return ret;
}

void target_print(const struct target *tg)
{
	char used[FIGURE_MAX], limit[FIGURE_MAX];
	const char *policy;

	printf("target\n  module version       ");
	text_print(stdout, tg->version, TEXT_EXACT);
	printf("\n  exports              %" PRIu64, tg->exports);
	if (tg->closing)
		printf(", and %" PRIu64 " closing", tg->closing);
	putchar('\n');
	printf("  listeners            %" PRIu64, tg->listeners);
	if (tg->all_listeners > tg->listeners)
		printf(", %" PRIu64 " in other network namespaces",
		       tg->all_listeners - tg->listeners);
	putchar('\n');
	printf("  connections          %" PRIu64 " of %" PRIu64 "\n",
	       tg->connections, tg->max_connections);
	printf("  memory               %s of %s (%" PRIu64 " of %" PRIu64
	       " bytes)\n", size_format(used, tg->memory_used),
	       size_format(limit, tg->memory_limit), tg->memory_used,
	       tg->memory_limit);
	printf("  requests in flight   up to %" PRIu64 " per connection\n",
	       tg->max_in_flight);
	printf("  negotiation timeout  %s s\n",
	       seconds_format(used, tg->negotiation_timeout));
	printf("  stall timeout        %s s\n",
	       seconds_format(used, tg->stall_timeout));
	if (attr_has(tg, NBDTARGET_A_TARGET_PEER_TIMEOUT))
		printf("  peer timeout         %s s\n",
		       seconds_format(used, tg->peer_timeout));
	if (attr_has(tg, NBDTARGET_A_TARGET_POLL_TIME))
		printf("  poll time            %" PRIu64 " us\n", tg->poll_time);
	if (attr_has(tg, NBDTARGET_A_TARGET_PLACEMENT)) {
		printf("  placement            ");
		text_print(stdout, tg->placement, TEXT_EXACT);
		putchar('\n');
	}
	if (attr_has(tg, NBDTARGET_A_TARGET_LOG_CLIENTS))
		printf("  log of clients       %s\n",
		       tg->log_clients ? "on" : "off");
	if (!attr_has(tg, NBDTARGET_A_TARGET_TLS_KEY_RECORDS))
		return;
	policy = attr_enum_name(&target_key_policies, tg->tls_key_policy);
	printf("  TLS key              %s at %" PRIu64 " records\n",
	       policy ? policy : "?", tg->tls_key_records);
}

void target_print_line(const struct target *tg)
{
	char used[FIGURE_MAX], limit[FIGURE_MAX];

	printf("nbdtarget ");
	text_print(stdout, tg->version, TEXT_EXACT);
	printf(": %" PRIu64 " of %" PRIu64 " connections, %s of %s memory\n",
	       tg->connections, tg->max_connections,
	       size_format(used, tg->memory_used),
	       size_format(limit, tg->memory_limit));
}
