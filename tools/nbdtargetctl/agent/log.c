// SPDX-License-Identifier: GPL-2.0
/* Lines about clients, not more of them than anybody reads. */
#include "agent/clock.h"
#include "agent/log.h"
#include "base/fail.h"

/* Lines about clients in that many milliseconds. */
#define LINES 20
#define INTERVAL 10000

/* A line about what a client may have caused, unless there were many. */
void log_some(struct log *log, const struct tool *t, const char *peer,
	      const char *text)
{
	int64_t time = clock_now();

	if (time - log->since >= INTERVAL) {
		if (log->left_out)
			fail(t, NULL, "%u more lines like these",
			     log->left_out);
		log->since = time;
		log->lines = 0;
		log->left_out = 0;
	}
	if (log->lines++ < LINES)
		fail(t, peer, "%s", text);
	else
		log->left_out++;
}
