// SPDX-License-Identifier: GPL-2.0
/*
 * upgrade: another module takes the place of the one that is loaded, and connections
 * stay.
 *
 *	what can be wrong is found out, and nothing has changed
 *	nobody else can change anything any more, and the configuration is saved
 *	connections are taken out of the module, listeners stop
 *	bitmaps and maps are saved, as exports end
 *	the module is unloaded, the other one loaded
 *	the same there, then exports and bitmaps are restored
 *	connections are given to it, and then listeners listen
 *
 * Whatever fails before the module is gone, the rest is done with the one that is
 * there: what was taken is given back to it. That a device doesn't answer, so that it
 * couldn't be unloaded, is seen before exports end. Whatever fails behind that is done
 * with the old module, if there is a file of it; that is looked for at first.
 *
 * Signals of a terminal don't end it half way. When it is killed, clients find their
 * connections closed; all that they were told was done is on the disk, and what is in
 * the folder is enough for restore.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blockdev.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/way.h"
#include "config/apply.h"
#include "config/config.h"
#include "config/file.h"
#include "config/handover.h"
#include "config/lock.h"
#include "config/module.h"
#include "config/save.h"
#include "config/verbs.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "object/export.h"
#include "object/target.h"
#include "show/json.h"
#include "verb/verbs.h"

#define DEFAULT_DIR "/run/nbdtarget-upgrade"
/* ms */
#define DEFAULT_TIMEOUT 10000

struct upgrade {
	struct tool *t;
	const char *module;	/* the new one */
	const char *old;	/* NULL: it can't be put back */
	const char *folder;
	char *config, *bitmaps;	/* files there */
	uint64_t timeout;	/* ms */
	struct handover conns;
	bool unloaded;
	bool stays;		/* as its exports do: a device hangs */
	bool failed;		/* it was said what */
	size_t gone_on;
	int64_t pause;		/* ms */
};

/* The verb says why when it can't. */
static int run_verb(struct upgrade *u, const struct verb *verb,
		    const char *const *words)
{
	const char *before = u->t->verb;
	char *argv[8] = { (char *)verb->name };
	struct args a;
	int argc, ret;

	for (argc = 1; words[argc - 1]; argc++)
		argv[argc] = (char *)words[argc - 1];
	ret = args_parse(u->t, verb, argc, argv, &a);
	if (!ret)
		ret = verb->run(u->t, &a);
	u->t->verb = before;
	return ret;
}

/* --- What can be wrong --- */

static int check_new(struct upgrade *u)
{
	char *name = module_field(u->module, "name");
	char *format = module_field(u->module, "handover");
	int ret = 0;

	if (!name || strcmp(name, MODULE_NAME))
		ret = fail(u->t, u->module, "is not a module nbdtarget");
	else if (!format)
		ret = fail(u->t, u->module,
			   "this module takes no connections of another; 'systemctl restart nbdtarget' has clients connect again");
	else if (strtoul(format, NULL, 10) != NBDTARGET_HANDOVER_FORMAT)
		ret = fail(u->t, u->module,
			   "this module takes connections in format %s, and this program has format %u",
			   format, NBDTARGET_HANDOVER_FORMAT);
	free(name);
	free(format);
	return ret;
}

/* A file of the one that is loaded. */
static int find_old(struct upgrade *u, const char *given, bool no_return)
{
	if (given && !module_is_loaded_from(given))
		return fail(u->t, given,
			    "this isn't the module that is loaded: it has another srcversion");
	if (given)
		u->old = given;
	else if (module_is_loaded_from(MODULE_NAME))
		u->old = MODULE_NAME;
	if (u->old || no_return)
		return 0;
	return fail(u->t, NULL,
		    "the module that is loaded isn't installed any more, so that it couldn't be put back if the other doesn't load: give its file by --old, or say --no-return");
}

static int check_target(struct upgrade *u, const struct target *tg)
{
	if (!attr_has(tg, NBDTARGET_A_TARGET_HANDOVER_FORMAT))
		return fail(u->t, NULL,
			    "the module that is loaded can't hand connections over; 'systemctl restart nbdtarget' has clients connect again");
	if (tg->handover_format != NBDTARGET_HANDOVER_FORMAT)
		return fail(u->t, NULL,
			    "the module that is loaded hands connections over in format %" PRIu64
			    ", and this program has format %u",
			    tg->handover_format, NBDTARGET_HANDOVER_FORMAT);
	return 0;
}

