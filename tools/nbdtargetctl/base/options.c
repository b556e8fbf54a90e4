// SPDX-License-Identifier: GPL-2.0
/*
 * The command line of a verb against its table of options. Options may
 * stand anywhere, "--" ends them, names are spelt out, and nothing is
 * given twice.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/options.h"

static const struct opt no_opts[] = { { .name = NULL } };

static const struct opt *opts_of(const struct verb *v)
{
	return v->opts ? v->opts : no_opts;
}

static const struct opt *find(const struct verb *v, const char *s, size_t len)
{
	const struct opt *o;

	for (o = opts_of(v); o->name; o++)
		if (strlen(o->name) == len && !strncmp(o->name, s, len))
			return o;
	return NULL;
}

static const char *parse_value(const struct opt *o, const char *s,
			       struct opt_value *value)
{
	value->text = s;
	switch (o->kind) {
	case OPT_NUMBER:
		return number_parse(s, o->max, &value->number);
	case OPT_SIZE:
		return size_parse(s, o->max, &value->number);
	case OPT_SECONDS:
		return seconds_parse(s, o->max, &value->number);
	default:
		return strlen(s) > o->max ? "is too long" : NULL;
	}
}

/* One option at argv[*i], which moves on when its value is the next word. */
static int take_option(struct tool *t, const struct verb *v, int argc,
		       char **argv, int *i, struct args *a)
{
	const char *word = argv[*i], *s = NULL, *wrong;
	size_t len = strcspn(word, "=");
	const struct opt *o = find(v, word, len);
	struct opt_value *value;

	if (!o)
		return fail_usage(t, "unknown option '%s'", word);
	value = &a->opt[o - opts_of(v)];
	if (value->given)
		return fail_usage(t, "%s is given twice", o->name);
	value->given = true;
	if (word[len])
		s = word + len + 1;
	if (o->kind == OPT_FLAG)
		return !s ? 0 : fail_usage(t, "%s takes no value", o->name);
	if (!s && *i + 1 < argc)
		s = argv[++*i];
	if (!s)
		return fail_usage(t, "%s needs a value: %s", o->name, o->arg);
	wrong = parse_value(o, s, value);
	if (!wrong)
		return 0;
	if (o->kind == OPT_TEXT)
		return fail_usage(t, "the value of %s %s", o->name, wrong);
	return fail_usage(t, "%s: '%s' %s", o->name, s, wrong);
}

static int take_argument(struct tool *t, const struct verb *v, const char *s,
			 struct args *a)
{
	if (a->n >= v->max_args || a->n >= ARGS_MAX)
		return fail_usage(t, "one argument too many: '%s'", s);
	a->pos[a->n++] = s;
	return 0;
}

/* What is left of a line of words behind so many of them. */
static const char *words_from(const char *words, int n)
{
	for (; n; n--)
		words = strchr(words, ' ') + 1;
	return words;
}

/* argv[0] is the verb. Returns 0, or the exit status after saying why. */
int args_parse(struct tool *t, const struct verb *v, int argc, char **argv,
	       struct args *a)
{
	bool options = true;
	int i, ret = 0;

	memset(a, 0, sizeof(*a));
	a->verb = v;
	for (i = 1; i < argc && !ret; i++) {
		const char *s = argv[i];

		if (!options || s[0] != '-' || !s[1])
			ret = take_argument(t, v, s, a);
		else if (!strcmp(s, "--") && v->takes_program)
			break;
		else if (!strcmp(s, "--"))
			options = false;
		else if (!strcmp(s, "--json") || !strcmp(s, "-j"))
			t->json = true;
		else if (!strcmp(s, "--help") || !strcmp(s, "-h"))
			a->help = true;
		else
			ret = take_option(t, v, argc, argv, &i, a);
		if (a->help)
			return 0;
	}
	if (i < argc && !ret) {
		if (!argv[i + 1])
			return fail_usage(t, "a command is missing after --");
		a->program = argv + i + 1;
	}
	if (!ret && a->n < v->min_args)
		ret = fail_usage(t, "%s is missing", words_from(v->args, a->n));
	return ret;
}

static void print_option(const char *name, const char *arg, const char *help)
{
	char *left = mem_printf("%s%s%s", name, arg ? " " : "",
				arg ? arg : "");

	printf("  %-31s %s\n", left, help);
	free(left);
}

void verb_help(const struct verb *v)
{
	const struct opt *o;

	printf("Usage: nbdtargetctl %s%s%s%s%s\n\n%s\n", v->name,
	       *v->args ? " " : "", v->args, v->opts ? " [OPTION]..." : "",
	       v->takes_program ? " [-- COMMAND...]" : "", v->summary);
	if (v->details)
		printf("%s\n", v->details);
	printf("\nOptions:\n");
	for (o = opts_of(v); o->name; o++)
		print_option(o->name, o->arg, o->help);
	print_option("--json", NULL, "write JSON, where something is written");
	print_option("--help", NULL, "show this text");
	printf("\nExit status: 0 success, 1 refused or failed, 2 wrong usage,\n"
	       "3 no kernel module or no permission. More in nbdtargetctl(8).\n");
}
