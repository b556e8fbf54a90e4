// SPDX-License-Identifier: GPL-2.0
/* Lines about clients, not more of them than anybody reads. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/log.h"
#include "base/clock.h"
#include "base/fail.h"

/* Lines about clients in that many milliseconds. */
#define LINES 20
#define INTERVAL 10000

/*
 * Does the journal read what is said?  Then lines begin with how bad it is, in its
 * way.
 */
bool log_is_journal(void)
{
	const char *s = getenv("JOURNAL_STREAM");
	unsigned long long dev, inode;
	struct stat st;

	return s && sscanf(s, "%llu:%llu", &dev, &inode) == 2 &&
	       !fstat(STDERR_FILENO, &st) && st.st_dev == dev &&
	       st.st_ino == inode;
}

void log_warning(const struct tool *tool, const char *thing, const char *text)
{
	struct tool warning = *tool;

	if (tool->priority)
		warning.priority = LOG_WARNING_PREFIX;
	fail(&warning, thing, "%s", text);
}

/* A line about what a client may have caused, unless there were many. */
void log_some(struct log *log, const struct tool *tool, const char *peer,
	      const char *text)
{
	int64_t time = clock_now();
	char left_out[80];

	if (time - log->since >= INTERVAL) {
		snprintf(left_out, sizeof(left_out), "%u more lines like these",
			 log->left_out);
		if (log->left_out)
			log_warning(tool, NULL, left_out);
		log->since = time;
		log->lines = 0;
		log->left_out = 0;
	}
	if (log->lines++ < LINES)
		log_warning(tool, peer, text);
	else
		log->left_out++;
}
