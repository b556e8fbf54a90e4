// SPDX-License-Identifier: GPL-2.0
/*
 * What goes to stdout, and the first thing that went wrong with it. Whoever reads it
 * may have had enough, as head(1) has: what is being done is done to its end all the
 * same, and only then this program dies as others do at once. So SIGPIPE is ignored
 * from the beginning (main.c), but not by the programs that are run (verb/program.c).
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "base/out.h"

static int first_error;

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

/* The end, if nobody reads; returns else. */
void out_end(int err)
{
	if (err != EPIPE)
		return;
	signal(SIGPIPE, SIG_DFL);
	raise(SIGPIPE);
}
