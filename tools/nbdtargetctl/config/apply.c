// SPDX-License-Identifier: GPL-2.0
/*
 * apply and restore: what is configured becomes what a file says, by the steps that
 * diff.c finds, and no more. What is done isn't remembered for that: a run that was
 * killed has done some of the steps, and the next finds the others. Only that something
 * was brought is noted (brought.c), for a restore of what is still awaited.
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
#include "config/brought.h"
#include "config/closing.h"
#include "config/config.h"
#include "config/diff.h"
#include "config/file.h"
#include "config/lock.h"
#include "config/run.h"
#include "config/verbs.h"
#include "nl/kernel.h"

#define FIRST PHASE_TARGET
#define LAST PHASE_LISTENER_WIDER

struct apply {
	struct tool *t;
	const char *path;
	struct config file;
	struct config before;	/* what was there */
	const char *export;	/* only that of the file, or NULL */
	const char *device;	/* only those of the file with that, or NULL */
	dev_t node;		/* of that device */
	bool note;		/* what is brought */
	bool awaited;		/* only what wasn't brought before */
	struct brought brought;
	struct wish wish;
	struct run run;
	enum step_phase last;
};

/* --- Only some of a file --- */

static bool is_node_of(struct text text, dev_t node)
{
	char *path = text_copy(text);
	bool is = blockdev_number(path) == node;

	free(path);
	return is;
}

/* Whichever of the two devices that it needs comes last brings it. */
static bool is_on(const struct export *e, dev_t node)
{
	return is_node_of(e->device, node) ||
	       (e->metadata.len && is_node_of(e->metadata, node));
}

/* By the options. */
static bool is_asked_for(const struct apply *a, enum config_section section,
			 const void *said)
{
	const struct export *e = said;

	if (!a->export && !a->device)
		return true;
	if (section != CONFIG_EXPORTS)
		return false;
	return a->export ? text_is(e->name, a->export) : is_on(e, a->node);
}

/* As it was decided before the run, of each that the file names and that is asked for. */
static enum take take_some(const void *arg, enum config_section section,
			   const void *said)
{
	const struct apply *a = arg;
	const struct subject *s = brought_find(&a->brought, section, said);

	return s ? s->take : TAKE_NOT;
}

/* Each of them, whatever was decided. */
static enum take take_all(const void *arg, enum config_section section,
			  const void *said)
{
	const struct apply *a = arg;

	return brought_find(&a->brought, section, said) ? TAKE : TAKE_NOT;
}

/* Those listeners that stay, asked for or not. */
static enum take take_others(const void *arg, enum config_section section,
			     const void *said)
{
	return section == CONFIG_LISTENERS &&
	       take_some(arg, section, said) != TAKE ? TAKE : TAKE_NOT;
}

static int find_node(struct apply *a)
{
	struct stat st;

	if (stat(a->device, &st))
		return fail(a->t, a->device, "%s", strerror(errno));
	if (!S_ISBLK(st.st_mode))
		return fail(a->t, a->device, "is not a block device");
	a->node = st.st_rdev;
	return 0;
}

static int check_asked(struct apply *a, const struct config *all)
{
	if (a->device)
		return find_node(a);
	if (a->export && !config_export(all, text_of(a->export)))
		return fail(a->t, a->export, "%s has no export of that name",
			    a->path);
	return 0;
}

/* --- What was brought --- */

/* Of SECTION, or NAMED elsewhere in the file. */
static void add_subject(struct apply *a, enum config_section section,
			const void *said, bool named)
{
	bool whole = a->file.has[section];

	if ((whole || named) && is_asked_for(a, section, said))
		brought_add(&a->brought, section, said, whole, &a->before,
			    a->awaited);
}

static bool has_bitmaps(const struct config *c, struct text export)
{
	const struct bitmap *b;
	size_t i;

	for (i = 0; i < c->bitmaps.n; i++) {
		b = c->bitmaps.at[i];
		if (text_same(b->export_name, export))
			return true;
	}
	return false;
}

