/* SPDX-License-Identifier: GPL-2.0 */
/* Lines about clients, not more of them than anybody reads. */
#ifndef NBDTARGETCTL_LOG_H
#define NBDTARGETCTL_LOG_H

#include <stdint.h>

#include "base/tool.h"

struct log {
	int64_t since;		/* of the monotonic clock, in ms */
	unsigned int lines, left_out;
};

void log_some(struct log *log, const struct tool *t, const char *peer,
	      const char *text);

#endif /* NBDTARGETCTL_LOG_H */
