// SPDX-License-Identifier: GPL-2.0
/*
 * Block devices, as the system has them: by number, for a path may be spelt in many
 * ways, and lead elsewhere than it did.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/blockdev.h"
#include "base/mem.h"

dev_t blockdev_number(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return 0;
	errno = ENOTBLK;
	return S_ISBLK(st.st_mode) ? st.st_rdev : 0;
}

char *blockdev_folder(dev_t dev)
{
	char *link = mem_printf("/sys/dev/block/%u:%u", major(dev), minor(dev));
	char *folder = realpath(link, NULL);

	free(link);
	return folder;
}

static bool is_partition(const char *folder)
{
	char *path = mem_printf("%s/partition", folder);
	bool is = !access(path, F_OK);

	free(path);
	return is;
}

/* A partition is a folder in that of its disk. */
static bool is_partition_of(const char *part, const char *disk)
{
	size_t len = strlen(disk);

	return !strncmp(part, disk, len) && part[len] == '/' &&
	       !strchr(part + len + 1, '/') && is_partition(part);
}

/*
 * Whether what is written to one is on the other: they are the same, or one is a
 * partition of the other. What is built on another, as a volume is, isn't seen.
 */
bool blockdev_overlap(dev_t a, dev_t b)
{
	char *x, *y;
	bool overlap;

	if (!a || !b || a == b)
		return a && a == b;
	x = blockdev_folder(a);
	y = blockdev_folder(b);
	overlap = x && y && (is_partition_of(x, y) || is_partition_of(y, x));
	free(x);
	free(y);
	return overlap;
}

/* By asking for it: nobody is told that it is let go, as it isn't opened to be written. */
bool blockdev_is_held(const char *path)
{
	int fd;

	if (!blockdev_number(path))
		return false;
	fd = open(path, O_RDONLY | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return errno == EBUSY;
	close(fd);
	return false;
}
