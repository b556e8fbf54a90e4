// SPDX-License-Identifier: GPL-2.0
/*
 * apply and restore: what is configured becomes what a file says, by the steps that
 * diff.c finds, and no more. Nothing is remembered between two runs: one that was
 * killed has done some of the steps, and the next finds the others.
 *
 * With a file of save-bitmaps, it goes in two rounds: once exports are there and
 * have what was saved, it looks anew which bitmaps are still missing. Nobody is let in
 * before the second round is over. Of exports that are closed for so long, what the file
 * doesn't say is as it was before the first; of all else, as it is: somebody may have
 * changed it meanwhile.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blockdev.h"
#include "base/fail.h"
#include "config/apply.h"
#include "config/config.h"
#include "config/diff.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/run.h"
#include "config/verbs.h"
#include "nl/kernel.h"

#define FIRST PHASE_TARGET
#define LAST PHASE_LISTENER_ACCESS_IN

struct apply {
	struct tool *t;
	const char *path;
	struct config file;
	struct config before;	/* what was there */
	const char *export;	/* only that of the file, or NULL */
	const char *device;	/* only those of the file with that, or NULL */
	struct wish wish;
	struct run run;
	enum step_phase last;
};

/* --- Only some of a file --- */

static bool is_named(const struct export *e, const void *name)
{
	return text_is(e->name, name);
}

static bool is_node_of(struct text text, const dev_t *device)
{
	char *path = text_copy(text);
	bool is = blockdev_number(path) == *device;

	free(path);
	return is;
}

/* Whichever of the two devices that it needs comes last brings it. */
static bool is_on(const struct export *e, const void *arg)
{
	return is_node_of(e->device, arg) ||
	       (e->metadata.len && is_node_of(e->metadata, arg));
}

static int choose_device(struct apply *a, const struct config *file,
			 const struct config *now, struct config *want)
{
	struct stat st;

	if (stat(a->device, &st))
		return fail(a->t, a->device, "%s", strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail(a->t, a->device, "is not a block device");
	config_only(want, file, now, is_on, &st.st_rdev);
	return 0;
}

static int choose_export(struct apply *a, const struct config *file,
			 const struct config *now, struct config *want)
{
	if (!config_export(file, text_of(a->export)))
		return fail(a->t, a->export, "%s has no export of that name",
			    a->path);
	config_only(want, file, now, is_named, a->export);
	return 0;
}

/* --- A round --- */

static void plan_and_run(struct apply *a, const struct config *want,
			 const struct config *now, enum step_phase first,
			 enum step_phase last)
{
	struct plan plan = { 0 };

	diff_plan(&plan, want, now, &a->wish);
	run_plan(&a->run, &plan, first, last);
	plan_free(&plan);
}

static int run_round(struct apply *a, const struct config *now,
		     enum step_phase first, enum step_phase last)
{
	struct config all = { 0 }, some = { 0 };
	int ret = 0;

	config_complete(&all, &a->file, &a->before, now);
	if (a->export)
		ret = choose_export(a, &all, now, &some);
	else if (a->device)
		ret = choose_device(a, &all, now, &some);
	if (!ret)
		plan_and_run(a, a->export || a->device ? &some : &all, now,
			     first, last);
	config_free(&some);
	config_free(&all);
	return ret;
}

static int run_second(struct apply *a)
{
	struct config now = { 0 };
	int ret = config_get(a->t, &now);

	if (!ret)
		ret = run_round(a, &now, PHASE_CONTENT_IN + 1, a->last);
	config_free(&now);
	return ret;
}

static int run_rounds(struct apply *a)
{
	int ret = config_get(a->t, &a->before);

	if (ret)
		return ret;
	if (!a->wish.content || a->run.dry)
		return run_round(a, &a->before, FIRST, a->last);
	ret = run_round(a, &a->before, FIRST, PHASE_CONTENT_IN);
	return ret ? ret : run_second(a);
}

static int apply_all(struct apply *a)
{
	int ret, lock = -1;

	/* What is wrong with the file is said whether there is a module or not. */
	ret = file_read(a->t, a->path, &a->file);
	if (!ret)
		ret = kernel_connect(a->t, NULL);
	if (ret)
		return ret;
	if (!a->run.dry) {
		lock = lock_take(a->t);
		if (lock < 0)
			return TOOL_REFUSED;
	}
	a->run.t = a->t;
	a->run.told = a->t->json && !a->run.quiet ? json_array() : NULL;
	ret = run_rounds(a);
	if (!ret)
		ret = run_end(&a->run);
	else
		json_decref(a->run.told);
	if (lock >= 0)
		close(lock);
	return ret;
}

static int apply_file(struct apply *a)
{
	int ret = apply_all(a);

	config_free(&a->before);
	config_free(&a->file);
	return ret;
}

/*
 * For a verb of which this is a part: what a file says, with what was saved of bitmaps
 * if CONTENT isn't NULL; without listeners, nobody comes. The exit status.
 */
int apply_as_restore(struct tool *t, const char *path, const char *content,
		     bool listeners)
{
	struct apply a = {
		.t = t,
		.path = path,
		.last = listeners ? LAST : PHASE_LISTENER_IN - 1,
		.wish = { .restore = true },
		.run = { .quiet = true },
	};
	int ret;

	if (content && !access(content, F_OK))
		a.wish.content = content;
	ret = apply_file(&a);
	return ret == TOOL_CHANGED ? TOOL_OK : ret;
}

/* --- The verbs --- */

enum { APPLY_BITMAPS, APPLY_TRUST, APPLY_DRY_RUN, APPLY_FORCE };

#define OPT_BITMAPS { "--bitmaps", OPT_TEXT, "FILE", \
	"a file of save-bitmaps, if it is there", NBDTARGET_MAX_DEVICE }
