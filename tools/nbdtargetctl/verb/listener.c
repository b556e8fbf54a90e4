// SPDX-License-Identifier: GPL-2.0
/* add-listener, set-listener and remove-listener. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "base/fail.h"
#include "base/mem.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/access.h"
#include "object/awaited.h"
#include "object/listener.h"
#include "object/rule.h"
#include "verb/existing.h"
#include "verb/verbs.h"

enum { ADD_TLS, ADD_ACCESS, ADD_IF_MISSING, ADD_OR_UPDATE };

static const struct opt add_opts[] = {
	[ADD_TLS] = { "--tls", OPT_TEXT, "MODE",
		"off, optional or required", 16 },
	[ADD_ACCESS] = { "--access", OPT_TEXT, "ACTION",
		"deny: nobody may use an export until set-access says who", 8 },
	[ADD_IF_MISSING] = { "--if-missing", OPT_FLAG, NULL,
		"succeed when the target listens there, just like that", 0 },
	[ADD_OR_UPDATE] = { "--or-update", OPT_FLAG, NULL,
		"change the one that is there", 0 },
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
		return mem_copy("see --if-missing, --or-update and set-listener");
	case EADDRINUSE:
		return mem_printf("'ss -ltnp sport = :%u' shows who listens",
				  ep->port);
	case EADDRNOTAVAIL:
		return mem_copy("'ip address' lists those of this host");
	}
	return NULL;
}

/* --- One that is there --- */

/* What was asked for. */
struct wanted {
	struct endpoint ep;
	bool tls_given;
	uint32_t tls;
	bool deny, allow;		/* the one that was given */
};

static int send_set(struct tool *t, const struct endpoint *ep, uint32_t tls)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_LISTENER_SET);

	put_endpoint(nlh, ep);
	mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_TLS, tls);
	return nl_do(t->nl, nlh, NULL);
}

/* The rules of a listener that has none: nobody. */
static int send_deny(struct tool *t, const struct endpoint *ep)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_ACCESS_SET);

	access_put_listener(nlh, ep);
	mnl_attr_put_u32(nlh, NBDTARGET_A_ACCESS_DEFAULT,
			 NBDTARGET_ACCESS_DENY);
	return nl_do(t->nl, nlh, NULL);
}

static const struct listener *find(const struct attr_list *list,
				   const struct endpoint *ep)
{
	const struct listener *l;
	struct endpoint other;
	size_t i;

	for (i = 0; i < list->n; i++) {
		l = attr_list_item(list, i);
		listener_endpoint(l, &other);
		if (endpoint_same(&other, ep))
			return l;
	}
	return NULL;
}

/* What differs of one that there is; 0 or -errno. */
static int compare(struct tool *t, const struct listener *l,
		   const struct wanted *w, struct existing *x)
{
	int ret = 0;

	if (l->closed)
		existing_differs_for_good(x,
					  "its socket was closed by somebody else: remove it first");
	if (w->tls_given && w->tls != l->tls)
		existing_differs(x, "it has TLS %s", listener_tls(l));
	if (w->deny || w->allow)
		ret = access_of_listener(t, &w->ep);
	/* Once set-access has said who may, that is what deny asked for. */
	if (w->deny && !ret)
		existing_differs(x, "everybody may use it");
	if (w->allow && ret > 0)
		existing_differs_for_good(x,
					  "it has rules, for which there is set-access");
	return ret < 0 ? ret : 0;
}

/* Rules that there are say who may. */
static int deny_unless_ruled(struct tool *t, const struct endpoint *ep)
{
	int ret = access_of_listener(t, ep);

	return ret ? (ret < 0 ? ret : 0) : send_deny(t, ep);
}

/* Fewer people first. */
static int update(struct tool *t, const struct wanted *w)
{
	int ret = 0;

	if (w->deny)
		ret = deny_unless_ruled(t, &w->ep);
	if (!ret && w->tls_given)
		ret = send_set(t, &w->ep, w->tls);
	return ret;
}

static int add_existing(struct tool *t, const struct args *a,
			const struct wanted *w, const char *thing)
{
	struct existing x = { 0 };
	const struct listener *l;
	struct attr_list list;
	int ret;

	ret = attr_list_get(t, NBDTARGET_CMD_LISTENER_GET, &listener_attrs,
			    &list);
	l = find(&list, &w->ep);
	if (!ret && l)
		ret = compare(t, l, w, &x);
	if (!ret && !l)
		ret = fail(t, thing, "the listener went away meanwhile");
	else if (!ret && x.list && (!a->opt[ADD_OR_UPDATE].given || x.fixed))
		ret = existing_fail(t, thing, "listener", &x);
	else if (!ret && x.list)
		ret = update(t, w);
	if (ret < 0)
		ret = kernel_fail(t, thing, NULL);
	existing_free(&x);
	attr_list_free(&list);
	return ret;
}

