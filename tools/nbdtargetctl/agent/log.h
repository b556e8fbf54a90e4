/* SPDX-License-Identifier: GPL-2.0 */
/* Lines about clients, not more of them than anybody reads. */
#ifndef NBDTARGETCTL_LOG_H
#define NBDTARGETCTL_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tool.h"

struct log {
	int64_t since;		/* of the monotonic clock, in ms */
	unsigned int lines, left_out;
};

/* What the journal takes for a priority, in front of a line. */
#define LOG_ERROR_PREFIX "<3>"
#define LOG_WARNING_PREFIX "<4>"
#define LOG_NOTICE_PREFIX "<5>"

bool log_is_journal(void);
void log_warning(const struct tool *tool, const char *thing, const char *text);
void log_some(struct log *log, const struct tool *tool, const char *peer,
	      const char *text);

#endif /* NBDTARGETCTL_LOG_H */
