// SPDX-License-Identifier: GPL-2.0
/* add-export, set-export, remove-export, scan-export and forget-map. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/blockdev.h"
#include "base/fail.h"
#include "base/mem.h"
#include "nbdtarget.h"
#include "nl/kernel.h"
#include "object/access.h"
#include "object/awaited.h"
#include "object/export.h"
#include "object/rule.h"
#include "saved/device.h"
#include "saved/replica.h"
#include "verb/existing.h"
#include "verb/export_compare.h"
#include "verb/holder.h"
#include "verb/rescan.h"
#include "verb/verbs.h"

/* Of a list of listeners. */
#define LISTENERS_MAX (NBDTARGET_MAX_LISTENERS * ADDRESS_MAX)

static int check_name(struct tool *t, const char *name)
{
	if (strlen(name) <= NBDTARGET_MAX_STRING)
		return 0;
	return fail_usage(t, "the name is longer than %d bytes",
			  NBDTARGET_MAX_STRING);
}

/*
 * The path from the root, for the kernel has no working directory of ours.
 * Symbolic links stay as they are: /dev/mapper names outlive dm numbers.
 */
static char *absolute_path(const char *path)
{
	char *cwd, *full;

	if (*path == '/')
		return mem_copy(path);
	cwd = getcwd(NULL, 0);
	if (!cwd)
		return NULL;
	while (!strncmp(path, "./", 2))
		for (path += 2; *path == '/'; path++)
			;
	full = mem_printf("%s/%s", strcmp(cwd, "/") ? cwd : "", path);
	free(cwd);
	return full;
}

enum {
	ADD_READ_ONLY, ADD_DESCRIPTION, ADD_DEFAULT, ADD_MAX_CONNECTIONS,
	ADD_ALLOCATION_DEPTH, ADD_MAP, ADD_SHARED, ADD_ZEROED,
	ADD_MAP_GRANULARITY, ADD_BITMAP_FROM,
	ADD_TLS, ADD_ACCESS, ADD_IF_MISSING, ADD_OR_UPDATE, ADD_LISTENERS,
	ADD_ON_RETURN,
	ADD_METADATA, ADD_ON_ERROR, ADD_ACCEPT_STALE, ADD_GENERATION,
};

static const struct opt add_opts[] = {
	[ADD_READ_ONLY] = { "--read-only", OPT_FLAG, NULL,
		"clients may not write, the device is not held", 0 },
	[ADD_DESCRIPTION] = { "--description", OPT_TEXT, "TEXT",
		"text that clients can ask for", NBDTARGET_MAX_STRING },
	[ADD_DEFAULT] = { "--default", OPT_FLAG, NULL,
		"answer to the empty name, too", 0 },
	[ADD_MAX_CONNECTIONS] = { "--max-connections", OPT_NUMBER, "N",
		"most clients at once, 0 for no limit", UINT32_MAX },
	[ADD_ALLOCATION_DEPTH] = { "--allocation-depth", OPT_FLAG, NULL,
		"offer the context qemu:allocation-depth", 0 },
	[ADD_MAP] = { "--map", OPT_TEXT, "HOW",
		"auto or off: tell what is zero, if nobody else wrote", 8 },
	[ADD_SHARED] = { "--shared", OPT_FLAG, NULL,
		"others write where it can't be seen; map off", 0 },
	[ADD_ZEROED] = { "--zeroed", OPT_FLAG, NULL,
		"the device is known to be all zero", 0 },
	[ADD_MAP_GRANULARITY] = { "--map-granularity", OPT_SIZE, "SIZE",
		"of what is known to be zero", UINT32_MAX },
	[ADD_BITMAP_FROM] = { "--bitmap-from", OPT_TEXT, "EXPORT:BITMAP",
		"show that bitmap with this snapshot",
		NBDTARGET_MAX_STRING + 1 + NBDTARGET_MAX_BITMAP_NAME },
	[ADD_TLS] = { "--tls", OPT_TEXT, "HOW",
		"required or optional", 16 },
	[ADD_ACCESS] = { "--access", OPT_TEXT, "ACTION",
		"deny: nobody may use it until set-access says who", 8 },
	[ADD_IF_MISSING] = { "--if-missing", OPT_FLAG, NULL,
		"succeed when it is there, just like that", 0 },
	[ADD_OR_UPDATE] = { "--or-update", OPT_FLAG, NULL,
		"change the one that is there, if that can be", 0 },
	[ADD_LISTENERS] = { "--listeners", OPT_TEXT, "LIST",
		"by which clients may come, or all", LISTENERS_MAX },
	[ADD_ON_RETURN] = { "--on-return", OPT_TEXT, "HOW",
		"reopen or stay: when its device was gone and comes back", 16 },
	[ADD_METADATA] = { "--metadata", OPT_TEXT, "DEV",
		"has the bitmaps, so that they survive a crash",
		NBDTARGET_MAX_DEVICE },
	[ADD_ON_ERROR] = { "--on-metadata-error", OPT_TEXT, "WHAT",
		"stop or continue: what becomes of writes then", 16 },
	[ADD_ACCEPT_STALE] = { "--accept-stale", OPT_FLAG, NULL,
		"of the metadata: then all is dirty", 0 },
	[ADD_GENERATION] = { "--least-generation", OPT_NUMBER, "N",
		"refuse metadata that is older", INT64_MAX },
	{ .name = NULL }
};

