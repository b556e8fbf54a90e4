// SPDX-License-Identifier: GPL-2.0
/* Becomes the program that does TLS handshakes; see verb/tls_agent.c. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/agent.h"
#include "base/fail.h"

#define AGENT "nbdtarget-tls-agent"

/* It is beside this one; false when there is no telling where that is. */
static bool find_agent(char path[PATH_MAX])
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_MAX - 1);
	char *name;

	if (len <= 0)
		return false;
	path[len] = '\0';
	name = strrchr(path, '/') + 1;
	if ((size_t)(path + PATH_MAX - name) < sizeof(AGENT))
		return false;
	memcpy(name, AGENT, sizeof(AGENT));
	return true;
}

int agent_run(struct tool *t, const struct args *args)
{
	const struct opt *opts = args->verb->opts;
	char path[PATH_MAX], numbers[OPTS_MAX][32];
	char *argv[2 + 2 * OPTS_MAX + 1] = { path, (char *)args->verb->name };
	size_t i, n = 2;
	sigset_t set;

	for (i = 0; opts[i].name; i++) {
		if (!args->opt[i].given)
			continue;
		argv[n++] = (char *)opts[i].name;
		if (opts[i].kind == OPT_TEXT) {
			argv[n++] = (char *)args->opt[i].text;
		} else if (opts[i].kind == OPT_NUMBER) {
			snprintf(numbers[i], sizeof(numbers[i]), "%llu",
				 (unsigned long long)args->opt[i].number);
			argv[n++] = numbers[i];
		}
	}
	argv[n] = NULL;
	/* It isn't ready for it yet, and would end. */
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	if (!find_agent(path))
		return fail(t, NULL, "the folder of this program isn't known");
	execv(path, argv);
	return fail(t, NULL, "%s: %s", path, strerror(errno));
}
