// SPDX-License-Identifier: GPL-2.0
/*
 * tls-agent: does TLS handshakes for the module.
 *
 * One thread and one loop. Handshakes are taken from the kernel, which has
 * them on a list, whenever it says that one was added, and whenever there is
 * room again: events that were lost, or sent before this began, don't matter.
 * Each then goes on when its socket is ready (handshake.c), until it has come
 * to an end or its time is up, and the kernel is told.
 *
 * Why not a process for each: a client that stalls costs some kilobytes here
 * instead of a process, nothing has to be forked to begin with, and all use
 * one copy of the credentials. What is lost is the wall between them: a flaw
 * in the library would end all handshakes under way. It would end no more
 * than these: connections that are encrypted are the kernel's.
 *
 * What a client can cause is bounded: handshakes at once, the time of each,
 * lines in the log.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/genetlink.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "address.h"
#include "attr.h"
#include "handshake.h"
#include "keys.h"
#include "nbdtarget.h"
#include "options.h"
#include "tls.h"

#define DEFAULT_MAX 1024

/* Lines about clients in that many milliseconds. */
#define LOG_LINES 20
#define LOG_INTERVAL 10000

/* Handshakes taken before those under way have their turn. */
#define ACCEPTS 16

struct agent {
	struct tool *t;
	const char *dir;
	enum cred_verify verify;
	struct cred *cred;
	struct mnl_socket *events;
	uint16_t family;	/* 0 while there is no module */
	char *buf;
	int epoll;
	int signals;
	struct handshake *first;
	uint64_t n, max;
	bool waiting;		/* the kernel may have one for us */
	bool stop;
	bool quiet;
	int64_t log_since;
	unsigned int logged, unlogged;
};

/* What tls-accept answers. */
struct task {
	uint64_t present;
	uint64_t conn;
	uint64_t fd;
	struct address peer;
	uint64_t peer_port;
	uint64_t timeout;
};

#define FIELD(type_, kind_, key_, member_) {			\
	.type = NBDTARGET_A_TLS_##type_, .kind = ATTR_##kind_,	\
	.key = key_, .offset = offsetof(struct task, member_) }

static const struct attr_field fields[] = {
	FIELD(CONN_ID, NUMBER, "conn-id", conn),
	FIELD(FD, NUMBER, "fd", fd),
	FIELD(PEER_ADDRESS, ADDRESS, "peer-address", peer),
	FIELD(PEER_PORT, NUMBER, "peer-port", peer_port),
	FIELD(TIMEOUT, NUMBER, "timeout", timeout),
};

static const struct attr_set task_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct task)
};

static int64_t now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* To systemd, if that started us, in its protocol of one datagram. */
static void notify(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	size_t len = path ? strlen(path) : 0;
	int fd;

	if (!len || len >= sizeof(addr.sun_path))
		return;
	memcpy(addr.sun_path, path, len);
	if (addr.sun_path[0] == '@')
		addr.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
	       (struct sockaddr *)&addr,
	       offsetof(struct sockaddr_un, sun_path) + len);
	close(fd);
}

/* A line about what a client may have caused, unless there were many. */
static void log_some(struct agent *a, const char *peer, const char *text)
{
	int64_t time = now();

	if (time - a->log_since >= LOG_INTERVAL) {
		if (a->unlogged)
			fail(a->t, NULL, "%u more lines like these",
			     a->unlogged);
		a->log_since = time;
		a->logged = 0;
		a->unlogged = 0;
	}
	if (a->logged++ < LOG_LINES)
		fail(a->t, peer, "%s", text);
	else
		a->unlogged++;
}

static void log_kernel(struct agent *a, const char *peer)
{
	const struct nl_error *e = nl_last_error(a->t->nl);

	log_some(a, peer, e->text[0] ? e->text : strerror(e->err));
}

/* --- Credentials --- */