/* What it has no section for is there, or nothing is brought of it. */
static void find_subjects(struct apply *a)
{
	const struct config *file = &a->file;
	struct config all = { 0 };
	struct endpoint ep;
	size_t i;

	config_complete(&all, file, &a->before, &a->before);
	if (file->target)
		add_subject(a, CONFIG_TARGET, file->target, true);
	for (i = 0; i < all.listeners.n; i++) {
		listener_endpoint(all.listeners.at[i], &ep);
		add_subject(a, CONFIG_LISTENERS, all.listeners.at[i],
			    config_rules_of_listener(file, &ep));
	}
	for (i = 0; i < all.exports.n; i++) {
		const struct export *e = all.exports.at[i];

		add_subject(a, CONFIG_EXPORTS, e,
			    config_rules_of_export(file, e->name) ||
			    has_bitmaps(file, e->name));
	}
	config_free(&all);
}

/* One that isn't to be noted, or only looked at, is as if there were no place for it. */
static int begin_brought(struct apply *a)
{
	int ret = 0;

	if (a->note)
		ret = brought_read(a->t, &a->brought, a->awaited);
	if (ret)
		return ret;
	find_subjects(a);
	return a->run.dry ? 0 : brought_begin(a->t, &a->brought);
}

/*
 * The file, with what it says nothing of. What was left closed half way has no rules to be
 * kept: none were lost, see stop_for_rules().
 */
