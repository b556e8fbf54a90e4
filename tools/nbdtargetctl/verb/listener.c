// SPDX-License-Identifier: GPL-2.0
/* add-listener and remove-listener. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/fail.h"
#include "base/mem.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/listener.h"
#include "object/rule.h"
#include "verb/verbs.h"

enum { ADD_TLS, ADD_ACCESS, ADD_IF_MISSING };

static const struct opt add_opts[] = {
	[ADD_TLS] = { "--tls", OPT_TEXT, "MODE",
		"off, optional or required", 16 },
	[ADD_ACCESS] = { "--access", OPT_TEXT, "ACTION",
		"deny: nobody may use an export until set-access says who", 8 },
	[ADD_IF_MISSING] = { "--if-missing", OPT_FLAG, NULL,
		"succeed when the target listens there", 0 },
	{ .name = NULL }
};

static int parse(struct tool *t, const struct args *a, struct endpoint *ep)
{
	const char *wrong = endpoint_parse(a->n ? a->pos[0] : "", ep);

	if (!wrong)
		return 0;
	return fail_usage(t, "'%s': %s", a->pos[0], wrong);
}

/* One of the modes by its name; 0 when it is one, or not given. */
static int take_tls(struct tool *t, const struct opt_value *tls,
		    uint32_t *mode)
{
	*mode = NBDTARGET_TLS_MODE_OFF;
	if (!tls->given ||
	    attr_enum_value(&listener_tls_modes, tls->text, mode))
		return 0;
	return fail_usage(t, "--tls: '%s' is none of off, optional and required",
			  tls->text);
}

static void put_endpoint(struct nlmsghdr *nlh, const struct endpoint *ep)
{
	if (ep->address.len)
		mnl_attr_put(nlh, NBDTARGET_A_LISTENER_ADDRESS,
			     ep->address.len, ep->address.bytes);
	mnl_attr_put_u16(nlh, NBDTARGET_A_LISTENER_PORT, ep->port);
	if (ep->ifindex)
		mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_IFINDEX,
				 ep->ifindex);
}

static char *add_remedy(const struct endpoint *ep, int err)
{
	switch (err) {
	case EEXIST:
		return mem_copy("see --if-missing");
	case EADDRINUSE:
		return mem_printf("'ss -ltnp sport = :%u' shows who listens",
				  ep->port);
	case EADDRNOTAVAIL:
		return mem_copy("'ip address' lists those of this host");
	}
	return NULL;
}

static int add_listener(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	struct endpoint ep;
	char *thing, *remedy;
	uint32_t tls, access;
	int ret = parse(t, a, &ep);

	if (!ret)
		ret = take_tls(t, &a->opt[ADD_TLS], &tls);
	if (!ret)
		ret = rule_take_action(t, "--access",
				       a->opt[ADD_ACCESS].text, &access);
	if (ret)
		return ret;
	thing = endpoint_format(&ep);
	ret = kernel_connect(t, thing);
	if (ret)
		goto out;
	nlh = nl_request(t->nl, NBDTARGET_CMD_LISTENER_ADD);
	put_endpoint(nlh, &ep);
	if (a->opt[ADD_TLS].given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_TLS, tls);
	if (access != NBDTARGET_ACCESS_ALLOW)
		mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_ACCESS, access);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret == -EEXIST && a->opt[ADD_IF_MISSING].given) {
		ret = TOOL_OK;
	} else if (ret) {
		remedy = add_remedy(&ep, -ret);
		ret = kernel_fail(t, thing, remedy);
		free(remedy);
	} else {
		kernel_warn(t, thing);
	}
out:
	free(thing);
	return ret;
}

static const char endpoint_details[] =
	"ADDRESS is numeric: 127.0.0.1, ::1, [fe80::1%eth0]; before a port, an IPv6\n"
	"one stands in brackets. Without it, all addresses of both families are\n"
	"meant; [::] means those of IPv6, 0.0.0.0 those of IPv4. PORT is 10809\n"
	"unless given.";

const struct verb verb_add_listener = {
	.name = "add-listener",
	.args = "[ADDRESS][:PORT]",
	.summary = "Listens for clients in this network namespace.",
	.details = endpoint_details,
	.opts = add_opts,
	.max_args = 1,
	.run = add_listener,
};

enum { REMOVE_FORCE, REMOVE_IF_EXISTS };

static const struct opt remove_opts[] = {
	[REMOVE_FORCE] = { "--force", OPT_FLAG, NULL,
		"disconnect the clients that came through it, too", 0 },
	[REMOVE_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such listener", 0 },
	{ .name = NULL }
};

static const char no_listener[] =
	"'nbdtargetctl show listeners' lists those of this network namespace";

static int remove_listener(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	struct endpoint ep;
	char *thing;
	int ret = parse(t, a, &ep);

	if (ret)
		return ret;
	thing = endpoint_format(&ep);
	ret = kernel_connect(t, thing);
	if (ret)
		goto out;
	nlh = nl_request(t->nl, NBDTARGET_CMD_LISTENER_DEL);
	put_endpoint(nlh, &ep);
	if (a->opt[REMOVE_FORCE].given)
		mnl_attr_put(nlh, NBDTARGET_A_LISTENER_FORCE, 0, NULL);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret == -ENOENT && a->opt[REMOVE_IF_EXISTS].given)
		ret = TOOL_OK;
	else if (ret)
		ret = kernel_fail(t, thing,
				  ret == -ENOENT ? no_listener : NULL);
	else
		kernel_warn(t, thing);
out:
	free(thing);
	return ret;
}

const struct verb verb_remove_listener = {
	.name = "remove-listener",
	.args = "[ADDRESS][:PORT]",
	.summary = "Stops listening, where add-listener began it.",
	.details = endpoint_details,
	.opts = remove_opts,
	.max_args = 1,
	.run = remove_listener,
};
