// SPDX-License-Identifier: GPL-2.0
/*
 * monitor: the module's events, one line each, until a signal. It has a
 * socket of its own for them, which also hears of the module being unloaded and
 * loaded again (nl/events.c).
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
#include "nl/events.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/event.h"
#include "verb/verbs.h"

#define RECEIVE_BUFFER (4 << 20)

struct monitor {
	struct tool *t;
	struct nl_events events;
	char *buf;
	int signals;
};

static void tell(const struct monitor *m, unsigned int news)
{
	if (news & NL_LOST)
		event_print_own(m->t, "overrun", "events were lost");
	if (news & NL_WENT)
		event_print_own(m->t, "module-unload", "the module was unloaded");
	if (news & NL_CAME)
		event_print_own(m->t, "module-load", "the module was loaded");
	out_flush();
}

static void take(struct monitor *m, ssize_t n)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)m->buf;
	int left = n;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
			continue;
		if (nlh->nlmsg_type == GENL_ID_CTRL)
			tell(m, nl_events_controller(&m->events, nlh));
		else if (nlh->nlmsg_type == m->events.family)
			event_print(m->t, nlh);
		out_flush();
	}
}

static int receive(struct monitor *m)
{
	unsigned int news;
	ssize_t n = nl_events_receive(&m->events, m->buf, &news);

	if (n < 0)
		return fail(m->t, NULL, "netlink: %s", strerror(errno));
	take(m, n);
	tell(m, news);
	return ferror(stdout) ? TOOL_REFUSED : TOOL_OK;
}

/* Until a signal, or until nobody reads what is written. */
static int loop(struct monitor *m)
{
	struct pollfd fds[] = {
		{ .fd = mnl_socket_get_fd(m->events.socket), .events = POLLIN },
		{ .fd = m->signals, .events = POLLIN },
		{ .fd = STDOUT_FILENO },
	};
	int ret = TOOL_OK;

	while (!ret) {
		if (poll(fds, ARRAY_SIZE(fds), m->events.lost ? 0 : -1) < 0) {
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

static int open_events(struct monitor *m)
{
	int size = RECEIVE_BUFFER, fd;

	if (nl_events_open(&m->events, m->t->nl, NL_MONITOR))
		return -1;
	fd = mnl_socket_get_fd(m->events.socket);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	return 0;
}

enum { MONITOR_ANNOUNCE };

static const struct opt monitor_opts[] = {
	[MONITOR_ANNOUNCE] = { "--announce", OPT_FLAG, NULL,
		"write an event \"start\" once nothing is missed", 0 },
	{ .name = NULL }
};

static int start(struct monitor *m, const struct args *a)
{
	/* Opened once more behind the other one, which then has our number in lists. */
	nl_free(m->t->nl);
	m->t->nl = nl_new();
	if (open_events(m)) {
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
	nl_events_close(&m.events);
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
