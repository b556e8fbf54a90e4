// SPDX-License-Identifier: GPL-2.0
/*
 * Exports that are going to end: none of them waits for another, and none for ever.
 *
 * A hold belongs to a socket, and a request may wait for a device for as long as
 * that likes; so each export has a process, with a socket of its own, that holds it,
 * and removes it when it is told to.  It can be killed at any time: then the hold is
 * over and the export stays, or, when it is being removed already, the module does
 * the rest.  It ends with this program in any case.
 *
 * It says what it has done by a byte, and is told what to do by one.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/descriptors.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/signals.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/awaited.h"
#include "object/checkpoint.h"
#include "show/figure.h"
#include "verb/ending.h"
#include "verb/program.h"

/* What removal gets when there is no time; ms. */
#define HURRY 1000

enum { HELD = 'h', GONE = 'g', UNSURE = 'u', REMOVE = 'r' };

/* --- The process --- */

static void say(int fd, char what)
{
	/* If nobody hears it, there is nothing more to do. */
	if (send(fd, &what, 1, MSG_NOSIGNAL) != 1)
		_exit(TOOL_REFUSED);
}

/* Ten minutes, the longest that there is: large bitmaps take a while to be read. */
static int hold(struct tool *t, const char *name, uint32_t *id)
{
	static const uint64_t longest = 600000;
	const struct checkpoint c = {
		.exports = &name,
		.n = 1,
		.timeout = &longest,
		.hold = true,
	};

	return checkpoint_begin(t, &c, id);
}

/* Another command may be at one of its bitmaps; who started us has the patience. */
static int hold_patiently(struct tool *t, const char *name, uint32_t *id)
{
	bool told = false;
	int ret;

	while ((ret = hold(t, name, id)) == -EBUSY) {
		if (!told)
			fail(t, name, "waiting: %s", nl_last_error(t->nl)->text);
		told = true;
		clock_pause(100);
	}
	return ret;
}

/*
 * And wait until its device is closed; who started us has the patience. Its number is
 * in ID: that another has its name by now isn't seen before.
 */
static int send_remove(struct tool *t, const char *name, uint32_t *id)
{
	static const struct opt_value forever = {
		.given = true,
		.number = UINT32_MAX,
	};
	struct awaited it = { .thing = name, .is_over = awaited_export };
	struct nl_reply reply = { 0 };
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_DEL);
	int ret;

	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, name);
	mnl_attr_put(nlh, NBDTARGET_A_EXPORT_FORCE, 0, NULL);
	ret = nl_do(t->nl, nlh, &reply);
	it.id = awaited_id(&reply, NBDTARGET_A_EXPORT_ID);
	*id = it.id;
	nl_reply_free(&reply);
	return ret ? kernel_fail(t, name, NULL) :
		     awaited_wait(t, &it, NULL, &forever);
}

static void look_after(struct tool *t, const struct ending *one, int fd)
{
	uint32_t id = 0, removed = 0;
	bool sure;
	char what;

	nl_free(t->nl);
	t->nl = NULL;
	if (kernel_connect(t, one->name))
		_exit(TOOL_REFUSED);
	if (one->hold && hold_patiently(t, one->name, &id)) {
		kernel_fail(t, one->name, NULL);
		_exit(TOOL_REFUSED);
	}
	say(fd, HELD);
	if (read(fd, &what, 1) != 1 || what != REMOVE)
		_exit(TOOL_OK);
	if (send_remove(t, one->name, &removed))
		_exit(TOOL_REFUSED);
	/* It is over now, and was until now unless it took too long. */
	sure = !one->hold || !checkpoint_end(t, id, true);
	say(fd, sure && removed == one->e->id ? GONE : UNSURE);
	_exit(TOOL_OK);
}

static void become(const struct endings *x, const struct ending *one, int fd,
		   pid_t parent)
{
	size_t i;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(TOOL_REFUSED);
	/* The others' are no business of it. */
	for (i = 0; i < x->n; i++)
		if (x->list[i].fd >= 0)
			close(x->list[i].fd);
	look_after(x->t, one, fd);
}

/* --- Who started them --- */

/* Until its end these signals hurry it up, and do nothing else. */
void endings_init(struct endings *x, struct tool *t)
{
	sigset_t set;

	memset(x, 0, sizeof(*x));
	x->t = t;
	signals_fill(&set);
	sigprocmask(SIG_BLOCK, &set, &x->mask);
	signal(SIGCHLD, SIG_DFL);
	x->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int start(struct endings *x, struct ending *one)
{
	pid_t self = getpid();
	int fds[2];

	/* If it may not, that is told by what comes next. */
	descriptors_allow(x->n);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds))
		return -1;
	fflush(NULL);
	one->pid = fork();
	if (!one->pid) {
		close(fds[0]);
		become(x, one, fds[1], self);
	}
	close(fds[1]);
	one->fd = fds[0];
	return one->pid > 0 ? 0 : -1;
}

