// SPDX-License-Identifier: GPL-2.0
/* set-target: limits of the target as a whole. */
#include <errno.h>
#include <string.h>

#include "base/fail.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/target.h"
#include "verb/verbs.h"

enum {
	SET_MAX_CONNECTIONS, SET_NEGOTIATION_TIMEOUT, SET_STALL_TIMEOUT,
	SET_MAX_IN_FLIGHT, SET_MEMORY_LIMIT, SET_TLS_KEY_POLICY,
	SET_TLS_KEY_RECORDS, SET_POLL_TIME, SET_LOG_CLIENTS, SET_PEER_TIMEOUT,
	SET_PLACEMENT,
	SET_N,
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
	[SET_LOG_CLIENTS] = { "--log-clients", OPT_TEXT, "HOW",
		"on or off: the kernel's log has those that come and go", 16 },
	[SET_PEER_TIMEOUT] = { "--peer-timeout", OPT_SECONDS, "SECONDS",
		"time a client may not be heard of", UINT32_MAX },
	[SET_PLACEMENT] = { "--placement", OPT_TEXT, "WHERE",
		"arrival, scheduler, or CPUs that clients are served on",
		NBDTARGET_MAX_STRING },
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
	[SET_LOG_CLIENTS] = NBDTARGET_A_TARGET_LOG_CLIENTS,
	[SET_PEER_TIMEOUT] = NBDTARGET_A_TARGET_PEER_TIMEOUT,
	[SET_PLACEMENT] = NBDTARGET_A_TARGET_PLACEMENT,
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
	else if (i == SET_LOG_CLIENTS)
		mnl_attr_put_u8(nlh, set_attrs[i], number);
	else
		mnl_attr_put_u32(nlh, set_attrs[i], number);
}

/* A policy by its name; 0 when it is one, or not given. */
static int take_key_policy(struct tool *t, const struct opt_value *value,
			   uint32_t *policy)
{
	if (!value->given ||
	    attr_enum_value(&target_key_policies, value->text, policy))
		return 0;
	return fail_usage(t, "%s: '%s' is none of close, warn and off",
			  set_opts[SET_TLS_KEY_POLICY].name, value->text);
}

/* "on" or "off"; 0 when it is one, or not given. */
static int take_log_clients(struct tool *t, const struct opt_value *value,
			    bool *on)
{
	*on = value->given && !strcmp(value->text, "on");
	if (!value->given || *on || !strcmp(value->text, "off"))
		return 0;
	return fail_usage(t, "%s: '%s' is neither on nor off",
			  set_opts[SET_LOG_CLIENTS].name, value->text);
}

/* What is to be sent for an option that is given. */
static uint64_t number_of(const struct args *a, size_t i, uint32_t policy,
			  bool log_clients)
{
	if (i == SET_TLS_KEY_POLICY)
		return policy;
	return i == SET_LOG_CLIENTS ? log_clients : a->opt[i].number;
}

static int set_target(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	uint32_t policy = 0;
	bool any = false, log_clients;
	size_t i;
	int ret;

	for (i = 0; i < SET_N; i++)
		any |= a->opt[i].given;
	if (!any)
		return fail_usage(t, "nothing to change is given");
	ret = take_key_policy(t, &a->opt[SET_TLS_KEY_POLICY], &policy);
	if (!ret)
		ret = take_log_clients(t, &a->opt[SET_LOG_CLIENTS],
				       &log_clients);
	if (!ret)
		ret = kernel_connect(t, NULL);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_TARGET_SET);
	for (i = 0; i < SET_N; i++) {
		if (a->opt[i].given && i != SET_PLACEMENT)
			put_setting(nlh, i, number_of(a, i, policy,
						      log_clients));
	}
	if (a->opt[SET_PLACEMENT].given)
		mnl_attr_put_strz(nlh, NBDTARGET_A_TARGET_PLACEMENT,
				  a->opt[SET_PLACEMENT].text);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret)
		return kernel_fail(t, refused_option(t), ret == -ERANGE ?
				   "nbdtargetctl(8) has the ranges" : NULL);
	kernel_warn(t, NULL);
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