/* Those that don't load leave those that did in force. */
static void reload(struct agent *a)
{
	struct cred *cred;

	notify("RELOADING=1\n");
	cred = cred_load(a->t, a->dir, a->verify);
	if (cred) {
		cred_put(a->cred);
		a->cred = cred;
	} else {
		fail(a->t, NULL, "what was loaded before stays in force");
	}
	notify("READY=1\n");
}

/* --- Handshakes --- */

static void put_proof(struct nlmsghdr *nlh, const struct proof *proof)
{
	size_t i;

	mnl_attr_put_u32(nlh, NBDTARGET_A_TLS_AUTH, proof->auth);
	if (proof->name)
		mnl_attr_put_strz(nlh, NBDTARGET_A_TLS_IDENTITY, proof->name);
	for (i = 0; i < proof->n_alt_names; i++)
		mnl_attr_put_strz(nlh, NBDTARGET_A_TLS_ALT_NAME,
				  proof->alt_names[i]);
}

/* text: why it failed, or NULL. A connection that is gone doesn't matter. */
static bool send_report(struct agent *a, const struct handshake *h,
			const char *text)
{
	struct nlmsghdr *nlh = nl_request(a->t->nl, NBDTARGET_CMD_TLS_DONE);
	char copy[NBDTARGET_MAX_REASON + 1];

	mnl_attr_put_u32(nlh, NBDTARGET_A_TLS_CONN_ID, h->conn);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TLS_STATUS, text ? EPROTO : 0);
	if (text) {
		snprintf(copy, sizeof(copy), "%s", text);
		mnl_attr_put_strz(nlh, NBDTARGET_A_TLS_TEXT, copy);
	} else {
		put_proof(nlh, &h->proof);
	}
	if (!nl_do(a->t->nl, nlh, NULL) ||
	    nl_last_error(a->t->nl)->err == ENOENT)
		return true;
	log_kernel(a, h->peer);
	return false;
}

/* Whom the kernel doesn't take for somebody needn't wait for the deadline. */
static void report(struct agent *a, const struct handshake *h,
		   const char *text)
{
	if (!send_report(a, h, text) && !text)
		send_report(a, h, "the kernel didn't take the client's name");
}

static void end(struct agent *a, struct handshake *h, bool good)
{
	if (!good && !a->quiet)
		log_some(a, h->peer, h->text);
	report(a, h, good ? NULL : h->text);
	if (h->prev)
		h->prev->next = h->next;
	else
		a->first = h->next;
	if (h->next)
		h->next->prev = h->prev;
	a->n--;
	a->waiting = true;
	handshake_free(h);
}

static void step(struct agent *a, struct handshake *h)
{
	struct epoll_event event = { .data.ptr = h };
	enum handshake_end how = handshake_step(h);

	switch (how) {
	case HANDSHAKE_READS:
		event.events = EPOLLIN;
		break;
	case HANDSHAKE_WRITES:
		event.events = EPOLLOUT;
		break;
	default:
		end(a, h, how == HANDSHAKE_DONE);
		return;
	}
	if (epoll_ctl(a->epoll, h->epoll < 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		      h->fd, &event)) {
		handshake_fail(h, strerror(errno));
		end(a, h, false);
		return;
	}
	h->epoll = a->epoll;
}

static void begin(struct agent *a, const struct task *task)
{
	struct endpoint peer = {
		.address = task->peer,
		.port = task->peer_port,
	};
	struct handshake *h;

	/* A handshake that begins with what was replaced would be a surprise */
	if (cred_changed(a->cred))
		reload(a);
	h = handshake_new(a->cred, task->conn, task->fd);
	h->deadline = now() + task->timeout;
	h->peer = endpoint_format(&peer);
	h->next = a->first;
	if (a->first)
		a->first->prev = h;
	a->first = h;
	a->n++;
	step(a, h);
}