/* What the last request said stays said. */
static char *busy_remedy(struct tool *t, const char *device)
{
	struct nl_error refusal = *nl_last_error(t->nl);
	char *holders = holder_find(t, device), *text;

	nl_set_last_error(t->nl, &refusal);
	if (!holders)
		return mem_printf("'lsblk %s' and 'fuser -v %s' show its users",
				  device, device);
	text = mem_printf("it is %s", holders);
	free(holders);
	return text;
}

static const char without_identity[] =
	"--on-return stay, and set-export --reopen, go without";

static char *add_remedy(struct tool *t, const char *device, int err)
{
	switch (err) {
	case EEXIST:
		return mem_copy("see --if-missing, --or-update and set-export");
	case ENOENT:
		return mem_copy("'lsblk -p' lists the block devices");
	case EBUSY:
		return busy_remedy(t, device);
	case ENOTBLK:
		return mem_copy("see losetup(8) to export a file");
	case EROFS:
	case EACCES:
		return mem_copy("--read-only exports it all the same");
	case EOPNOTSUPP:
		return mem_copy(without_identity);
	case EUCLEAN:
		return mem_copy("see format-metadata and check-metadata");
	case ESTALE:
		return mem_copy("--accept-stale takes it, and all of its bitmaps are dirty then");
	}
	return NULL;
}

static void put_settings(struct nlmsghdr *nlh,
			 const struct opt_value *description,
			 const struct opt_value *max_connections)
{
	if (description->given)
		mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_DESCRIPTION,
				  description->text);
	if (max_connections->given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_MAX_CONNECTIONS,
				 max_connections->number);
}

/* EXPORT:BITMAP; an export's name may hold colons, so the last one counts. */
static void put_bitmap(struct nlmsghdr *nlh, const char *from)
{
	const char *colon = strrchr(from, ':');
	char *export = strndup(from, colon - from);

	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_BITMAP_EXPORT,
			  export ? export : "");
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_BITMAP_NAME, colon + 1);
	free(export);
}

static int check_bitmap(struct tool *t, const struct args *a)
{
	const struct opt_value *from = &a->opt[ADD_BITMAP_FROM];
	const char *colon = from->given ? strrchr(from->text, ':') : NULL;

	if (!from->given)
		return 0;
	if (!colon || !colon[1])
		return fail_usage(t, "--bitmap-from takes EXPORT:BITMAP");
	if (colon - from->text > NBDTARGET_MAX_STRING ||
	    strlen(colon + 1) > NBDTARGET_MAX_BITMAP_NAME)
		return fail_usage(t, "a name in --bitmap-from is too long");
	if (!a->opt[ADD_READ_ONLY].given)
		return fail_usage(t, "--bitmap-from goes with --read-only");
	return 0;
}

/* "required" or "optional"; 0 when it is one of these or not given. */
static int take_tls(struct tool *t, const struct opt_value *tls,
		    bool *required)
{
	*required = false;
	if (!tls->given || !strcmp(tls->text, "optional"))
		return 0;
	*required = true;
	if (!strcmp(tls->text, "required"))
		return 0;
	return fail_usage(t, "--tls: '%s' is neither required nor optional",
			  tls->text);
}