static int add_failed(struct tool *t, const struct args *a,
		      const struct wanted *w, const char *thing, int err)
{
	char *remedy;
	int ret;

	if (err == EEXIST && (a->opt[ADD_IF_MISSING].given ||
			      a->opt[ADD_OR_UPDATE].given))
		return add_existing(t, a, w, thing);
	remedy = add_remedy(&w->ep, err);
	ret = kernel_fail(t, thing, remedy);
	free(remedy);
	return ret;
}

static int add_listener(struct tool *t, const struct args *a)
{
	struct wanted w = { .tls_given = a->opt[ADD_TLS].given };
	struct nlmsghdr *nlh;
	uint32_t access;
	char *thing;
	int ret = parse(t, a, &w.ep);

	if (!ret)
		ret = take_tls(t, &a->opt[ADD_TLS], &w.tls);
	if (!ret)
		ret = rule_take_action(t, "--access",
				       a->opt[ADD_ACCESS].text, &access);
	if (ret)
		return ret;
	w.deny = access == NBDTARGET_ACCESS_DENY;
	w.allow = a->opt[ADD_ACCESS].given && !w.deny;
	thing = endpoint_format(&w.ep);
	ret = kernel_connect(t, thing);
	if (ret)
		goto out;
	nlh = nl_request(t->nl, NBDTARGET_CMD_LISTENER_ADD);
	put_endpoint(nlh, &w.ep);
	if (w.tls_given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_TLS, w.tls);
	if (w.deny)
		mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_ACCESS, access);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret)
		ret = add_failed(t, a, &w, thing, -ret);
	else
		kernel_warn(t, thing);
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

static const char no_listener[] =
	"'nbdtargetctl show listeners' lists those of this network namespace";

enum { SET_TLS, SET_IF_EXISTS };

static const struct opt set_opts[] = {
	[SET_TLS] = { "--tls", OPT_TEXT, "MODE",
		"off, optional or required", 16 },
	[SET_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such listener", 0 },
	{ .name = NULL }
};

static int set_listener(struct tool *t, const struct args *a)
{
	struct endpoint ep;
	uint32_t tls;
	char *thing;
	int ret = parse(t, a, &ep);

	if (!ret)
		ret = take_tls(t, &a->opt[SET_TLS], &tls);
	if (!ret && !a->opt[SET_TLS].given)
		ret = fail_usage(t, "nothing to change is given");
	if (ret)
		return ret;
	thing = endpoint_format(&ep);
	ret = kernel_connect(t, thing);
	if (!ret) {
		ret = send_set(t, &ep, tls);
		if (ret == -ENOENT && a->opt[SET_IF_EXISTS].given)
			ret = TOOL_OK;
		else if (ret)
			ret = kernel_fail(t, thing, ret == -ENOENT ?
					  no_listener : NULL);
	}
	free(thing);
	return ret;
}

const struct verb verb_set_listener = {
	.name = "set-listener",
	.args = "[ADDRESS][:PORT]",
	.summary = "Changes a listener, for who connects from then on.",
	.details = endpoint_details,
	.opts = set_opts,
	.max_args = 1,
	.run = set_listener,
};

enum { REMOVE_FORCE, REMOVE_IF_EXISTS, REMOVE_NO_WAIT, REMOVE_TIMEOUT };

static const struct opt remove_opts[] = {
	[REMOVE_FORCE] = { "--force", OPT_FLAG, NULL,
		"disconnect the clients that came through it, too", 0 },
	[REMOVE_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such listener", 0 },
	[REMOVE_NO_WAIT] = AWAITED_NO_WAIT,
	[REMOVE_TIMEOUT] = AWAITED_TIMEOUT,
	{ .name = NULL }
};

static int remove_listener(struct tool *t, const struct args *a)
{
	struct awaited clients = { .is_over = awaited_listener };
	struct nl_reply reply = { 0 };
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
	ret = nl_do(t->nl, nlh, &reply);
	clients.thing = thing;
	clients.id = awaited_id(&reply, NBDTARGET_A_LISTENER_ID);
	nl_reply_free(&reply);
	if (ret == -ENOENT && a->opt[REMOVE_IF_EXISTS].given)
		ret = TOOL_OK;
	else if (ret)
		ret = kernel_fail(t, thing,
				  ret == -ENOENT ? no_listener : NULL);
	else
		ret = awaited_wait(t, &clients, &a->opt[REMOVE_NO_WAIT],
				  &a->opt[REMOVE_TIMEOUT]);
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
