// SPDX-License-Identifier: GPL-2.0
/*
 * libmnl's socket calls, answered as uapi/nbdtarget.yaml says instead of by a
 * kernel, for what a real one does too seldom to be tested: dumps that are
 * interrupted or fail half way, a family that changes its number, the longest
 * strings, names that aren't UTF-8. $SCRIPT holds words that switch faults
 * on. Requests are checked as strictly as the kernel's policies do.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/genetlink.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "nbdtarget.h"
#include "nl/nl.h"

#define PORTID 4711
#define EXPORTS_MAX 8
#define GROUP 7

#ifndef NLM_F_ACK_TLVS
#define NLM_F_ACK_TLVS 0x200
#endif
#ifndef NLM_F_CAPPED
#define NLM_F_CAPPED 0x100
#endif

struct sim_export {
	uint32_t id;
	char *name, *device, *description;
	uint8_t read_only, is_default;
	uint32_t max_connections;
};

struct datagram {
	struct datagram *next;
	size_t len;
	char data[];
};

static struct sim_export exports[EXPORTS_MAX];
static size_t n_exports;
/* The one for requests, and one for events. */
static struct mnl_socket {
	bool open, hears, joined;	/* the controller; the module's group */
	struct datagram *queue, **queue_end;
} sockets[2];
static struct mnl_socket *to;	/* what is delivered goes there */
static uint16_t family = 30;
static unsigned int dumps, requests, access_dumps;
static uint8_t tls_required;	/* to all exports, once they were told of */
static uint32_t last_id;
static uint32_t seq;
static int event_fd = -1;
static unsigned int quiet;	/* how often there was nothing to hear */
static char buf[NL_BUFFER_SIZE] __aligned(8);

static bool script(const char *word)
{
	const char *s = getenv("SCRIPT");

	return s && strstr(s, word);
}

static struct nlmsghdr *begin(uint16_t type, uint8_t cmd, uint16_t flags)
{
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;

	memset(buf, 0, sizeof(buf));
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = flags;
	nlh->nlmsg_seq = seq;
	nlh->nlmsg_pid = PORTID;
	if (type >= NLMSG_MIN_TYPE) {
		genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
		genl->cmd = cmd;
	}
	return nlh;
}

static void deliver(const struct nlmsghdr *nlh)
{
	struct datagram *d = mem_zalloc(sizeof(*d) + nlh->nlmsg_len);

	d->len = nlh->nlmsg_len;
	memcpy(d->data, nlh, d->len);
	*to->queue_end = d;
	to->queue_end = &d->next;
}

static void put_ext_ack(struct nlmsghdr *nlh, const char *text,
			uint32_t offset)
{
	if (!text && !offset)
		return;
	nlh->nlmsg_flags |= NLM_F_ACK_TLVS;
	if (text)
		mnl_attr_put_strz(nlh, NLMSGERR_ATTR_MSG, text);
	if (offset)
		mnl_attr_put_u32(nlh, NLMSGERR_ATTR_OFFS, offset);
}

static void ack(const struct nlmsghdr *req, int err, const char *text,
		uint32_t offset)
{
	struct nlmsghdr *nlh = begin(NLMSG_ERROR, 0, NLM_F_CAPPED);
	struct nlmsgerr *e = mnl_nlmsg_put_extra_header(nlh, sizeof(*e));

	e->error = -err;
	e->msg = *req;
	put_ext_ack(nlh, text, offset);
	deliver(nlh);
}

static void done(int err, const char *text)
{
	struct nlmsghdr *nlh = begin(NLMSG_DONE, 0, NLM_F_MULTI);
	int *status = mnl_nlmsg_put_extra_header(nlh, sizeof(*status));

	*status = -err;
	put_ext_ack(nlh, text, 0);
	deliver(nlh);
}

