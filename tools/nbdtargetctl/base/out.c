// SPDX-License-Identifier: GPL-2.0
/*
 * What goes to stdout, and the first thing that went wrong with it. Whoever reads it
 * may have had enough, as head(1) has: what is being done is done to its end all the
 * same, and only then this program dies as others do at once. So SIGPIPE is ignored
 * from the beginning; programs that are run, and the end, have it as whoever started
 * this had it, and services have it ignored.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/out.h"

static int first_error;
static void (*at_first)(int number) = SIG_DFL;

void out_begin(void)
{
	at_first = signal(SIGPIPE, SIG_IGN);
}

void out_restore_signal(void)
{
	signal(SIGPIPE, at_first);
}

/* Later ones say less, and stdio keeps none. */
void out_flush(void)
{
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && !first_error)
		first_error = errno ? errno : EIO;
}

/* 0, or the errno of the first write that failed. */
int out_error(void)
{
	out_flush();
	return first_error;
}

/* The end, if nobody reads and that is to be one; returns else. */
void out_end(int err)
{
	if (err != EPIPE)
		return;
	out_restore_signal();
	raise(SIGPIPE);
}
