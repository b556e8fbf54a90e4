// SPDX-License-Identifier: GPL-2.0
/*
 * monitor: the module's events, one line each, until a signal. It has a
 * socket of its own, which also hears of the module being unloaded and
 * loaded again, and then takes part in the new one's group.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bitmap.h"
#include "conn.h"
#include "export.h"
#include "json.h"
#include "listener.h"
#include "nbdtarget.h"
#include "options.h"

#define RECEIVE_BUFFER (4 << 20)

struct monitor {
	struct tool *t;
	struct mnl_socket *socket;
	uint16_t family;
	char *buf;
	int signals;
};

static void print_text(const char *title, struct text text, unsigned int how)
{
	printf(" %s ", title);
	text_print(stdout, text, how);
}

static void export_line(const struct nlmsghdr *nlh, json_t **o)
{
	struct export e;

	attr_parse(&export_attrs, nlh, &e);
	if (o) {
		*o = attr_json(&export_attrs, &e);
		return;
	}
	putchar(' ');
	text_print(stdout, e.name, TEXT_NAME);
	if (!e.device.len)
		return;
	print_text("device", e.device, TEXT_EXACT);
	printf(" size %" PRIu64 " %s%s", e.size, e.read_only ? "ro" : "rw",
	       e.is_default ? " default" : "");
	if (e.tls_required)
		printf(" tls required");
	if (e.max_connections)
		printf(" max-connections %" PRIu64, e.max_connections);
	if (e.description.len)
		print_text("description", e.description, TEXT_NAME);
}

static void bitmap_line(const struct nlmsghdr *nlh, json_t **o)
{
	struct bitmap b;

	attr_parse(&bitmap_attrs, nlh, &b);
	if (o) {
		*o = attr_json(&bitmap_attrs, &b);
		return;
	}
	putchar(' ');
	text_print(stdout, b.name, TEXT_NAME);
	print_text("export", b.export_name, TEXT_NAME);
	if (!attr_has(&b, NBDTARGET_A_BITMAP_RECORDING))
		return;
	printf(" %s%s dirty %" PRIu64, b.recording ? "recording" : "frozen",
	       b.consistent ? "" : " inconsistent", b.dirty_bytes);
}

static void listener_line(const struct nlmsghdr *nlh, json_t **o)
{
	struct listener l;
	struct endpoint ep;
	char *s;

	attr_parse(&listener_attrs, nlh, &l);
	if (o) {
		*o = listener_json(&l);
		return;
	}
	listener_endpoint(&l, &ep);
	s = endpoint_format(&ep);
	printf(" %s", s);
	free(s);
	if (l.tls)
		printf(" tls %s", listener_tls(&l));
}

static void conn_line(const struct nlmsghdr *nlh, json_t **o)
{
	struct conn c;
	char *peer;

	conn_parse(nlh, &c);
	if (o) {
		*o = attr_json(&conn_attrs, &c);
		return;
	}
	peer = conn_peer_format(&c);
	printf(" %" PRIu64 " peer %s", c.id, peer);
	free(peer);
	print_text("export", c.export_name, TEXT_NAME);
	if (attr_has(&c, NBDTARGET_A_CONN_TLS_VERSION)) {
		print_text("tls", c.tls_version, TEXT_EXACT);
		print_text("cipher", c.tls_cipher, TEXT_EXACT);
	}
	if (attr_has(&c, NBDTARGET_A_CONN_IDENTITY))
		print_text("identity", c.identity, TEXT_NAME);
	if (!attr_has(&c, NBDTARGET_A_CONN_REASON))
		return;
	printf(" age %" PRIu64 ".%03u requests %" PRIu64 " errors %" PRIu64,
	       c.age / 1000, (unsigned int)(c.age % 1000), c.stats.requests,
	       c.stats.errors);
	print_text("reason", c.reason, TEXT_NAME);
}

static const struct event {
	uint8_t cmd;
	const char *name;
	void (*line)(const struct nlmsghdr *nlh, json_t **o);
} events[] = {
	{ NBDTARGET_CMD_EXPORT_ADD_NTF, "export-add", export_line },
	{ NBDTARGET_CMD_EXPORT_SET_NTF, "export-set", export_line },
	{ NBDTARGET_CMD_EXPORT_DEL_NTF, "export-del", export_line },
	{ NBDTARGET_CMD_BITMAP_ADD_NTF, "bitmap-add", bitmap_line },
	{ NBDTARGET_CMD_BITMAP_SET_NTF, "bitmap-set", bitmap_line },
	{ NBDTARGET_CMD_BITMAP_DEL_NTF, "bitmap-del", bitmap_line },
	{ NBDTARGET_CMD_LISTENER_ADD_NTF, "listener-add", listener_line },
	{ NBDTARGET_CMD_LISTENER_DEL_NTF, "listener-del", listener_line },
	{ NBDTARGET_CMD_CONN_OPEN_NTF, "conn-open", conn_line },
	{ NBDTARGET_CMD_CONN_CLOSE_NTF, "conn-close", conn_line },
};

/* One line: the event, then the members of an object. */
static void print_json_event(const char *name, json_t *members)
{
	json_t *o = json_object();

	json_put(o, "event", json_string(name));
	if (members)
		json_object_update(o, members);
	json_decref(members);
	json_print(o, true);
}

/* An event of the tool's own. */
static void say(const struct monitor *m, const char *name, const char *text)
{
	if (m->t->json)
		print_json_event(name, NULL);
	else
		printf("%s%s%s\n", name, *text ? " " : "", text);
}

static void module_event(struct monitor *m, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	json_t *members = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i].cmd != genl->cmd)
			continue;
		if (m->t->json) {
			events[i].line(nlh, &members);
			print_json_event(events[i].name, members);
			return;
		}
		fputs(events[i].name, stdout);
		events[i].line(nlh, NULL);
		putchar('\n');
		return;
	}
}

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
		say(m, "module-unload", "the module was unloaded");
	} else if (family.monitor && !join(m, family.monitor)) {
		m->family = family.id;
		say(m, "module-load", "the module was loaded");
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
			module_event(m, nlh);
		fflush(stdout);
	}
}

static int receive(struct monitor *m)
{
	ssize_t n = mnl_socket_recvfrom(m->socket, m->buf, NL_BUFFER_SIZE);

	if (n >= 0) {
		take(m, n);
	} else if (errno == ENOBUFS) {
		say(m, "overrun", "events were lost");
		fflush(stdout);
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
		say(m, "start", "");
	fflush(stdout);
	return loop(m);
}

static int monitor(struct tool *t, const struct args *a)
{
	struct monitor m = { .t = t };
	int ret = tool_connect(t, NULL);

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
