// SPDX-License-Identifier: GPL-2.0
/* Connections: disconnect, and how they are shown. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "nbdtarget.h"
#include "number.h"
#include "options.h"
#include "table.h"

static const char *const state_names[] = {
	[NBDTARGET_CONN_STATE_NEGOTIATING] = "negotiating",
	[NBDTARGET_CONN_STATE_TRANSMISSION] = "transmission",
	[NBDTARGET_CONN_STATE_CLOSING] = "closing",
};

static const struct attr_names states = {
	state_names, ARRAY_SIZE(state_names)
};

static const char *const reply_mode_names[] = {
	[NBDTARGET_REPLY_MODE_SIMPLE] = "simple",
	[NBDTARGET_REPLY_MODE_STRUCTURED] = "structured",
	[NBDTARGET_REPLY_MODE_EXTENDED] = "extended",
};

static const struct attr_names reply_modes = {
	reply_mode_names,
	ARRAY_SIZE(reply_mode_names)
};

static const char *const tls_auth_names[] = {
	[NBDTARGET_TLS_AUTH_NONE] = "none",
	[NBDTARGET_TLS_AUTH_X509] = "x509",
	[NBDTARGET_TLS_AUTH_PSK] = "psk",
};

static const struct attr_names tls_auths = {
	tls_auth_names, ARRAY_SIZE(tls_auth_names)
};

#define FIELD(type_, kind_, key_, member_, ...) {		\
	.type = NBDTARGET_A_CONN_##type_, .kind = ATTR_##kind_,	\
	.key = key_, .offset = offsetof(struct conn, member_),	\
	##__VA_ARGS__ }

static const struct attr_field fields[] = {
	FIELD(ID, NUMBER, "id", id),
	FIELD(EXPORT_NAME, TEXT, "export-name", export_name),
	FIELD(LISTENER_ID, NUMBER, "listener-id", listener_id),
	FIELD(PEER_ADDRESS, ADDRESS, "peer-address", peer),
	FIELD(PEER_PORT, NUMBER, "peer-port", peer_port),
	FIELD(LOCAL_ADDRESS, ADDRESS, "local-address", local),
	FIELD(LOCAL_PORT, NUMBER, "local-port", local_port),
	FIELD(STATE, ENUM, "state", state, .more = &states),
	FIELD(REPLY_MODE, ENUM, "reply-mode", reply_mode,
	      .more = &reply_modes),
	FIELD(IN_FLIGHT, NUMBER, "in-flight", in_flight),
	FIELD(MEMORY, NUMBER, "memory", memory),
	FIELD(AGE, NUMBER, "age", age),
	FIELD(PID, NUMBER, "pid", pid),
	FIELD(STATS, NEST, "stats", stats, .more = &stats_attrs),
	FIELD(REASON, TEXT, "reason", reason),
	FIELD(TLS_VERSION, TEXT, "tls-version", tls_version),
	FIELD(TLS_CIPHER, TEXT, "tls-cipher", tls_cipher),
	FIELD(TLS_AUTH, ENUM, "tls-auth", tls_auth, .more = &tls_auths),
	FIELD(IDENTITY, TEXT, "identity", identity),
	FIELD(TLS_RX_RECORDS, NUMBER, "tls-rx-records", tls_rx_records),
	FIELD(TLS_TX_RECORDS, NUMBER, "tls-tx-records", tls_tx_records),
};

const struct attr_set conn_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct conn)
};

static void unmap(struct conn *c)
{
	address_unmap(&c->peer);
	address_unmap(&c->local);
}

void conn_parse(const struct nlmsghdr *nlh, struct conn *c)
{
	attr_parse(&conn_attrs, nlh, c);
	unmap(c);
}

int conn_list_get(struct tool *t, struct attr_list *list)
{
	int ret = attr_list_get(t, NBDTARGET_CMD_CONN_GET, &conn_attrs, list);
	size_t i;

	for (i = 0; i < list->n; i++)
		unmap(attr_list_item(list, i));
	return ret;
}

/* The caller frees it. */
char *conn_peer_format(const struct conn *c)
{
	struct endpoint ep = { .address = c->peer, .port = c->peer_port };

	return endpoint_format(&ep);
}

