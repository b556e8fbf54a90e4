// SPDX-License-Identifier: GPL-2.0
/* Lines about clients, not more of them than anybody reads. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/clock.h"
#include "agent/log.h"
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

/* A line about what a client may have caused, unless there were many. */
void log_some(struct log *log, const struct tool *tool, const char *peer,
	      const char *text)
{
	int64_t time = clock_now();
	struct tool warning = *tool, *t = &warning;

	if (tool->priority)
		t->priority = LOG_WARNING_PREFIX;

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
