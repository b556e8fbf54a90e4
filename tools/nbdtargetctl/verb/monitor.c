// SPDX-License-Identifier: GPL-2.0
/*
 * monitor: the module's events, one line each, until a signal. It has a
 * socket of its own, which also hears of the module being unloaded and
 * loaded again, and then takes part in the new one's group.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/mem.h"
#include "base/out.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/event.h"
#include "verb/verbs.h"

#define RECEIVE_BUFFER (4 << 20)

struct monitor {
	struct tool *t;
	struct mnl_socket *socket;
	uint16_t family;
	char *buf;
	int signals;
};

static int join(struct monitor *m, uint32_t group)
{
	return mnl_socket_setsockopt(m->socket, NETLINK_ADD_MEMBERSHIP,
				     &group, sizeof(group));
}

/* The controller says that a family came or went. */
static void controller_event(struct monitor *m, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct nl_family family;

	if (genl->cmd != CTRL_CMD_NEWFAMILY && genl->cmd != CTRL_CMD_DELFAMILY)
		return;
	if (!nl_family_parse(nlh, &family))
		return;
	if (genl->cmd == CTRL_CMD_DELFAMILY) {
		m->family = 0;
		event_print_own(m->t, "module-unload", "the module was unloaded");
	} else if (family.monitor && !join(m, family.monitor)) {
		m->family = family.id;
		event_print_own(m->t, "module-load", "the module was loaded");
	}
}

static void take(struct monitor *m, ssize_t n)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)m->buf;
	int left = n;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
			continue;
		if (nlh->nlmsg_type == GENL_ID_CTRL)
			controller_event(m, nlh);
		else if (m->family && nlh->nlmsg_type == m->family)
			event_print(m->t, nlh);
		out_flush();
	}
}

static int receive(struct monitor *m)
{
	ssize_t n = mnl_socket_recvfrom(m->socket, m->buf, NL_BUFFER_SIZE);

	if (n >= 0) {
		take(m, n);
	} else if (errno == ENOBUFS) {
		event_print_own(m->t, "overrun", "events were lost");
		out_flush();
	} else if (errno != EINTR && errno != EAGAIN) {
		return fail(m->t, NULL, "netlink: %s", strerror(errno));
	}
	return ferror(stdout) ? TOOL_REFUSED : TOOL_OK;
}

/* Until a signal, or until nobody reads what is written. */
static int loop(struct monitor *m)
{
	struct pollfd fds[] = {
		{ .fd = mnl_socket_get_fd(m->socket), .events = POLLIN },
		{ .fd = m->signals, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	int ret = TOOL_OK;

	while (!ret) {
		if (poll(fds, ARRAY_SIZE(fds), -1) < 0) {
			if (errno == EINTR)
				continue;
			return fail(m->t, NULL, "poll: %s", strerror(errno));
		}
		/* First, or a flood of events would keep it from its end. */
		if (fds[1].revents || fds[2].revents)
			break;
		ret = receive(m);
	}
	return ret;
}

/*
 * SIGINT and SIGTERM are an orderly end. They stay blocked, for the one that
 * ended the loop is still pending, and the program ends after this verb.
 */
static int open_signals(struct monitor *m)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	m->signals = signalfd(-1, &set, SFD_CLOEXEC);
	return m->signals < 0 ? -1 : 0;
}

static int open_events(struct monitor *m, uint32_t group)
{
	int size = RECEIVE_BUFFER, fd;

	m->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!m->socket ||
	    mnl_socket_bind(m->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -1;
	fd = mnl_socket_get_fd(m->socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (join(m, group) < 0)
		return -1;
	/* The controller's own group has the number of its family. */
	return join(m, GENL_ID_CTRL);
}

enum { MONITOR_ANNOUNCE };

static const struct opt monitor_opts[] = {
	[MONITOR_ANNOUNCE] = { "--announce", OPT_FLAG, NULL,
		"write an event \"start\" once nothing is missed", 0 },
	{ .name = NULL }
};

static int start(struct monitor *m, const struct args *a)
{
	struct nl_family family = nl_family(m->t->nl);

	/* It has done its part; the other one then has our number in lists. */
	m->family = family.id;
	nl_free(m->t->nl);
	m->t->nl = NULL;
	if (open_events(m, family.monitor) < 0) {
		if (errno != EPERM)
			return fail(m->t, NULL, "netlink: %s",
				    strerror(errno));
		fail(m->t, NULL, "%s; this takes root", strerror(errno));
		return TOOL_UNREACHABLE;
	}
	if (a->opt[MONITOR_ANNOUNCE].given)
		event_print_own(m->t, "start", "");
	out_flush();
	return loop(m);
}

static int monitor(struct tool *t, const struct args *a)
{
	struct monitor m = { .t = t };
	int ret = kernel_connect(t, NULL);

	if (ret)
		return ret;
	m.buf = mem_zalloc(NL_BUFFER_SIZE);
	if (open_signals(&m))
		ret = fail(t, NULL, "signalfd: %s", strerror(errno));
	else
		ret = start(&m, a);
	if (m.socket)
		mnl_socket_close(m.socket);
	if (m.signals >= 0)
		close(m.signals);
	free(m.buf);
	return ret;
}

const struct verb verb_monitor = {
	.name = "monitor",
	.args = "",
	.summary = "Writes a line for each event, until SIGINT or SIGTERM.",
	.opts = monitor_opts,
	.no_batch = true,
	.run = monitor,
};
