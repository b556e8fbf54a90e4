// SPDX-License-Identifier: GPL-2.0
/* nbdtargetctl: the options before the verb, and the exit. */
#include <fcntl.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/out.h"
#include "batch.h"
#include "command.h"
#include "nl/nl.h"

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

static const char quotes_warning[] =
	"warning: %s begins with a typographic quote, which is a part of it";

/* A shell takes quotes that aren't its own for letters; so do we. */
static void warn_of_quotes(const struct tool *t, char **argv)
{
	const char *value;

	for (; *argv && strcmp(*argv, "--"); argv++) {
		value = !strncmp(*argv, "--", 2) ? strchr(*argv, '=') : NULL;
		if (batch_typographic(value ? value + 1 : *argv))
			fail(t, NULL, quotes_warning, *argv);
	}
}

static int run(struct tool *t, int argc, char **argv)
{
	char version_name[] = "version", *version[] = { version_name, NULL };
	struct globals g = { 0 };
	int i = take_globals(t, argc, argv, &g);

	if (i < 0)
		return TOOL_USAGE;
	if (g.help) {
		command_usage();
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
	warn_of_quotes(t, argv + i);
	return command_run(t, argc - i, argv + i);
}

/*
 * Whoever started this has closed one of the three: what is opened next would be that,
 * and what is said be written to it, as to a device. One that takes nothing is put there,
 * so that writing fails, as it does on one that is closed.
 */
static void fill_standard(void)
{
	int fd;

	for (fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", fd == STDIN_FILENO ? O_WRONLY :
						       O_RDONLY) != fd)
			_exit(TOOL_REFUSED);
}

/* What couldn't be told didn't succeed, whether or not there was something to do. */
static int end(const struct tool *t, int ret)
{
	int err = out_error();

	if (!err)
		return ret;
	out_end(err);
	fail(t, NULL, "standard output: %s", strerror(err));
	return ret == TOOL_OK || ret == TOOL_CHANGED || ret == TOOL_LEFT ?
	       TOOL_REFUSED : ret;
}

int main(int argc, char **argv)
{
	struct tool t = { 0 };
	int ret;

	fill_standard();
	setlocale(LC_CTYPE, "");
	out_begin();
	ret = run(&t, argc, argv);
	nl_free(t.nl);
	t.nl = NULL;
	t.verb = NULL;
	return end(&t, ret);
}