/* What each attribute of a request must look like: -1 for a string. */
static int wanted_size(uint8_t cmd, uint16_t type)
{
	static const int export[] = {
		[NBDTARGET_A_EXPORT_NAME] = -1,
		[NBDTARGET_A_EXPORT_DEVICE] = -1,
		[NBDTARGET_A_EXPORT_DESCRIPTION] = -1,
		[NBDTARGET_A_EXPORT_READ_ONLY] = 1,
		[NBDTARGET_A_EXPORT_DEFAULT] = 1,
		[NBDTARGET_A_EXPORT_MAX_CONNECTIONS] = 4,
		[NBDTARGET_A_EXPORT_FORCE] = 0,
		[NBDTARGET_A_EXPORT_TLS_REQUIRED] = 1,
	};
	static const int target[] = {
		[NBDTARGET_A_TARGET_MAX_CONNECTIONS] = 4,
		[NBDTARGET_A_TARGET_NEGOTIATION_TIMEOUT] = 4,
		[NBDTARGET_A_TARGET_STALL_TIMEOUT] = 4,
		[NBDTARGET_A_TARGET_MAX_IN_FLIGHT] = 4,
		[NBDTARGET_A_TARGET_MEMORY_LIMIT] = 8,
		[NBDTARGET_A_TARGET_TLS_KEY_POLICY] = 4,
		[NBDTARGET_A_TARGET_TLS_KEY_RECORDS] = 8,
		[NBDTARGET_A_TARGET_POLL_TIME] = 4,
		[NBDTARGET_A_TARGET_PEER_TIMEOUT] = 4,
		[NBDTARGET_A_TARGET_PLACEMENT] = -1,
	};
	static const int listener[] = {
		[NBDTARGET_A_LISTENER_ADDRESS] = -2,
		[NBDTARGET_A_LISTENER_PORT] = 2,
		[NBDTARGET_A_LISTENER_IFINDEX] = 4,
		[NBDTARGET_A_LISTENER_FORCE] = 0,
		[NBDTARGET_A_LISTENER_TLS] = 4,
	};

	if (cmd == NBDTARGET_CMD_TARGET_SET)
		return target[type];
	if (cmd == NBDTARGET_CMD_LISTENER_ADD ||
	    cmd == NBDTARGET_CMD_LISTENER_DEL)
		return listener[type];
	if (cmd == NBDTARGET_CMD_CONN_KILL)
		return type == NBDTARGET_A_CONN_ID ? 4 : -1;
	return export[type];
}

static bool check_attrs(const struct nlmsghdr *req, uint8_t cmd)
{
	const struct nlattr *attr;
	int wanted, len;

	mnl_attr_for_each(attr, req, sizeof(struct genlmsghdr)) {
		wanted = wanted_size(cmd, mnl_attr_get_type(attr));
		len = mnl_attr_get_payload_len(attr);
		if (wanted == -1 && len && !mnl_attr_get_str(attr)[len - 1] &&
		    len <= NBDTARGET_MAX_STRING + 1)
			continue;
		if (wanted == -2 && (len == 4 || len == 16))
			continue;
		if (wanted == len)
			continue;
		ack(req, EINVAL, "malformed attribute", 0);
		return false;
	}
	return true;
}

static const struct nlattr *find(const struct nlmsghdr *req, uint16_t type)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, req, sizeof(struct genlmsghdr))
		if (mnl_attr_get_type(attr) == type)
			return attr;
	return NULL;
}

static const char *find_text(const struct nlmsghdr *req, uint16_t type)
{
	const struct nlattr *attr = find(req, type);

	return attr ? mnl_attr_get_str(attr) : "";
}

static struct sim_export *find_export(const struct nlmsghdr *req)
{
	const char *name = find_text(req, NBDTARGET_A_EXPORT_NAME);
	size_t i;

	for (i = 0; i < n_exports; i++)
		if (!strcmp(exports[i].name, name))
			return &exports[i];
	return NULL;
}