/* Takes one from the kernel; false when it has none. */
static bool accept_one(struct agent *a)
{
	struct nlmsghdr *nlh = nl_request(a->t->nl, NBDTARGET_CMD_TLS_ACCEPT);
	struct nl_reply reply = { 0 };
	struct task task;
	int ret = nl_do(a->t->nl, nlh, &reply);

	if (!ret && reply.len) {
		attr_parse(&task_attrs, (struct nlmsghdr *)reply.data, &task);
		begin(a, &task);
	} else if (ret != -EAGAIN && ret != -ENOENT) {
		log_kernel(a, NULL);
	}
	nl_reply_free(&reply);
	return !ret;
}

static void accept_some(struct agent *a)
{
	int i;

	for (i = 0; i < ACCEPTS && a->waiting && a->n < a->max; i++)
		a->waiting = accept_one(a);
}

/* Ends those whose time is up; how long until the next one's is, in ms. */
static int expire(struct agent *a)
{
	int64_t time = now(), left = -1;
	struct handshake *h, *next;

	for (h = a->first; h; h = next) {
		next = h->next;
		if (h->deadline <= time) {
			handshake_fail(h, "timed out");
			end(a, h, false);
		} else if (left < 0 || h->deadline - time < left) {
			left = h->deadline - time;
		}
	}
	return left > 60000 ? 60000 : left;
}

/* --- Events --- */

static int join(struct agent *a, uint32_t group)
{
	return mnl_socket_setsockopt(a->events, NETLINK_ADD_MEMBERSHIP,
				     &group, sizeof(group));
}

/* The module came or went. */
static void controller_event(struct agent *a, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	struct nl_family family;

	if (!nl_family_parse(nlh, &family))
		return;
	if (genl->cmd == CTRL_CMD_DELFAMILY) {
		a->family = 0;
	} else if (genl->cmd == CTRL_CMD_NEWFAMILY && family.tls &&
		   !join(a, family.tls)) {
		a->family = family.id;
		a->waiting = true;
	}
}

static void take_events(struct agent *a, ssize_t n)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)a->buf;
	int left = n;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
			continue;
		if (nlh->nlmsg_type == GENL_ID_CTRL)
			controller_event(a, nlh);
		else if (a->family && nlh->nlmsg_type == a->family)
			a->waiting = true;
	}
}

static int receive_events(struct agent *a)
{
	ssize_t n = mnl_socket_recvfrom(a->events, a->buf, NL_BUFFER_SIZE);

	if (n >= 0) {
		take_events(a, n);
		return TOOL_OK;
	}
	/* Lost ones may have said that one waits. */
	if (errno == ENOBUFS)
		a->waiting = true;
	else if (errno != EINTR && errno != EAGAIN)
		return fail(a->t, NULL, "netlink: %s", strerror(errno));
	return TOOL_OK;
}

static void receive_signal(struct agent *a)
{
	struct signalfd_siginfo info;

	if (read(a->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		reload(a);
	else
		a->stop = true;
}

/* The two descriptors that are no handshakes are known by their address. */
static int dispatch(struct agent *a, const struct epoll_event *event)
{
	if (event->data.ptr == &a->events)
		return receive_events(a);
	if (event->data.ptr == &a->signals)
		receive_signal(a);
	else
		step(a, event->data.ptr);
	return TOOL_OK;
}

/* One event at a time, as it may be the end of what the next is about. */
static int loop(struct agent *a)
{
	struct epoll_event event;
	int ret = TOOL_OK, n, timeout;

	while (!ret && !a->stop) {
		timeout = expire(a);
		if (a->family)
			accept_some(a);
		if (a->waiting && a->n < a->max && a->family)
			timeout = 0;
		n = epoll_wait(a->epoll, &event, 1, timeout);
		if (n > 0)
			ret = dispatch(a, &event);
		else if (n < 0 && errno != EINTR)
			ret = fail(a->t, NULL, "epoll: %s", strerror(errno));
	}
	notify("STOPPING=1\n");
	while (a->first) {
		handshake_fail(a->first, "the TLS agent was stopped");
		end(a, a->first, false);
	}
	return ret;
}

/* --- Its beginning --- */

static int watch(struct agent *a, int fd, void *ptr)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = ptr };

	return epoll_ctl(a->epoll, EPOLL_CTL_ADD, fd, &event);
}