/* hold: it has something to save. */
void endings_add(struct endings *x, const struct export *e, bool hold_)
{
	struct ending *one;

	x->list = mem_resize(x->list, (x->n + 1) * sizeof(*x->list));
	one = &x->list[x->n++];
	*one = (struct ending) {
		.e = e,
		.name = text_copy(e->name),
		.hold = hold_,
		.fd = -1,
	};
	if (start(x, one)) {
		fail(x->t, one->name, "%s", strerror(errno));
		one->state = ENDING_STAYS;
	}
}

/* Its process ends, if it didn't before. */
static void end_process(struct ending *one, int signal_)
{
	if (one->fd < 0)
		return;
	close(one->fd);
	one->fd = -1;
	if (signal_)
		kill(one->pid, signal_);
	waitpid(one->pid, NULL, 0);
}

static void take_word(struct ending *one)
{
	char what;

	if (read(one->fd, &what, 1) != 1) {
		/* It has said why. */
		one->state = ENDING_STAYS;
		end_process(one, 0);
		return;
	}
	if (what == HELD) {
		one->state = ENDING_HELD;
		return;
	}
	one->state = what == GONE ? ENDING_GONE : ENDING_UNSURE;
	end_process(one, 0);
}

/* Is there something that it has yet to say? */
static bool is_awaited(const struct ending *one, bool held)
{
	return one->fd >= 0 && (held ? one->state == ENDING_BEGUN :
				one->state == ENDING_HELD);
}

/*
 * One round of it; false when there is nothing to wait for, or no time. A signal
 * ends the wait for those that are to be held. It stays pending until the end.
 */
static bool wait_some(struct endings *x, bool held, int64_t deadline)
{
	struct pollfd *fds = mem_zalloc((x->n + 1) * sizeof(*fds));
	int64_t left = held && x->hurry ? 0 : deadline - clock_now();
	size_t i, n = 0;

	fds[x->n].fd = x->hurry ? -1 : x->signals;
	fds[x->n].events = POLLIN;
	for (i = 0; i < x->n; i++) {
		fds[i].fd = is_awaited(&x->list[i], held) ? x->list[i].fd : -1;
		fds[i].events = POLLIN;
		n += fds[i].fd >= 0;
	}
	if (n)
		n = poll(fds, x->n + 1, left < 0 ? 0 : left) > 0;
	for (i = 0; n && i < x->n; i++)
		if (fds[i].revents)
			take_word(&x->list[i]);
	if (n && fds[x->n].revents)
		x->hurry = true;
	free(fds);
	return n;
}

/* Until nobody writes to them; those that can't be held in time stay. */
void endings_wait_held(struct endings *x, uint64_t timeout)
{
	int64_t deadline = clock_now() + timeout;
	char buf[FIGURE_MAX];
	size_t i;

	while (wait_some(x, true, deadline))
		;
	for (i = 0; i < x->n; i++) {
		struct ending *one = &x->list[i];

		if (!is_awaited(one, true))
			continue;
		if (x->hurry)
			fail(x->t, one->name,
			     "requests in flight don't come to an end, and there is no time to wait: it stays");
		else
			fail(x->t, one->name,
			     "requests in flight don't come to an end in %s s: it stays",
			     seconds_format(buf, timeout));
		endings_let_stay(one);
	}
}

void endings_remove(struct ending *one)
{
	char what = REMOVE;

	/* If it isn't there any more, that shows when it is waited for. */
	if (one->state == ENDING_HELD)
		send(one->fd, &what, 1, MSG_NOSIGNAL);
}

/* Until they are gone; what isn't in time, the module sees to. */
void endings_wait_gone(struct endings *x, uint64_t timeout)
{
	int64_t begun = clock_now();
	size_t i;

	/* Those that can go, do so at once. */
	while (wait_some(x, false, begun + (x->hurry ? HURRY : timeout)))
		;
	for (i = 0; i < x->n; i++) {
		struct ending *one = &x->list[i];

		if (!is_awaited(one, false))
			continue;
		fail(x->t, one->name,
		     "requests in flight don't come to an end: its device is closed when they do");
		one->state = ENDING_UNSURE;
		end_process(one, SIGKILL);
	}
}

/* It goes on as it was. */
void endings_let_stay(struct ending *one)
{
	one->state = ENDING_STAYS;
	end_process(one, SIGKILL);
}

/* Those that came have done what they do here. */
static void take_signals(struct endings *x)
{
	struct signalfd_siginfo info;

	while (read(x->signals, &info, sizeof(info)) == sizeof(info))
		x->t->signal = info.ssi_signo;
}

void endings_free(struct endings *x)
{
	size_t i;

	for (i = 0; i < x->n; i++) {
		end_process(&x->list[i], SIGKILL);
		free(x->list[i].name);
	}
	free(x->list);
	if (x->signals >= 0) {
		take_signals(x);
		close(x->signals);
	}
	sigprocmask(SIG_SETMASK, &x->mask, NULL);
}