static void put_stats(struct nlmsghdr *nlh, uint16_t type)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, type);

	mnl_attr_put_u64(nlh, NBDTARGET_A_STATS_REQUESTS, 9);
	mnl_attr_put_u64(nlh, NBDTARGET_A_STATS_ERRORS, 1);
	mnl_attr_put_u64(nlh, NBDTARGET_A_STATS_READS, 5);
	mnl_attr_put_u64(nlh, NBDTARGET_A_STATS_READ_BYTES, 20480);
	mnl_attr_put_u64(nlh, NBDTARGET_A_STATS_WRITES, 3);
	mnl_attr_put_u64(nlh, NBDTARGET_A_STATS_WRITTEN_BYTES, 1610612736);
	mnl_attr_put_u64(nlh, NBDTARGET_A_STATS_UNALIGNED, 2);
	mnl_attr_nest_end(nlh, nest);
}

static void send_export(const struct sim_export *e, uint8_t cmd,
			uint16_t flags)
{
	struct nlmsghdr *nlh = begin(family, cmd, flags);

	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_ID, e->id);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, e->name);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_DEVICE, e->device);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_DESCRIPTION,
			  e->description);
	mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_READ_ONLY, e->read_only);
	mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_DEFAULT, e->is_default);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_MAX_CONNECTIONS,
			 e->max_connections);
	mnl_attr_put_u64(nlh, NBDTARGET_A_EXPORT_SIZE, 1 << 30);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_LOGICAL_BLOCK, 512);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_MIN_BLOCK, 1);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_PREFERRED_BLOCK, 4096);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_MAX_PAYLOAD, 32 << 20);
	mnl_attr_put_u16(nlh, NBDTARGET_A_EXPORT_TRANSMISSION_FLAGS, 0x10d);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_CONNECTIONS, 2);
	put_stats(nlh, NBDTARGET_A_EXPORT_STATS);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_DEVICE_ID, 253 << 20 | 16);
	if (script("tightened"))
		mnl_attr_put_u8(nlh, NBDTARGET_A_EXPORT_TLS_REQUIRED,
				tls_required);
	mnl_attr_put_u32(nlh, 63, 0);	/* of a newer module */
	deliver(nlh);
}

static void send_listener(uint32_t id, const void *address, size_t len,
			  uint32_t ifindex, uint16_t flags)
{
	struct nlmsghdr *nlh = begin(family, NBDTARGET_CMD_LISTENER_GET,
				     flags);

	mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_ID, id);
	if (len)
		mnl_attr_put(nlh, NBDTARGET_A_LISTENER_ADDRESS, len, address);
	else
		mnl_attr_put(nlh, NBDTARGET_A_LISTENER_WILDCARD, 0, NULL);
	mnl_attr_put_u16(nlh, NBDTARGET_A_LISTENER_PORT, 10809);
	if (ifindex)
		mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_IFINDEX, ifindex);
	mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_CONNECTIONS, 2);
	mnl_attr_put_u64(nlh, NBDTARGET_A_LISTENER_ACCEPTED, 7);
	mnl_attr_put_u64(nlh, NBDTARGET_A_LISTENER_REFUSED, 0);
	if (id == 4)
		mnl_attr_put(nlh, NBDTARGET_A_LISTENER_CLOSED, 0, NULL);
	if (id == 2)
		mnl_attr_put_u32(nlh, NBDTARGET_A_LISTENER_TLS,
				 NBDTARGET_TLS_MODE_REQUIRED);
	deliver(nlh);
}

static void send_listeners(uint16_t flags)
{
	static const uint8_t v4[4] = { 192, 0, 2, 1 };
	static const uint8_t any4[4];
	static const uint8_t any6[16];
	static const uint8_t local6[16] = { 0xfe, 0x80, [15] = 1 };

	send_listener(1, NULL, 0, 0, flags);
	send_listener(2, v4, sizeof(v4), 0, flags);
	send_listener(3, any4, sizeof(any4), 0, flags);
	send_listener(4, any6, sizeof(any6), 0, flags);
	send_listener(5, local6, sizeof(local6), 1, flags);
}

