/* SPDX-License-Identifier: GPL-2.0 */
/* Waiting for what the module ends by itself once it was told to. */
#ifndef NBDTARGETCTL_AWAITED_H
#define NBDTARGETCTL_AWAITED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/options.h"
#include "base/tool.h"
#include "nl/nl.h"

/* The two options of every verb that waits, in its table. */
#define AWAITED_NO_WAIT { "--no-wait", OPT_FLAG, NULL, \
	"end before it is over; it goes on by itself", 0 }
#define AWAITED_TIMEOUT { "--timeout", OPT_SECONDS, "SECONDS", \
	"wait no longer than that (60)", UINT32_MAX }

/* What is waited for. */
struct awaited {
	const char *thing;	/* for messages, or NULL */
	/* 1 when it is over, 0 when not yet, or a negative errno. */
	int (*is_over)(struct tool *t, const struct awaited *e);
	uint64_t id;		/* of an export, listener, or connection; 0: any */
	const char *name;	/* of an export, or NULL */
};

uint64_t awaited_id(const struct nl_reply *reply, uint16_t attr);
int awaited_wait(struct tool *t, const struct awaited *e,
		const struct opt_value *no_wait,
		const struct opt_value *timeout);

int awaited_export(struct tool *t, const struct awaited *e);
int awaited_scan(struct tool *t, const struct awaited *e);
int awaited_listener(struct tool *t, const struct awaited *e);
int awaited_conns(struct tool *t, const struct awaited *e);
int awaited_all(struct tool *t, const struct awaited *e);

#endif /* NBDTARGETCTL_AWAITED_H */
