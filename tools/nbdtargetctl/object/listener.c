// SPDX-License-Identifier: GPL-2.0
/* Listeners, as the module reports them, and how they are shown. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nbdtarget.h"
#include "object/listener.h"
#include "show/attr_json.h"
#include "show/json.h"
#include "show/table.h"

static const char *const tls_mode_names[] = {
	[NBDTARGET_TLS_MODE_OFF] = "off",
	[NBDTARGET_TLS_MODE_OPTIONAL] = "optional",
	[NBDTARGET_TLS_MODE_REQUIRED] = "required",
};

const struct attr_names listener_tls_modes = {
	tls_mode_names, ARRAY_SIZE(tls_mode_names)
};

#define FIELD(type_, kind_, key_, member_, ...) {		\
	.type = NBDTARGET_A_LISTENER_##type_, .kind = ATTR_##kind_, \
	.key = key_, .offset = offsetof(struct listener, member_), \
	##__VA_ARGS__ }

static const struct attr_field fields[] = {
	FIELD(ID, NUMBER, "id", id),
	FIELD(ADDRESS, ADDRESS, "address", address),
	FIELD(PORT, NUMBER, "port", port),
	FIELD(IFINDEX, NUMBER, "ifindex", ifindex),
	FIELD(WILDCARD, FLAG, "wildcard", wildcard),
	FIELD(CONNECTIONS, NUMBER, "connections", connections),
	FIELD(ACCEPTED, NUMBER, "accepted", accepted),
	FIELD(REFUSED, NUMBER, "refused", refused),
	FIELD(CLOSED, FLAG, "closed", closed),
	FIELD(TLS, ENUM, "tls", tls, .more = &listener_tls_modes),
};

const struct attr_set listener_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct listener)
};

const char *listener_tls(const struct listener *l)
{
	const char *name = attr_enum_name(&listener_tls_modes, l->tls);

	return name ? name : "?";
}

/* "All addresses" may come with an address or without. */
void listener_endpoint(const struct listener *l, struct endpoint *ep)
{
	memset(ep, 0, sizeof(*ep));
	ep->port = l->port;
	ep->ifindex = l->ifindex;
	if (!l->wildcard)
		ep->address = l->address;
}

/*
 * Its address is there in any case, "*" for all, its interface's name, and the
 * whole as commands take it.
 */
json_t *listener_json(const struct listener *l)
{
	char zone[ADDRESS_MAX], *whole;
	struct listener shown = *l;
	struct endpoint ep;
	json_t *o;

	listener_endpoint(l, &ep);
	shown.address = ep.address;
	shown.present |= 1ULL << NBDTARGET_A_LISTENER_ADDRESS;
	o = attr_json(&listener_attrs, &shown);
	if (ep.ifindex) {
		zone_format(ep.ifindex, zone);
		json_put_text(o, "interface", text_of(zone));
	}
	whole = endpoint_format(&ep);
	json_put_text(o, "endpoint", text_of(whole));
	free(whole);
	return o;
}

json_t *listener_json_all(const struct attr_list *list)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < list->n; i++)
		json_add(array, listener_json(attr_list_item(list, i)));
	return array;
}

static char *shown_address(const struct listener *l, const struct endpoint *ep)
{
	char *address = endpoint_format(ep), *shown;

	if (!l->closed)
		return address;
	shown = mem_printf("%s (closed)", address);
	free(address);
	return shown;
}

void listener_print_all(const struct attr_list *list, const char *indent)
{
	static const struct table_column columns[] = {
		{ "ID", true }, { "ADDRESS", false }, { "TLS", false },
		{ "CLIENTS", true },
		{ "ACCEPTED", true }, { "REFUSED", true },
	};
	struct table tb = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};
	const struct listener *l;
	struct endpoint ep;
	size_t i;

	for (i = 0; i < list->n; i++) {
		l = attr_list_item(list, i);
		listener_endpoint(l, &ep);
		table_cell(&tb, "%" PRIu64, l->id);
		table_take(&tb, shown_address(l, &ep));
		table_cell(&tb, "%s", listener_tls(l));
		table_cell(&tb, "%" PRIu64, l->connections);
		table_cell(&tb, "%" PRIu64, l->accepted);
		table_cell(&tb, "%" PRIu64, l->refused);
	}
	table_print(&tb, indent);
}