static int check_listeners(struct upgrade *u, const struct target *tg)
{
	if (tg->all_listeners == tg->listeners)
		return 0;
	return fail(u->t, NULL,
		    "%" PRIu64
		    " listeners are in other network namespaces, from where they couldn't be restored; remove-listener them there first",
		    tg->all_listeners - tg->listeners);
}

static int ask_target(struct upgrade *u,
		      int (*check)(struct upgrade *u, const struct target *tg))
{
	struct attr_list list;
	int ret;

	if (target_get(u->t, &list) || !list.n)
		ret = kernel_fail(u->t, NULL, NULL);
	else
		ret = check(u, attr_list_item(&list, 0));
	attr_list_free(&list);
	return ret;
}

static int check_path(struct upgrade *u, const char *name, struct text text,
		      dev_t device)
{
	char *path = text_copy(text);
	int ret = 0;

	if (blockdev_number(path) != device)
		ret = fail(u->t, name,
			   "%s is another device by now than the one that is in use: have it lead there, or remove-export it",
			   path);
	free(path);
	return ret;
}

/* Asked of the module: to read the device may take as long as that hangs. */
static int check_metadata(struct upgrade *u, const struct export *e,
			  const char *name)
{
	if (e->metadata_error)
		return fail(u->t, name,
			    "its metadata device has failed (%s), so that the other module couldn't go by it: remove-export it",
			    strerror(e->metadata_error));
	/* One of before these were told. */
	if (!attr_has(e, NBDTARGET_A_EXPORT_METADATA_SIZE))
		return 0;
	if (e->metadata_size != e->size)
		return fail(u->t, name,
			    "its device has %" PRIu64
			    " bytes, and its metadata is for one of %" PRIu64
			    ", so that the other module wouldn't take it: remove-export it, and add-export it with --accept-stale",
			    e->size, e->metadata_size);
	return check_path(u, name, e->metadata, export_metadata_device(e));
}

/* One that couldn't be added anew would be gone, with its bitmaps and its clients. */
static int check_export(struct upgrade *u, const struct export *e,
			const char *name)
{
	int ret;

	if (e->state != NBDTARGET_EXPORT_STATE_OK)
		return fail(u->t, name,
			    "its device is %s, so that the other module couldn't export it: see to that, or remove-export it",
			    export_state(e));
	ret = check_path(u, name, e->device, export_device(e));
	if (!ret && e->metadata.len)
		ret = check_metadata(u, e, name);
	return ret;
}

static int check_exports(struct upgrade *u)
{
	const struct export *e;
	struct attr_list list;
	int ret = 0;
	char *name;
	size_t i;

	if (export_get_all(u->t, &list))
		ret = kernel_fail(u->t, NULL, NULL);
	for (i = 0; i < list.n && !ret; i++) {
		e = attr_list_item(&list, i);
		name = text_copy(e->name);
		ret = check_export(u, e, name);
		free(name);
	}
	attr_list_free(&list);
	return ret;
}

/* What others put there would be restored. That they can't move ours doesn't keep them. */
static int check_folder(struct upgrade *u)
{
	struct stat st;
	int ret = way_check(u->t, u->folder);

	if (ret)
		return ret;
	if (stat(u->folder, &st))
		return fail(u->t, u->folder, "%s", strerror(errno));
	return st.st_mode & 022 ?
	       fail(u->t, u->folder, "may be written by others") : 0;
}

/* What is there of another time is all that there is of some bitmaps. */
static int make_folder(struct upgrade *u)
{
	bool made = !mkdir(u->folder, 0700);
	int ret;

	if (!made && errno != EEXIST)
		return fail(u->t, u->folder, "%s", strerror(errno));
	ret = check_folder(u);
	if (ret && made)
		rmdir(u->folder);
	if (ret)
		return ret;
	if (!access(u->config, F_OK) || !access(u->bitmaps, F_OK))
		return fail(u->t, u->folder,
			    "has what an upgrade that failed has saved: 'restore %s --bitmaps %s', and remove the files",
			    u->config, u->bitmaps);
	return 0;
}

