// SPDX-License-Identifier: GPL-2.0
/* Exports: add-export, set-export, remove-export, and how they are shown. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "access.h"
#include "export.h"
#include "nbdtarget.h"
#include "options.h"
#include "table.h"

#define FIELD(type_, kind_, key_, member_, ...) {		\
	.type = NBDTARGET_A_EXPORT_##type_, .kind = ATTR_##kind_, \
	.key = key_, .offset = offsetof(struct export, member_), \
	##__VA_ARGS__ }

static const char *const scan_state_names[] = {
	[NBDTARGET_SCAN_STATE_NONE] = "none",
	[NBDTARGET_SCAN_STATE_RUNNING] = "running",
	[NBDTARGET_SCAN_STATE_COMPLETE] = "complete",
	[NBDTARGET_SCAN_STATE_STOPPED] = "stopped",
};

static const struct attr_names scan_states = {
	scan_state_names,
	ARRAY_SIZE(scan_state_names)
};

static const struct attr_field fields[] = {
	FIELD(ID, NUMBER, "id", id),
	FIELD(NAME, TEXT, "name", name),
	FIELD(DEVICE, TEXT, "device", device),
	FIELD(DEVICE_ID, NUMBER, "device-id", device_id),
	FIELD(DESCRIPTION, TEXT, "description", description),
	FIELD(READ_ONLY, BOOL, "read-only", read_only),
	FIELD(DEFAULT, BOOL, "default", is_default),
	FIELD(MAX_CONNECTIONS, NUMBER, "max-connections", max_connections),
	FIELD(CONNECTIONS, NUMBER, "connections", connections),
	FIELD(SIZE, NUMBER, "size", size),
	FIELD(LOGICAL_BLOCK, NUMBER, "logical-block", logical_block),
	FIELD(MIN_BLOCK, NUMBER, "min-block", min_block),
	FIELD(PREFERRED_BLOCK, NUMBER, "preferred-block", preferred_block),
	FIELD(MAX_PAYLOAD, NUMBER, "max-payload", max_payload),
	FIELD(TRANSMISSION_FLAGS, NUMBER, "transmission-flags", flags),
	FIELD(ALLOCATION_DEPTH, BOOL, "allocation-depth", allocation_depth),
	FIELD(MAP_GRANULARITY, NUMBER, "map-granularity", map_granularity),
	FIELD(MAP_MEMORY, NUMBER, "map-memory", map_memory),
	FIELD(ZERO_BYTES, NUMBER, "zero-bytes", zero_bytes),
	FIELD(HOLE_BYTES, NUMBER, "hole-bytes", hole_bytes),
	FIELD(SCAN_STATE, ENUM, "scan-state", scan_state,
	      .more = &scan_states),
	FIELD(SCAN_DONE, NUMBER, "scan-done", scan_done),
	FIELD(TLS_REQUIRED, BOOL, "tls-required", tls_required),
	FIELD(STATS, NEST, "stats", stats, .more = &stats_attrs),
};

const struct attr_set export_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct export)
};

/* Asks for one export; 0 or a negative errno, see nl_last_error(). */
int export_get(struct tool *t, const char *name, struct attr_list *list)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_GET);
	int ret;

	memset(list, 0, sizeof(*list));
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, name);
	ret = nl_do(t->nl, nlh, &list->reply);
	attr_list_take(&export_attrs, list);
	return ret;
}

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
	ADD_ALLOCATION_DEPTH, ADD_ZEROED, ADD_MAP_GRANULARITY, ADD_BITMAP_FROM,
	ADD_TLS, ADD_ACCESS, ADD_IF_MISSING,
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
		"succeed when it is there with the same device", 0 },
	{ .name = NULL }
};