static void send_conn(uint8_t cmd, const char *reason, uint16_t flags)
{
	static const uint8_t mapped[16] = {
		[10] = 0xff, 0xff, 198, 51, 100, 7
	};
	struct nlmsghdr *nlh = begin(family, cmd, flags);

	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_ID, 17);
	mnl_attr_put_strz(nlh, NBDTARGET_A_CONN_EXPORT_NAME, "disk0");
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_LISTENER_ID, 1);
	mnl_attr_put(nlh, NBDTARGET_A_CONN_PEER_ADDRESS, 16, mapped);
	mnl_attr_put_u16(nlh, NBDTARGET_A_CONN_PEER_PORT, 50000);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_STATE,
			 NBDTARGET_CONN_STATE_TRANSMISSION);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_REPLY_MODE, 200);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_IN_FLIGHT, 3);
	mnl_attr_put_u64(nlh, NBDTARGET_A_CONN_MEMORY, 65536);
	mnl_attr_put_u64(nlh, NBDTARGET_A_CONN_AGE, 3723004);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_PID, 99);
	mnl_attr_put_strz(nlh, NBDTARGET_A_CONN_TLS_VERSION, "1.3");
	mnl_attr_put_strz(nlh, NBDTARGET_A_CONN_TLS_CIPHER, "AES-256-GCM");
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_TLS_AUTH,
			 NBDTARGET_TLS_AUTH_X509);
	mnl_attr_put_strz(nlh, NBDTARGET_A_CONN_IDENTITY, "CN=bob,O=\x1b");
	mnl_attr_put_u64(nlh, NBDTARGET_A_CONN_TLS_RX_RECORDS, 12);
	mnl_attr_put_u64(nlh, NBDTARGET_A_CONN_TLS_TX_RECORDS, 34);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_TLS_RX_REKEYS, 1);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_TLS_TX_REKEYS, 2);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_CPU, 3);
	put_stats(nlh, NBDTARGET_A_CONN_STATS);
	if (reason)
		mnl_attr_put_strz(nlh, NBDTARGET_A_CONN_REASON, reason);
	deliver(nlh);
}

static void send_conns(uint16_t flags)
{
	struct nlmsghdr *nlh;

	send_conn(NBDTARGET_CMD_CONN_GET, NULL, flags);
	nlh = begin(family, NBDTARGET_CMD_CONN_GET, flags);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_ID, 18);
	mnl_attr_put_u32(nlh, NBDTARGET_A_CONN_STATE,
			 NBDTARGET_CONN_STATE_NEGOTIATING);
	deliver(nlh);
}

static void send_target(void)
{
	struct nlmsghdr *nlh = begin(family, NBDTARGET_CMD_TARGET_GET, 0);

	mnl_attr_put_strz(nlh, NBDTARGET_A_TARGET_VERSION, "1.2.3");
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_MAX_CONNECTIONS, 1024);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_NEGOTIATION_TIMEOUT, 10500);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_STALL_TIMEOUT, 60000);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_MAX_IN_FLIGHT, 128);
	mnl_attr_put_u64(nlh, NBDTARGET_A_TARGET_MEMORY_LIMIT, 512 << 20);
	mnl_attr_put_u64(nlh, NBDTARGET_A_TARGET_MEMORY_USED, 65536);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_EXPORTS, n_exports);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_LISTENERS, 5);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_CONNECTIONS, 2);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_POLL_TIME, 200);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_PEER_TIMEOUT, 120000);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_ALL_LISTENERS, 7);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_CLOSING, 1);
	mnl_attr_put_strz(nlh, NBDTARGET_A_TARGET_PLACEMENT, "0-3,8");
	mnl_attr_put_u32(nlh, NBDTARGET_A_TARGET_HANDOVER_FORMAT, 1);
	deliver(nlh);
}