static void complete(const struct apply *a, struct config *all,
		     const struct config *now)
{
	const struct subject *s;
	const struct export *e;
	size_t i;

	config_complete(all, &a->file, &a->before, now);
	for (i = 0; i < all->exports.n && !a->file.has[CONFIG_ACCESS]; i++) {
		e = all->exports.at[i];
		s = brought_find(&a->brought, CONFIG_EXPORTS, e);
		if (s && s->half &&
		    rules_unset(config_rules_of_export(all, e->name)))
			config_drop_rules(all, e->name);
	}
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

static void run_round(struct apply *a, const struct config *now,
		      enum step_phase first, enum step_phase last)
{
	const struct choice choice = { .of = take_some, .arg = a };
	bool all_of_it = !a->wish.restore;
	struct config all = { 0 }, some = { 0 };

	complete(a, &all, now);
	if (!all_of_it)
		config_only(&some, &all, now, &choice);
	plan_and_run(a, all_of_it ? &all : &some, now, first, last);
	config_free(&some);
	config_free(&all);
}

static void let_wait(struct apply *a, enum config_section section,
		     const void *about)
{
	struct subject *s = brought_find(&a->brought, section, about);

	if (s && s->take != TAKE_BACK)
		s->waits = true;
}

static void look_at_step(struct apply *a, struct step *step)
{
	struct subject *s = brought_find(&a->brought, step->section,
					 step->about);

	if (!s)
		return;
	if (step->section == CONFIG_BITMAPS && s->take != TAKE_BACK)
		s->waits = true;
	else if (s->take == TAKE)
		s->remains = true;
	else if (step->result != STEP_ABSENT)
		run_leave(&a->run, step);
}

/*
 * Of what the file says and isn't so, all the same: either it couldn't be done, or
 * somebody has made it otherwise, who is told how it becomes so. One that isn't there, as
 * its device isn't, is neither. What apply does beyond is no part of it.
 */
static void look_at_rest(struct apply *a, const struct config *now)
{
	const struct choice choice = { .of = take_all, .arg = a };
	struct wish wish = { .force = a->wish.force, .restore = true };
	struct config all = { 0 }, want = { 0 };
	struct plan plan = { 0 };
	size_t i;

	complete(a, &all, now);
	config_only(&want, &all, now, &choice);
	diff_plan(&plan, &want, now, &wish);
	for (i = 0; i < plan.n; i++)
		look_at_step(a, plan.steps[i]);
	plan_free(&plan);
	config_free(&want);
	config_free(&all);
	for (i = 0; i < now->exports.n; i++)
		if (export_waits(now->exports.at[i]))
			let_wait(a, CONFIG_EXPORTS, now->exports.at[i]);
}

static int end_brought(struct apply *a)
{
	struct config now = { 0 };
	int ret;

	if (!a->brought.noted)
		return 0;
	ret = config_get(a->t, &now);
	if (!ret) {
		look_at_rest(a, &now);
		if (!a->run.dry)
			ret = brought_end(a->t, &a->brought, &now);
	}
	config_free(&now);
	return ret;
}

static int run_second(struct apply *a)
{
	struct config now = { 0 };
	int ret = config_get(a->t, &now);

	if (!ret)
		run_round(a, &now, PHASE_CONTENT_IN + 1, a->last);
	config_free(&now);
	return ret;
}

/* Listeners that stay, though the file says otherwise, are known before exports open. */
static void look_at_others(struct apply *a)
{
	const struct choice choice = { .of = take_others, .arg = a };
	struct config all = { 0 }, want = { 0 }, now = a->before;
	struct plan plan = { 0 };

	complete(a, &all, &a->before);
	all.exports.n = 0;
	now.exports.n = 0;
	config_only(&want, &all, &now, &choice);
	diff_plan(&plan, &want, &now, &a->wish);
	run_keep(&a->run, &plan);
	plan_free(&plan);
	config_free(&want);
	config_free(&all);
}

static int run_rounds(struct apply *a)
{
	if (a->wish.restore)
		look_at_others(a);
	if (!a->wish.content || a->run.dry) {
		run_round(a, &a->before, FIRST, a->last);
		return 0;
	}
	run_round(a, &a->before, FIRST, PHASE_CONTENT_IN);
	return run_second(a);
}

static int check_file(struct apply *a)
{
	struct config all = { 0 };
	int ret = config_get(a->t, &a->before);

	if (!ret) {
		config_complete(&all, &a->file, &a->before, &a->before);
		ret = check_asked(a, &all);
	}
	config_free(&all);
	return ret;
}

/*
 * What an earlier run began, of what this one is to bring.  Others may have changed what
 * there is meanwhile.
 */
static int wait_for_closing(struct apply *a)
{
	struct items wanted = { 0 };
	bool waited;
	size_t i;

	for (i = 0; i < a->file.exports.n; i++)
		if (take_some(a, CONFIG_EXPORTS, a->file.exports.at[i]) == TAKE)
			items_add(&wanted, a->file.exports.at[i]);
	waited = closing_wait(a->t, &wanted, &a->before);
	free(wanted.at);
	if (!waited)
		return 0;
	config_free(&a->before);
	return check_file(a);
}

/* What was done is told, whatever comes behind it. */
static int run_all(struct apply *a)
{
	int ret = check_file(a), end;

	if (!ret)
		ret = begin_brought(a);
	/* Whoever this is a part of has waited. */
	if (!ret && !a->run.dry && a->note)
		ret = wait_for_closing(a);
	if (ret) {
		json_decref(a->run.told);
		return ret;
	}
	ret = run_rounds(a);
	if (!ret)
		ret = end_brought(a);
	end = run_end(&a->run);
	return ret ? ret : end;
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
	ret = run_all(a);
	if (lock >= 0)
		close(lock);
	return ret;
}

static int apply_file(struct apply *a)
{
	int ret = apply_all(a);

	brought_free(&a->brought);
	config_free(&a->before);
	config_free(&a->file);
	return ret;
}

/*
 * For a verb of which this is a part: what a file says, with what was saved of bitmaps
 * if CONTENT isn't NULL; without listeners, nobody comes. What is there by that was there
 * before, whoever brought it. The exit status: that a device isn't there is no success
 * here.
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
	if (a.run.absent)
		return TOOL_REFUSED;
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
		.note = true,
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
	RESTORE_EXPORT, RESTORE_DEVICE, RESTORE_AWAITED, RESTORE_BITMAPS,
	RESTORE_TRUST, RESTORE_DRY_RUN, RESTORE_FORCE,
};

static const struct opt restore_opts[] = {
	[RESTORE_EXPORT] = { "--export", OPT_TEXT, "NAME",
		"only this export of the file", NBDTARGET_MAX_STRING },
	[RESTORE_DEVICE] = { "--device", OPT_TEXT, "PATH",
		"only the exports of this device", NBDTARGET_MAX_DEVICE },
	[RESTORE_AWAITED] = { "--awaited", OPT_FLAG, NULL,
		"only what wasn't there since nbdtarget.service began", 0 },
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
		.note = true,
		.awaited = o[RESTORE_AWAITED].given,
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
		   "status is 0 whether or not there was something to do; with --awaited, 6 when\n"
		   "something was changed by hand, and is left so.",
	.opts = restore_opts,
	.min_args = 1,
	.max_args = 1,
	.no_batch = true,
	.run = restore,
};
