// SPDX-License-Identifier: GPL-2.0
/*
 * tls-agent: does TLS handshakes for the module.
 *
 * One thread and one loop. Handshakes are taken from the kernel, which has
 * them on a list, whenever it says that one was added, and whenever there is
 * room again: events that were lost, or sent before this began, don't matter. Those of
 * the module's coming and going do, and nl/events.c makes up for them. Whoever unloads
 * the module doesn't find it loaded again by this.
 *
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
#include <linux/genetlink.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/cipher.h"
#include "agent/force.h"
#include "agent/handshake.h"
#include "agent/ktls.h"
#include "agent/log.h"
#include "agent/notify.h"
#include "agent/rights.h"
#include "agent/task.h"
#include "base/address.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"
#include "nbdtarget.h"
#include "nl/events.h"
#include "nl/kernel.h"
#include "nl/nl.h"

#define DEFAULT_MAX 1024

/* Handshakes taken before those under way have their turn. */
#define ACCEPTS 16

struct agent {
	struct tool *t;
	struct force force;
	struct nl_events events;
	char *buf;
	int epoll;
	int signals;
	struct handshake *first;
	uint64_t n, max;
	bool waiting;		/* the kernel may have one for us */
	bool announced;		/* it knows of us */
	bool stop;
	bool quiet;
	struct log log;
};

static void log_kernel(struct agent *a, const char *peer)
{
	const struct nl_error *e = nl_last_error(a->t->nl);

	log_some(&a->log, a->t, peer,
		 e->text[0] ? e->text : strerror(e->err));
}

/* --- Handshakes --- */

/* Whether the kernel took it. */
static bool send_report(struct agent *a, const struct handshake *h,
			const char *text)
{
	if (!task_report(a->t, h, text))
		return true;
	log_kernel(a, h->peer);
	return false;
}

/* Whom the kernel doesn't take for somebody needn't wait for the deadline. */
static void report(struct agent *a, const struct handshake *h,
		   const char *text)
{
	if (!send_report(a, h, text) && !text)
		send_report(a, h, "the kernel didn't take what was reported of the client");
}

/* By now it is good, or says why not. */
static void end(struct agent *a, struct handshake *h)
{
	bool good = !h->text[0];

	if (!good && !a->quiet)
		log_some(&a->log, a->t, h->peer, h->text);
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

	switch (handshake_step(h)) {
	case HANDSHAKE_READS:
		event.events = EPOLLIN;
		break;
	case HANDSHAKE_WRITES:
		event.events = EPOLLOUT;
		break;
	case HANDSHAKE_DONE:
		/* What keeps out who was let in may have come meanwhile. */
		force_refresh(&a->force);
		end(a, h);
		return;
	default:
		end(a, h);
		return;
	}
	if (epoll_ctl(a->epoll, h->epoll < 0 ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
		      h->fd, &event)) {
		handshake_fail(h, strerror(errno));
		end(a, h);
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

	h = handshake_new(a->force.cred, task->conn, task->fd);
	h->family = task->family;
	h->deadline = clock_now() + task->timeout;
	h->peer = endpoint_format(&peer);
	h->next = a->first;
	if (a->first)
		a->first->prev = h;
	a->first = h;
	a->n++;
	step(a, h);
}

/* False when the kernel has none. */
static bool accept_one(struct agent *a)
{
	struct task task;
	int ret = task_accept(a->t, &task);

	if (!ret && task.present)
		begin(a, &task);
	else if (ret != -EAGAIN && ret != -ENOPKG)
		log_kernel(a, NULL);
	return !ret;
}

static void accept_some(struct agent *a)
{
	int i;

	/* Not behind it, when the kernel would take theirs for one of those before. */
	if (a->waiting && a->n < a->max)
		force_refresh(&a->force);
	for (i = 0; i < ACCEPTS && a->waiting && a->n < a->max; i++)
		a->waiting = accept_one(a);
}

/* Ends those whose time is up; how long until the next one's is, in ms. */
static int expire(struct agent *a)
{
	int64_t time = clock_now(), left = -1;
	struct handshake *h, *next;

	for (h = a->first; h; h = next) {
		next = h->next;
		if (h->deadline <= time) {
			handshake_fail(h, "timed out");
			end(a, h);
		} else if (left < 0 || h->deadline - time < left) {
			left = h->deadline - time;
		}
	}
	return left > 60000 ? 60000 : left;
}

/* --- Events --- */

/*
 * Tell the kernel that this is an agent, with credentials that are in force from now
 * on, by the socket that is in the group, and to whose end that is bound. It knows by
 * the time that this was sent; what it says to it comes as an event.
 */
static int announce(struct agent *a)
{
	struct nlmsghdr *nlh = nl_request(a->t->nl, NBDTARGET_CMD_TLS_ANNOUNCE);

	a->announced = true;
	nlh->nlmsg_type = a->events.family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	if (mnl_socket_sendto(a->events.socket, nlh, nlh->nlmsg_len) < 0)
		return fail(a->t, NULL, "netlink: %s", strerror(errno));
	return TOOL_OK;
}

/*
 * Other credentials are in force. Whom those before would have let in may be one whom
 * these keep out, so nobody gets in by them: each comes again. Of whom the kernel
 * knows already that it was let in, but has no export, it sees to that. It may be in the
 * middle of the end of a handshake, so they end a little later.
 */
static void renew(struct force *f)
{
	struct agent *a = (void *)((char *)f - offsetof(struct agent, force));
	struct handshake *h;

	for (h = a->first; h; h = h->next) {
		handshake_fail(h, "the credentials have changed meanwhile");
		h->deadline = 0;
	}
	/* What can't be told is tried once more, and is the end of the agent then. */
	if (a->announced && announce(a))
		a->announced = false;
}

/* A module that has gone meanwhile is told of by another event. */
static int take_answer(struct agent *a, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *answer = mnl_nlmsg_get_payload(nlh);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*answer) ||
	    !answer->error || answer->error == -ENOENT)
		return TOOL_OK;
	return fail(a->t, NULL, "the kernel doesn't take this for an agent: %s",
		    strerror(-answer->error));
}