/* "reopen" or "stay"; 0 when it is one of these or not given. */
static int take_on_return(struct tool *t, const struct opt_value *how,
			  uint32_t *on_return)
{
	*on_return = NBDTARGET_ON_RETURN_STAY;
	if (!how->given || !strcmp(how->text, "stay"))
		return 0;
	*on_return = NBDTARGET_ON_RETURN_REOPEN;
	if (!strcmp(how->text, "reopen"))
		return 0;
	return fail_usage(t, "--on-return: '%s' is neither reopen nor stay",
			  how->text);
}

/* What there is of a map, and what then makes no sense. */
static int take_map(struct tool *t, const struct args *a, bool *off)
{
	const struct opt_value *map = &a->opt[ADD_MAP];
	bool shared = a->opt[ADD_SHARED].given;

	*off = shared || (map->given && !strcmp(map->text, "off"));
	if (map->given && strcmp(map->text, "off") && strcmp(map->text, "auto"))
		return fail_usage(t, "--map: '%s' is neither auto nor off",
				  map->text);
	if (shared && map->given && strcmp(map->text, "off"))
		return fail_usage(t, "--shared goes with --map off only");
	if (!*off || (!a->opt[ADD_ZEROED].given &&
		      !a->opt[ADD_MAP_GRANULARITY].given))
		return 0;
	return fail_usage(t, "--zeroed and --map-granularity are about a map, and %s means none",
			  shared ? "--shared" : "--map off");
}

static void put_map(struct nlmsghdr *nlh, const struct args *a)
{
	const struct opt_value *map = &a->opt[ADD_MAP];

	if (map->given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_MAP,
				 strcmp(map->text, "off") ? NBDTARGET_MAP_AUTO :
				 NBDTARGET_MAP_OFF);
	if (a->opt[ADD_SHARED].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_SHARED, 1);
	if (a->opt[ADD_ZEROED].given)
		mnl_attr_put(nlh, NBDTARGET_A_EXPORT_ZEROED, 0, NULL);
	if (a->opt[ADD_MAP_GRANULARITY].given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_MAP_GRANULARITY,
				 a->opt[ADD_MAP_GRANULARITY].number);
}

static int take_listeners(struct tool *t, const struct opt_value *value,
			  struct endpoints *all)
{
	const char *wrong;

	all->n = 0;
	if (!value->given)
		return 0;
	wrong = export_parse_listeners(value->text, all);
	return wrong ? fail_usage(t, "--listeners: '%s': %s", value->text,
				  wrong) : 0;
}

/* Those that are given, or all. */
static void put_listeners(struct nlmsghdr *nlh, const struct endpoints *all)
{
	export_put_listeners(nlh, all);
	if (!all->n)
		mnl_attr_put(nlh, NBDTARGET_A_EXPORT_ALL_LISTENERS, 0, NULL);
}

/* As format-metadata knew it; EXACT: and no other, which may be at its path by then. */
static void put_identity(struct nlmsghdr *nlh, const struct export_wanted *w,
			 bool exact)
{
	dev_t dev = blockdev_number(w->device);
	char *s;

	/* The module says what is wrong with it. */
	if (!dev)
		return;
	s = device_identity(dev, w->device, blockdev_number(w->metadata));
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_METADATA_IDENTITY, s);
	if (exact)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_DEVICE_ID,
				 export_device_id(dev));
	free(s);
}

/* Another may have got its path since, or another host have less of one than of both. */
static void warn_of_identity(struct tool *t, const char *name,
			     const struct export_wanted *w)
{
	dev_t dev = w->metadata ? blockdev_number(w->device) : 0;
	dev_t metadata = dev ? blockdev_number(w->metadata) : 0;
	const char *doubt;
	char *s;

	if (!metadata)
		return;
	doubt = replica_doubt(dev, metadata);
	if (doubt)
		fail(t, name, "warning: %s", doubt);
	s = device_identity(dev, w->device, metadata);
	if (!device_is_known(s))
		fail(t, name,
		     "warning: the device has no identity but its path: see that it is what the metadata is for");
	free(s);
}

/*
 * Without it nothing stays known to be zero: as it can't where another host may have
 * written, which the disk's counters here don't have.
 */
static void put_boot(struct nlmsghdr *nlh, const char *device)
{
	char *s = replica_is(blockdev_number(device)) ? NULL : device_boot();

	if (s && strlen(s) <= NBDTARGET_MAX_BOOT)
		mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_METADATA_BOOT, s);
	free(s);
}

