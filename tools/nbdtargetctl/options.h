/* SPDX-License-Identifier: GPL-2.0 */
/* Verbs, their options, and the command lines that name them. */
#ifndef NBDTARGETCTL_OPTIONS_H
#define NBDTARGETCTL_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "tool.h"

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
#define OPTS_MAX 12

struct args {
	bool help;
	int n;
	const char *pos[ARGS_MAX];
	struct opt_value opt[OPTS_MAX];	/* indexed as the verb's table is */
	char **command;			/* what follows "--", or NULL */
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
	bool takes_command;	/* "--" begins one */
	int (*run)(struct tool *t, const struct args *a);
};

extern const struct verb verb_add_export;
extern const struct verb verb_set_export;
extern const struct verb verb_remove_export;
extern const struct verb verb_scan_export;
extern const struct verb verb_add_bitmap;
extern const struct verb verb_remove_bitmap;
extern const struct verb verb_clear_bitmap;
extern const struct verb verb_enable_bitmap;
extern const struct verb verb_disable_bitmap;
extern const struct verb verb_merge_bitmap;
extern const struct verb verb_rename_bitmap;
extern const struct verb verb_checkpoint;
extern const struct verb verb_save_bitmaps;
extern const struct verb verb_restore_bitmaps;
extern const struct verb verb_add_listener;
extern const struct verb verb_remove_listener;
extern const struct verb verb_set_access;
extern const struct verb verb_show;
extern const struct verb verb_set_target;
extern const struct verb verb_disconnect;
extern const struct verb verb_monitor;
extern const struct verb verb_tls_agent;
extern const struct verb verb_version;

int args_parse(struct tool *t, const struct verb *v, int argc, char **argv,
	       struct args *a);
void verb_help(const struct verb *v);

/* main.c: runs one command; the exit status */
int command_run(struct tool *t, int argc, char **argv);

/* batch.c */
int batch_run(struct tool *t, const char *path, bool keep_going);
const char *batch_split(char *line, char ***argv, int *argc);

#endif /* NBDTARGETCTL_OPTIONS_H */