/* Another module doesn't know of us; and any may have a handshake that we don't know of. */
static void take_news(struct agent *a, unsigned int news)
{
	if (news & NL_CAME)
		a->announced = false;
	if (news & (NL_LOST | NL_CAME))
		a->waiting = true;
}

static int take_events(struct agent *a, ssize_t n)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)a->buf;
	int left = n, ret = TOOL_OK;

	for (; !ret && mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left)) {
		if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct genlmsghdr))
			continue;
		if (nlh->nlmsg_type == NLMSG_ERROR)
			ret = take_answer(a, nlh);
		else if (nlh->nlmsg_type == GENL_ID_CTRL)
			take_news(a, nl_events_controller(&a->events, nlh));
		else if (nlh->nlmsg_type == a->events.family)
			a->waiting = true;
	}
	return ret;
}

static int receive_events(struct agent *a)
{
	unsigned int news;
	ssize_t n = nl_events_receive(&a->events, a->buf, &news);

	if (n < 0)
		return fail(a->t, NULL, "netlink: %s", strerror(errno));
	take_news(a, news);
	return take_events(a, n);
}

static void receive_signal(struct agent *a)
{
	struct signalfd_siginfo info;

	if (read(a->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGHUP)
		force_reload(&a->force);
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

/* The shorter of two times, of which less than nothing is for ever. */
static int sooner(int a, int b)
{
	return b < 0 || (a >= 0 && a < b) ? a : b;
}

/* All that there is to do without being told; 0, or it was said what went wrong. */
static int serve(struct agent *a)
{
	int ret = a->events.lost ? receive_events(a) : TOOL_OK;

	if (!ret && a->events.family && !a->announced)
		ret = announce(a);
	if (!ret && a->events.family)
		accept_some(a);
	return ret;
}

/* Whether there is more of it. */
static bool has_more(const struct agent *a)
{
	return a->events.lost ||
	       (a->waiting && a->n < a->max && a->events.family);
}

/* One event at a time, as it may be the end of what the next is about. */
static int loop(struct agent *a)
{
	struct epoll_event event;
	int ret = TOOL_OK, n, timeout;

	while (!ret && !a->stop) {
		ret = serve(a);
		if (ret)
			break;
		/* Either may have brought the end of some nearer. */
		timeout = force_tick(&a->force);
		timeout = sooner(timeout, expire(a));
		n = epoll_wait(a->epoll, &event, 1, has_more(a) ? 0 : timeout);
		if (n > 0)
			ret = dispatch(a, &event);
		else if (n < 0 && errno != EINTR)
			ret = fail(a->t, NULL, "epoll: %s", strerror(errno));
	}
	notify("STOPPING=1\n");
	while (a->first) {
		handshake_fail(a->first, "the TLS agent was stopped");
		end(a, a->first);
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

static int open_all(struct agent *a)
{
	if (open_signals(a) || nl_events_open(&a->events, a->t->nl, NL_TLS))
		return -1;
	a->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (a->epoll < 0)
		return -1;
	if (watch(a, mnl_socket_get_fd(a->events.socket), &a->events))
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
	const char *wrong = cipher_probe();

	if (wrong)
		return fail(a->t, NULL, "%s", wrong);
	ktls_prove_padding();
	if (force_begin(&a->force))
		return TOOL_REFUSED;
	if (open_all(a))
		return fail(a->t, NULL, "%s", strerror(errno));
	if (rights_drop(a->t))
		return TOOL_REFUSED;
	if (a->events.family && announce(a))
		return TOOL_REFUSED;
	a->waiting = true;
	force_ready(&a->force);
	return loop(a);
}

/* Would it begin, or load what is there now? */
static int check(struct agent *a)
{
	const char *wrong = cipher_probe();

	return wrong ? fail(a->t, NULL, "%s", wrong) : force_check(&a->force);
}

/* A reload that is asked for before there is anything to load is none. */
static void ignore_early_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
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
	const char *wrong = cipher_choose(list);
	char *names;
	int ret;

	if (!wrong)
		return 0;
	names = cipher_names();
	ret = fail_usage(t, "--ciphers: '%.*s' is none of %s",
			 (int)strcspn(wrong, ","), wrong, names);
	free(names);
	return ret;
}

static struct cred_policy take_policy(const struct opt_value *o)
{
	return (struct cred_policy) {
		.require_crl = o[AGENT_REQUIRE_CRL].given,
		.weak_psk = o[AGENT_WEAK_PSK].given,
		.priority = o[AGENT_PRIORITY].given ? o[AGENT_PRIORITY].text : NULL,
		.tickets = o[AGENT_TICKETS].given ? o[AGENT_TICKETS].number : 0,
	};
}

int agent_run(struct tool *t, const struct args *args)
{
	const struct opt_value *o = args->opt;
	struct agent a = {
		.t = t,
		.max = o[AGENT_MAX].given ? o[AGENT_MAX].number : DEFAULT_MAX,
		.quiet = o[AGENT_QUIET].given,
		.force = {
			.t = t,
			.dir = o[AGENT_DIR].given ? o[AGENT_DIR].text :
						    AGENT_DEFAULT_DIR,
			.policy = take_policy(o),
			.replaced = renew,
		},
		.epoll = -1,
		.signals = -1,
	};
	int ret = 0;

	/* The library would write the secrets of clients there. */
	unsetenv("SSLKEYLOGFILE");
	ignore_early_signals();
	if (log_is_journal())
		t->priority = LOG_ERROR_PREFIX;
	if (!a.max)
		return fail_usage(t, "--max-handshakes has to be at least 1");
	if (o[AGENT_CERTIFICATES].given)
		ret = take_verify(t, o[AGENT_CERTIFICATES].text,
				  &a.force.policy.verify);
	if (!ret && o[AGENT_CIPHERS].given)
		ret = take_ciphers(t, o[AGENT_CIPHERS].text);
	if (!ret && o[AGENT_CHECK].given)
		ret = check(&a);
	else if (!ret)
		ret = kernel_connect(t, NULL);
	if (ret || o[AGENT_CHECK].given) {
		force_end(&a.force);
		return ret;
	}
	set_limits();
	a.buf = mem_zalloc(NL_BUFFER_SIZE);
	ret = start(&a);
	if (!ret)
		force_forget();
	force_end(&a.force);
	nl_events_close(&a.events);
	if (a.epoll >= 0)
		close(a.epoll);
	if (a.signals >= 0)
		close(a.signals);
	free(a.buf);
	return ret;
}
