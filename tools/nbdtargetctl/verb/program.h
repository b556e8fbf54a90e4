/* SPDX-License-Identifier: GPL-2.0 */
/* A program that is run, and doesn't outlive what it is run for. */
#ifndef NBDTARGETCTL_PROGRAM_H
#define NBDTARGETCTL_PROGRAM_H

#include <stdbool.h>
#include <stdint.h>

enum program_end {
	PROGRAM_ENDED,		/* by itself: the status is as wait(2) has it */
	PROGRAM_LATE,		/* its time was up */
	PROGRAM_STOPPED,	/* a signal came: the status is its number */
	PROGRAM_NOT_STARTED,
};

enum program_end program_run(char **argv, bool own_stdin, int64_t deadline,
			     int *status);

#endif /* NBDTARGETCTL_PROGRAM_H */
