// SPDX-License-Identifier: GPL-2.0
/*
 * checkpoint: one point between writes, at which bitmaps are switched and, if
 * that is wanted, a command runs.  The module holds the exports for as long as
 * the socket is open and the deadline hasn't passed, and is told at the end
 * whether the command did its part.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "checkpoint.h"
#include "nbdtarget.h"
#include "nl.h"
#include "options.h"

enum { FREEZE, START, TIMEOUT };

static const struct opt checkpoint_opts[] = {
	[FREEZE] = { "--freeze", OPT_TEXT, "BITMAP",
		"that ends here", NBDTARGET_MAX_BITMAP_NAME },
	[START] = { "--start", OPT_TEXT, "BITMAP",
		"that begins here, made where it is missing",
		NBDTARGET_MAX_BITMAP_NAME },
	[TIMEOUT] = { "--timeout", OPT_SECONDS, "SECONDS",
		"after which all is as before (30)", UINT32_MAX },
	{ .name = NULL }
};

static const char as_before[] = "no bitmap was switched";

static int check(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	size_t room = NL_BUFFER_SIZE / 2;
	int i;

	if (!o[FREEZE].given && !o[START].given && !a->command)
		return fail_usage(t, "one of --freeze, --start and COMMAND is needed");
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

static int begin(struct tool *t, const struct args *a, struct nl_reply *reply)
{
	const struct opt_value *o = a->opt;
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_CHECKPOINT);
	struct nlattr *nest;
	int i;

	nest = mnl_attr_nest_start(nlh, NBDTARGET_A_CHECKPOINT_EXPORTS);
	for (i = 0; i < a->n; i++)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CHECKPOINT_EXPORT,
				  a->pos[i]);
	mnl_attr_nest_end(nlh, nest);
	if (o[FREEZE].given)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CHECKPOINT_FREEZE,
				  o[FREEZE].text);
	if (o[START].given)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CHECKPOINT_START,
				  o[START].text);
	if (o[TIMEOUT].given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_CHECKPOINT_TIMEOUT,
				 o[TIMEOUT].number);
	if (a->command)
		mnl_attr_put(nlh, NBDTARGET_A_CHECKPOINT_HOLD, 0, NULL);
	return nl_do(t->nl, nlh, reply);
}

/* 0 when there is none in the reply. */
static uint32_t id_in(const struct nl_reply *reply)
{
	struct nlmsghdr *nlh = nl_reply_next(reply, NULL);
	struct nlattr *attr;

	if (!nlh)
		return 0;
	mnl_attr_for_each(attr, nlh, 4) {
		if (mnl_attr_get_type(attr) == NBDTARGET_A_CHECKPOINT_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			return mnl_attr_get_u32(attr);
	}
	return 0;
}

/* The command's status as wait(2) has it; -1 when it didn't start. */
static int run_command(char **command)
{
	pid_t pid;
	int status;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		execvp(command[0], command);
		_exit(errno == ENOENT ? 127 : 126);
	}
	if (pid < 0)
		return -1;
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return -1;
	return status;
}

static int say_failed(struct tool *t, const char *command, int status)
{
	if (status < 0)
		return fail(t, command, "could not be started; %s", as_before);
	if (WIFSIGNALED(status))
		return fail(t, command, "ended by signal %d; %s",
			    WTERMSIG(status), as_before);
	if (WEXITSTATUS(status) == 127)
		return fail(t, command, "not found, or failed with status 127; %s",
			    as_before);
	return fail(t, command, "failed with status %d; %s",
		    WEXITSTATUS(status), as_before);
}

static int end(struct tool *t, uint32_t id, bool abort_)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_CHECKPOINT_END);

	mnl_attr_put_u32(nlh, NBDTARGET_A_CHECKPOINT_ID, id);
	if (abort_)
		mnl_attr_put(nlh, NBDTARGET_A_CHECKPOINT_ABORT, 0, NULL);
	return nl_do(t->nl, nlh, NULL);
}

static int held(struct tool *t, const struct args *a, uint32_t id)
{
	int status = run_command(a->command);
	int ret = end(t, id, status != 0);

	if (status)
		return say_failed(t, a->command[0], status);
	if (ret == -ENOENT)
		return fail_kernel(t, a->pos[0],
				   "what the command made is of no single point in time");
	return ret ? fail_kernel(t, a->pos[0], NULL) : TOOL_OK;
}

/* Ten minutes, the longest that there is: a large bitmap takes a while. */
int checkpoint_hold(struct tool *t, const char *name, uint32_t *id)
{
	struct args a = { .n = 1, .pos = { name } };
	char *nothing = NULL;
	struct nl_reply reply = { 0 };
	int ret;

	a.command = &nothing;
	a.opt[TIMEOUT] = (struct opt_value) { .given = true, .number = 600000 };
	ret = begin(t, &a, &reply);
	*id = ret ? 0 : id_in(&reply);
	nl_reply_free(&reply);
	return ret;
}

int checkpoint_release(struct tool *t, uint32_t id)
{
	return end(t, id, true);
}

static int checkpoint(struct tool *t, const struct args *a)
{
	struct nl_reply reply = { 0 };
	int ret = check(t, a);

	if (!ret)
		ret = tool_connect(t, a->pos[0]);
	if (ret)
		return ret;
	ret = begin(t, a, &reply);
	if (ret)
		ret = fail_kernel(t, a->pos[0], as_before);
	else if (a->command)
		ret = held(t, a, id_in(&reply));
	nl_reply_free(&reply);
	return ret;
}

const struct verb verb_checkpoint = {
	.name = "checkpoint",
	.args = "EXPORT...",
	.summary = "Switches bitmaps at one point between writes.",
	.details = "With -- COMMAND at the end, which makes a snapshot, writes are held\n"
		   "while it runs; when it fails, or at the timeout, all is as before.",
	.opts = checkpoint_opts,
	.min_args = 1,
	.max_args = ARGS_MAX,
	.takes_command = true,
	.run = checkpoint,
};