/* --- Away --- */

static int save_config(struct upgrade *u)
{
	return save_for_now(u->t, u->config);
}

/* Else all of it would be gone: what was taken once may not be what a file may say. */
static int check_saved(struct upgrade *u)
{
	struct config c = { 0 };
	int ret = file_read(u->t, u->config, &c);

	config_free(&c);
	return ret ? fail(u->t, NULL,
			  "what is configured can't be restored: change it first") : 0;
}

static int end_exports(struct upgrade *u)
{
	char *seconds = mem_printf("%" PRIu64 ".%03" PRIu64, u->timeout / 1000,
				   u->timeout % 1000);
	int ret = run_verb(u, &verb_save_bitmaps,
			   (const char *[]) { u->bitmaps, "--remove-exports",
					      "--timeout", seconds, NULL });

	if (!ret)
		ret = run_verb(u, &verb_clear,
			       (const char *[]) { "--force", NULL });
	free(seconds);
	return ret;
}

/* --- The module --- */

/* It has said what it knows in its file; what it says itself counts. */
static int check_is_there(struct upgrade *u, const char *module)
{
	struct attr_list list;
	const struct target *tg;
	int ret = kernel_connect(u->t, module);

	if (ret)
		return ret;
	ret = target_get(u->t, &list);
	tg = !ret && list.n ? attr_list_item(&list, 0) : NULL;
	if (!tg || tg->handover_format != NBDTARGET_HANDOVER_FORMAT)
		ret = fail(u->t, module, "it takes no connections in format %u",
			   NBDTARGET_HANDOVER_FORMAT);
	attr_list_free(&list);
	return ret;
}

static int load(struct upgrade *u, const char *module)
{
	int ret = module_load(u->t, module);

	if (ret)
		return ret;
	ret = check_is_there(u, module);
	if (ret)
		module_unload(u->t);
	else if (handover_claim(u->t, u->timeout))
		u->failed = true;
	return ret;
}

/* 0 when there is a module now. */
static int exchange(struct upgrade *u)
{
	int ret = module_unload(u->t);

	if (ret) {
		u->failed = true;
		return 0;
	}
	u->unloaded = true;
	ret = load(u, u->module);
	if (!ret)
		return 0;
	u->failed = true;
	if (!u->old)
		return ret;
	fail(u->t, u->old, "the old one is put back");
	return load(u, u->old);
}

/* --- And back --- */

static void come_back(struct upgrade *u)
{
	/* What couldn't be restored was said, and its clients can't go on. */
	u->failed |= apply_as_restore(u->t, u->config, u->bitmaps, false) != 0;
	u->gone_on = handover_give_all(&u->conns, u->timeout);
}

/* What couldn't be added a moment ago may be now, and what was saved of it is as good. */
static void let_in(struct upgrade *u)
{
	u->failed |= apply_as_restore(u->t, u->config, u->bitmaps, true) != 0;
}

static int replace_module(struct upgrade *u)
{
	int64_t begun = clock_now();
	int ret = handover_take_all(&u->conns, u->timeout);

	if (ret) {
		unlink(u->config);
		rmdir(u->folder);
		return ret;
	}
	if (u->conns.stuck)
		u->stays = true;
	else if (end_exports(u))
		u->failed = true;
	else
		ret = exchange(u);
	if (ret)
		return fail(u->t, NULL,
			    "no module is loaded, and clients are disconnected; what was configured and recorded is in %s",
			    u->folder);
	come_back(u);
	u->pause = clock_now() - begun;
	let_in(u);
	return 0;
}

static void tell(struct upgrade *u)
{
	json_t *o;

	if (!u->t->json) {
		printf("%zu connections go on after %" PRId64 " ms, %zu were lost\n",
		       u->gone_on, u->pause, u->conns.lost);
		return;
	}
	o = json_object();
	json_put(o, "connections", json_integer(u->gone_on));
	json_put(o, "lost", json_integer(u->conns.lost));
	json_put(o, "pause", json_integer(u->pause));
	json_print(o, false);
}

