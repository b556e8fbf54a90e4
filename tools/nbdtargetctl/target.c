// SPDX-License-Identifier: GPL-2.0
/* The target as a whole: set-target, version, and how it is shown. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "json.h"
#include "nbdtarget.h"
#include "options.h"
#include "target.h"

static const char *const key_policy_names[] = {
	[NBDTARGET_TLS_KEY_POLICY_CLOSE] = "close",
	[NBDTARGET_TLS_KEY_POLICY_WARN] = "warn",
	[NBDTARGET_TLS_KEY_POLICY_OFF] = "off",
};

static const struct attr_names key_policies = {
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
	      .more = &key_policies),
	FIELD(TLS_KEY_RECORDS, NUMBER, "tls-key-records", tls_key_records),
	FIELD(POLL_TIME, NUMBER, "poll-time", poll_time),
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

enum {
	SET_MAX_CONNECTIONS, SET_NEGOTIATION_TIMEOUT, SET_STALL_TIMEOUT,
	SET_MAX_IN_FLIGHT, SET_MEMORY_LIMIT, SET_TLS_KEY_POLICY,
	SET_TLS_KEY_RECORDS, SET_POLL_TIME, SET_N,
};

static const struct opt set_opts[] = {
	[SET_MAX_CONNECTIONS] = { "--max-connections", OPT_NUMBER, "N",
		"most clients at once", UINT32_MAX },
	[SET_NEGOTIATION_TIMEOUT] = { "--negotiation-timeout", OPT_SECONDS,
		"SECONDS", "time a client has to negotiate", UINT32_MAX },
	[SET_STALL_TIMEOUT] = { "--stall-timeout", OPT_SECONDS, "SECONDS",
		"time a client may leave replies unread", UINT32_MAX },
	[SET_MAX_IN_FLIGHT] = { "--max-in-flight", OPT_NUMBER, "N",
		"most requests in flight on one connection", UINT32_MAX },
	[SET_MEMORY_LIMIT] = { "--memory-limit", OPT_SIZE, "SIZE",
		"most memory for requests, over all", UINT64_MAX },
	[SET_TLS_KEY_POLICY] = { "--tls-key-policy", OPT_TEXT, "HOW",
		"close, warn or off, when a TLS key is used up", 16 },
	[SET_TLS_KEY_RECORDS] = { "--tls-key-records", OPT_NUMBER, "N",
		"records that a TLS key is good for", UINT64_MAX },
	[SET_POLL_TIME] = { "--poll-time", OPT_NUMBER, "MICROSECONDS",
		"time to look for requests before sleeping", UINT32_MAX },
	{ .name = NULL }
};

static const uint16_t set_attrs[SET_N] = {
	[SET_MAX_CONNECTIONS] = NBDTARGET_A_TARGET_MAX_CONNECTIONS,
	[SET_NEGOTIATION_TIMEOUT] = NBDTARGET_A_TARGET_NEGOTIATION_TIMEOUT,
	[SET_STALL_TIMEOUT] = NBDTARGET_A_TARGET_STALL_TIMEOUT,
	[SET_MAX_IN_FLIGHT] = NBDTARGET_A_TARGET_MAX_IN_FLIGHT,
	[SET_MEMORY_LIMIT] = NBDTARGET_A_TARGET_MEMORY_LIMIT,
	[SET_TLS_KEY_POLICY] = NBDTARGET_A_TARGET_TLS_KEY_POLICY,
	[SET_TLS_KEY_RECORDS] = NBDTARGET_A_TARGET_TLS_KEY_RECORDS,
	[SET_POLL_TIME] = NBDTARGET_A_TARGET_POLL_TIME,
};

/* The kernel's own range checks say what is wrong, but not with which. */
static const char *refused_option(struct tool *t)
{
	uint16_t attr = nl_last_error(t->nl)->attr;
	size_t i;

	for (i = 0; i < SET_N; i++)
		if (set_attrs[i] == attr)
			return set_opts[i].name;
	return NULL;
}

static void put_setting(struct nlmsghdr *nlh, size_t i, uint64_t number)
{
	if (set_opts[i].kind == OPT_SIZE || i == SET_TLS_KEY_RECORDS)
		mnl_attr_put_u64(nlh, set_attrs[i], number);
	else
		mnl_attr_put_u32(nlh, set_attrs[i], number);
}

