// SPDX-License-Identifier: GPL-2.0
/*
 * Signals by which somebody wants this program to end. One that is ignored, as by
 * nohup or by "upgrade", stays so: blocked it would be queued all the same, and who
 * waits for it would take it.
 */
#include <stddef.h>

#include "base/signals.h"

static void add(sigset_t *set, int number)
{
	struct sigaction action;

	if (!sigaction(number, NULL, &action) && action.sa_handler != SIG_IGN)
		sigaddset(set, number);
}

void signals_fill(sigset_t *set)
{
	sigemptyset(set);
	add(set, SIGINT);
	add(set, SIGTERM);
	add(set, SIGHUP);
}
