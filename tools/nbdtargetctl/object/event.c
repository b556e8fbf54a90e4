// SPDX-License-Identifier: GPL-2.0
/* Events: what happened to an object, in one line. */
#include <inttypes.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nbdtarget.h"
#include "object/bitmap.h"
#include "object/conn.h"
#include "object/event.h"
#include "object/export.h"
#include "object/listener.h"
#include "show/attr_json.h"
#include "show/json.h"

#define TIME_MAX 48

static void print_text(const char *title, struct text text, unsigned int how)
{
	printf(" %s ", title);
	text_print(stdout, text, how);
}

static void export_line(const struct nlmsghdr *nlh, json_t **o)
{
	struct export e;

	attr_parse(&export_attrs, nlh, &e);
	if (o) {
		*o = attr_json(&export_attrs, &e);
		return;
	}
	putchar(' ');
	text_print(stdout, e.name, TEXT_NAME);
	if (!e.device.len)
		return;
	print_text("device", e.device, TEXT_EXACT);
	if (attr_has(&e, NBDTARGET_A_EXPORT_STATE))
		printf(" state %s", export_state(&e));
	printf(" size %" PRIu64 " %s%s", e.size, e.read_only ? "ro" : "rw",
	       e.is_default ? " default" : "");
	if (e.tls_required)
		printf(" tls required");
	if (e.max_connections)
		printf(" max-connections %" PRIu64, e.max_connections);
	if (e.metadata_error)
		printf(" metadata failed (%s)", strerror(e.metadata_error));
	if (e.description.len)
		print_text("description", e.description, TEXT_NAME);
}

static void bitmap_line(const struct nlmsghdr *nlh, json_t **o)
{
	struct bitmap b;

	attr_parse(&bitmap_attrs, nlh, &b);
	if (o) {
		*o = attr_json(&bitmap_attrs, &b);
		return;
	}
	putchar(' ');
	text_print(stdout, b.name, TEXT_NAME);
	print_text("export", b.export_name, TEXT_NAME);
	if (!attr_has(&b, NBDTARGET_A_BITMAP_RECORDING))
		return;
	printf(" %s%s dirty %" PRIu64, b.recording ? "recording" : "frozen",
	       b.consistent ? "" : " inconsistent", b.dirty_bytes);
}

static void listener_line(const struct nlmsghdr *nlh, json_t **o)
{
	struct listener l;
	struct endpoint ep;
	char *s;

	attr_parse(&listener_attrs, nlh, &l);
	if (o) {
		*o = listener_json(&l);
		return;
	}
	listener_endpoint(&l, &ep);
	s = endpoint_format(&ep);
	printf(" %s", s);
	free(s);
	if (l.tls)
		printf(" tls %s", listener_tls(&l));
}

static void conn_line(const struct nlmsghdr *nlh, json_t **o)
{
	struct conn c;
	char *peer, *identity;

	conn_parse(nlh, &c);
	if (o) {
		*o = attr_json(&conn_attrs, &c);
		return;
	}
	peer = conn_peer_format(&c);
	printf(" %" PRIu64 " peer %s", c.id, peer);
	free(peer);
	print_text("export", c.export_name, TEXT_NAME);
	if (attr_has(&c, NBDTARGET_A_CONN_TLS_VERSION)) {
		print_text("tls", c.tls_version, TEXT_EXACT);
		print_text("cipher", c.tls_cipher, TEXT_EXACT);
	}
	if (c.tls_auth) {
		identity = conn_identity_format(&c);
		printf(" identity %s", identity);
		free(identity);
	}
	if (!attr_has(&c, NBDTARGET_A_CONN_REASON))
		return;
	printf(" age %" PRIu64 ".%03u requests %" PRIu64 " errors %" PRIu64,
	       c.age / 1000, (unsigned int)(c.age % 1000), c.stats.requests,
	       c.stats.errors);
	print_text("reason", c.reason, TEXT_NAME);
}

static const struct event {
	uint8_t cmd;
	const char *name;
	void (*line)(const struct nlmsghdr *nlh, json_t **o);
} events[] = {
	{ NBDTARGET_CMD_EXPORT_ADD_NTF, "export-add", export_line },
	{ NBDTARGET_CMD_EXPORT_SET_NTF, "export-set", export_line },
	{ NBDTARGET_CMD_EXPORT_STATE_NTF, "export-state", export_line },
	{ NBDTARGET_CMD_EXPORT_DEL_NTF, "export-del", export_line },
	{ NBDTARGET_CMD_BITMAP_ADD_NTF, "bitmap-add", bitmap_line },
	{ NBDTARGET_CMD_BITMAP_SET_NTF, "bitmap-set", bitmap_line },
	{ NBDTARGET_CMD_BITMAP_DEL_NTF, "bitmap-del", bitmap_line },
	{ NBDTARGET_CMD_LISTENER_ADD_NTF, "listener-add", listener_line },
	{ NBDTARGET_CMD_LISTENER_SET_NTF, "listener-set", listener_line },
	{ NBDTARGET_CMD_LISTENER_DEL_NTF, "listener-del", listener_line },
	{ NBDTARGET_CMD_CONN_OPEN_NTF, "conn-open", conn_line },
	{ NBDTARGET_CMD_CONN_DENIED_NTF, "conn-denied", conn_line },
	{ NBDTARGET_CMD_CONN_CLOSE_NTF, "conn-close", conn_line },
};

/* Now, as ISO 8601 has it: 2026-11-29T17:36:37.123Z. */
static const char *format_time(char buf[TIME_MAX])
{
	struct timespec ts;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	n = strftime(buf, TIME_MAX, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_MAX - n, ".%03uZ",
		 (unsigned int)(ts.tv_nsec / 1000000));
	return buf;
}

/* One line: the event, then the members of an object. */
static void print_json(const char *name, json_t *members)
{
	json_t *o = json_object();
	char buf[TIME_MAX];

	json_put(o, "event", json_string(name));
	json_put(o, "time", json_string(format_time(buf)));
	if (members)
		json_object_update(o, members);
	json_decref(members);
	json_print(o, true);
}

/* An event of the tool's own. */
void event_print_own(const struct tool *t, const char *name, const char *text)
{
	char buf[TIME_MAX];

	if (t->json)
		print_json(name, NULL);
	else
		printf("%s %s%s%s\n", format_time(buf), name,
		       *text ? " " : "", text);
}

/* One of the module's; those that are newer than this tool are left out. */
void event_print(const struct tool *t, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	json_t *members = NULL;
	char buf[TIME_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		if (events[i].cmd != genl->cmd)
			continue;
		if (t->json) {
			events[i].line(nlh, &members);
			print_json(events[i].name, members);
			return;
		}
		printf("%s %s", format_time(buf), events[i].name);
		events[i].line(nlh, NULL);
		putchar('\n');
		return;
	}
}