enum { DISCONNECT_EXPORT, DISCONNECT_ALL, DISCONNECT_IF_EXISTS };

static const struct opt disconnect_opts[] = {
	[DISCONNECT_EXPORT] = { "--export", OPT_TEXT, "NAME",
		"all clients of an export", NBDTARGET_MAX_STRING },
	[DISCONNECT_ALL] = { "--all", OPT_FLAG, NULL, "everybody", 0 },
	[DISCONNECT_IF_EXISTS] = { "--if-exists", OPT_FLAG, NULL,
		"succeed when there is no such client or export", 0 },
	{ .name = NULL }
};

static int check_target(struct tool *t, const struct args *a, uint64_t *id)
{
	const char *wrong;

	if (a->n + a->opt[DISCONNECT_EXPORT].given +
	    a->opt[DISCONNECT_ALL].given != 1)
		return fail_usage(t, "give one of ID, --export NAME and --all");
	if (!a->n)
		return 0;
	wrong = number_parse(a->pos[0], UINT32_MAX, id);
	return wrong ? fail_usage(t, "ID: '%s' %s", a->pos[0], wrong) : 0;
}

static int disconnect(struct tool *t, const struct args *a)
{
	const struct opt_value *export = &a->opt[DISCONNECT_EXPORT];
	const char *thing = a->n ? a->pos[0] : export->text;
	struct nlmsghdr *nlh;
	uint64_t id;
	int ret = check_target(t, a, &id);

	if (!ret)
		ret = tool_connect(t, thing);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_CONN_KILL);
	if (a->n)
		mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_ID, id);
	if (export->given)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CONN_EXPORT_NAME,
				  export->text);
	ret = nl_do(t->nl, nlh, NULL);
	if (ret == -ENOENT && a->opt[DISCONNECT_IF_EXISTS].given)
		return TOOL_OK;
	if (ret)
		return fail_kernel(t, thing, ret != -ENOENT ? NULL :
				   "'nbdtargetctl show' lists exports and connections");
	warn_kernel(t, thing);
	return TOOL_OK;
}

const struct verb verb_disconnect = {
	.name = "disconnect",
	.args = "ID | --export NAME | --all",
	.summary = "Disconnects clients and waits for their I/O.",
	.details = "ID is the number that 'show connections' has.",
	.opts = disconnect_opts,
	.max_args = 1,
	.run = disconnect,
};

static void add_row(struct table *tb, const struct conn *c)
{
	const char *state = attr_enum_name(&states, c->state);
	char buf[FIGURE_MAX];

	table_cell(tb, "%" PRIu64, c->id);
	table_take(tb, conn_peer_format(c));
	if (attr_has(c, NBDTARGET_A_CONN_EXPORT_NAME))
		table_text(tb, c->export_name, TEXT_NAME);
	else
		table_cell(tb, "-");
	if (state)
		table_cell(tb, "%s", state);
	else
		table_cell(tb, "%" PRIu64, c->state);
	table_cell(tb, "%" PRIu64, c->in_flight);
	table_cell(tb, "%s", age_format(buf, c->age));
	table_cell(tb, "%" PRIu64, c->stats.requests);
	table_cell(tb, "%s", size_format(buf, c->stats.read_bytes));
	table_cell(tb, "%s", size_format(buf, c->stats.written_bytes));
	/* "-" in clear, and so is a name that wasn't proved. */
	if (!attr_has(c, NBDTARGET_A_CONN_TLS_VERSION))
		table_cell(tb, "-");
	else
		table_text(tb, c->tls_version, TEXT_EXACT);
	if (attr_has(c, NBDTARGET_A_CONN_IDENTITY))
		table_text(tb, c->identity, TEXT_NAME);
	else
		table_cell(tb, "-");
}

void conn_print_all(const struct attr_list *list, const char *indent)
{
	static const struct table_column columns[] = {
		{ "ID", true }, { "PEER", false }, { "EXPORT", false },
		{ "STATE", false }, { "IN-FLIGHT", true }, { "AGE", true },
		{ "REQUESTS", true }, { "READ", true }, { "WRITTEN", true },
		{ "TLS", false }, { "IDENTITY", false },
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
