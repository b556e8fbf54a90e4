/* SPDX-License-Identifier: GPL-2.0 */
/* A socket that hears what the module tells of its own accord, whichever is loaded. */
#ifndef NBDTARGETCTL_EVENTS_H
#define NBDTARGETCTL_EVENTS_H

#include <libmnl/libmnl.h>
#include <stdbool.h>
#include <stdint.h>

#include "nl/nl.h"

/* What else there is to know than messages; the module may have gone, and another come. */
enum {
	NL_LOST = 1,		/* events were */
	NL_WENT = 2,
	NL_CAME = 4,
};

struct nl_events {
	struct nl *nl;		/* the caller's, to ask which module there is */
	struct mnl_socket *socket;
	enum nl_group group;	/* that it is in */
	uint16_t family;	/* of the module's messages; 0 while there is none */
	bool lost;		/* some were: look what there is, behind those that weren't */
};

int nl_events_open(struct nl_events *e, struct nl *nl, enum nl_group group);
void nl_events_close(struct nl_events *e);
ssize_t nl_events_receive(struct nl_events *e, char *buf, unsigned int *news);
unsigned int nl_events_controller(struct nl_events *e, const struct nlmsghdr *nlh);

#endif /* NBDTARGETCTL_EVENTS_H */