static void put_metadata(struct nlmsghdr *nlh, const struct args *a,
			 const struct export_wanted *w, bool exact)
{
	const struct opt_value *o = a->opt;

	if (!w->metadata)
		return;
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_METADATA, w->metadata);
	put_identity(nlh, w, exact);
	put_boot(nlh, w->device);
	if (o[ADD_ON_ERROR].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_METADATA_CONTINUE,
				!strcmp(o[ADD_ON_ERROR].text, "continue"));
	if (o[ADD_ACCEPT_STALE].given)
		mnl_attr_put(nlh, NBDTARGET_A_EXPORT_METADATA_ACCEPT_STALE, 0,
			     NULL);
	if (o[ADD_GENERATION].given)
		mnl_attr_put_u64(nlh, NBDTARGET_A_EXPORT_METADATA_GENERATION,
				 o[ADD_GENERATION].number);
}

static int without_metadata(struct tool *t, const struct opt_value *o)
{
	if (o[ADD_ON_ERROR].given)
		return fail_usage(t, "--on-metadata-error goes with --metadata");
	if (o[ADD_ACCEPT_STALE].given)
		return fail_usage(t, "--accept-stale goes with --metadata");
	if (o[ADD_GENERATION].given)
		return fail_usage(t, "--least-generation goes with --metadata");
	return 0;
}

static int check_metadata(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;

	if (!o[ADD_METADATA].given)
		return without_metadata(t, o);
	if (o[ADD_READ_ONLY].given)
		return fail_usage(t, "--metadata doesn't go with --read-only");
	if (!*o[ADD_METADATA].text)
		return fail_usage(t, "--metadata: the path is empty");
	if (o[ADD_ON_ERROR].given && strcmp(o[ADD_ON_ERROR].text, "stop") &&
	    strcmp(o[ADD_ON_ERROR].text, "continue"))
		return fail_usage(t,
				  "--on-metadata-error: '%s' is neither stop nor continue",
				  o[ADD_ON_ERROR].text);
	return 0;
}

static int send_add(struct tool *t, const struct args *a,
		    const struct export_wanted *w, uint32_t access, bool exact)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_ADD);

	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, a->pos[0]);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_DEVICE, w->device);
	put_settings(nlh, &a->opt[ADD_DESCRIPTION],
		     &a->opt[ADD_MAX_CONNECTIONS]);
	if (a->opt[ADD_READ_ONLY].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_READ_ONLY, 1);
	if (a->opt[ADD_DEFAULT].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_DEFAULT, 1);
	if (a->opt[ADD_ALLOCATION_DEPTH].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_ALLOCATION_DEPTH, 1);
	put_map(nlh, a);
	if (a->opt[ADD_BITMAP_FROM].given)
		put_bitmap(nlh, a->opt[ADD_BITMAP_FROM].text);
	if (w->tls_required)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_TLS_REQUIRED, 1);
	if (w->on_return_given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_ON_RETURN,
				 w->on_return);
	export_put_listeners(nlh, &w->listeners);
	put_metadata(nlh, a, w, exact);
	if (access != NBDTARGET_ACCESS_ALLOW)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_ACCESS, access);
	return nl_do(t->nl, nlh, NULL);
}

/* A module of before there was that lacks no more than the guard. */
static int send_add_to_any(struct tool *t, const struct args *a,
			   const struct export_wanted *w, uint32_t access)
{
	int ret = send_add(t, a, w, access, true);

	if (ret == -EINVAL &&
	    nl_last_error(t->nl)->attr == NBDTARGET_A_EXPORT_DEVICE_ID)
		ret = send_add(t, a, w, access, false);
	return ret;
}

/* The rules of an export that has none: nobody. */
static int send_deny(struct tool *t, const char *name)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_ACCESS_SET);

	mnl_attr_put_strz(nlh, NBDTARGET_A_ACCESS_EXPORT_NAME, name);
	mnl_attr_put_u32(nlh, NBDTARGET_A_ACCESS_DEFAULT,
			 NBDTARGET_ACCESS_DENY);
	return nl_do(t->nl, nlh, NULL);
}

