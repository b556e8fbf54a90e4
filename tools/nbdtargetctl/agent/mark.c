// SPDX-License-Identifier: GPL-2.0
/*
 * Which CRLs has the agent that runs?  "tls-agent --check" is another process, and has
 * to say of credentials what that would: so that leaves a mark, in the folder that
 * systemd makes for the unit (RuntimeDirectory=). Without such a folder nobody is asked.
 *
 * Nor is it a wish to let anybody in that an agent has crashed, and systemd starts the
 * next: it begins with what the mark says. So the folder stays meanwhile
 * (RuntimeDirectoryPreserve=), and an agent that is told to end takes the mark along.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/mark.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/replace.h"

/* Its path, or NULL.  The first folder, if there are several. */
char *mark_path(void)
{
	const char *dirs = getenv("RUNTIME_DIRECTORY");

	return dirs && *dirs ? mem_printf("%.*s/crls",
					  (int)strcspn(dirs, ":"), dirs) : NULL;
}

/* As they were left, into an empty one. */
void mark_get(struct crl_memory *crls)
{
	char *path = mark_path();
	FILE *f = path ? fopen(path, "re") : NULL;

	if (f) {
		crls->had = true;
		crl_read(f, crls);
		fclose(f);
	}
	free(path);
}

static const char *put(const char *path, const struct crl_memory *crls)
{
	const char *wrong = NULL;
	struct replace r;

	if (!crls->had)
		return unlink(path) && errno != ENOENT ? strerror(errno) : NULL;
	if (replace_begin(&r, path))
		return replace_error(&r);
	crl_write(r.f, crls);
	if (replace_commit(&r))
		wrong = replace_error(&r);
	replace_end(&r);
	return wrong;
}

/* 0, or it was said why not. */
int mark_set(const struct tool *t, const struct crl_memory *crls)
{
	char *path = mark_path();
	const char *wrong = path ? put(path, crls) : NULL;
	int ret = wrong ? fail(t, path, "%s", wrong) : 0;

	free(path);
	return ret;
}

void mark_drop(void)
{
	char *path = mark_path();

	if (path)
		unlink(path);
	free(path);
}
