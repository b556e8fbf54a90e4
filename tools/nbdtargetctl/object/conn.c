// SPDX-License-Identifier: GPL-2.0
/* Connections, as the module reports them, and how they are shown. */
#include <inttypes.h>
#include <stdlib.h>

#include "base/mem.h"
#include "nbdtarget.h"
#include "object/conn.h"
#include "show/figure.h"
#include "show/table.h"

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
	FIELD(ENDING, FLAG, "ending", ending),
	FIELD(REASON, TEXT, "reason", reason),
	FIELD(TLS_VERSION, TEXT, "tls-version", tls_version),
	FIELD(TLS_CIPHER, TEXT, "tls-cipher", tls_cipher),
	FIELD(TLS_AUTH, ENUM, "tls-auth", tls_auth, .more = &tls_auths),
	FIELD(IDENTITY, TEXT, "identity", identity),
	FIELD(TLS_RX_RECORDS, NUMBER, "tls-rx-records", tls_rx_records),
	FIELD(TLS_TX_RECORDS, NUMBER, "tls-tx-records", tls_tx_records),
	FIELD(ALT_NAME, TEXT, "alt-name", alt_name),
	FIELD(TLS_RX_REKEYS, NUMBER, "tls-rx-rekeys", tls_rx_rekeys),
	FIELD(TLS_TX_REKEYS, NUMBER, "tls-tx-rekeys", tls_tx_rekeys),
	FIELD(CPU, NUMBER, "cpu", cpu),
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
/*
 * As a rule has it, so that a key and a certificate of the same name don't look the
 * same; "-" when nothing was proved.
 */
char *conn_identity_format(const struct conn *c)
{
	bool psk = c->tls_auth == NBDTARGET_TLS_AUTH_PSK;
	char *whole, *shown;

	if (c->identity.len)
		whole = mem_printf("%s=%.*s", psk ? "psk" : "dn",
				   (int)c->identity.len, c->identity.p);
	else if (c->alt_name.len)
		whole = mem_printf("san=%.*s", (int)c->alt_name.len,
				   c->alt_name.p);
	else
		return mem_copy("-");
	shown = text_format(text_of(whole),
			    TEXT_QUOTE | (psk ? TEXT_EXACT : TEXT_DN));
	free(whole);
	return shown;
}

char *conn_peer_format(const struct conn *c)
{
	struct endpoint ep = { .address = c->peer, .port = c->peer_port };

	return endpoint_format(&ep);
}

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
	/* An older module doesn't tell. */
	if (attr_has(c, NBDTARGET_A_CONN_CPU))
		table_cell(tb, "%" PRIu64, c->cpu);
	else
		table_cell(tb, "-");
	/* "-" in clear, and so is a name that wasn't proved. */
	if (!attr_has(c, NBDTARGET_A_CONN_TLS_VERSION))
		table_cell(tb, "-");
	else
		table_text(tb, c->tls_version, TEXT_EXACT);
	table_take(tb, conn_identity_format(c));
}

void conn_print_all(const struct attr_list *list, const char *indent)
{
	static const struct table_column columns[] = {
		{ "ID", true }, { "PEER", false }, { "EXPORT", false },
		{ "STATE", false }, { "IN-FLIGHT", true }, { "AGE", true },
		{ "REQUESTS", true }, { "READ", true }, { "WRITTEN", true },
		{ "CPU", true }, { "TLS", false }, { "IDENTITY", false },
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
