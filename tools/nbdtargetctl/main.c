// SPDX-License-Identifier: GPL-2.0
/* nbdtargetctl: the table of verbs, the global options and the exit. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "nl.h"
#include "options.h"

static const struct verb verb_help_;

static const struct verb *const verbs[] = {
	&verb_add_export,
	&verb_set_export,
	&verb_remove_export,
	&verb_scan_export,
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
	&verb_add_listener,
	&verb_remove_listener,
	&verb_set_access,
	&verb_show,
	&verb_set_target,
	&verb_disconnect,
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

static void print_usage(void)
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
	       "3 no kernel module or no permission. More in nbdtargetctl(8).\n");
}

static int help(struct tool *t, const struct args *a)
{
	const struct verb *v;

	if (!a->n) {
		print_usage();
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

struct globals {
	const char *batch;
	bool keep_going;
	bool help;
	bool version;
};

static bool is(const char *s, const char *brief, const char *full)
{
	return !strcmp(s, brief) || !strcmp(s, full);
}

/* -b FILE, -bFILE, --batch FILE, --batch=FILE; false when it's none. */
static bool take_batch(int argc, char **argv, int *i, const char **file)
{
	const char *s = argv[*i];

	if (is(s, "-b", "--batch"))
		*file = *i + 1 < argc ? argv[++*i] : "";
	else if (!strncmp(s, "--batch=", 8))
		*file = s + 8;
	else if (!strncmp(s, "-b", 2))
		*file = s + 2;
	else
		return false;
	return true;
}

/* The options before the verb. Returns its index, or -1 after saying why. */
static int take_globals(struct tool *t, int argc, char **argv,
			struct globals *g)
{
	int i;

	for (i = 1; i < argc && argv[i][0] == '-'; i++) {
		if (is(argv[i], "-j", "--json")) {
			t->json = true;
		} else if (is(argv[i], "-h", "--help")) {
			g->help = true;
		} else if (is(argv[i], "-V", "--version")) {
			g->version = true;
		} else if (is(argv[i], "-k", "--keep-going")) {
			g->keep_going = true;
		} else if (!take_batch(argc, argv, &i, &g->batch)) {
			fail_usage(t, "unknown option '%s'", argv[i]);
			return -1;
		}
	}
	return i;
}

static int run_batch(struct tool *t, const struct globals *g, bool verb)
{
	if (!*g->batch)
		return fail_usage(t, "-b needs a file");
	if (verb)
		return fail_usage(t, "-b and a verb exclude each other");
	return batch_run(t, g->batch, g->keep_going);
}

static int run(struct tool *t, int argc, char **argv)
{
	char version_name[] = "version", *version[] = { version_name, NULL };
	struct globals g = { 0 };
	int i = take_globals(t, argc, argv, &g);

	if (i < 0)
		return TOOL_USAGE;
	if (g.help) {
		print_usage();
		return TOOL_OK;
	}
	if (g.version)
		return command_run(t, 1, version);
	if (g.batch)
		return run_batch(t, &g, i < argc);
	if (g.keep_going)
		return fail_usage(t, "--keep-going goes with -b");
	if (i == argc)
		return fail_usage(t, "a verb is missing");
	return command_run(t, argc - i, argv + i);
}

int main(int argc, char **argv)
{
	struct tool t = { 0 };
	int ret;

	setlocale(LC_CTYPE, "");
	ret = run(&t, argc, argv);
	nl_free(t.nl);
	t.nl = NULL;
	t.verb = NULL;
	if (fflush(stdout) || ferror(stdout)) {
		fail(&t, NULL, "standard output: %s", strerror(errno));
		ret = ret ? ret : TOOL_REFUSED;
	}
	return ret;
}