/*
 * Of the first export: nobody may use it. But at that very moment somebody has removed
 * it and added it again, and is about to set these rules.
 */
static void send_access(uint16_t flags)
{
	struct nlmsghdr *nlh;

	access_dumps++;
	if (!n_exports || !script("readded"))
		return;
	if (access_dumps == 1 || script("readded-always")) {
		exports[0].id = ++last_id;
		return;
	}
	nlh = begin(family, NBDTARGET_CMD_ACCESS_GET, flags);
	mnl_attr_put_strz(nlh, NBDTARGET_A_ACCESS_EXPORT_NAME, exports[0].name);
	mnl_attr_put_u32(nlh, NBDTARGET_A_ACCESS_DEFAULT,
			 NBDTARGET_ACCESS_DENY);
	deliver(nlh);
}

static void dump(uint8_t cmd)
{
	uint16_t flags = NLM_F_MULTI;
	size_t i;

	if (script("always-interrupted") ||
	    (script("interrupted-twice") && dumps < 2))
		flags |= NLM_F_DUMP_INTR;
	dumps++;
	if (cmd == NBDTARGET_CMD_EXPORT_GET) {
		for (i = 0; i < n_exports; i++)
			send_export(&exports[i], cmd, flags);
		tls_required = true;
	}
	if (cmd == NBDTARGET_CMD_LISTENER_GET)
		send_listeners(flags);
	if (cmd == NBDTARGET_CMD_CONN_GET)
		send_conns(flags);
	if (cmd == NBDTARGET_CMD_ACCESS_GET)
		send_access(flags);
	if (script("out-of-memory"))
		done(ENOMEM, "no memory for the rest");
	else
		done(0, NULL);
}

static void send_family(void)
{
	struct nlmsghdr *nlh = begin(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, 0);
	struct nlattr *groups, *group;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NBDTARGET_FAMILY_NAME);
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, family);
	groups = mnl_attr_nest_start(nlh, CTRL_ATTR_MCAST_GROUPS);
	group = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_u32(nlh, CTRL_ATTR_MCAST_GRP_ID, GROUP);
	mnl_attr_put_strz(nlh, CTRL_ATTR_MCAST_GRP_NAME,
			  NBDTARGET_MCGRP_MONITOR);
	mnl_attr_nest_end(nlh, group);
	mnl_attr_nest_end(nlh, groups);
	deliver(nlh);
}

/* What a monitor hears; the number of a family that isn't ours is skipped. */
static void send_events(void)
{
	struct sim_export e = {
		.id = 99, .name = mem_copy("a b\n"), .device = mem_copy("/dev/vdb"),
		.description = mem_copy(""), .max_connections = 3,
	};
	struct nlmsghdr *nlh;

	send_export(&e, NBDTARGET_CMD_EXPORT_ADD_NTF, 0);
	family++;
	send_export(&e, NBDTARGET_CMD_EXPORT_SET_NTF, 0);
	family--;
	nlh = begin(family, NBDTARGET_CMD_EXPORT_DEL_NTF, 0);
	mnl_attr_put_u32(nlh, NBDTARGET_A_EXPORT_ID, 1);
	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, "a");
	deliver(nlh);
	deliver(begin(family, 200, 0));
	send_conn(NBDTARGET_CMD_CONN_OPEN_NTF, NULL, 0);
	send_conn(NBDTARGET_CMD_CONN_CLOSE_NTF, "timed \33 out", 0);
	nlh = begin(GENL_ID_CTRL, CTRL_CMD_DELFAMILY, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "another");
	deliver(nlh);
	nlh = begin(GENL_ID_CTRL, CTRL_CMD_DELFAMILY, 0);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NBDTARGET_FAMILY_NAME);
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, family);
	deliver(nlh);
	/* Nothing of it is heard once it has gone. */
	send_conn(NBDTARGET_CMD_CONN_OPEN_NTF, NULL, 0);
	family = 31;
	send_family();
	send_conn(NBDTARGET_CMD_CONN_OPEN_NTF, NULL, 0);
	free(e.name);
	free(e.device);
	free(e.description);
}

