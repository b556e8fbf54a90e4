// SPDX-License-Identifier: GPL-2.0
/*
 * One change of everything at a time: udev starts a restore for each device that comes,
 * and two that plan at once would do the same steps. The lock goes with whoever has it,
 * however that ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/fail.h"
#include "config/lock.h"

#define LOCK_PATH	"/run/nbdtarget.lock"
/*
 * An export that hangs keeps the other for as long as is waited for those of before, and as
 * remove-export waits, at most.
 */
#define LOCK_SECONDS	120

/* Of a verb that runs others which take it, until it has ended. */
static int held = -1;

int lock_hold(struct tool *t)
{
	held = lock_take(t);
	return held < 0 ? TOOL_REFUSED : 0;
}

void lock_let_go(void)
{
	close(held);
	held = -1;
}

static int lock_wait(struct tool *t)
{
	int fd = open(LOCK_PATH, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		      0600);
	int tries = LOCK_SECONDS * 20;

	if (fd < 0) {
		fail(t, NULL, "%s: %s", LOCK_PATH, strerror(errno));
		return -1;
	}
	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno == EWOULDBLOCK && tries--) {
			clock_pause(50);
			continue;
		}
		fail(t, NULL, "%s: another apply or restore doesn't end",
		     LOCK_PATH);
		close(fd);
		return -1;
	}
	return fd;
}

int lock_take(struct tool *t)
{
	return held < 0 ? lock_wait(t) : fcntl(held, F_DUPFD_CLOEXEC, 0);
}
