/* SPDX-License-Identifier: GPL-2.0 */
/* A handshake, as the module asks for it. */
#ifndef NBDTARGETCTL_TASK_H
#define NBDTARGETCTL_TASK_H

#include <stdint.h>

#include "agent/handshake.h"
#include "base/address.h"
#include "base/tool.h"

struct task {
	uint64_t present;
	uint64_t conn;
	uint64_t fd;
	struct address peer;
	uint64_t peer_port;
	uint64_t timeout;
	uint16_t family;	/* of the module that gave conn */
};

int task_accept(struct tool *t, struct task *task);
int task_report(struct tool *t, const struct handshake *h, const char *text);

#endif /* NBDTARGETCTL_TASK_H */
