// SPDX-License-Identifier: GPL-2.0
/* disconnect: clients, one or many. */
#include <errno.h>

#include "base/fail.h"
#include "base/number.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/awaited.h"
#include "verb/verbs.h"

enum {
	DISCONNECT_EXPORT, DISCONNECT_ALL, DISCONNECT_IF_EXISTS,
	DISCONNECT_NO_WAIT, DISCONNECT_TIMEOUT,
};

static const struct opt disconnect_opts[] = {
	[DISCONNECT_EXPORT] = { "--export", OPT_TEXT, "NAME",
		"all clients of an export", NBDTARGET_MAX_STRING },
	[DISCONNECT_ALL] = { "--all", OPT_FLAG, NULL, "everybody", 0 },
	[DISCONNECT_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such client or export", 0 },
	[DISCONNECT_NO_WAIT] = AWAITED_NO_WAIT,
	[DISCONNECT_TIMEOUT] = AWAITED_TIMEOUT,
	{ .name = NULL }
};

static int check_whom(struct tool *t, const struct args *a, uint64_t *id)
{
	const char *wrong;

	if (a->n + a->opt[DISCONNECT_EXPORT].given +
	    a->opt[DISCONNECT_ALL].given != 1)
		return fail_usage(t, "give one of ID, --export NAME and --all");
	if (!a->n)
		return 0;
	wrong = number_parse(a->pos[0], UINT32_MAX, id);
	return wrong ? fail_usage(t, "ID: '%s' %s", a->pos[0], wrong) : 0;
}

static int disconnect(struct tool *t, const struct args *a)
{
	const struct opt_value *export = &a->opt[DISCONNECT_EXPORT];
	const char *thing = a->n ? a->pos[0] : export->text;
	struct awaited them = {
		.thing = thing,
		.is_over = awaited_conns,
		.name = export->text,
	};
	struct nlmsghdr *nlh;
	uint64_t id = 0;
	int ret = check_whom(t, a, &id);

	if (!ret)
		ret = kernel_connect(t, thing);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_CONN_KILL);
	if (a->n)
		mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_ID, id);
	if (export->given)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CONN_EXPORT_NAME,
				  export->text);
	ret = a->n ? nl_do_here(t->nl, nlh) : nl_do(t->nl, nlh, NULL);
	if (ret == -ENOENT && a->opt[DISCONNECT_IF_EXISTS].given)
		return TOOL_OK;
	if (ret == -ESTALE)
		return kernel_fail(t, thing,
				   "connections have other numbers now, which 'nbdtargetctl show connections' lists");
	if (ret)
		return kernel_fail(t, thing, ret != -ENOENT ? NULL :
				   "'nbdtargetctl show' lists exports and connections");
	kernel_warn(t, thing);
	them.id = id;
	return awaited_wait(t, &them, &a->opt[DISCONNECT_NO_WAIT],
			   &a->opt[DISCONNECT_TIMEOUT]);
}

const struct verb verb_disconnect = {
	.name = "disconnect",
	.args = "ID | --export NAME | --all",
	.summary = "Disconnects clients and waits for their I/O.",
	.details = "ID is the number that 'show connections' has.",
	.opts = disconnect_opts,
	.max_args = 1,
	.run = disconnect,
};
