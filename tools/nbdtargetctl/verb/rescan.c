// SPDX-License-Identifier: GPL-2.0
/*
 * The partitions of a device that clients may have changed. The kernel reads the
 * table when it is told to, or when who wrote to the device closes it last; what
 * serves exports isn't seen as one of those.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "verb/rescan.h"

/* The path may lead elsewhere by now. */
static int open_device(const struct export *e)
{
	char *path = text_copy(e->device);
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	free(path);
	if (fd < 0)
		return -1;
	if (!fstat(fd, &st) && S_ISBLK(st.st_mode) &&
	    st.st_rdev == export_device(e))
		return fd;
	close(fd);
	errno = ENODEV;
	return -1;
}

const char *rescan(const struct export *e)
{
	const char *wrong = NULL;
	int fd = open_device(e);

	if (fd < 0)
		return strerror(errno);
	if (ioctl(fd, BLKRRPART)) {
		if (errno == EBUSY)
			wrong = "some are in use";
		else if (errno == EINVAL)
			wrong = "the device has none";
		else
			wrong = strerror(errno);
	}
	close(fd);
	return wrong;
}
