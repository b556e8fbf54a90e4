// SPDX-License-Identifier: GPL-2.0
/*
 * The netlink socket that all requests of a run share: finding the family
 * (which makes the kernel load the module, but for who only listens), one request at
 * a time, dumps that are either complete and consistent or failed, and the kernel's
 * own words when it refuses.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "nbdtarget.h"
#include "nl/nl.h"

#ifndef NLM_F_CAPPED
#define NLM_F_CAPPED 0x100
#endif
#ifndef NLM_F_ACK_TLVS
#define NLM_F_ACK_TLVS 0x200
#endif

/* Changes while a dump runs make it start again, this often. */
#define DUMP_TRIES 16

/* How long somebody may take to replace the module. */
#define REPLACED_SECONDS 120

struct nl {
	struct mnl_socket *socket;
	uint32_t portid;
	uint32_t seq;
	struct nl_family family;	/* once it was found */
	uint16_t only;		/* the one that may get the request, or 0 for any */
	bool keeps_out;		/* asks for nothing that would load the module */
	struct nl_error error;
	char *tx;		/* the request, NL_BUFFER_SIZE bytes */
	char *rx;		/* what came last, NL_BUFFER_SIZE bytes */
};

struct nl *nl_new(void)
{
	struct nl *nl = mem_zalloc(sizeof(*nl));

	nl->tx = mem_zalloc(NL_BUFFER_SIZE);
	nl->rx = mem_zalloc(NL_BUFFER_SIZE);
	return nl;
}

void nl_free(struct nl *nl)
{
	if (!nl)
		return;
	if (nl->socket)
		mnl_socket_close(nl->socket);
	free(nl->tx);
	free(nl->rx);
	free(nl);
}

const struct nl_error *nl_last_error(const struct nl *nl)
{
	return &nl->error;
}

/* For who has asked something else meanwhile. */
void nl_set_last_error(struct nl *nl, const struct nl_error *error)
{
	nl->error = *error;
}

/* From now on: what has gone stays away until somebody else loads it. */
void nl_keep_out(struct nl *nl)
{
	nl->keeps_out = true;
}

static int set_error(struct nl *nl, int err, const char *text)
{
	nl->error.err = err;
	snprintf(nl->error.text, sizeof(nl->error.text), "%s", text);
	return -err;
}

/* For the calls that say by errno what went wrong with the socket. */
static int socket_error(struct nl *nl, const char *what)
{
	int err = errno;
	char text[128];

	snprintf(text, sizeof(text), "%s: %s", what, strerror(err));
	return set_error(nl, err, text);
}

static void copy_error_text(struct nl *nl, const struct nlattr *attr)
{
	size_t len = mnl_attr_get_payload_len(attr);

	if (len >= sizeof(nl->error.text))
		len = sizeof(nl->error.text) - 1;
	memcpy(nl->error.text, mnl_attr_get_payload(attr), len);
	nl->error.text[len] = '\0';
}

/* The attribute of our request that starts at this offset. */
static uint16_t attr_at(const struct nl *nl, uint32_t offset)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)nl->tx;
	struct nlattr attr;

	if (offset + sizeof(attr) > nlh->nlmsg_len)
		return 0;
	memcpy(&attr, nl->tx + offset, sizeof(attr));
	return mnl_attr_get_type(&attr);
}

/* The extended acknowledgment, which starts at an offset of the payload. */
static void take_ext_ack(struct nl *nl, const struct nlmsghdr *nlh,
			 size_t offset)
{
	struct nlattr *attr;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) ||
	    mnl_nlmsg_get_payload_len(nlh) < offset)
		return;
	mnl_attr_for_each(attr, nlh, offset) {
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_MSG)
			copy_error_text(nl, attr);
		if (mnl_attr_get_type(attr) == NLMSGERR_ATTR_OFFS &&
		    mnl_attr_get_payload_len(attr) == sizeof(uint32_t))
			nl->error.attr = attr_at(nl, mnl_attr_get_u32(attr));
	}
}

