// SPDX-License-Identifier: GPL-2.0
/* The table of verbs, and the command lines that begin with one. */
#include <stdio.h>
#include <string.h>

#include "base/fail.h"
#include "command.h"
#include "config/verbs.h"
#include "verb/verbs.h"

static const struct verb verb_help_;

static const struct verb *const verbs[] = {
	&verb_add_export,
	&verb_set_export,
	&verb_remove_export,
	&verb_scan_export,
	&verb_forget_map,
	&verb_add_bitmap,
	&verb_remove_bitmap,
	&verb_clear_bitmap,
	&verb_enable_bitmap,
	&verb_disable_bitmap,
	&verb_merge_bitmap,
	&verb_rename_bitmap,
	&verb_checkpoint,
	&verb_save_bitmaps,
	&verb_restore_bitmaps,
	&verb_format_metadata,
	&verb_check_metadata,
	&verb_add_listener,
	&verb_set_listener,
	&verb_remove_listener,
	&verb_set_access,
	&verb_show,
	&verb_set_target,
	&verb_disconnect,
	&verb_save,
	&verb_apply,
	&verb_restore,
	&verb_upgrade,
	&verb_clear,
	&verb_monitor,
	&verb_tls_agent,
	&verb_version,
	&verb_help_,
};

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

/* What there is, for who asks for no verb. */
void command_usage(void)
{
	size_t i;

	printf("Usage: nbdtargetctl [--json] VERB [ARGUMENT]...\n"
	       "       nbdtargetctl [--json] [-k] -b FILE\n\n"
	       "Configures and shows the in-kernel NBD target.\n\n"
	       "Verbs ('nbdtargetctl VERB --help' has more on each):\n");
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-16s %s\n", verbs[i]->name, verbs[i]->summary);
	printf("\nOptions:\n"
	       "  -b, --batch FILE  run the commands in FILE, one a line, - for stdin\n"
	       "  -k, --keep-going  after a command that failed, go on with the next\n"
	       "  -j, --json        write JSON, where something is written\n"
	       "  -h, --help        show this text\n"
	       "  -V, --version     the same as the verb version\n\n"
	       "Exit status: 0 success, 1 refused by the kernel or failed, 2 wrong usage,\n"
	       "3 no kernel module or no permission, 4 changed by apply. More in\n"
	       "nbdtargetctl(8).\n");
}

static int help(struct tool *t, const struct args *a)
{
	const struct verb *v;

	if (!a->n) {
		command_usage();
		return TOOL_OK;
	}
	v = find_verb(a->pos[0]);
	if (!v)
		return fail_usage(t, "there is no verb '%s'", a->pos[0]);
	verb_help(v);
	return TOOL_OK;
}

static const struct verb verb_help_ = {
	.name = "help",
	.args = "[VERB]",
	.summary = "Shows the verbs, or the usage of one.",
	.max_args = 1,
	.run = help,
};

/* Runs one command, argv[0] being its verb; the exit status. */
int command_run(struct tool *t, int argc, char **argv)
{
	const struct verb *v = find_verb(argv[0]);
	struct args a;
	int ret;

	if (!v)
		return fail_usage(t, "there is no verb '%s'", argv[0]);
	t->verb = v->name;
	if (t->file && v->no_batch)
		return fail_usage(t, "this has no place in a file of commands");
	ret = args_parse(t, v, argc, argv, &a);
	if (ret)
		return ret;
	if (a.help) {
		verb_help(v);
		return TOOL_OK;
	}
	return v->run(t, &a);
}
