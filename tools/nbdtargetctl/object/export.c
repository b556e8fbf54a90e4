// SPDX-License-Identifier: GPL-2.0
/* Exports, as the module reports them, and how they are shown. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "nbdtarget.h"
#include "object/export.h"
#include "show/figure.h"
#include "show/table.h"

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

static const char *const state_names[] = {
	[NBDTARGET_EXPORT_STATE_OK] = "ok",
	[NBDTARGET_EXPORT_STATE_GONE] = "gone",
	[NBDTARGET_EXPORT_STATE_READ_ONLY] = "read-only",
	[NBDTARGET_EXPORT_STATE_SUSPENDED] = "suspended",
};

static const struct attr_names export_states = {
	state_names, ARRAY_SIZE(state_names)
};

static const char *const map_names[] = {
	[NBDTARGET_MAP_AUTO] = "auto",
	[NBDTARGET_MAP_OFF] = "off",
};

static const char *const on_return_names[] = {
	[NBDTARGET_ON_RETURN_STAY] = "stay",
	[NBDTARGET_ON_RETURN_REOPEN] = "reopen",
};

static const struct attr_names on_returns = {
	on_return_names, ARRAY_SIZE(on_return_names)
};

static const struct attr_names maps = { map_names, ARRAY_SIZE(map_names) };

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
	FIELD(MAP, ENUM, "map", map, .more = &maps),
	FIELD(SHARED, BOOL, "shared", shared),
	FIELD(MAP_BELIEVED, BOOL, "map-believed", map_believed),
	FIELD(MAP_GRANULARITY, NUMBER, "map-granularity", map_granularity),
	FIELD(MAP_MEMORY, NUMBER, "map-memory", map_memory),
	FIELD(ZERO_BYTES, NUMBER, "zero-bytes", zero_bytes),
	FIELD(HOLE_BYTES, NUMBER, "hole-bytes", hole_bytes),
	FIELD(SCAN_STATE, ENUM, "scan-state", scan_state,
	      .more = &scan_states),
	FIELD(SCAN_DONE, NUMBER, "scan-done", scan_done),
	FIELD(TLS_REQUIRED, BOOL, "tls-required", tls_required),
	FIELD(LISTENER, ENDPOINTS, "listeners", listeners),
	FIELD(STATE, ENUM, "state", state, .more = &export_states),
	FIELD(ON_RETURN, ENUM, "on-return", on_return, .more = &on_returns),
	FIELD(ZEROED, MARK, "zeroed", zeroed),
	FIELD(BITMAP_EXPORT, TEXT, "bitmap-export", bitmap_export),
	FIELD(BITMAP_NAME, TEXT, "bitmap-name", bitmap_name),
	FIELD(STATS, NEST, "stats", stats, .more = &stats_attrs),
	FIELD(METADATA, TEXT, "metadata", metadata),
	FIELD(METADATA_CONTINUE, BOOL, "metadata-continue", metadata_continue),
	FIELD(METADATA_GENERATION, NUMBER, "metadata-generation",
	      metadata_generation),
	FIELD(METADATA_BOUND, NUMBER, "metadata-bound", metadata_bound),
	FIELD(METADATA_WRITES, NUMBER, "metadata-writes", metadata_writes),
	FIELD(METADATA_ERROR, NUMBER, "metadata-error", metadata_error),
	FIELD(METADATA_DEVICE_ID, NUMBER, "metadata-device-id",
	      metadata_device_id),
	FIELD(METADATA_SIZE, NUMBER, "metadata-size", metadata_size),
};

const struct attr_set export_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct export)
};

/* "all", or addresses with commas between; NULL, or what is wrong. */
const char *export_parse_listeners(const char *s, struct endpoints *all)
{
	const char *wrong = NULL;
	char *copy, *one, *rest;

	all->n = 0;
	if (!strcmp(s, "all"))
		return NULL;
	copy = mem_copy(s);
	rest = copy;
	while (!wrong && (one = strsep(&rest, ","))) {
		if (all->n == ARRAY_SIZE(all->at))
			wrong = "too many listeners";
		else if (!*one)
			wrong = "an address is empty; '*' is that of all";
		else
			wrong = endpoint_parse(one, &all->at[all->n++]);
	}
	free(copy);
	return wrong;
}

void export_put_listeners(struct nlmsghdr *nlh, const struct endpoints *all)
{
	struct nlattr *nest;
	size_t i;

	for (i = 0; i < all->n; i++) {
		const struct endpoint *ep = &all->at[i];

		nest = mnl_attr_nest_start(nlh, NBDTARGET_A_EXPORT_LISTENER);
		if (ep->address.len)
			mnl_attr_put(nlh, NBDTARGET_A_LISTENER_ADDRESS,
				     ep->address.len, ep->address.bytes);
		mnl_attr_put_u16(nlh, NBDTARGET_A_LISTENER_PORT, ep->port);
		if (ep->ifindex)
			mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_IFINDEX,
					 ep->ifindex);
		mnl_attr_nest_end(nlh, nest);
	}
}

/* May clients come by that one? */
bool export_has_listener(const struct export *e, const struct endpoint *ep)
{
	size_t i;

	for (i = 0; i < e->listeners.n; i++)
		if (endpoint_same(&e->listeners.at[i], ep))
			return true;
	return !e->listeners.n;
}