/* EEXIST with --if-missing: is what is there what was asked for? */
static int compare_existing(struct tool *t, const struct args *a,
			    const char *device)
{
	struct nl_error refusal = *nl_last_error(t->nl);
	const struct export *e;
	struct attr_list list;
	char *other;
	int ret;

	ret = export_get(t, a->pos[0], &list);
	if (ret || !list.n) {
		/* Not there, so something else was in the way. */
		ret = ret && ret != -ENOENT ? fail_kernel(t, a->pos[0], NULL) :
		      fail(t, a->pos[0], "%s", refusal.text);
		attr_list_free(&list);
		return ret;
	}
	e = attr_list_item(&list, 0);
	if (!text_is(e->device, device)) {
		other = text_copy(e->device);
		ret = fail(t, a->pos[0],
			   "the export exists with another device, '%s'",
			   other);
		free(other);
	} else if (e->read_only != a->opt[ADD_READ_ONLY].given) {
		ret = fail(t, a->pos[0], "the export exists and is %s",
			   e->read_only ? "read-only" : "writable");
	}
	attr_list_free(&list);
	return ret;
}

static char *add_remedy(const char *device, int err)
{
	switch (err) {
	case EEXIST:
		return mem_copy("see --if-missing and set-export");
	case ENOENT:
		return mem_copy("'lsblk -p' lists the block devices");
	case EBUSY:
		return mem_printf("'lsblk %s' and 'fuser -v %s' show its users",
				  device, device);
	case ENOTBLK:
		return mem_copy("see losetup(8) to export a file");
	case EROFS:
	case EACCES:
		return mem_copy("--read-only exports it all the same");
	}
	return NULL;
}

static int add_failed(struct tool *t, const struct args *a,
		      const char *device, int err)
{
	char *remedy;
	int ret;

	if (err == EEXIST && a->opt[ADD_IF_MISSING].given)
		return compare_existing(t, a, device);
	remedy = add_remedy(device, err);
	ret = fail_kernel(t, a->pos[0], remedy);
	free(remedy);
	return ret;
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

static int send_add(struct tool *t, const struct args *a, const char *device,
		    bool tls_required, uint32_t access)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_ADD);

	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, a->pos[0]);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_DEVICE, device);
	put_settings(nlh, &a->opt[ADD_DESCRIPTION],
		     &a->opt[ADD_MAX_CONNECTIONS]);
	if (a->opt[ADD_READ_ONLY].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_READ_ONLY, 1);
	if (a->opt[ADD_DEFAULT].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_DEFAULT, 1);
	if (a->opt[ADD_ALLOCATION_DEPTH].given)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_ALLOCATION_DEPTH, 1);
	if (a->opt[ADD_ZEROED].given)
		mnl_attr_put(nlh, NBDTARGET_A_EXPORT_ZEROED, 0, NULL);
	if (a->opt[ADD_MAP_GRANULARITY].given)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_MAP_GRANULARITY,
				 a->opt[ADD_MAP_GRANULARITY].number);
	if (a->opt[ADD_BITMAP_FROM].given)
		put_bitmap(nlh, a->opt[ADD_BITMAP_FROM].text);
	if (tls_required)
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_TLS_REQUIRED, 1);
	if (access != NBDTARGET_ACCESS_ALLOW)
		mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_ACCESS, access);
	return nl_do(t->nl, nlh, NULL);
}