#define OPT_TRUST { "--trust", OPT_FLAG, NULL, "as for restore-bitmaps", 0 }

#define OPT_DRY_RUN { "--dry-run", OPT_FLAG, NULL, \
	"show what would be done, and do nothing", 0 }
#define OPT_FORCE { "--force", OPT_FLAG, NULL, \
	"clients, and what bitmaps have recorded, may have to go", 0 }

static const struct opt apply_opts[] = {
	[APPLY_BITMAPS] = OPT_BITMAPS,
	[APPLY_TRUST] = OPT_TRUST,
	[APPLY_DRY_RUN] = OPT_DRY_RUN,
	[APPLY_FORCE] = OPT_FORCE,
	{ .name = NULL }
};

/* The file is there once something was saved. */
static int take_content(struct apply *a, const char *content, bool trust)
{
	if (trust && !content)
		return fail_usage(a->t, "--trust goes with --bitmaps");
	a->wish.trust = trust;
	if (!content || !access(content, F_OK) || errno != ENOENT)
		a->wish.content = content;
	return 0;
}

static int apply(struct tool *t, const struct args *args)
{
	struct apply a = {
		.t = t,
		.path = args->pos[0],
		.last = LAST,
		.wish = { .force = args->opt[APPLY_FORCE].given },
		.run = { .dry = args->opt[APPLY_DRY_RUN].given },
	};
	int ret = take_content(&a, args->opt[APPLY_BITMAPS].text,
			       args->opt[APPLY_TRUST].given);

	return ret ? ret : apply_file(&a);
}

const struct verb verb_apply = {
	.name = "apply",
	.args = "FILE",
	.summary = "Makes all that is configured what a file says.",
	.details = "By the least change: see nbdtarget.json(5). Its exit status is 4 when there\n"
		   "was something to do, and it was done; 0 when there was nothing.",
	.opts = apply_opts,
	.min_args = 1,
	.max_args = 1,
	.no_batch = true,
	.run = apply,
};

enum {
	RESTORE_EXPORT, RESTORE_DEVICE, RESTORE_BITMAPS, RESTORE_TRUST,
	RESTORE_DRY_RUN, RESTORE_FORCE,
};

static const struct opt restore_opts[] = {
	[RESTORE_EXPORT] = { "--export", OPT_TEXT, "NAME",
		"only this export of the file", NBDTARGET_MAX_STRING },
	[RESTORE_DEVICE] = { "--device", OPT_TEXT, "PATH",
		"only the exports of this device", NBDTARGET_MAX_DEVICE },
	[RESTORE_BITMAPS] = OPT_BITMAPS,
	[RESTORE_TRUST] = OPT_TRUST,
	[RESTORE_DRY_RUN] = OPT_DRY_RUN,
	[RESTORE_FORCE] = OPT_FORCE,
	{ .name = NULL }
};

static int restore(struct tool *t, const struct args *args)
{
	const struct opt_value *o = args->opt;
	struct apply a = {
		.t = t,
		.path = args->pos[0],
		.last = LAST,
		.export = o[RESTORE_EXPORT].text,
		.device = o[RESTORE_DEVICE].text,
		.wish = {
			.restore = true,
			.force = o[RESTORE_FORCE].given,
		},
		.run = { .dry = o[RESTORE_DRY_RUN].given },
	};
	int ret;

	if (a.export && a.device)
		return fail_usage(t, "--export or --device, not both");
	ret = take_content(&a, o[RESTORE_BITMAPS].text, o[RESTORE_TRUST].given);
	if (!ret)
		ret = apply_file(&a);
	return ret == TOOL_CHANGED ? TOOL_OK : ret;
}

const struct verb verb_restore = {
	.name = "restore",
	.args = "FILE",
	.summary = "The same as apply, for when the machine starts.",
	.details = "Exports whose device isn't there yet are left out with a warning. Its exit\n"
		   "status is 0 whether or not there was something to do.",
	.opts = restore_opts,
	.min_args = 1,
	.max_args = 1,
	.no_batch = true,
	.run = restore,
};