/* As it is parsed; to be freed. */
char *export_format_listeners(const struct endpoints *all)
{
	char *s = mem_copy(all->n ? "" : "all"), *one, *longer;
	size_t i;

	for (i = 0; i < all->n; i++) {
		one = endpoint_format(&all->at[i]);
		longer = mem_printf("%s%s%s", s, i ? "," : "", one);
		free(one);
		free(s);
		s = longer;
	}
	return s;
}

static dev_t device_of(uint64_t id)
{
	return makedev(id >> 20, id & 0xfffff);
}

dev_t export_device(const struct export *e)
{
	return device_of(e->device_id);
}

dev_t export_metadata_device(const struct export *e)
{
	return device_of(e->metadata_device_id);
}

uint64_t export_device_id(dev_t dev)
{
	return (uint64_t)major(dev) << 20 | minor(dev);
}

static bool is_suspended(const struct export *e)
{
	dev_t dev = export_device(e);
	char *path = mem_printf("/sys/dev/block/%u:%u/dm/suspended",
				major(dev), minor(dev));
	FILE *f = fopen(path, "re");
	bool is = f && getc(f) == '1';

	if (f)
		fclose(f);
	free(path);
	return is;
}

/* Device-mapper tells it in sysfs only. */
static void find_suspended(struct attr_list *list)
{
	struct export *e;
	size_t i;

	for (i = 0; i < list->n; i++) {
		e = attr_list_item(list, i);
		if (attr_has(e, NBDTARGET_A_EXPORT_STATE) &&
		    e->state == NBDTARGET_EXPORT_STATE_OK && is_suspended(e))
			e->state = NBDTARGET_EXPORT_STATE_SUSPENDED;
	}
}

/* Asks for one export; 0 or a negative errno, see nl_last_error(). */
int export_get(struct tool *t, const char *name, struct attr_list *list)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_GET);
	int ret;

	memset(list, 0, sizeof(*list));
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, name);
	ret = nl_do(t->nl, nlh, &list->reply);
	attr_list_take(&export_attrs, list);
	find_suspended(list);
	return ret;
}

/* The same for all of them. */
int export_get_all(struct tool *t, struct attr_list *list)
{
	int ret = attr_list_get(t, NBDTARGET_CMD_EXPORT_GET, &export_attrs,
				list);

	find_suspended(list);
	return ret;
}

/* The one of that name among them, or NULL. */
const struct export *export_named(const struct attr_list *list, const char *name)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < list->n; i++) {
		e = attr_list_item(list, i);
		if (text_is(e->name, name))
			return e;
	}
	return NULL;
}

/* What has become of its device. */
const char *export_state(const struct export *e)
{
	const char *name = attr_enum_name(&export_states, e->state);

	return name ? name : "?";
}

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

static void print_listeners(const struct endpoints *all)
{
	char *s = export_format_listeners(all);

	printf("  listeners     %s\n", s);
	free(s);
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
	if (e->map == NBDTARGET_MAP_OFF) {
		printf("  known         nothing, the map is off%s\n",
		       e->shared ? ", as others write" : "");
		return;
	}
	if (!attr_has(e, NBDTARGET_A_EXPORT_MAP_GRANULARITY))
		return;
	if (!e->map_believed) {
		printf("  known         nothing, others may have written\n");
		return;
	}
	printf("  known         %s zero, %s discarded, by %s\n",
	       size_format(zero, e->zero_bytes),
	       size_format(hole, e->hole_bytes),
	       size_format(granule, e->map_granularity));
}

/* What of its bitmaps survives a crash, and how. */
static void print_metadata(const struct export *e)
{
	char buf[FIGURE_MAX];

	if (!e->metadata.len)
		return;
	print_text_line("metadata", e->metadata);
	printf("                generation %" PRIu64 ", %s dirty after a crash",
	       e->metadata_generation, size_format(buf, e->metadata_bound));
	printf(", %" PRIu64 " writes\n", e->metadata_writes);
	if (e->metadata_error)
		printf("                FAILED (%s): %s\n",
		       strerror(e->metadata_error), e->metadata_continue ?
		       "its bitmaps are inconsistent" : "writes fail");
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
		printf("  device number %u:%u\n", major(export_device(e)),
		       minor(export_device(e)));
	if (e->state)
		printf("  state         %s\n", export_state(e));
	if (e->description.len)
		print_text_line("description", e->description);
	printf("  size          %s (%" PRIu64 " bytes)\n",
	       size_format(buf, e->size), e->size);
	printf("  access        %s\n",
	       e->read_only ? "read-only" : "read-write");
	printf("  default       %s\n", e->is_default ? "yes" : "no");
	if (e->tls_required)
		printf("  TLS           required\n");
	if (e->on_return == NBDTARGET_ON_RETURN_REOPEN)
		printf("  on return     reopen\n");
	if (e->listeners.n)
		print_listeners(&e->listeners);
	print_limits(e);
	print_map(e);
	print_metadata(e);
	print_stats(&e->stats);
}

static void add_row(struct table *tb, const struct export *e)
{
	char buf[FIGURE_MAX];

	table_text(tb, e->name, TEXT_NAME);
	table_text(tb, e->device, TEXT_EXACT);
	table_cell(tb, "%s", size_format(buf, e->size));
	table_cell(tb, "%s%s%s%s%s", e->read_only ? "ro" : "rw",
		   e->is_default ? ",default" : "",
		   e->tls_required ? ",tls" : "", e->state ? "," : "",
		   e->state ? export_state(e) : "");
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