/*
 * Nothing more comes: first as something was lost, then as that is all. Behind what was
 * lost there was room for one more, and then none for the module's going and coming.
 */
static void fall_silent(void)
{
	errno = EAGAIN;
	switch (quiet++) {
	case 0:
		send_conn(NBDTARGET_CMD_CONN_OPEN_NTF, NULL, 0);
		family = 32;
		errno = ENOBUFS;
		break;
	case 2:
		raise(SIGTERM);
	}
}

static void add_export(const struct nlmsghdr *req)
{
	struct sim_export *e = &exports[n_exports];
	const struct nlattr *attr;

	if (find_export(req)) {
		ack(req, EEXIST, "export exists", 0);
		return;
	}
	e->id = ++last_id;
	e->name = mem_copy(find_text(req, NBDTARGET_A_EXPORT_NAME));
	e->device = mem_copy(find_text(req, NBDTARGET_A_EXPORT_DEVICE));
	e->description =
		mem_copy(find_text(req, NBDTARGET_A_EXPORT_DESCRIPTION));
	e->read_only = !!find(req, NBDTARGET_A_EXPORT_READ_ONLY);
	e->is_default = !!find(req, NBDTARGET_A_EXPORT_DEFAULT);
	attr = find(req, NBDTARGET_A_EXPORT_MAX_CONNECTIONS);
	e->max_connections = attr ? mnl_attr_get_u32(attr) : 0;
	n_exports++;
	ack(req, 0, script("warns") ? "mind the gap" : NULL, 0);
}

static void delete_export(const struct nlmsghdr *req)
{
	struct sim_export *e = find_export(req);

	if (!e) {
		ack(req, ENOENT, "there is no such export", 0);
	} else if (!find(req, NBDTARGET_A_EXPORT_FORCE)) {
		ack(req, EBUSY, "export is in use by 2 clients", 0);
	} else {
		free(e->name);
		free(e->device);
		free(e->description);
		memmove(e, e + 1, (exports + --n_exports - e) * sizeof(*e));
		ack(req, 0, NULL, 0);
	}
}

static void get_export(const struct nlmsghdr *req)
{
	struct sim_export *e = find_export(req);

	if (e)
		send_export(e, NBDTARGET_CMD_EXPORT_GET, 0);
	ack(req, e ? 0 : ENOENT, e ? NULL : "there is no such export", 0);
}

static void set_target(const struct nlmsghdr *req)
{
	const struct nlattr *attr =
		find(req, NBDTARGET_A_TARGET_STALL_TIMEOUT);

	if (attr && mnl_attr_get_u32(attr) < 1000)
		ack(req, ERANGE, "integer out of range",
		    (const char *)attr - (const char *)req);
	else
		ack(req, 0, NULL, 0);
}

/* All families; a name asks for one, and loads it. */
static void dump_families(void)
{
	struct nlmsghdr *nlh = begin(GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, NLM_F_MULTI);

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "another");
	mnl_attr_put_u16(nlh, CTRL_ATTR_FAMILY_ID, 99);
	deliver(nlh);
	send_family();
	done(0, NULL);
}

static void get_family(const struct nlmsghdr *req)
{
	if (req->nlmsg_flags & NLM_F_DUMP) {
		dump_families();
		return;
	}
	if (script("no-module")) {
		ack(req, ENOENT, NULL, 0);
		return;
	}
	if (script("renumbered") && requests > 2)
		family = 31;
	send_family();
	ack(req, 0, NULL, 0);
}