/* NLMSG_ERROR: an acknowledgment, or why there is none. */
static int take_ack(struct nl *nl, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*e);

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*e))
		return set_error(nl, EBADMSG, "the kernel's answer is short");
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) &&
	    e->msg.nlmsg_len >= sizeof(e->msg))
		offset += e->msg.nlmsg_len - sizeof(e->msg);
	take_ext_ack(nl, nlh, offset);
	nl->error.err = e->error < 0 ? -e->error : e->error;
	return -nl->error.err;
}

/* NLMSG_DONE: the end of a dump, which may have failed half way. */
static int take_done(struct nl *nl, const struct nlmsghdr *nlh)
{
	int err = 0;

	if (mnl_nlmsg_get_payload_len(nlh) >= sizeof(err))
		memcpy(&err, mnl_nlmsg_get_payload(nlh), sizeof(err));
	take_ext_ack(nl, nlh, sizeof(err));
	nl->error.err = err < 0 ? -err : 0;
	return -nl->error.err;
}

static void keep(struct nl_reply *reply, const struct nlmsghdr *nlh)
{
	size_t room = MNL_ALIGN(nlh->nlmsg_len);

	reply->data = mem_resize(reply->data, reply->len + room);
	memset(reply->data + reply->len, 0, room);
	memcpy(reply->data + reply->len, nlh, nlh->nlmsg_len);
	reply->len += room;
}

/* 1 when there is more to come, else how the request ended. */
static int take_message(struct nl *nl, const struct nlmsghdr *nlh,
			struct nl_reply *reply, bool *interrupted)
{
	if (nlh->nlmsg_seq != nl->seq || nlh->nlmsg_pid != nl->portid)
		return 1;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		*interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		return 1;
	case NLMSG_ERROR:
		return take_ack(nl, nlh);
	case NLMSG_DONE:
		return take_done(nl, nlh);
	case NLMSG_OVERRUN:
		return set_error(nl, ENOBUFS, "the kernel's answer was lost");
	}
	if (reply)
		keep(reply, nlh);
	return 1;
}

static int receive(struct nl *nl, struct nl_reply *reply)
{
	struct nlmsghdr *nlh;
	bool interrupted = false;
	ssize_t n;
	int left, ret;

	for (;;) {
		n = mnl_socket_recvfrom(nl->socket, nl->rx, NL_BUFFER_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return socket_error(nl, "netlink");
		left = n;
		for (nlh = (struct nlmsghdr *)nl->rx; mnl_nlmsg_ok(nlh, left);
		     nlh = mnl_nlmsg_next(nlh, &left)) {
			ret = take_message(nl, nlh, reply, &interrupted);
			if (ret <= 0)
				return !ret && interrupted ? -EINTR : ret;
		}
	}
}

/* Sends the request in nl->tx and waits for its end. */
static int transact(struct nl *nl, struct nlmsghdr *nlh,
		    struct nl_reply *reply)
{
	int ret;

	memset(&nl->error, 0, sizeof(nl->error));
	nlh->nlmsg_seq = ++nl->seq;
	if (mnl_socket_sendto(nl->socket, nlh, nlh->nlmsg_len) < 0)
		return socket_error(nl, "netlink");
	ret = receive(nl, reply);
	if (reply && reply->secret)
		explicit_bzero(nl->rx, NL_BUFFER_SIZE);
	return ret;
}

void nl_reply_free(struct nl_reply *reply)
{
	if (reply->secret && reply->data)
		explicit_bzero(reply->data, reply->len);
	free(reply->data);
	reply->data = NULL;
	reply->len = 0;
}

/* The first message for NULL, then the one after; NULL at the end. */
struct nlmsghdr *nl_reply_next(const struct nl_reply *reply,
			       struct nlmsghdr *nlh)
{
	char *next = nlh ? (char *)nlh + MNL_ALIGN(nlh->nlmsg_len) :
		     reply->data;

	if (next == reply->data + reply->len)
		return NULL;
	return (struct nlmsghdr *)next;
}

static void put_header(struct nlmsghdr *nlh, uint8_t cmd, uint8_t version)
{
	struct genlmsghdr *genl;

	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
}

static bool attr_is(const struct nlattr *attr, const char *s)
{
	return mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0 &&
	       !strcmp(mnl_attr_get_str(attr), s);
}

static void parse_group(const struct nlattr *nest, struct nl_family *family)
{
	const struct nlattr *attr;
	uint32_t *group = NULL;
	uint32_t id = 0;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_NAME) {
			if (attr_is(attr, NBDTARGET_MCGRP_MONITOR))
				group = &family->groups[NL_MONITOR];
			else if (attr_is(attr, NBDTARGET_MCGRP_TLS))
				group = &family->groups[NL_TLS];
		}
		if (mnl_attr_get_type(attr) == CTRL_ATTR_MCAST_GRP_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0)
			id = mnl_attr_get_u32(attr);
	}
	if (group)
		*group = id;
}