static int send_update(struct tool *t, const char *name,
		       const struct export_wanted *w)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_SET);

	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, name);
	put_settings(nlh, w->description, w->max_connections);
	if (w->is_default)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_DEFAULT, 1);
	if (w->tls_given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_TLS_REQUIRED,
				w->tls_required);
	if (w->on_return_given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_ON_RETURN,
				 w->on_return);
	if (w->listeners_given)
		put_listeners(nlh, &w->listeners);
	return nl_do(t->nl, nlh, NULL);
}

/* Rules that there are say who may. */
static int deny_unless_ruled(struct tool *t, const char *name)
{
	int ret = access_of_export(t, name);

	return ret ? (ret < 0 ? ret : 0) : send_deny(t, name);
}

/* Fewer people first. */
static int update(struct tool *t, const char *name,
		  const struct export_wanted *w)
{
	int ret = 0;

	if (w->deny)
		ret = deny_unless_ruled(t, name);
	if (!ret)
		ret = send_update(t, name, w);
	return ret ? kernel_fail(t, name, NULL) : TOOL_OK;
}

/* EEXIST: is what is there what was asked for? */
static int add_existing(struct tool *t, const struct args *a,
			const struct export_wanted *w)
{
	struct nl_error refusal = *nl_last_error(t->nl);
	struct existing x = { 0 };
	struct attr_list list;
	int ret;

	ret = export_get(t, a->pos[0], &list);
	if (ret || !list.n)
		/* Not there, so something else was in the way. */
		ret = ret && ret != -ENOENT ? kernel_fail(t, a->pos[0], NULL) :
		      fail(t, a->pos[0], "%s", refusal.text);
	else
		ret = export_compare(t, attr_list_item(&list, 0), w, &x);
	if (!ret && x.list)
		ret = a->opt[ADD_OR_UPDATE].given && !x.fixed ?
		      update(t, a->pos[0], w) :
		      existing_fail(t, a->pos[0], "export", &x);
	existing_free(&x);
	attr_list_free(&list);
	return ret;
}

static int add_failed(struct tool *t, const struct args *a,
		      const struct export_wanted *w, int err)
{
	char *remedy;
	int ret;

	if (err == EEXIST && (a->opt[ADD_IF_MISSING].given ||
			      a->opt[ADD_OR_UPDATE].given))
		return add_existing(t, a, w);
	remedy = add_remedy(t, w->device, err);
	ret = kernel_fail(t, a->pos[0], remedy);
	free(remedy);
	return ret;
}

static int add_export(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	struct export_wanted w = {
		.read_only = o[ADD_READ_ONLY].given,
		.is_default = o[ADD_DEFAULT].given,
		.allocation_depth = o[ADD_ALLOCATION_DEPTH].given,
		.zeroed = o[ADD_ZEROED].given,
		.shared = o[ADD_SHARED].given,
		.map_given = o[ADD_MAP].given || o[ADD_SHARED].given,
		.tls_given = o[ADD_TLS].given,
		.on_return_given = o[ADD_ON_RETURN].given,
		.description = &o[ADD_DESCRIPTION],
		.max_connections = &o[ADD_MAX_CONNECTIONS],
		.map_granularity = &o[ADD_MAP_GRANULARITY],
		.bitmap_from = &o[ADD_BITMAP_FROM],
		.least_generation = &o[ADD_GENERATION],
		.listeners_given = o[ADD_LISTENERS].given,
	};
	uint32_t access;
	char *device, *metadata = NULL;
	int ret = check_name(t, a->pos[0]);

	if (!ret)
		ret = check_bitmap(t, a);
	if (!ret)
		ret = check_metadata(t, a);
	if (!ret)
		ret = take_tls(t, &o[ADD_TLS], &w.tls_required);
	if (!ret)
		ret = take_map(t, a, &w.map_off);
	if (!ret)
		ret = take_on_return(t, &o[ADD_ON_RETURN], &w.on_return);
	if (!ret)
		ret = take_listeners(t, &o[ADD_LISTENERS], &w.listeners);
	if (!ret)
		ret = rule_take_action(t, "--access", o[ADD_ACCESS].text,
				       &access);
	if (ret)
		return ret;
	if (!*a->pos[1])
		return fail_usage(t, "DEVICE is empty");
	device = absolute_path(a->pos[1]);
	if (!device)
		return fail(t, a->pos[0], "the working directory: %s",
			    strerror(errno));
	if (o[ADD_METADATA].given)
		metadata = absolute_path(o[ADD_METADATA].text);
	if (strlen(device) > NBDTARGET_MAX_DEVICE ||
	    (metadata && strlen(metadata) > NBDTARGET_MAX_DEVICE))
		ret = fail_usage(t, "the path is longer than %d bytes",
				 NBDTARGET_MAX_DEVICE);
	if (!ret)
		ret = kernel_connect(t, a->pos[0]);
	if (!ret) {
		w.device = device;
		w.metadata = metadata;
		w.on_error = o[ADD_ON_ERROR].given ? o[ADD_ON_ERROR].text :
			     NULL;
		w.deny = access == NBDTARGET_ACCESS_DENY;
		w.allow = o[ADD_ACCESS].given && !w.deny;
		ret = send_add_to_any(t, a, &w, access);
		if (ret) {
			ret = add_failed(t, a, &w, -ret);
		} else {
			kernel_warn(t, a->pos[0]);
			warn_of_identity(t, a->pos[0], &w);
		}
	}
	free(metadata);
	free(device);
	return ret;
}

