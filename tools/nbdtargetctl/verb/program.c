// SPDX-License-Identifier: GPL-2.0
/*
 * A program that is run, and doesn't outlive what it is run for: a snapshot that is
 * made too late, or for nobody, would be taken for a good one.
 *
 * It leads a group of its own.  When its time is up, or this program is told to end,
 * the whole group is: by SIGTERM, as who changes volumes may need a moment to leave
 * them whole, then by SIGKILL.  When this program is killed, so is the group: by a
 * guard, a process of its own that waits for that.  What leaves the group isn't
 * found.
 *
 * Guard and program share a pipe, of which the guard reads.  The program says who it
 * is before it becomes what is run, so that nothing runs unguarded; then this one
 * alone can write.  It says NOBODY when there is nothing to guard any more; if
 * the pipe ends without that, it has been killed.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/out.h"
#include "base/signals.h"
#include "verb/program.h"

/* What it gets to end by itself, and then to be gone; ms. */
#define GRACE 2000

/* No process has that number. */
#define NOBODY 0

/* Signals that are waited for. */
static void fill_set(sigset_t *set)
{
	signals_fill(set);
	sigaddset(set, SIGCHLD);
}

static bool tell(int guard, pid_t group)
{
	return write(guard, &group, sizeof(group)) == sizeof(group);
}

/* No signal that a terminal sends to all of a group is for it. */
static void be_guard(const int ends[2])
{
	pid_t group = NOBODY, said;

	setpgid(0, 0);
	close(ends[1]);
	while (read(ends[0], &said, sizeof(said)) == sizeof(said))
		group = said;
	if (group != NOBODY)
		kill(-group, SIGKILL);
	_exit(0);
}

/* Where to tell it who is to be guarded; -1: there is none. */
static int start_guard(pid_t *guard)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -1;
	*guard = fork();
	if (!*guard)
		be_guard(ends);
	close(ends[0]);
	if (*guard > 0)
		return ends[1];
	close(ends[1]);
	return -1;
}

static void end_guard(pid_t guard, int to)
{
	tell(to, NOBODY);
	close(to);
	waitpid(guard, NULL, 0);
}

static void become(char **argv, bool own_stdin, const sigset_t *mask,
		   int guard)
{
	setpgid(0, 0);
	if (!tell(guard, getpid()))
		_exit(126);
	if (!own_stdin) {
		close(STDIN_FILENO);
		if (open("/dev/null", O_RDONLY) != STDIN_FILENO)
			_exit(126);
	}
	out_restore_signal();
	sigprocmask(SIG_SETMASK, mask, NULL);
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/* A signal, or 0 when there was none until then; the child's end is one. */
static int wait_signal(const sigset_t *set, int64_t until)
{
	int64_t left = until - clock_now();
	struct timespec ts;
	int number;

	if (left < 0)
		left = 0;
	ts.tv_sec = left / 1000;
	ts.tv_nsec = left % 1000 * 1000000;
	number = sigtimedwait(set, NULL, &ts);
	return number > 0 ? number : 0;
}

/* Until it has ended; false when it didn't in time. */
static bool wait_end(pid_t pid, const sigset_t *set, int64_t until, int *status)
{
	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return true;
		if (clock_now() >= until)
			return false;
		wait_signal(set, until);
	}
}

/* One that sleeps in the kernel may be beyond reach: it isn't waited for. */
static void end_group(pid_t pid, const sigset_t *set)
{
	int status;

	kill(-pid, SIGTERM);
	wait_end(pid, set, clock_now() + GRACE, &status);
	if (!kill(-pid, SIGKILL))
		wait_end(pid, set, clock_now() + GRACE, &status);
}

static enum program_end watch(pid_t pid, const sigset_t *set, int64_t deadline,
			      int *status)
{
	int number;

	for (;;) {
		if (waitpid(pid, status, WNOHANG) == pid)
			return PROGRAM_ENDED;
		number = wait_signal(set, deadline);
		if (number == SIGCHLD)
			continue;
		if (number || clock_now() >= deadline) {
			end_group(pid, set);
			*status = number;
			return number ? PROGRAM_STOPPED : PROGRAM_LATE;
		}
	}
}

/* Whoever reads from a terminal has to be in front there. */
static void give_terminal(pid_t group)
{
	sigset_t set, before;

	sigemptyset(&set);
	sigaddset(&set, SIGTTOU);
	sigprocmask(SIG_BLOCK, &set, &before);
	tcsetpgrp(STDIN_FILENO, group);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

/*
 * Runs it until the deadline, of clock_now().  Its stdin is empty, unless it may
 * have ours.
 */
enum program_end program_run(char **argv, bool own_stdin, int64_t deadline,
			     int *status)
{
	bool terminal = own_stdin && isatty(STDIN_FILENO);
	enum program_end end = PROGRAM_NOT_STARTED;
	sigset_t set, before;
	pid_t pid, guard;
	int to_guard;

	fill_set(&set);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_BLOCK, &set, &before);
	fflush(NULL);
	to_guard = start_guard(&guard);
	pid = to_guard < 0 ? -1 : fork();
	if (!pid)
		become(argv, own_stdin, &before, to_guard);
	if (pid > 0) {
		/* In whichever of the two first. */
		setpgid(pid, pid);
		if (terminal)
			give_terminal(pid);
		end = watch(pid, &set, deadline, status);
		if (terminal)
			give_terminal(getpgrp());
	}
	if (to_guard >= 0)
		end_guard(guard, to_guard);
	sigprocmask(SIG_SETMASK, &before, NULL);
	return end;
}