static int add_export(struct tool *t, const struct args *a)
{
	bool tls_required;
	uint32_t access;
	char *device;
	int ret = check_name(t, a->pos[0]);

	if (!ret)
		ret = check_bitmap(t, a);
	if (!ret)
		ret = take_tls(t, &a->opt[ADD_TLS], &tls_required);
	if (!ret)
		ret = access_take_action(t, "--access",
					 a->opt[ADD_ACCESS].text, &access);
	if (ret)
		return ret;
	if (!*a->pos[1])
		return fail_usage(t, "DEVICE is empty");
	device = absolute_path(a->pos[1]);
	if (!device)
		return fail(t, a->pos[0], "the working directory: %s",
			    strerror(errno));
	if (strlen(device) > NBDTARGET_MAX_DEVICE)
		ret = fail_usage(t, "the path is longer than %d bytes",
				 NBDTARGET_MAX_DEVICE);
	if (!ret)
		ret = tool_connect(t, a->pos[0]);
	if (!ret) {
		ret = send_add(t, a, device, tls_required, access);
		if (ret)
			ret = add_failed(t, a, device, -ret);
		else
			warn_kernel(t, a->pos[0]);
	}
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
	SET_TLS, SET_IF_EXISTS,
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
	[SET_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such export", 0 },
	{ .name = NULL }
};

static const char no_export[] = "'nbdtargetctl show exports' lists them";

static int set_export(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	struct nlmsghdr *nlh;
	bool tls_required;
	int ret = check_name(t, a->pos[0]);

	if (!ret)
		ret = take_tls(t, &o[SET_TLS], &tls_required);
	if (ret)
		return ret;
	if (o[SET_DEFAULT].given && o[SET_NO_DEFAULT].given)
		return fail_usage(t, "--default or --no-default, not both");
	if (!o[SET_DESCRIPTION].given && !o[SET_MAX_CONNECTIONS].given &&
	    !o[SET_DEFAULT].given && !o[SET_NO_DEFAULT].given &&
	    !o[SET_TLS].given)
		return fail_usage(t, "nothing to change is given");
	ret = tool_connect(t, a->pos[0]);
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
	ret = nl_do(t->nl, nlh, NULL);
	if (ret == -ENOENT && o[SET_IF_EXISTS].given)
		return TOOL_OK;
	if (ret)
		return fail_kernel(t, a->pos[0], ret == -ENOENT ? no_export :
				   NULL);
	warn_kernel(t, a->pos[0]);
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

enum { REMOVE_FORCE, REMOVE_IF_EXISTS };

static const struct opt remove_opts[] = {
	[REMOVE_FORCE] = { "--force", OPT_FLAG, NULL,
		"disconnect its clients and wait for their I/O", 0 },
	[REMOVE_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such export", 0 },
	{ .name = NULL }
};

static const char *remove_remedy(int err)
{
	if (err == EBUSY)
		return "--force disconnects them";
	return err == ENOENT ? no_export : NULL;
}

static int remove_export(struct tool *t, const struct args *a)
{
	struct nlmsghdr *nlh;
	int ret = check_name(t, a->pos[0]);

	if (!ret)
		ret = tool_connect(t, a->pos[0]);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_DEL);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, a->pos[0]);
	if (a->opt[REMOVE_FORCE].given)
		mnl_attr_put(nlh, NBDTARGET_A_EXPORT_FORCE, 0, NULL);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret == -ENOENT && a->opt[REMOVE_IF_EXISTS].given)
		return TOOL_OK;
	if (ret)
		return fail_kernel(t, a->pos[0], remove_remedy(-ret));
	warn_kernel(t, a->pos[0]);
	return TOOL_OK;
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

enum { SCAN_RATE, SCAN_STOP };

static const struct opt scan_opts[] = {
	[SCAN_RATE] = { "--rate", OPT_SIZE, "SIZE",
		"most bytes read in a second (64M)", INT64_MAX },
	[SCAN_STOP] = { "--stop", OPT_FLAG, NULL,
		"end the scan that is running", 0 },
	{ .name = NULL }
};

static int scan_export(struct tool *t, const struct args *a)
{
	const struct opt_value *o = a->opt;
	struct nlmsghdr *nlh;
	int ret = check_name(t, a->pos[0]);

	if (ret)
		return ret;
	if (o[SCAN_RATE].given && o[SCAN_STOP].given)
		return fail_usage(t, "--rate or --stop, not both");
	if (o[SCAN_RATE].given && !o[SCAN_RATE].number)
		return fail_usage(t, "a rate of nothing would never end");
	ret = tool_connect(t, a->pos[0]);
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
		return fail_kernel(t, a->pos[0], ret == -EBUSY ?
				   "'show export' tells how far it is" : NULL);
	return TOOL_OK;
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

/* NBD_FLAG_*, by bit. */
static const char *const flag_names[16] = {
	"has-flags", "read-only", "flush", "fua", "rotational", "trim",
	"write-zeroes", "df", "multi-conn", "resize", "cache", "fast-zero",
	"block-status-payload",
};

static void print_flags(uint64_t flags)
{
	unsigned int bit;

	printf("  flags        ");
	for (bit = 0; bit < 16; bit++)
		if (flags >> bit & 1)
			printf(" %s", flag_names[bit] ? flag_names[bit] : "?");
	putchar('\n');
}

static void print_text_line(const char *title, struct text text)
{
	printf("  %-13s ", title);
	text_print(stdout, text, TEXT_EXACT);
	putchar('\n');
}

static void print_limits(const struct export *e)
{
	char buf[FIGURE_MAX];

	printf("  clients       %" PRIu64, e->connections);
	if (e->max_connections)
		printf(" of %" PRIu64, e->max_connections);
	printf("\n  block sizes   logical %" PRIu64 ", minimum %" PRIu64
	       ", preferred %" PRIu64 ", payload up to %s\n",
	       e->logical_block, e->min_block, e->preferred_block,
	       size_format(buf, e->max_payload));
	print_flags(e->flags);
}

/* What is known of where it is zero. */
static void print_map(const struct export *e)
{
	char zero[FIGURE_MAX], hole[FIGURE_MAX], granule[FIGURE_MAX];

	if (e->scan_state)
		printf("  scan          %s, %" PRIu64 "%%\n",
		       scan_state_names[e->scan_state %
					ARRAY_SIZE(scan_state_names)],
		       e->size ? e->scan_done * 100 / e->size : 100);
	if (!attr_has(e, NBDTARGET_A_EXPORT_MAP_GRANULARITY))
		return;
	printf("  known         %s zero, %s discarded, by %s\n",
	       size_format(zero, e->zero_bytes),
	       size_format(hole, e->hole_bytes),
	       size_format(granule, e->map_granularity));
}

static void print_stats(const struct stats *s)
{
	char buf[FIGURE_MAX];

	printf("  requests      %" PRIu64 ", %" PRIu64 " failed, %" PRIu64
	       " unaligned\n", s->requests, s->errors, s->unaligned);
	printf("  read          %s in %" PRIu64 " requests\n",
	       size_format(buf, s->read_bytes), s->reads);
	printf("  written       %s in %" PRIu64 " requests\n",
	       size_format(buf, s->written_bytes), s->writes);
}

/* Everything about one export. */
void export_print(const struct export *e)
{
	char buf[FIGURE_MAX];

	printf("export ");
	text_print(stdout, e->name, TEXT_NAME);
	putchar('\n');
	print_text_line("device", e->device);
	if (attr_has(e, NBDTARGET_A_EXPORT_DEVICE_ID))
		printf("  device number %" PRIu64 ":%" PRIu64 "\n",
		       e->device_id >> 20, e->device_id & 0xfffff);
	if (e->description.len)
		print_text_line("description", e->description);
	printf("  size          %s (%" PRIu64 " bytes)\n",
	       size_format(buf, e->size), e->size);
	printf("  access        %s\n",
	       e->read_only ? "read-only" : "read-write");
	printf("  default       %s\n", e->is_default ? "yes" : "no");
	if (e->tls_required)
		printf("  TLS           required\n");
	print_limits(e);
	print_map(e);
	print_stats(&e->stats);
}

static void add_row(struct table *tb, const struct export *e)
{
	char buf[FIGURE_MAX];

	table_text(tb, e->name, TEXT_NAME);
	table_text(tb, e->device, TEXT_EXACT);
	table_cell(tb, "%s", size_format(buf, e->size));
	table_cell(tb, "%s%s%s", e->read_only ? "ro" : "rw",
		   e->is_default ? ",default" : "",
		   e->tls_required ? ",tls" : "");
	if (e->max_connections)
		table_cell(tb, "%" PRIu64 "/%" PRIu64, e->connections,
			   e->max_connections);
	else
		table_cell(tb, "%" PRIu64, e->connections);
	table_cell(tb, "%" PRIu64, e->stats.requests);
	table_cell(tb, "%s", size_format(buf, e->stats.read_bytes));
	table_cell(tb, "%s", size_format(buf, e->stats.written_bytes));
	table_text(tb, e->description, TEXT_EXACT);
}

void export_print_all(const struct attr_list *list, const char *indent)
{
	static const struct table_column columns[] = {
		{ "NAME", false }, { "DEVICE", false }, { "SIZE", true },
		{ "ACCESS", false }, { "CLIENTS", true },
		{ "REQUESTS", true }, { "READ", true }, { "WRITTEN", true },
		{ "DESCRIPTION", false },
	};
	struct table tb = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};
	size_t i;

	for (i = 0; i < list->n; i++)
		add_row(&tb, attr_list_item(list, i));
	table_print(&tb, indent);
}
