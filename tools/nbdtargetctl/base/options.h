/* SPDX-License-Identifier: GPL-2.0 */
/* Verbs, their options, and the command lines that name them. */
#ifndef NBDTARGETCTL_OPTIONS_H
#define NBDTARGETCTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tool.h"

enum opt_kind {
	OPT_FLAG,
	OPT_TEXT,
	OPT_NUMBER,
	OPT_SIZE,	/* bytes */
	OPT_SECONDS,	/* milliseconds once parsed */
};

struct opt {
	const char *name;	/* with its dashes; NULL ends a table */
	enum opt_kind kind;
	const char *arg;	/* name of its value, for people */
	const char *help;
	uint64_t max;		/* of its number, or of its bytes */
};

struct opt_value {
	bool given;
	const char *text;
	uint64_t number;
};

#define ARGS_MAX 64
#define OPTS_MAX 24

struct args {
	const struct verb *verb;
	bool help;
	int n;
	const char *pos[ARGS_MAX];
	struct opt_value opt[OPTS_MAX];	/* indexed as the verb's table is */
	char **program;			/* what follows "--", or NULL */
};

struct verb {
	const char *name;
	const char *args;	/* in the line of usage */
	const char *summary;
	const char *details;
	const struct opt *opts;
	int min_args;
	int max_args;
	bool no_batch;
	bool takes_program;	/* "--" begins one */
	int (*run)(struct tool *t, const struct args *a);
};

int args_parse(struct tool *t, const struct verb *v, int argc, char **argv,
	       struct args *a);
void verb_help(const struct verb *v);

#endif /* NBDTARGETCTL_OPTIONS_H */