/* A policy by its name; 0 when it is one, or not given. */
static int take_key_policy(struct tool *t, const struct opt_value *value,
			   uint64_t *policy)
{
	if (!value->given)
		return 0;
	for (*policy = 0; *policy < ARRAY_SIZE(key_policy_names); ++*policy)
		if (!strcmp(value->text, key_policy_names[*policy]))
			return 0;
	return fail_usage(t, "%s: '%s' is none of close, warn and off",
			  set_opts[SET_TLS_KEY_POLICY].name, value->text);
}

static int set_target(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	uint64_t number, policy = 0;
	bool any = false;
	size_t i;
	int ret;

	for (i = 0; i < SET_N; i++)
		any |= a->opt[i].given;
	if (!any)
		return fail_usage(t, "nothing to change is given");
	ret = take_key_policy(t, &a->opt[SET_TLS_KEY_POLICY], &policy);
	if (!ret)
		ret = tool_connect(t, NULL);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_TARGET_SET);
	for (i = 0; i < SET_N; i++) {
		number = i == SET_TLS_KEY_POLICY ? policy : a->opt[i].number;
		if (a->opt[i].given)
			put_setting(nlh, i, number);
	}
	ret = nl_do(t->nl, nlh, NULL);
	if (ret)
		return fail_kernel(t, refused_option(t), ret == -ERANGE ?
				   "nbdtargetctl(8) has the ranges" : NULL);
	warn_kernel(t, NULL);
	return TOOL_OK;
}

const struct verb verb_set_target = {
	.name = "set-target",
	.args = "",
	.summary = "Changes limits that hold for all exports and clients.",
	.details = "SECONDS may have a decimal fraction. SIZE is in bytes, or\n"
		   "with K, M, G or T in units of 1024.",
	.opts = set_opts,
	.run = set_target,
};

/* The version of the module, or NULL; sysfs has it for everybody. */
static char *module_version(struct tool *t)
{
	struct attr_list list;
	const struct target *tg;
	char buf[128] = "";
	char *s = NULL;
	FILE *f;

	if (!target_get(t, &list) && list.n) {
		tg = attr_list_item(&list, 0);
		s = text_format(tg->version, 0);
	} else {
		f = fopen("/sys/module/nbdtarget/version", "r");
		if (f && fgets(buf, sizeof(buf), f)) {
			buf[strcspn(buf, "\n")] = '\0';
			s = text_format(text_of(buf), 0);
		}
		if (f)
			fclose(f);
	}
	attr_list_free(&list);
	return s;
}

static int version(struct tool *t, const struct args *a)
{
	char *module = NULL;
	json_t *o;

	(void)a;
	if (!t->nl)
		t->nl = nl_new();
	if (!nl_connect(t->nl))
		module = module_version(t);
	if (t->json) {
		o = json_object();
		json_put(o, "tool", json_string(NBDTARGETCTL_VERSION));
		json_put(o, "module",
			 module ? json_string(module) : json_null());
		json_print(o, false);
	} else {
		printf("nbdtargetctl %s\n", NBDTARGETCTL_VERSION);
		if (module)
			printf("nbdtarget.ko %s\n", module);
	}
	free(module);
	return TOOL_OK;
}

const struct verb verb_version = {
	.name = "version",
	.args = "",
	.summary = "Shows the versions of this tool and of the module.",
	.run = version,
};

void target_print(const struct target *tg)
{
	char used[FIGURE_MAX], limit[FIGURE_MAX];
	const char *policy;

	printf("target\n  module version       ");
	text_print(stdout, tg->version, TEXT_EXACT);
	printf("\n  exports              %" PRIu64 "\n", tg->exports);
	printf("  listeners            %" PRIu64 "\n", tg->listeners);
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
	if (attr_has(tg, NBDTARGET_A_TARGET_POLL_TIME))
		printf("  poll time            %" PRIu64 " us\n", tg->poll_time);
	if (!attr_has(tg, NBDTARGET_A_TARGET_TLS_KEY_RECORDS))
		return;
	policy = attr_enum_name(&key_policies, tg->tls_key_policy);
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
