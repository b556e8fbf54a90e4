// SPDX-License-Identifier: GPL-2.0
/*
 * Connections on their way from one module to the next: a descriptor of the socket, and
 * attributes that are given as they were taken. What is in them is for the two modules;
 * this program only sees to it that both have the format that it has.
 *
 * Whatever this program comes to, the descriptors end with it, and so do the connections
 * whose sockets nobody else has.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/fail.h"
#include "base/mem.h"
#include "config/handover.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/conn.h"

/* Between two looks; ms. */
#define PAUSE 2

/* After they were told to end, at their deadline, and for what is in devices; ms. */
#define GRACE 5000

/* One for each connection. */
static int make_room(struct handover *h)
{
	if (descriptors_allow(h->conns.n))
		return 0;
	return fail(h->t, NULL,
		    "%zu connections are more than this program may have descriptors for",
		    h->conns.n);
}

/* --- Alone --- */

int handover_claim(struct tool *t, uint64_t timeout)
{
	int64_t deadline = clock_now() + timeout;
	int ret;

	while ((ret = nl_do(t->nl, nl_request(t->nl, NBDTARGET_CMD_HANDOVER_CLAIM),
			    NULL)) == -EAGAIN && clock_now() < deadline)
		clock_pause(PAUSE);
	return ret ? kernel_fail(t, NULL, NULL) : 0;
}

/* --- Taking them --- */

static void keep(struct handover *h, const struct nlmsghdr *nlh)
{
	struct carried *c;
	struct nlattr *attr;
	size_t room;

	h->list = mem_resize(h->list, (h->n + 1) * sizeof(*h->list));
	c = &h->list[h->n++];
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->attrs = mem_zalloc(nlh->nlmsg_len);
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == NBDTARGET_A_HANDOVER_FD) {
			c->fd = mnl_attr_get_u32(attr);
			continue;
		}
		if (mnl_attr_get_type(attr) == NBDTARGET_A_HANDOVER_PAD)
			continue;
		if (mnl_attr_get_type(attr) == NBDTARGET_A_HANDOVER_ID)
			c->id = mnl_attr_get_u32(attr);
		room = MNL_ALIGN(attr->nla_len);
		memcpy(c->attrs + c->len, attr, room);
		c->len += room;
	}
}

/* 0 or a negative errno. */
static int take_one(struct handover *h)
{
	struct nlmsghdr *nlh = nl_request(h->t->nl, NBDTARGET_CMD_HANDOVER_TAKE);
	struct nl_reply reply = { .secret = true };
	int ret = nl_do(h->t->nl, nlh, &reply);

	if (!ret && reply.len)
		keep(h, (struct nlmsghdr *)reply.data);
	nl_reply_free(&reply);
	return ret;
}

static const struct conn *conn_of(const struct handover *h, uint64_t id)
{
	const struct conn *c;
	size_t i;

	for (i = 0; i < h->conns.n; i++) {
		c = attr_list_item(&h->conns, i);
		if (c->id == id)
			return c;
	}
	return NULL;
}

static void tell(struct handover *h, uint64_t id, const char *what)
{
	const struct conn *c = conn_of(h, id);
	char *peer = c ? conn_peer_format(c) : NULL;
	char *name = c ? text_format(c->export_name, TEXT_NAME) : NULL;

	fail(h->t, NULL, "connection %u, of %s with export %s: %s",
	     (unsigned int)id, peer ? peer : "?", name ? name : "?", what);
	free(peer);
	free(name);
}

static bool is_late(const struct conn *c)
{
	return c->state == NBDTARGET_CONN_STATE_TRANSMISSION && !c->ending;
}

/* All that are still in transmission. */
static void end_late(struct handover *h)
{
	const struct conn *c;
	struct attr_list list = { 0 };
	size_t i;

	if (conn_list_get(h->t, &list)) {
		kernel_fail(h->t, "those that are late, which are closed", NULL);
		h->lost++;
	}
	for (i = 0; i < list.n; i++) {
		c = attr_list_item(&list, i);
		if (!is_late(c))
			continue;
		tell(h, c->id,
		     "its requests didn't come to an end in time; it is closed");
		h->lost++;
	}
	attr_list_free(&list);
	nl_do(h->t->nl, nl_request(h->t->nl, NBDTARGET_CMD_CONN_KILL), NULL);
}

static int begin(struct handover *h)
{
	struct nlmsghdr *nlh = nl_request(h->t->nl, NBDTARGET_CMD_HANDOVER_BEGIN);

	mnl_attr_put_u32(nlh, NBDTARGET_A_HANDOVER_FORMAT,
			 NBDTARGET_HANDOVER_FORMAT);
	return nl_do(h->t->nl, nlh, NULL) ? kernel_fail(h->t, NULL, NULL) : 0;
}

/* Those that can't be taken are closed by the kernel. */
static void take_until(struct handover *h, int64_t deadline)
{
	bool late = false;
	int ret;

	for (;;) {
		ret = take_one(h);
		if (ret == -ENODATA)
			return;
		if (!ret)
			continue;
		if (ret != -EAGAIN) {
			kernel_fail(h->t, "a connection", NULL);
			h->lost++;
		}
		if (clock_now() >= deadline && late)
			return;
		if (clock_now() >= deadline) {
			end_late(h);
			late = true;
			deadline = clock_now() + GRACE;
		}
		clock_pause(PAUSE);
	}
}

