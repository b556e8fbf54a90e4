/* SPDX-License-Identifier: GPL-2.0 */
/* Requests to the module over generic netlink. */
#ifndef NBDTARGETCTL_NL_H
#define NBDTARGETCTL_NL_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NL_BUFFER_SIZE 65536	/* several attributes of 4 KiB fit */

struct nl;

/* How the last request ended. */
struct nl_error {
	int err;		/* positive errno, 0 for success */
	bool unreachable;	/* there is no module to talk to */
	uint16_t attr;		/* the attribute that was refused, or 0 */
	char text[512];		/* the kernel's words, or empty */
};

/* Whole messages, one after the other. */
struct nl_reply {
	char *data;
	size_t len;
	bool secret;		/* nothing of it stays in memory */
};

/* Multicast groups of the module. */
enum nl_group { NL_MONITOR, NL_TLS, NL_GROUPS };

/* Numbers that change whenever the module is loaded; 0 for what isn't. */
struct nl_family {
	uint16_t id;
	uint32_t groups[NL_GROUPS];
};

struct nl *nl_new(void);
void nl_free(struct nl *nl);
const struct nl_error *nl_last_error(const struct nl *nl);
void nl_set_last_error(struct nl *nl, const struct nl_error *error);

/* These return 0 or a negative errno; nl_last_error() has the details. */
int nl_connect(struct nl *nl);
int nl_look(struct nl *nl, struct nl_family *family);
int nl_do(struct nl *nl, struct nlmsghdr *nlh, struct nl_reply *reply);
int nl_do_at(struct nl *nl, uint16_t family, struct nlmsghdr *nlh);
int nl_do_here(struct nl *nl, struct nlmsghdr *nlh);
int nl_dump(struct nl *nl, uint8_t cmd, struct nl_reply *reply);

struct nlmsghdr *nl_request(struct nl *nl, uint8_t cmd);
void nl_keep_out(struct nl *nl);
bool nl_family_parse(const struct nlmsghdr *nlh, struct nl_family *family);
struct nlmsghdr *nl_reply_next(const struct nl_reply *reply,
			       struct nlmsghdr *nlh);
void nl_reply_free(struct nl_reply *reply);

#endif /* NBDTARGETCTL_NL_H */