static void request(const struct nlmsghdr *req, uint8_t cmd)
{
	switch (cmd) {
	case NBDTARGET_CMD_EXPORT_ADD:
		add_export(req);
		return;
	case NBDTARGET_CMD_EXPORT_DEL:
		delete_export(req);
		return;
	case NBDTARGET_CMD_EXPORT_GET:
		get_export(req);
		return;
	case NBDTARGET_CMD_TARGET_GET:
		send_target();
		ack(req, 0, NULL, 0);
		return;
	case NBDTARGET_CMD_TARGET_SET:
		set_target(req);
		return;
	case NBDTARGET_CMD_LISTENER_ADD:
		ack(req, EEXIST, "the target listens there", 0);
		return;
	default:
		ack(req, ENOENT, "there is no such thing", 0);
	}
}

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	struct mnl_socket *nl = sockets[0].open ? &sockets[1] : sockets;

	if (bus != NETLINK_GENERIC || !flags || nl->open)
		return NULL;
	*nl = (struct mnl_socket) { .open = true, .queue_end = &nl->queue };
	return nl;
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	return nl && !groups && !pid ? 0 : -1;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *nl)
{
	return nl ? PORTID : 0;
}

/* For a monitor, one that always has something to read. */
int mnl_socket_get_fd(const struct mnl_socket *nl)
{
	if (event_fd < 0)
		event_fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	return nl ? event_fd : -1;
}

int mnl_socket_setsockopt(const struct mnl_socket *nl, int type, void *value,
			  socklen_t len)
{
	struct mnl_socket *s = (struct mnl_socket *)nl;
	uint32_t group;

	if (type != NETLINK_ADD_MEMBERSHIP || len != sizeof(group))
		return nl ? 0 : -1;
	memcpy(&group, value, sizeof(group));
	if (group != GENL_ID_CTRL && group != GROUP)
		return -1;
	s->hears |= group == GENL_ID_CTRL;
	s->joined |= group == GROUP;
	to = s;
	if (s->hears && s->joined && quiet)
		send_conn(NBDTARGET_CMD_CONN_OPEN_NTF, NULL, 0);
	else if (s->hears && s->joined && family == 30)
		send_events();
	return 0;
}

int mnl_socket_close(struct mnl_socket *nl)
{
	size_t i;

	nl->open = false;
	if (event_fd >= 0)
		close(event_fd);
	event_fd = -1;
	for (i = 0; i < n_exports; i++) {
		free(exports[i].name);
		free(exports[i].device);
		free(exports[i].description);
	}
	n_exports = 0;
	return 0;
}

ssize_t mnl_socket_sendto(const struct mnl_socket *nl, const void *data,
			  size_t len)
{
	const struct nlmsghdr *req = data;
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(req);
	uint8_t cmd = genl->cmd;

	requests++;
	seq = req->nlmsg_seq;
	to = (struct mnl_socket *)nl;
	if (req->nlmsg_type == GENL_ID_CTRL)
		get_family(req);
	else if (script("no-permission"))
		ack(req, EPERM, NULL, 0);
	else if (req->nlmsg_type != family ||
		 (script("renumbered") && requests > 2 && family == 30))
		ack(req, ENOENT, NULL, 0);
	else if (req->nlmsg_flags & NLM_F_DUMP)
		dump(cmd);
	else if (check_attrs(req, cmd))
		request(req, cmd);
	return nl ? (ssize_t)len : -1;
}

ssize_t mnl_socket_recvfrom(const struct mnl_socket *nl, void *data,
			    size_t size)
{
	struct mnl_socket *s = (struct mnl_socket *)nl;
	struct datagram *d = s->queue;
	size_t len;

	if (!d && s->hears) {
		to = s;
		fall_silent();
		return -1;
	}
	if (!d || size < d->len) {
		fputs("scripted: nothing more to receive\n", stderr);
		abort();
	}
	len = d->len;
	memcpy(data, d->data, len);
	s->queue = d->next;
	if (!s->queue)
		s->queue_end = &s->queue;
	free(d);
	return len;
}
