// SPDX-License-Identifier: GPL-2.0
/*
 * checkpoint: one point between writes, at which bitmaps are switched and, if
 * that is wanted, a command runs.  The module holds the exports for as long as
 * the socket is open and the deadline hasn't passed, and is told at the end
 * whether the command did its part.  One that isn't done by then is ended
 * (program.c): the checkpoint hasn't taken place.
 */
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/fail.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "nl/nl.h"
#include "object/checkpoint.h"
#include "show/figure.h"
#include "verb/program.h"
#include "verb/verbs.h"

/* The module's own; ms. */
#define DEFAULT_TIMEOUT 30000

enum { FREEZE, START, NAME, TIMEOUT, STDIN };

static const struct opt checkpoint_opts[] = {
	[FREEZE] = { "--freeze", OPT_TEXT, "BITMAP",
		"that ends here", NBDTARGET_MAX_BITMAP_NAME },
	[START] = { "--start", OPT_TEXT, "BITMAP",
		"that begins here, made where it is missing",
		NBDTARGET_MAX_BITMAP_NAME },
	[NAME] = { "--name", OPT_TEXT, "NAME",
		"what 'show bitmaps' calls it", NBDTARGET_MAX_BITMAP_NAME },
	[TIMEOUT] = { "--timeout", OPT_SECONDS, "SECONDS",
		"after which all is as before (30)", UINT32_MAX },
	[STDIN] = { "--stdin", OPT_FLAG, NULL,
		"COMMAND may read from the standard input", 0 },
	{ .name = NULL }
};

static const char as_before[] = "no bitmap was switched";

static int check(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	size_t room = NL_BUFFER_SIZE / 2;
	int i;

	if (!o[FREEZE].given && !o[START].given && !a->program)
		return fail_usage(t, "one of --freeze, --start and COMMAND is needed");
	if (o[STDIN].given && !a->program)
		return fail_usage(t, "--stdin goes with -- COMMAND");
	if ((o[FREEZE].given && !*o[FREEZE].text) ||
	    (o[START].given && !*o[START].text))
		return fail_usage(t, "a bitmap's name is empty");
	for (i = 0; i < a->n; i++) {
		size_t len = strlen(a->pos[i]);

		if (len > NBDTARGET_MAX_STRING)
			return fail_usage(t,
					  "the export's name is longer than %d bytes",
					  NBDTARGET_MAX_STRING);
		if (len + 16 > room)
			return fail_usage(t, "the names are too long in all");
		room -= len + 16;
	}
	return 0;
}

/* It ended by itself, but not well. */
static int say_failed(struct tool *t, const char *program, int status)
{
	if (WIFSIGNALED(status))
		return fail(t, program, "ended by signal %d; %s",
			    WTERMSIG(status), as_before);
	if (WEXITSTATUS(status) == 127)
		return fail(t, program, "not found, or failed with status 127; %s",
			    as_before);
	return fail(t, program, "failed with status %d; %s",
		    WEXITSTATUS(status), as_before);
}

static int say_ended(struct tool *t, const char *program, enum program_end how,
		     int status, uint64_t timeout)
{
	char buf[FIGURE_MAX];

	switch (how) {
	case PROGRAM_LATE:
		return fail(t, program,
			    "took longer than %s s and was ended; %s",
			    seconds_format(buf, timeout), as_before);
	case PROGRAM_STOPPED:
		return fail(t, program, "was ended, as signal %d came; %s",
			    status, as_before);
	case PROGRAM_NOT_STARTED:
		return fail(t, program, "could not be started; %s", as_before);
	default:
		return say_failed(t, program, status);
	}
}

static int held(struct tool *t, const struct args *a, uint32_t id,
		int64_t begun)
{
	const struct opt_value *o = a->opt;
	uint64_t timeout = o[TIMEOUT].given ? o[TIMEOUT].number :
			   DEFAULT_TIMEOUT;
	int status = 0, ret;
	enum program_end how = program_run(a->program, o[STDIN].given,
					   begun + timeout, &status);
	bool good = how == PROGRAM_ENDED && !status;

	if (how == PROGRAM_STOPPED)
		t->signal = status;
	ret = checkpoint_end(t, id, !good);
	if (!good)
		return say_ended(t, a->program[0], how, status, timeout);
	if (ret == -ENOENT)
		return kernel_fail(t, a->pos[0],
				   "what the command made is of no single point in time");
	return ret ? kernel_fail(t, a->pos[0], NULL) : TOOL_OK;
}

static int checkpoint(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	const struct checkpoint c = {
		.exports = a->pos,
		.n = a->n,
		.freeze = o[FREEZE].text,
		.start = o[START].text,
		.name = o[NAME].text,
		.timeout = o[TIMEOUT].given ? &o[TIMEOUT].number : NULL,
		.hold = a->program,
	};
	int64_t begun = clock_now();
	uint32_t id;
	int ret = check(t, a);

	if (!ret)
		ret = kernel_connect(t, a->pos[0]);
	if (ret)
		return ret;
	if (checkpoint_begin(t, &c, &id))
		return kernel_fail(t, a->pos[0], as_before);
	return a->program ? held(t, a, id, begun) : TOOL_OK;
}

const struct verb verb_checkpoint = {
	.name = "checkpoint",
	.args = "EXPORT...",
	.summary = "Switches bitmaps at one point between writes.",
	.details = "With -- COMMAND at the end, which makes a snapshot, writes are held\n"
		   "while it runs; when it fails, all is as before. At the timeout it is\n"
		   "ended, too.",
	.opts = checkpoint_opts,
	.min_args = 1,
	.max_args = ARGS_MAX,
	.takes_program = true,
	.run = checkpoint,
};