/* Those that would keep the module in use. */
static void find_stuck(struct handover *h, bool is_told)
{
	const struct conn *c;
	struct attr_list list;
	size_t i;

	h->stuck = 0;
	if (conn_list_get(h->t, &list))
		return;
	for (i = 0; i < list.n; i++) {
		c = attr_list_item(&list, i);
		if (!c->in_flight)
			continue;
		h->stuck++;
		if (is_told)
			tell(h, c->id, "its device hangs");
	}
	attr_list_free(&list);
}

/* All have left, or were told to end. */
static void wait_for_devices(struct handover *h, int64_t deadline)
{
	find_stuck(h, false);
	while (h->stuck && clock_now() < deadline) {
		clock_pause(PAUSE);
		find_stuck(h, false);
	}
	if (h->stuck)
		find_stuck(h, true);
}

int handover_take_all(struct handover *h, uint64_t timeout)
{
	int ret;

	if (conn_list_get(h->t, &h->conns))
		return kernel_fail(h->t, NULL, NULL);
	ret = make_room(h);
	if (!ret)
		ret = begin(h);
	if (!ret) {
		take_until(h, clock_now() + timeout);
		wait_for_devices(h, clock_now() + GRACE);
	}
	return ret;
}

/* --- Giving them --- */

static int give_one(struct handover *h, const struct carried *c)
{
	struct nlmsghdr *nlh = nl_request(h->t->nl, NBDTARGET_CMD_HANDOVER_GIVE);
	int ret;

	memcpy(mnl_nlmsg_get_payload_tail(nlh), c->attrs, c->len);
	nlh->nlmsg_len += c->len;
	mnl_attr_put_u32(nlh, NBDTARGET_A_HANDOVER_FD, c->fd);
	ret = nl_do(h->t->nl, nlh, NULL);
	explicit_bzero(nlh, nlh->nlmsg_len);
	return ret;
}

static void be_through(struct carried *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	if (c->attrs)
		explicit_bzero(c->attrs, c->len);
	free(c->attrs);
	c->attrs = NULL;
	c->len = 0;
}

/* How many of them were lost on the way; or a negative errno. */
static int64_t ask_lost(struct handover *h)
{
	struct nlmsghdr *nlh = nl_request(h->t->nl, NBDTARGET_CMD_HANDOVER_END);
	struct nl_reply reply = { 0 };
	int64_t ret = nl_do(h->t->nl, nlh, &reply);
	struct nlattr *attr;

	if (!ret && reply.len)
		mnl_attr_for_each(attr, (struct nlmsghdr *)reply.data,
				  sizeof(struct genlmsghdr))
			if (mnl_attr_get_type(attr) ==
			    NBDTARGET_A_HANDOVER_LOST)
				ret = mnl_attr_get_u32(attr);
	nl_reply_free(&reply);
	return ret;
}

static void end_one(struct handover *h, const struct conn *c)
{
	struct nlmsghdr *nlh = nl_request(h->t->nl, NBDTARGET_CMD_CONN_KILL);
	char *peer = conn_peer_format(c);

	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_ID, c->id);
	nl_do(h->t->nl, nlh, NULL);
	fail(h->t, peer, "its connection couldn't go on in time; it is closed");
	free(peer);
}

/*
 * Nobody else can connect, or be let in, yet. How many go on; those that aren't known to
 * are ended, as nobody would hear what becomes of them.
 */
static size_t count_served(struct handover *h)
{
	const struct conn *c;
	struct attr_list list;
	size_t i, n = 0;

	if (conn_list_get(h->t, &list)) {
		kernel_fail(h->t, "connections", NULL);
		return 0;
	}
	for (i = 0; i < list.n; i++) {
		c = attr_list_item(&list, i);
		if (c->ending)
			continue;
		if (c->state == NBDTARGET_CONN_STATE_TRANSMISSION)
			n++;
		else
			end_one(h, c);
	}
	attr_list_free(&list);
	return n;
}

/* How many of those GIVEN go on. */
static size_t wait_for_all(struct handover *h, size_t given, int64_t deadline)
{
	int64_t lost;

	while ((lost = ask_lost(h)) == -EAGAIN && clock_now() < deadline)
		clock_pause(PAUSE);
	if (lost < 0)
		return count_served(h);
	if (lost)
		fail(h->t, NULL, "%u connections were lost; the kernel's log says why",
		     (unsigned int)lost);
	return given - lost;
}

size_t handover_give_all(struct handover *h, uint64_t timeout)
{
	size_t i, given = 0, served;

	for (i = 0; i < h->n; i++) {
		if (give_one(h, &h->list[i])) {
			tell(h, h->list[i].id, nl_last_error(h->t->nl)->text);
			h->lost++;
		} else {
			given++;
		}
		be_through(&h->list[i]);
	}
	served = wait_for_all(h, given, clock_now() + timeout);
	h->lost += given > served ? given - served : 0;
	return served;
}

void handover_free(struct handover *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		be_through(&h->list[i]);
	free(h->list);
	attr_list_free(&h->conns);
}