const struct verb verb_add_export = {
	.name = "add-export",
	.args = "NAME DEVICE",
	.summary = "Exports the block device DEVICE under NAME.",
	.details = "The empty name '' is what clients get that ask for none.",
	.opts = add_opts,
	.min_args = 2,
	.max_args = 2,
	.run = add_export,
};

enum {
	SET_DESCRIPTION, SET_DEFAULT, SET_NO_DEFAULT, SET_MAX_CONNECTIONS,
	SET_TLS, SET_LISTENERS, SET_REOPEN, SET_RESIZE, SET_IF_EXISTS,
	SET_ON_RETURN,
};

static const struct opt set_opts[] = {
	[SET_DESCRIPTION] = { "--description", OPT_TEXT, "TEXT",
		"text that clients can ask for", NBDTARGET_MAX_STRING },
	[SET_DEFAULT] = { "--default", OPT_FLAG, NULL,
		"answer to the empty name, in place of any other", 0 },
	[SET_NO_DEFAULT] = { "--no-default", OPT_FLAG, NULL,
		"answer to its own name only", 0 },
	[SET_MAX_CONNECTIONS] = { "--max-connections", OPT_NUMBER, "N",
		"most clients at once, 0 for no limit", UINT32_MAX },
	[SET_TLS] = { "--tls", OPT_TEXT, "HOW",
		"required or optional", 16 },
	[SET_LISTENERS] = { "--listeners", OPT_TEXT, "LIST",
		"by which clients may come, or all", LISTENERS_MAX },
	[SET_REOPEN] = { "--reopen", OPT_FLAG, NULL,
		"open the device anew that was gone", 0 },
	[SET_RESIZE] = { "--resize", OPT_FLAG, NULL,
		"see what size the device has now", 0 },
	[SET_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such export", 0 },
	[SET_ON_RETURN] = { "--on-return", OPT_TEXT, "HOW",
		"reopen or stay: when its device was gone and comes back", 16 },
	{ .name = NULL }
};

static const char no_export[] = "'nbdtargetctl show exports' lists them";

/* ENOENT: it may be the device that isn't there. What the refusal said stays said. */
static bool lacks_export(struct tool *t, const char *name)
{
	struct nl_error refusal = *nl_last_error(t->nl);
	struct attr_list list = { 0 };
	int ret = export_get(t, name, &list);
	bool lacks = ret == -ENOENT || (!ret && !list.n);

	attr_list_free(&list);
	nl_set_last_error(t->nl, &refusal);
	return lacks;
}

static int set_failed(struct tool *t, const struct args *a, int err)
{
	bool lacks = err == -ENOENT && lacks_export(t, a->pos[0]);

	if (lacks && a->opt[SET_IF_EXISTS].given)
		return TOOL_OK;
	return kernel_fail(t, a->pos[0], lacks ? no_export :
			   err == -EOPNOTSUPP ? without_identity : NULL);
}

static int set_export(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	struct endpoints listeners;
	struct nlmsghdr *nlh;
	uint32_t on_return;
	bool tls_required;
	int ret = check_name(t, a->pos[0]);

	if (!ret)
		ret = take_tls(t, &o[SET_TLS], &tls_required);
	if (!ret)
		ret = take_on_return(t, &o[SET_ON_RETURN], &on_return);
	if (!ret)
		ret = take_listeners(t, &o[SET_LISTENERS], &listeners);
	if (ret)
		return ret;
	if (o[SET_DEFAULT].given && o[SET_NO_DEFAULT].given)
		return fail_usage(t, "--default or --no-default, not both");
	if (!o[SET_DESCRIPTION].given && !o[SET_MAX_CONNECTIONS].given &&
	    !o[SET_DEFAULT].given && !o[SET_NO_DEFAULT].given &&
	    !o[SET_TLS].given && !o[SET_REOPEN].given &&
	    !o[SET_RESIZE].given && !o[SET_LISTENERS].given &&
	    !o[SET_ON_RETURN].given)
		return fail_usage(t, "nothing to change is given");
	ret = kernel_connect(t, a->pos[0]);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_SET);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, a->pos[0]);
	put_settings(nlh, &o[SET_DESCRIPTION], &o[SET_MAX_CONNECTIONS]);
	if (o[SET_DEFAULT].given || o[SET_NO_DEFAULT].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_DEFAULT,
				o[SET_DEFAULT].given);
	if (o[SET_TLS].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_TLS_REQUIRED,
				tls_required);
	if (o[SET_LISTENERS].given)
		put_listeners(nlh, &listeners);
	if (o[SET_ON_RETURN].given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_ON_RETURN, on_return);
	/* The size is looked at whatever is changed. */
	if (o[SET_REOPEN].given)
		mnl_attr_put(nlh, NBDTARGET_A_EXPORT_REOPEN, 0, NULL);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret)
		return set_failed(t, a, ret);
	kernel_warn(t, a->pos[0]);
	return TOOL_OK;
}

