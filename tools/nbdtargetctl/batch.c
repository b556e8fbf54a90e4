// SPDX-License-Identifier: GPL-2.0
/*
 * Files of commands: one a line, words quoted as in a shell, "#" begins a
 * comment where a word could. Nothing is expanded. A last line without its end is what
 * is left of one, as far as anybody can tell: without its last words it may open what
 * they close.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"
#include "base/out.h"
#include "batch.h"
#include "command.h"

/* Position in a line that is split in place. */
struct cursor {
	char *in;
	char *out;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static const char *take_single(struct cursor *c)
{
	for (c->in++; *c->in && *c->in != '\''; c->in++)
		*c->out++ = *c->in;
	if (!*c->in)
		return "a single quote is not closed";
	c->in++;
	return NULL;
}

/* Within double quotes, a backslash is one unless it has something to quote */
static const char *take_double(struct cursor *c)
{
	for (c->in++; *c->in && *c->in != '"'; c->in++) {
		if (*c->in == '\\' && c->in[1] && strchr("\"\\$`", c->in[1]))
			c->in++;
		*c->out++ = *c->in;
	}
	if (!*c->in)
		return "a double quote is not closed";
	c->in++;
	return NULL;
}

static const char *take_backslash(struct cursor *c)
{
	c->in++;
	if (!*c->in || *c->in == '\n')
		return "a backslash ends the line";
	*c->out++ = *c->in++;
	return NULL;
}

/*
 * Those that word processors make of quotes, where one would begin: what they
 * enclose was meant to be one word.
 */
bool batch_typographic(const char *s)
{
	static const char *const quotes[] = {
		"\u201c", "\u201d", "\u201e", "\u2018", "\u2019", "\u201a",
		"\u00ab", "\u00bb",
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(quotes); i++)
		if (!strncmp(s, quotes[i], strlen(quotes[i])))
			return true;
	return false;
}

static const char *take_word(struct cursor *c)
{
	const char *start = c->in, *wrong = NULL;

	while (!wrong && *c->in && !is_blank(*c->in)) {
		if ((c->in == start || c->in[-1] == '=') &&
		    batch_typographic(c->in))
			return "typographic quotes don't quote: it takes \" or '";
		if (*c->in == '\'')
			wrong = take_single(c);
		else if (*c->in == '"')
			wrong = take_double(c);
		else if (*c->in == '\\')
			wrong = take_backslash(c);
		else
			*c->out++ = *c->in++;
	}
	return wrong;
}

/*
 * Splits a line into words, which lie in it; the caller frees argv. Returns
 * NULL, or what is wrong with the line.
 */
const char *batch_split(char *line, char ***argv, int *argc)
{
	struct cursor c = { line, line };
	const char *wrong;

	*argv = mem_zalloc(sizeof(**argv));
	*argc = 0;
	for (;;) {
		while (is_blank(*c.in))
			c.in++;
		if (!*c.in || *c.in == '#')
			return NULL;
		*argv = mem_resize(*argv, (*argc + 2) * sizeof(**argv));
		c.out = c.in;
		(*argv)[(*argc)++] = c.out;
		(*argv)[*argc] = NULL;
		wrong = take_word(&c);
		if (wrong)
			return wrong;
		if (*c.in)
			c.in++;
		*c.out = '\0';
	}
}

static int run_line(struct tool *t, char *line, size_t len)
{
	bool json = t->json;
	const char *wrong;
	char **argv = NULL;
	int argc, ret = TOOL_OK;

	t->verb = NULL;
	if (strlen(line) != len)
		return fail_usage(t, "the line holds a NUL byte");
	if (!len || line[len - 1] != '\n')
		return fail_usage(t,
				  "the line has no end, as if the file were cut off; a line break ends it");
	wrong = batch_split(line, &argv, &argc);
	if (wrong)
		ret = fail_usage(t, "%s", wrong);
	else if (argc)
		ret = command_run(t, argc, argv);
	out_flush();
	t->json = json;
	t->verb = NULL;
	free(argv);
	return ret;
}

/* Some editors begin files with one. */
static const char byte_order_mark[] = "\ufeff";

/* Whoever sent it meant all of it. */
static int say_stopped(struct tool *t)
{
	return fail(t, NULL,
		    "what comes behind isn't carried out, as signal %d came",
		    t->signal);
}

static int run_file(struct tool *t, FILE *f, bool keep_going)
{
	char *line = NULL;
	size_t size = 0, skip;
	ssize_t len;
	int ret, first = TOOL_OK;

	while (!t->signal && (len = getline(&line, &size, f)) >= 0) {
		t->line++;
		skip = t->line == 1 && !strncmp(line, byte_order_mark,
						strlen(byte_order_mark)) ?
		       strlen(byte_order_mark) : 0;
		ret = run_line(t, line + skip, len - skip);
		if (ret && !first)
			first = ret;
		if (ret && !keep_going)
			break;
	}
	if (t->signal) {
		ret = say_stopped(t);
		first = first ? first : ret;
	} else if (ferror(f)) {
		t->line++;
		fail(t, NULL, "%s", strerror(errno));
		first = first ? first : TOOL_REFUSED;
	}
	free(line);
	return first;
}

/* Runs a file, "-" for stdin; the status of the first line that failed. */
int batch_run(struct tool *t, const char *path, bool keep_going)
{
	bool is_stdin = !strcmp(path, "-");
	FILE *f = is_stdin ? stdin : fopen(path, "re");
	int ret;

	if (!f)
		return fail(t, NULL, "%s: %s", path, strerror(errno));
	t->file = is_stdin ? "<stdin>" : path;
	t->line = 0;
	ret = run_file(t, f, keep_going);
	t->file = NULL;
	if (!is_stdin)
		fclose(f);
	return ret;
}
