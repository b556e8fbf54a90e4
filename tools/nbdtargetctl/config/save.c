// SPDX-License-Identifier: GPL-2.0
/* save: all that is configured, as a file for apply or as commands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/replace.h"
#include "config/config.h"
#include "config/diff.h"
#include "config/save.h"
#include "config/verbs.h"
#include "config/write.h"
#include "nl/kernel.h"

enum { SAVE_COMMANDS, SAVE_NO_BITMAPS };

static const struct opt save_opts[] = {
	[SAVE_COMMANDS] = { "--commands", OPT_FLAG, NULL,
		"as commands for -b, not as JSON", 0 },
	[SAVE_NO_BITMAPS] = { "--no-bitmaps", OPT_FLAG, NULL,
		"without bitmaps: apply leaves those alone that there are", 0 },
	{ .name = NULL }
};

static int write_json(struct tool *t, const struct config *c, FILE *f)
{
	json_t *o = config_json(c);

	(void)t;
	json_dumpf(o, f, JSON_ENSURE_ASCII | JSON_INDENT(2));
	fputc('\n', f);
	json_decref(o);
	return 0;
}

static int write_steps(struct tool *t, const struct plan *p, FILE *f)
{
	struct text line;
	int ret = 0;
	size_t i;

	for (i = 0; i < p->n; i++) {
		line = step_line(p->steps[i]);
		if (step_in_one_line(p->steps[i]))
			fprintf(f, "%s\n", line.p);
		else
			ret = fail(t, NULL,
				   "a name has a line break, which no line of a batch file can have: %s",
				   line.p);
		free((char *)line.p);
	}
	return ret;
}

/* What it takes from nothing. */
static int write_commands(struct tool *t, const struct config *c, FILE *f)
{
	const struct wish wish = { .commands = true };
	struct config nothing = { 0 };
	struct plan plan = { 0 };
	int ret;

	diff_plan(&plan, c, &nothing, &wish);
	ret = write_steps(t, &plan, f);
	plan_free(&plan);
	return ret;
}

#define NO_INTERFACE \
	"is on an interface that isn't there, so that it has no name for a file"

static int check_listeners(struct tool *t, const struct config *c)
{
	struct endpoint ep;
	int ret = 0;
	char *there;
	size_t i;

	for (i = 0; i < c->listeners.n; i++) {
		listener_endpoint(c->listeners.at[i], &ep);
		if (!endpoint_is_nameless(&ep))
			continue;
		there = endpoint_format(&ep);
		ret = fail(t, NULL,
			   "listener %s " NO_INTERFACE ": remove-listener it",
			   there);
		free(there);
	}
	return ret;
}

/*
 * The file says what there is in this network namespace, and has names of interfaces: what
 * it can't say of a binding, or NULL.
 */
static const char *binding_wrong(const struct endpoint *ep, bool stand_ins)
{
	if (ep->netns)
		return "no file can say: save from there, or";
	if (endpoint_is_nameless(ep) &&
	    !(stand_ins && endpoint_is_stand_in(ep)))
		return NO_INTERFACE ":";
	return NULL;
}

static int check_bound(struct tool *t, const struct config *c, bool stand_ins)
{
	const struct export *e;
	const char *wrong;
	int ret = 0;
	char *there;
	size_t i, k;

	for (i = 0; i < c->exports.n; i++) {
		e = c->exports.at[i];
		for (k = 0; k < e->listeners.n; k++) {
			wrong = binding_wrong(&e->listeners.at[k], stand_ins);
			if (!wrong)
				continue;
			there = endpoint_format(&e->listeners.at[k]);
			ret = fail(t, NULL,
				   "export '%.*s' is bound to the listener %s, which %s bind it anew (set-export --listeners)",
				   (int)e->name.len, e->name.p, there, wrong);
			free(there);
		}
	}
	return ret;
}

/* Of what there is, that a file can say all of it. */
static int get_all(struct tool *t, struct config *c, bool stand_ins)
{
	int ret = config_get(t, c);

	if (!ret)
		ret = check_listeners(t, c);
	return ret ? ret : check_bound(t, c, stand_ins);
}

static int write_file(struct tool *t, const struct config *c, const char *path,
		      int (*write)(struct tool *t, const struct config *c,
				   FILE *f))
{
	struct replace file;
	int ret;

	if (replace_begin(&file, path))
		return fail(t, path, "%s", replace_error(&file));
	ret = write(t, c, file.f);
	if (!ret && replace_commit(&file))
		ret = fail(t, path, "%s", strerror(errno));
	replace_end(&file);
	return ret;
}

/*
 * Who borrows a bitmap keeps it when its lender goes, which no file can say: one that
 * apply refuses as a whole, at the next start, is worse than none.
 */
static int check_lent(struct tool *t, const struct config *c)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < c->exports.n; i++) {
		e = c->exports.at[i];
		if (!attr_has(e, NBDTARGET_A_EXPORT_BITMAP_NAME) ||
		    config_lends(c, e))
			continue;
		return fail(t, NULL,
			    "export '%.*s' shows bitmap '%.*s' of export '%.*s', which is there no more, and couldn't be made from a file; remove-export it first",
			    (int)e->name.len, e->name.p,
			    (int)e->bitmap_name.len, e->bitmap_name.p,
			    (int)e->bitmap_export.len, e->bitmap_export.p);
	}
	return 0;
}

/*
 * For one who restores it at once: also who waits for an interface does so again, though by
 * then nobody knows which.
 */
int save_for_now(struct tool *t, const char *path)
{
	struct config c = { 0 };
	int ret = get_all(t, &c, true);

	if (!ret)
		ret = check_lent(t, &c);
	if (!ret) {
		config_sort(&c);
		ret = write_file(t, &c, path, write_json);
	}
	config_free(&c);
	return ret;
}

static int save(struct tool *t, const struct args *a)
{
	bool to_stdout = !a->n || !strcmp(a->pos[0], "-");
	int (*write)(struct tool *t, const struct config *c, FILE *f) =
		a->opt[SAVE_COMMANDS].given ? write_commands : write_json;
	struct config c = { 0 };
	int ret = kernel_connect(t, NULL);

	if (ret)
		return ret;
	ret = get_all(t, &c, false);
	if (!ret && a->opt[SAVE_NO_BITMAPS].given) {
		c.has[CONFIG_BITMAPS] = false;
		c.bitmaps.n = 0;
	}
	if (!ret)
		ret = check_lent(t, &c);
	if (!ret) {
		config_sort(&c);
		ret = to_stdout ? write(t, &c, stdout) :
		      write_file(t, &c, a->pos[0], write);
	}
	config_free(&c);
	return ret;
}

const struct verb verb_save = {
	.name = "save",
	.args = "[FILE]",
	.summary = "Writes all that is configured to a file, for apply.",
	.details = "See nbdtarget.json(5). Without FILE, or with -, to standard output. What\n"
		   "bitmaps have recorded isn't in it: see save-bitmaps.",
	.opts = save_opts,
	.max_args = 1,
	.run = save,
};