const struct verb verb_set_export = {
	.name = "set-export",
	.args = "NAME",
	.summary = "Changes an export; what is not given stays as it is.",
	.opts = set_opts,
	.min_args = 1,
	.max_args = 1,
	.run = set_export,
};

enum {
	REMOVE_FORCE, REMOVE_IF_EXISTS, REMOVE_RESCAN, REMOVE_NO_WAIT,
	REMOVE_TIMEOUT,
};

static const struct opt remove_opts[] = {
	[REMOVE_FORCE] = { "--force", OPT_FLAG, NULL,
		"disconnect its clients and wait for their I/O", 0 },
	[REMOVE_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such export", 0 },
	[REMOVE_RESCAN] = { "--rescan", OPT_FLAG, NULL,
		"read the partitions of its device anew", 0 },
	[REMOVE_NO_WAIT] = AWAITED_NO_WAIT,
	[REMOVE_TIMEOUT] = AWAITED_TIMEOUT,
	{ .name = NULL }
};

static const char *remove_remedy(int err)
{
	if (err == EBUSY)
		return "--force disconnects them";
	return err == ENOENT ? no_export : NULL;
}

/* 0 or a negative errno, see nl_last_error(); ID is of what is removed. */
static int send_remove(struct tool *t, const struct args *a, uint64_t *id)
{
	struct nl_reply reply = { 0 };
	struct nlmsghdr *nlh;
	int ret;

	nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_DEL);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, a->pos[0]);
	if (a->opt[REMOVE_FORCE].given)
		mnl_attr_put(nlh, NBDTARGET_A_EXPORT_FORCE, 0, NULL);
	ret = nl_do(t->nl, nlh, &reply);
	*id = awaited_id(&reply, NBDTARGET_A_EXPORT_ID);
	nl_reply_free(&reply);
	return ret;
}

static const char not_rescanned[] =
	"it is gone, but the partitions of its device were not read anew";

/* The export is gone; it was the one on the list, unless another had removed it. */
static int rescan_removed(struct tool *t, const char *name,
			  const struct attr_list *list)
{
	const char *wrong = list->n ? rescan(attr_list_item(list, 0)) :
				      "it had been removed before";

	return wrong ? fail(t, name, "%s: %s", not_rescanned, wrong) : TOOL_OK;
}

