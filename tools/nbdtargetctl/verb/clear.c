// SPDX-License-Identifier: GPL-2.0
/* clear: all that is configured, in all network namespaces. */
#include <errno.h>

#include "base/fail.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/awaited.h"
#include "verb/verbs.h"

enum { CLEAR_FORCE, CLEAR_LISTENERS, CLEAR_NO_WAIT, CLEAR_TIMEOUT };

static const struct opt clear_opts[] = {
	[CLEAR_FORCE] = { "--force", OPT_FLAG, NULL,
		"disconnect clients, too", 0 },
	[CLEAR_LISTENERS] = { "--only-listeners", OPT_FLAG, NULL,
		"only these: nobody comes any more, exports and their clients stay", 0 },
	[CLEAR_NO_WAIT] = AWAITED_NO_WAIT,
	[CLEAR_TIMEOUT] = AWAITED_TIMEOUT,
	{ .name = NULL }
};

/* Nothing ends by that for which there would be something to wait. */
static int clear_listeners(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	int ret;

	if (a->opt[CLEAR_FORCE].given || a->opt[CLEAR_NO_WAIT].given ||
	    a->opt[CLEAR_TIMEOUT].given)
		return fail_usage(t, "--only-listeners goes with no other option");
	ret = kernel_connect(t, NULL);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_TARGET_CLEAR);
	mnl_attr_put(nlh, NBDTARGET_A_TARGET_ONLY_LISTENERS, 0, NULL);
	return nl_do(t->nl, nlh, NULL) ? kernel_fail(t, NULL, NULL) : TOOL_OK;
}

static int clear_all(struct tool *t, const struct args *a)
{
	const struct awaited all = { .is_over = awaited_all };
	struct nlmsghdr *nlh;
	int ret = kernel_connect(t, NULL);

	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_TARGET_CLEAR);
	if (a->opt[CLEAR_FORCE].given)
		mnl_attr_put(nlh, NBDTARGET_A_TARGET_FORCE, 0, NULL);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret)
		return kernel_fail(t, NULL, ret == -EBUSY ?
				   "--force disconnects them" : NULL);
	return awaited_wait(t, &all, &a->opt[CLEAR_NO_WAIT],
			   &a->opt[CLEAR_TIMEOUT]);
}

static int clear(struct tool *t, const struct args *a)
{
	return a->opt[CLEAR_LISTENERS].given ? clear_listeners(t, a) :
	       clear_all(t, a);
}

const struct verb verb_clear = {
	.name = "clear",
	.args = "",
	.summary = "Removes all exports and listeners, of all network namespaces.",
	.details = "Afterwards the module can be unloaded. Bitmaps that aren't saved are lost.\n"
		   "Before a restart, --only-listeners comes first: clients that connect again then\n"
		   "find nobody, instead of a target without their export.",
	.opts = clear_opts,
	.run = clear,
};
