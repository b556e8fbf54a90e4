// SPDX-License-Identifier: GPL-2.0
/*
 * The module itself, by the programs of kmod, which know where it is and how it was
 * packed. It is unloaded by the system call: who has just let go of it may need a
 * moment, which they don't give.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/out.h"
#include "config/module.h"

#define SRCVERSION "/sys/module/" MODULE_NAME "/srcversion"

/* How often, and how many ms after each time, if somebody still has it. */
#define UNLOAD_TRIES 500
#define UNLOAD_PAUSE 20

/* How often another may come before it. */
#define LOAD_TRIES 20

static void become(char *const argv[], int out)
{
	/* Signals are ignored by this program while it matters. */
	dup2(out, STDOUT_FILENO);
	out_restore_signal();
	execvp(argv[0], argv);
	_exit(127);
}

/* OUT gets what it writes. Its status as wait(2) has it, -1 if it didn't start. */
static int run_program(char *const argv[], int out)
{
	int status = -1;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid)
		become(argv, out);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid < 0 ? -1 : status;
}

/* The first line of a file, without its end. */
static char *first_line(FILE *f)
{
	char *line = NULL;
	size_t size = 0;

	if (f && getline(&line, &size, f) > 0) {
		line[strcspn(line, "\n")] = '\0';
		return line;
	}
	free(line);
	return NULL;
}

char *module_field(const char *module, const char *field)
{
	char *argv[6] = { (char *)"modinfo", (char *)"-F", (char *)field,
			  (char *)"--", (char *)module, NULL };
	FILE *f = tmpfile();
	char *line = NULL;

	if (f && !run_program(argv, fileno(f))) {
		rewind(f);
		line = first_line(f);
	}
	if (f)
		fclose(f);
	return line;
}

bool module_is_loaded_from(const char *module)
{
	FILE *f = fopen(SRCVERSION, "re");
	char *loaded = first_line(f), *there = NULL;
	bool same;

	if (loaded)
		there = module_field(module, "srcversion");
	same = there && !strcmp(loaded, there);
	free(loaded);
	free(there);
	if (f)
		fclose(f);
	return same;
}

int module_unload(struct tool *t)
{
	int tries;

	for (tries = 0; tries < UNLOAD_TRIES; tries++) {
		if (!syscall(SYS_delete_module, MODULE_NAME, O_NONBLOCK))
			return 0;
		if (errno != EAGAIN && errno != EBUSY)
			break;
		clock_pause(UNLOAD_PAUSE);
	}
	return fail(t, MODULE_NAME, "it doesn't unload: %s", strerror(errno));
}

static bool is_any_loaded(void)
{
	return !access(SRCVERSION, F_OK);
}

/* 0; 1 when it doesn't load; 127 when there is no program for it. */
static int try_to_load(const char *module)
{
	bool is_file = strchr(module, '/');
	char *argv[3] = { (char *)(is_file ? "insmod" : "modprobe"),
			  (char *)module, NULL };
	int status = run_program(argv, STDERR_FILENO);

	if (!status)
		return 0;
	return WIFEXITED(status) && WEXITSTATUS(status) == 127 ? 127 : 1;
}

/*
 * Whoever asks the kernel for the family has it load the one that is installed, and
 * needs no right for that: so it may be there before the one that is wanted, any number
 * of times.
 */
int module_load(struct tool *t, const char *module)
{
	int tries, ret = 1;

	for (tries = 0; tries < LOAD_TRIES; tries++) {
		ret = try_to_load(module);
		if (!ret || module_is_loaded_from(module))
			return 0;
		if (ret == 127 || !is_any_loaded())
			break;
		fail(t, module, "another was loaded meanwhile; once more");
		if (module_unload(t))
			break;
	}
	return fail(t, module, ret == 127 ? "there is no program to load it" :
					    "it doesn't load");
}