/* True when a message of the controller is about our family. */
bool nl_family_parse(const struct nlmsghdr *nlh, struct nl_family *family)
{
	const struct nlattr *nest;
	struct nlattr *attr;
	bool ours = false;

	memset(family, 0, sizeof(*family));
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		switch (mnl_attr_get_type(attr)) {
		case CTRL_ATTR_FAMILY_NAME:
			ours = attr_is(attr, NBDTARGET_FAMILY_NAME);
			break;
		case CTRL_ATTR_FAMILY_ID:
			if (mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
				family->id = mnl_attr_get_u16(attr);
			break;
		case CTRL_ATTR_MCAST_GROUPS:
			mnl_attr_for_each_nested(nest, attr)
				parse_group(nest, family);
			break;
		}
	}
	return ours;
}

static const char no_module[] =
	"the kernel module nbdtarget is not loaded and did not load by itself";

static int no_family(struct nl *nl, int err)
{
	nl->error.unreachable = true;
	if (err == ENOENT)
		return set_error(nl, ENOPKG, nl->keeps_out ?
				 "the kernel module nbdtarget is not loaded" :
				 no_module);
	return -err;
}

/* Ours, of those that the controller has told of. */
static bool take_family(struct nl *nl, const struct nl_reply *reply)
{
	struct nlmsghdr *nlh = NULL;

	while ((nlh = nl_reply_next(reply, nlh)))
		if (nl_family_parse(nlh, &nl->family))
			return true;
	memset(&nl->family, 0, sizeof(nl->family));
	return false;
}

/* By its name, for which the kernel loads the module by its alias. */
static int ask_family(struct nl *nl, struct nlmsghdr *nlh)
{
	struct nl_reply reply = { 0 };
	int ret;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, NBDTARGET_FAMILY_NAME);
	ret = transact(nl, nlh, &reply);
	if (!take_family(nl, &reply) && !ret)
		ret = set_error(nl, EBADMSG, "the family's data is malformed");
	nl_reply_free(&reply);
	return ret;
}

/*
 * Among all that there are, for which the kernel loads nothing. Twice: where another one
 * goes while they are told of, the one behind it may be left out.
 */
static int search_family(struct nl *nl, struct nlmsghdr *nlh)
{
	struct nl_reply reply = { 0 };
	int ret = -ENOENT, try;

	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	for (try = 0; try < 2 && ret == -ENOENT; try++) {
		ret = transact(nl, nlh, &reply);
		if (!take_family(nl, &reply) && !ret)
			ret = -ENOENT;
		nl_reply_free(&reply);
	}
	return ret;
}

static int find_family(struct nl *nl)
{
	/* Its own buffer: nl->tx may hold a request that is to be sent again */
	char buf[256] __aligned(MNL_ALIGNTO);
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	int ret;

	nlh->nlmsg_type = GENL_ID_CTRL;
	put_header(nlh, CTRL_CMD_GETFAMILY, 1);
	ret = nl->keeps_out ? search_family(nl, nlh) : ask_family(nl, nlh);
	return ret ? no_family(nl, -ret) : 0;
}