static int finish(struct upgrade *u)
{
	tell(u);
	if (u->failed) {
		fail(u->t, NULL, u->unloaded ?
		     "not all of it succeeded; what was configured and recorded before is in %s" :
		     "the module that was loaded still is; what was configured and recorded before is in %s",
		     u->folder);
		return TOOL_REFUSED;
	}
	unlink(u->bitmaps);
	unlink(u->config);
	rmdir(u->folder);
	if (u->stays)
		return fail(u->t, NULL,
			    "the module that was loaded still is, with all that was configured and recorded: try again when the device answers");
	/* It was said which; nothing in the files would make them good again. */
	return u->conns.lost || u->t->distrusted ? TOOL_REFUSED : TOOL_OK;
}

static void ignore_signals(void)
{
	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	signal(SIGTSTP, SIG_IGN);
	signal(SIGTTIN, SIG_IGN);
	signal(SIGTTOU, SIG_IGN);
}

static int run_locked(struct upgrade *u)
{
	int ret = make_folder(u);

	if (ret)
		return ret;
	ret = handover_claim(u->t, u->timeout);
	/* What nobody else changes any more. */
	if (!ret)
		ret = ask_target(u, check_listeners);
	if (!ret)
		ret = check_exports(u);
	if (!ret)
		ret = save_config(u);
	if (!ret)
		ret = check_saved(u);
	if (ret) {
		unlink(u->config);
		rmdir(u->folder);
		return ret;
	}
	ignore_signals();
	ret = replace_module(u);
	return ret ? ret : finish(u);
}

enum { UPGRADE_OLD, UPGRADE_NO_RETURN, UPGRADE_FOLDER, UPGRADE_TIMEOUT };

static const struct opt upgrade_opts[] = {
	[UPGRADE_OLD] = { "--old", OPT_TEXT, "FILE",
		"the module that is loaded, to be put back", 4095 },
	[UPGRADE_NO_RETURN] = { "--no-return", OPT_FLAG, NULL,
		"go without a file of the module that is loaded", 0 },
	[UPGRADE_FOLDER] = { "--folder", OPT_TEXT, "DIR",
		"where to save what is configured and recorded", 4000 },
	[UPGRADE_TIMEOUT] = { "--timeout", OPT_SECONDS, "SECONDS",
		"that requests in flight have to come to an end (10)", 600000 },
	{ .name = NULL }
};

/* Nobody else who replaces it, or restores what there was, is at it from here on. */
static int start(struct upgrade *u, const struct args *a)
{
	const struct opt_value *o = a->opt;
	int ret = kernel_connect(u->t, NULL);

	if (!ret)
		ret = ask_target(u, check_target);
	if (!ret)
		ret = find_old(u, o[UPGRADE_OLD].text,
			       o[UPGRADE_NO_RETURN].given);
	return ret ? ret : run_locked(u);
}

static int upgrade_with(struct upgrade *u, const struct args *a)
{
	int ret = check_new(u);

	if (!ret)
		ret = lock_hold(u->t);
	if (ret)
		return ret;
	ret = start(u, a);
	lock_let_go();
	return ret;
}

static int upgrade(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	struct upgrade u = {
		.t = t,
		.module = a->n ? a->pos[0] : MODULE_NAME,
		.folder = o[UPGRADE_FOLDER].given ? o[UPGRADE_FOLDER].text :
						    DEFAULT_DIR,
		.timeout = o[UPGRADE_TIMEOUT].given ?
			   o[UPGRADE_TIMEOUT].number : DEFAULT_TIMEOUT,
		.conns = { .t = t },
	};
	int ret;

	if (a->n && !strchr(u.module, '/') && strcmp(u.module, MODULE_NAME))
		return fail_usage(t, "a file of a module has a '/' in its name");
	u.config = mem_printf("%s/nbdtarget.json", u.folder);
	u.bitmaps = mem_printf("%s/bitmaps", u.folder);
	ret = upgrade_with(&u, a);
	handover_free(&u.conns);
	free(u.config);
	free(u.bitmaps);
	return ret;
}

const struct verb verb_upgrade = {
	.name = "upgrade",
	.args = "[MODULE]",
	.summary = "Replaces the module that is loaded; connections stay.",
	.details = "MODULE is a file, or nbdtarget for the one that is installed, which it is if\n"
		   "not given. Clients notice a pause. Nobody can connect meanwhile.",
	.opts = upgrade_opts,
	.max_args = 1,
	.no_batch = true,
	.run = upgrade,
};
