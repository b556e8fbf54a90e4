// SPDX-License-Identifier: GPL-2.0
/*
 * Devices that DRBD replicates to other hosts.
 *
 * Such a device has nothing that it is known by everywhere: its number, its path, and
 * even the name of its resource are each host's own, and the identifiers of its data
 * change. But the volumes of a resource go to other hosts by one connection, and there
 * become volumes of one resource, of the same numbers. So when data and metadata are
 * volumes 0 and 1 of one resource here, what is on volume 1 there is for what is on
 * volume 0 there, whatever both are called. That is all that can be known of them, and
 * it suffices.
 *
 * DRBD is asked, as sysfs doesn't have it. These numbers are of versions 8.4 and 9, of
 * include/linux/drbd_genl.h of the kernel.
 */
#include <inttypes.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "base/mem.h"
#include "saved/replica.h"

#define DRBD_MAJOR	147
#define FAMILY		"drbd"
#define GET_DEVICES	31
#define RESOURCE_MAX	128

/* An attribute, and what is in it. */
#define CONTEXT		2
#define CONTEXT_VOLUME	1
#define CONTEXT_NAME	2

/* Ahead of the attributes, in both directions. */
struct drbd_header {
	uint32_t minor;
	uint32_t flags;
};

/* Of a device that is looked for. */
struct volume {
	uint32_t minor;
	bool found;
	uint32_t number;
	char resource[RESOURCE_MAX];
};

bool replica_is(dev_t dev)
{
	return major(dev) == DRBD_MAJOR;
}

static struct nlmsghdr *request(char *buf, uint16_t type, uint16_t flags,
				uint8_t cmd)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = 1;
	return nlh;
}

/* Each message goes to TAKE; whether there was an answer. */
static bool ask(struct mnl_socket *socket, const struct nlmsghdr *nlh,
		mnl_cb_t take, void *data)
{
	char buf[32768] __aligned(MNL_ALIGNTO);
	int ret = MNL_CB_OK;
	ssize_t n;

	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		return false;
	while (ret == MNL_CB_OK) {
		n = mnl_socket_recvfrom(socket, buf, sizeof(buf));
		if (n < 0)
			return false;
		ret = mnl_cb_run(buf, n, 0, mnl_socket_get_portid(socket), take,
				 data);
	}
	return ret == MNL_CB_STOP;
}

static int take_family(const struct nlmsghdr *nlh, void *data)
{
	uint16_t *family = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr)) {
		if (mnl_attr_get_type(attr) == CTRL_ATTR_FAMILY_ID &&
		    mnl_attr_validate(attr, MNL_TYPE_U16) >= 0)
			*family = mnl_attr_get_u16(attr);
	}
	return MNL_CB_OK;
}

/* The number that DRBD's family has now; 0 without it. */
static uint16_t find_family(struct mnl_socket *socket)
{
	char buf[256] __aligned(MNL_ALIGNTO);
	struct nlmsghdr *nlh = request(buf, GENL_ID_CTRL, NLM_F_ACK,
				       CTRL_CMD_GETFAMILY);
	uint16_t family = 0;

	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, FAMILY);
	return ask(socket, nlh, take_family, &family) ? family : 0;
}

static void take_context(const struct nlattr *nest, struct volume *v)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) == CONTEXT_VOLUME &&
		    mnl_attr_validate(attr, MNL_TYPE_U32) >= 0) {
			v->number = mnl_attr_get_u32(attr);
			v->found = true;
		}
		if (mnl_attr_get_type(attr) == CONTEXT_NAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			snprintf(v->resource, sizeof(v->resource), "%s",
				 mnl_attr_get_str(attr));
	}
}

/* Both that are looked for. */
static int take_device(const struct nlmsghdr *nlh, void *data)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*genl) + sizeof(struct drbd_header);
	struct volume *volumes = data, *v;
	struct drbd_header header;
	const struct nlattr *attr;

	if (mnl_nlmsg_get_payload_len(nlh) < offset)
		return MNL_CB_OK;
	memcpy(&header, genl + 1, sizeof(header));
	for (v = volumes; v < volumes + 2; v++) {
		if (v->minor != header.minor)
			continue;
		mnl_attr_for_each(attr, nlh, offset) {
			if (mnl_attr_get_type(attr) == CONTEXT)
				take_context(attr, v);
		}
	}
	return MNL_CB_OK;
}

static bool find_volumes(struct volume *volumes)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_GENERIC,
						     SOCK_CLOEXEC);
	char buf[256] __aligned(MNL_ALIGNTO);
	struct nlmsghdr *nlh;
	uint16_t family;
	bool done = false;

	if (!socket)
		return false;
	if (!mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID)) {
		family = find_family(socket);
		nlh = request(buf, family, NLM_F_DUMP, GET_DEVICES);
		mnl_nlmsg_put_extra_header(nlh, sizeof(struct drbd_header));
		done = family && ask(socket, nlh, take_device, volumes);
	}
	mnl_socket_close(socket);
	return done && volumes[0].found && volumes[1].found;
}

/**
 * replica_pair - what data and metadata are to each other on each host
 * @data: a device
 * @metadata: another
 *
 * Return: a sentence that is the same on all of them, to be freed; or NULL when they
 * aren't volumes of one resource.
 */
char *replica_pair(dev_t data, dev_t metadata)
{
	struct volume volumes[] = {
		{ .minor = minor(data) }, { .minor = minor(metadata) },
	};

	if (!replica_is(data) || !replica_is(metadata) ||
	    !find_volumes(volumes) ||
	    strcmp(volumes[0].resource, volumes[1].resource))
		return NULL;
	return mem_printf("drbd volume %" PRIu32 " of the resource whose volume %"
			  PRIu32 " has the metadata", volumes[0].number,
			  volumes[1].number);
}

const char *replica_doubt(dev_t data, dev_t metadata)
{
	char *pair = replica_pair(data, metadata);
	bool apart = !pair && (replica_is(data) || replica_is(metadata));

	free(pair);
	return apart ?
	       "data and metadata aren't volumes of one DRBD resource: a takeover may lose bits" :
	       NULL;
}