static int open_socket(struct nl *nl)
{
	int on = 1;

	nl->socket = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl->socket ||
	    mnl_socket_bind(nl->socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		nl->error.unreachable = true;
		return socket_error(nl, "cannot open a netlink socket");
	}
	nl->portid = mnl_socket_get_portid(nl->socket);
	/* A kernel that lacks one of these does without. */
	mnl_socket_setsockopt(nl->socket, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_CAP_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(nl->socket, NETLINK_GET_STRICT_CHK, &on,
			      sizeof(on));
	return 0;
}

static int open_once(struct nl *nl)
{
	int ret = nl->socket ? 0 : open_socket(nl);

	if (ret && nl->socket) {
		mnl_socket_close(nl->socket);
		nl->socket = NULL;
	}
	return ret;
}

int nl_connect(struct nl *nl)
{
	int ret = open_once(nl);

	return ret || nl->family.id ? ret : find_family(nl);
}

/* Which there is now, without having it loaded; all zero for none. */
int nl_look(struct nl *nl, struct nl_family *family)
{
	int ret = open_once(nl);

	nl_keep_out(nl);
	if (!ret)
		ret = find_family(nl);
	*family = nl->family;
	return ret == -ENOPKG ? 0 : ret;
}

/* A request to put attributes in, in the one buffer there is for them. */
struct nlmsghdr *nl_request(struct nl *nl, uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(nl->tx);

	put_header(nlh, cmd, NBDTARGET_FAMILY_VERSION);
	return nlh;
}

/*
 * The kernel says ENOENT, and nothing more, to a family number that is no
 * more. The module may have been loaded anew since we asked for it, or gone.
 */
static bool may_be_stale(const struct nl *nl, int ret)
{
	return ret == -ENOENT && !nl->error.text[0];
}

/* Numbers begin anew with each module: there, one is of somebody else. */
static int check_family(struct nl *nl)
{
	if (!nl->only || nl->family.id == nl->only)
		return 0;
	return set_error(nl, ESTALE, "the module was replaced meanwhile");
}

/* To the module that is there, which may be another than the last time. */
static int send_once(struct nl *nl, struct nlmsghdr *nlh, struct nl_reply *reply)
{
	struct nl_error error;
	uint16_t family;
	int ret;

	/* Once it was found gone; the kernel says yes to number 0, whatever is asked. */
	if (!nl->family.id && find_family(nl))
		return -nl->error.err;
	if (check_family(nl))
		return -nl->error.err;
	family = nl->family.id;
	nlh->nlmsg_type = family;
	ret = transact(nl, nlh, reply);
	if (!may_be_stale(nl, ret))
		return ret;
	error = nl->error;
	if (find_family(nl))
		return -nl->error.err;
	if (nl->family.id == family) {
		nl->error = error;
		return ret;
	}
	if (check_family(nl))
		return -nl->error.err;
	nlh->nlmsg_type = nl->family.id;
	return transact(nl, nlh, reply);
}

/*
 * While somebody replaces the module, what would change something has to wait; and, while
 * there is none, must not have one loaded, which would be in his way.
 */
int nl_do(struct nl *nl, struct nlmsghdr *nlh, struct nl_reply *reply)
{
	bool keeps_out = nl->keeps_out, replaced = false;
	int tries = REPLACED_SECONDS * 20, ret;

	while ((ret = send_once(nl, nlh, reply)) == -EINPROGRESS ||
	       (ret == -ENOPKG && replaced)) {
		replaced = true;
		nl->keeps_out = true;
		if (!tries--)
			break;
		clock_pause(50);
	}
	nl->keeps_out = keeps_out;
	return ret;
}

/*
 * What has a number in it that one module gave, which no other gets; there it would be of
 * somebody else. -ESTALE when that one has gone.
 */
int nl_do_at(struct nl *nl, uint16_t family, struct nlmsghdr *nlh)
{
	int ret;

	nl->only = family;
	ret = nl_do(nl, nlh, NULL);
	nl->only = 0;
	return ret;
}

/* The same, of a number that was learnt from the one that there is now. */
int nl_do_here(struct nl *nl, struct nlmsghdr *nlh)
{
	int ret = find_family(nl);

	return ret ? ret : nl_do_at(nl, nl->family.id, nlh);
}

/* All objects of a kind at one moment. */
int nl_dump(struct nl *nl, uint8_t cmd, struct nl_reply *reply)
{
	struct nlmsghdr *nlh;
	int ret, try;

	for (try = 0; try < DUMP_TRIES; try++) {
		nl_reply_free(reply);
		nlh = nl_request(nl, cmd);
		nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		ret = nl_do(nl, nlh, reply);
		if (ret != -EINTR)
			break;
	}
	if (ret == -EINTR)
		set_error(nl, EINTR, "no consistent view while it changes");
	if (ret)
		nl_reply_free(reply);
	return ret;
}