static int open_signals(struct agent *a)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	a->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return a->signals < 0 ? -1 : 0;
}

static int open_events(struct agent *a, uint32_t group)
{
	a->events = mnl_socket_open2(NETLINK_GENERIC,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!a->events ||
	    mnl_socket_bind(a->events, 0, MNL_SOCKET_AUTOPID) < 0)
		return -1;
	if (join(a, group) < 0)
		return -1;
	return join(a, GENL_ID_CTRL);
}

static int open_all(struct agent *a)
{
	struct nl_family family = nl_family(a->t->nl);

	a->family = family.id;
	if (open_signals(a) || open_events(a, family.tls))
		return -1;
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll < 0)
		return -1;
	if (watch(a, mnl_socket_get_fd(a->events), &a->events))
		return -1;
	return watch(a, a->signals, &a->signals);
}

/* A descriptor for each handshake; and no keys in a core file. */
static void set_limits(void)
{
	struct rlimit limit;

	prctl(PR_SET_DUMPABLE, 0);
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int start(struct agent *a)
{
	const char *wrong = keys_probe();

	if (wrong)
		return fail(a->t, NULL, "%s", wrong);
	a->cred = cred_load(a->t, a->dir, a->verify);
	if (!a->cred)
		return TOOL_REFUSED;
	if (open_all(a))
		return fail(a->t, NULL, "%s", strerror(errno));
	a->waiting = true;
	notify("READY=1\n");
	return loop(a);
}

static int take_verify(struct tool *t, const char *how,
		       enum cred_verify *verify)
{
	if (!strcmp(how, "require"))
		*verify = CRED_REQUIRE;
	else if (!strcmp(how, "request"))
		*verify = CRED_REQUEST;
	else if (!strcmp(how, "ignore"))
		*verify = CRED_IGNORE;
	else
		return fail_usage(t, "%s: '%s' is none of require, request and ignore",
				  "--client-certificates", how);
	return 0;
}

static int take_ciphers(struct tool *t, const char *list)
{
	const char *wrong = keys_choose(list);
	char *names;
	int ret;

	if (!wrong)
		return 0;
	names = keys_names();
	ret = fail_usage(t, "--ciphers: '%.*s' is none of %s",
			 (int)strcspn(wrong, ","), wrong, names);
	free(names);
	return ret;
}

int tls_agent_run(struct tool *t, const struct args *args)
{
	const struct opt_value *o = args->opt;
	struct agent a = {
		.t = t,
		.dir = o[AGENT_DIR].given ? o[AGENT_DIR].text : TLS_DEFAULT_DIR,
		.max = o[AGENT_MAX].given ? o[AGENT_MAX].number : DEFAULT_MAX,
		.quiet = o[AGENT_QUIET].given,
		.epoll = -1,
		.signals = -1,
	};
	int ret = 0;

	if (!a.max)
		return fail_usage(t, "--max-handshakes has to be at least 1");
	if (o[AGENT_CERTIFICATES].given)
		ret = take_verify(t, o[AGENT_CERTIFICATES].text, &a.verify);
	if (!ret && o[AGENT_CIPHERS].given)
		ret = take_ciphers(t, o[AGENT_CIPHERS].text);
	if (!ret)
		ret = tool_connect(t, NULL);
	if (ret)
		return ret;
	set_limits();
	a.buf = mem_zalloc(NL_BUFFER_SIZE);
	ret = start(&a);
	cred_put(a.cred);
	if (a.events)
		mnl_socket_close(a.events);
	if (a.epoll >= 0)
		close(a.epoll);
	if (a.signals >= 0)
		close(a.signals);
	free(a.buf);
	return ret;
}
