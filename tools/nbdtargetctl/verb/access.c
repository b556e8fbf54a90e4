// SPDX-License-Identifier: GPL-2.0
/* set-access: who may use an export, or come through a listener. */
#include "base/fail.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/access.h"
#include "object/rule.h"
#include "verb/verbs.h"

enum { SET_EXPORT, SET_LISTENER, SET_DEFAULT };

static const struct opt set_opts[] = {
	[SET_EXPORT] = { "--export", OPT_TEXT, "NAME",
		"the rules are those of this export", NBDTARGET_MAX_STRING },
	[SET_LISTENER] = { "--listener", OPT_TEXT, "ADDRESS",
		"the rules are those of this listener", ADDRESS_MAX },
	[SET_DEFAULT] = { "--default", OPT_TEXT, "ACTION",
		"allow or deny those that no rule fits", 8 },
	{ .name = NULL }
};

/* What the command line has, before there is a request to put it in. */
struct change {
	const char *thing;
	struct endpoint listener;
	uint32_t deny_default;
	struct rule rules[ARGS_MAX];
};

static int take_change(struct tool *t, const struct args *a,
		       struct change *c)
{
	const struct opt_value *o = a->opt;
	const char *wrong;
	int i, ret;

	if (o[SET_EXPORT].given == o[SET_LISTENER].given)
		return fail_usage(t, "give one of --export and --listener");
	c->thing = o[o[SET_EXPORT].given ? SET_EXPORT : SET_LISTENER].text;
	if (o[SET_LISTENER].given) {
		wrong = endpoint_parse(c->thing, &c->listener);
		if (wrong)
			return fail_usage(t, "'%s': %s", c->thing, wrong);
	}
	ret = rule_take_action(t, "--default", o[SET_DEFAULT].text,
			       &c->deny_default);
	for (i = 0; i < a->n && !ret; i++) {
		wrong = rule_parse(a->pos[i], &c->rules[i]);
		if (wrong)
			ret = fail_usage(t, "rule '%s': %s", a->pos[i],
					 wrong);
	}
	return ret;
}

static int set_access(struct tool *t, const struct args *a)
{
	struct change c = { 0 };
	struct nlmsghdr *nlh;
	int i, ret;

	ret = take_change(t, a, &c);
	if (!ret)
		ret = kernel_connect(t, c.thing);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_ACCESS_SET);
	if (a->opt[SET_EXPORT].given)
		mnl_attr_put_strz(nlh, NBDTARGET_A_ACCESS_EXPORT_NAME,
				  c.thing);
	else
		access_put_listener(nlh, &c.listener);
	mnl_attr_put_u32(nlh, NBDTARGET_A_ACCESS_DEFAULT, c.deny_default);
	for (i = 0; i < a->n; i++)
		rule_put(nlh, &c.rules[i]);
	if (nl_do(t->nl, nlh, NULL))
		return kernel_fail(t, c.thing, NULL);
	kernel_warn(t, c.thing);
	return TOOL_OK;
}

const struct verb verb_set_access = {
	.name = "set-access",
	.args = "--export NAME | --listener ADDRESS [RULE]...",
	.summary = "Says who may use an export, or come through a listener.",
	.details = "RULE is one word: 'allow' or 'deny', and behind blanks, if it isn't to\n"
		   "fit everybody, peer=ADDRESS[/BITS], and dn=, san= or psk=PATTERN. The\n"
		   "first that fits a client decides. All earlier rules are replaced.",
	.opts = set_opts,
	.max_args = ARGS_MAX,
	.run = set_access,
};
