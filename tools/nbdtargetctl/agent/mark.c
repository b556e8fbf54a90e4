// SPDX-License-Identifier: GPL-2.0
/*
 * Has the agent that runs a CRL?  "tls-agent --check" is another process, and has to
 * say of credentials what that would: so that leaves a mark, in the folder that systemd
 * makes for the unit (RuntimeDirectory=) and removes at its end. Without such a folder
 * nobody is asked.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mark.h"
#include "base/fail.h"
#include "base/mem.h"

/* Its path, or NULL.  The first folder, if there are several. */
static char *path_of_mark(void)
{
	const char *dirs = getenv("RUNTIME_DIRECTORY");

	return dirs && *dirs ? mem_printf("%.*s/has-crl",
					  (int)strcspn(dirs, ":"), dirs) : NULL;
}

bool mark_is_set(void)
{
	char *path = path_of_mark();
	bool set = path && !access(path, F_OK);

	free(path);
	return set;
}

static int put(const char *path, bool set)
{
	int fd;

	if (!set)
		return unlink(path) && errno != ENOENT ? -1 : 0;
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? -1 : 0;
}

/* 0, or it was said why not. */
int mark_set(const struct tool *t, bool set)
{
	char *path = path_of_mark();
	int ret = path && put(path, set) ?
		  fail(t, path, "%s", strerror(errno)) : 0;

	free(path);
	return ret;
}