static int remove_export(struct tool *t, const struct args *a)
{
	struct awaited it = { .thing = a->pos[0], .is_over = awaited_export };
	struct attr_list list = { 0 };
	int ret = check_name(t, a->pos[0]);

	if (a->opt[REMOVE_RESCAN].given && a->opt[REMOVE_NO_WAIT].given)
		return fail_usage(t, "--rescan comes after waiting");
	if (!ret)
		ret = kernel_connect(t, a->pos[0]);
	if (ret)
		return ret;
	if (a->opt[REMOVE_RESCAN].given)
		ret = export_get(t, a->pos[0], &list);
	if (!ret || ret == -ENOENT)
		ret = send_remove(t, a, &it.id);
	if (ret == -ENOENT && a->opt[REMOVE_IF_EXISTS].given) {
		ret = TOOL_OK;
	} else if (ret) {
		ret = kernel_fail(t, a->pos[0], remove_remedy(-ret));
	} else {
		ret = awaited_wait(t, &it, &a->opt[REMOVE_NO_WAIT],
				   &a->opt[REMOVE_TIMEOUT]);
		if (!ret && a->opt[REMOVE_RESCAN].given)
			ret = rescan_removed(t, a->pos[0], &list);
	}
	attr_list_free(&list);
	return ret;
}

const struct verb verb_remove_export = {
	.name = "remove-export",
	.args = "NAME",
	.summary = "Removes an export. Its device is closed on return.",
	.opts = remove_opts,
	.min_args = 1,
	.max_args = 1,
	.run = remove_export,
};

enum { SCAN_RATE, SCAN_STOP, SCAN_NO_WAIT, SCAN_TIMEOUT };

static const struct opt scan_opts[] = {
	[SCAN_RATE] = { "--rate", OPT_SIZE, "SIZE",
		"most bytes read in a second (64M)", INT64_MAX },
	[SCAN_STOP] = { "--stop", OPT_FLAG, NULL,
		"end the scan that is running", 0 },
	[SCAN_NO_WAIT] = AWAITED_NO_WAIT,
	[SCAN_TIMEOUT] = AWAITED_TIMEOUT,
	{ .name = NULL }
};

static int scan_export(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	const struct awaited it = {
		.thing = a->pos[0],
		.is_over = awaited_scan,
		.name = a->pos[0],
	};
	struct nlmsghdr *nlh;
	int ret = check_name(t, a->pos[0]);

	if (ret)
		return ret;
	if (o[SCAN_RATE].given && o[SCAN_STOP].given)
		return fail_usage(t, "--rate or --stop, not both");
	if (!o[SCAN_STOP].given &&
	    (o[SCAN_NO_WAIT].given || o[SCAN_TIMEOUT].given))
		return fail_usage(t, "only --stop waits");
	if (o[SCAN_RATE].given && !o[SCAN_RATE].number)
		return fail_usage(t, "a rate of nothing would never end");
	ret = kernel_connect(t, a->pos[0]);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_SCAN);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, a->pos[0]);
	if (o[SCAN_RATE].given)
		mnl_attr_put_u64(nlh, NBDTARGET_A_EXPORT_SCAN_RATE,
				 o[SCAN_RATE].number);
	if (o[SCAN_STOP].given)
		mnl_attr_put(nlh, NBDTARGET_A_EXPORT_SCAN_STOP, 0, NULL);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret)
		return kernel_fail(t, a->pos[0], ret == -EBUSY ?
				   "'show export' tells how far it is" : NULL);
	return o[SCAN_STOP].given ? awaited_wait(t, &it, &o[SCAN_NO_WAIT],
						&o[SCAN_TIMEOUT]) : TOOL_OK;
}

const struct verb verb_scan_export = {
	.name = "scan-export",
	.args = "NAME",
	.summary = "Reads an export's device to learn where it is zero.",
	.details = "Goes on in the background; 'show export NAME' tells how far.",
	.opts = scan_opts,
	.min_args = 1,
	.max_args = 1,
	.run = scan_export,
};

static int forget_map(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	int ret = check_name(t, a->pos[0]);

	if (!ret)
		ret = kernel_connect(t, a->pos[0]);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_MAP_FORGET);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, a->pos[0]);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret)
		return kernel_fail(t, a->pos[0], ret == -ENOENT ? no_export :
				   NULL);
	return TOOL_OK;
}

const struct verb verb_forget_map = {
	.name = "forget-map",
	.args = "NAME",
	.summary = "Forgets where an export's device is zero.",
	.details = "For when it was written to in a way that can't be seen.",
	.min_args = 1,
	.max_args = 1,
	.run = forget_map,
};
