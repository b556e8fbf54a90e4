// SPDX-License-Identifier: GPL-2.0
/*
 * Waiting for what the module ends by itself once it was told to: the command is
 * answered at once, as a device may hang. Whether it is over is looked at again and
 * again, ever less often: events can be lost, and are sent to some namespaces only,
 * but what there is can always be asked for.
 */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/fail.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "object/conn.h"
#include "object/awaited.h"
#include "object/export.h"
#include "object/target.h"

#define DEFAULT_TIMEOUT 60000
#define LONGEST_PAUSE 250

/* The number that a command was answered with; 0 when it wasn't. */
uint64_t awaited_id(const struct nl_reply *reply, uint16_t type)
{
	struct nlmsghdr *nlh = nl_reply_next(reply, NULL);
	struct nlattr *attr;

	if (!nlh)
		return 0;
	mnl_attr_for_each(attr, nlh, 4) {
		if (mnl_attr_get_type(attr) == type &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			return mnl_attr_get_u32(attr);
	}
	return 0;
}

/*
 * Until it is over; the options may be NULL. The exit status; whatever that is, it
 * goes on.
 */
int awaited_wait(struct tool *t, const struct awaited *e,
		const struct opt_value *no_wait,
		const struct opt_value *timeout)
{
	int64_t wait = timeout && timeout->given ? (int64_t)timeout->number :
			DEFAULT_TIMEOUT;
	int64_t end = clock_now() + wait;
	int pause = 5, ret;

	if (no_wait && no_wait->given)
		return TOOL_OK;
	for (;;) {
		ret = e->is_over(t, e);
		if (ret < 0)
			return kernel_fail(t, e->thing, NULL);
		if (ret)
			return TOOL_OK;
		if (clock_now() >= end)
			return fail(t, e->thing,
				    "isn't over after %g s, perhaps as a device hangs; it goes on by itself",
				    wait / 1000.0);
		clock_pause(pause);
		pause = pause * 2 < LONGEST_PAUSE ? pause * 2 : LONGEST_PAUSE;
	}
}

/* One that was removed is over when its device is closed. */
int awaited_export(struct tool *t, const struct awaited *e)
{
	struct nlmsghdr *nlh;
	int ret;

	if (!e->id)
		return 1;
	nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_GET);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_ID, e->id);
	ret = nl_do(t->nl, nlh, NULL);
	return ret == -ENOENT ? 1 : ret;
}

int awaited_scan(struct tool *t, const struct awaited *e)
{
	const struct export *x;
	struct attr_list list;
	int ret = export_get(t, e->name, &list);

	if (!ret && list.n) {
		x = attr_list_item(&list, 0);
		ret = x->scan_state != NBDTARGET_SCAN_STATE_RUNNING;
	} else if (ret == -ENOENT) {
		ret = 1;
	}
	attr_list_free(&list);
	return ret;
}

static int none_ending(struct tool *t, const struct awaited *e,
		       bool (*is_meant)(const struct conn *c,
					const struct awaited *e))
{
	const struct conn *c;
	struct attr_list list;
	int ret = conn_list_get(t, &list);
	size_t i;

	if (ret)
		return ret;
	ret = 1;
	for (i = 0; i < list.n && ret; i++) {
		c = attr_list_item(&list, i);
		ret = !c->ending || !is_meant(c, e);
	}
	attr_list_free(&list);
	return ret;
}

static bool came_by(const struct conn *c, const struct awaited *e)
{
	return c->listener_id == e->id;
}

/* Those of its connections that had to go. */
int awaited_listener(struct tool *t, const struct awaited *e)
{
	return e->id ? none_ending(t, e, came_by) : 1;
}

static bool is_meant(const struct conn *c, const struct awaited *e)
{
	return (!e->id || c->id == e->id) &&
	       (!e->name || text_is(c->export_name, e->name));
}

int awaited_conns(struct tool *t, const struct awaited *e)
{
	return none_ending(t, e, is_meant);
}

int awaited_all(struct tool *t, const struct awaited *e)
{
	const struct target *tg;
	struct attr_list list;
	int ret = target_get(t, &list);

	(void)e;
	if (!ret && list.n) {
		tg = attr_list_item(&list, 0);
		ret = !tg->exports && !tg->closing && !tg->all_listeners &&
		      !tg->connections;
	}
	attr_list_free(&list);
	return ret;
}
