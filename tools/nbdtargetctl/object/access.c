// SPDX-License-Identifier: GPL-2.0
/* Who may use what, as the module reports it, and how it is shown. */
#include <string.h>

#include "nbdtarget.h"
#include "object/access.h"
#include "show/table.h"

#define FIELD(type_, kind_, key_, member_, ...) {		\
	.type = NBDTARGET_A_ACCESS_##type_, .kind = ATTR_##kind_, \
	.key = key_, .offset = offsetof(struct access, member_), \
	##__VA_ARGS__ }

static const struct attr_field fields[] = {
	FIELD(EXPORT_NAME, TEXT, "export-name", export_name),
	FIELD(LISTENER, FLAG, "listener", listener),
	FIELD(ADDRESS, ADDRESS, "address", address),
	FIELD(PORT, NUMBER, "port", port),
	FIELD(IFINDEX, NUMBER, "ifindex", ifindex),
	FIELD(DEFAULT, ENUM, "default", deny_default, .more = &rule_actions),
	FIELD(INDEX, NUMBER, "index", index),
	FIELD(RULE, NEST, "rule", rule, .more = &rule_attrs),
};

const struct attr_set access_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct access)
};

/* Into a request: the rules are those of a listener. */
void access_put_listener(struct nlmsghdr *nlh, const struct endpoint *ep)
{
	mnl_attr_put(nlh, NBDTARGET_A_ACCESS_LISTENER, 0, NULL);
	if (ep->address.len)
		mnl_attr_put(nlh, NBDTARGET_A_ACCESS_ADDRESS,
			     ep->address.len, ep->address.bytes);
	mnl_attr_put_u16(nlh, NBDTARGET_A_ACCESS_PORT, ep->port);
	if (ep->ifindex)
		mnl_attr_put_u32(nlh, NBDTARGET_A_ACCESS_IFINDEX,
				 ep->ifindex);
}

static bool is_of(const struct access *a, const char *export,
		  const struct endpoint *ep)
{
	if (export || !a->listener)
		return export && !a->listener &&
		       text_is(a->export_name, export);
	return a->port == ep->port && a->ifindex == ep->ifindex &&
	       a->address.len == ep->address.len &&
	       !memcmp(a->address.bytes, ep->address.bytes, ep->address.len);
}

static int any_of(struct tool *t, const char *export,
		  const struct endpoint *ep)
{
	struct attr_list list;
	int ret = attr_list_get(t, NBDTARGET_CMD_ACCESS_GET, &access_attrs,
				&list);
	size_t i;

	for (i = 0; i < list.n && !ret; i++)
		ret = is_of(attr_list_item(&list, i), export, ep);
	attr_list_free(&list);
	return ret;
}

/* 1 when there are rules, or a default to deny; 0 without; or -errno. */
int access_of_export(struct tool *t, const char *name)
{
	return any_of(t, name, NULL);
}

int access_of_listener(struct tool *t, const struct endpoint *ep)
{
	return any_of(t, NULL, ep);
}

static void add_owner(struct table *tb, const struct access *a)
{
	struct endpoint ep = {
		.address = a->address,
		.ifindex = a->ifindex,
		.port = a->port,
	};

	if (a->listener) {
		table_cell(tb, "listener");
		table_take(tb, endpoint_format(&ep));
	} else {
		table_cell(tb, "export");
		table_text(tb, a->export_name, TEXT_NAME);
	}
}

/* The default comes behind the rules of each, as one that fits everybody. */
static void add_row(struct table *tb, const struct access *a,
		    const struct access *next)
{
	bool last = !next || !attr_has(next, NBDTARGET_A_ACCESS_INDEX) ||
		    !next->index;

	if (attr_has(a, NBDTARGET_A_ACCESS_INDEX)) {
		add_owner(tb, a);
		table_take(tb, rule_format(&a->rule));
	}
	if (last) {
		const char *action = attr_enum_name(&rule_actions,
						    a->deny_default);

		add_owner(tb, a);
		table_cell(tb, "otherwise %s", action ? action : "?");
	}
}

void access_print_all(const struct attr_list *list, const char *indent)
{
	static const struct table_column columns[] = {
		{ "OF", false }, { "NAME", false }, { "RULE", false },
	};
	struct table tb = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};
	size_t i;

	for (i = 0; i < list->n; i++)
		add_row(&tb, attr_list_item(list, i), i + 1 < list->n ?
			attr_list_item(list, i + 1) : NULL);
	table_print(&tb, indent);
}
