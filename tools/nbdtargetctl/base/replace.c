// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are replaced as a whole, or not at all: written beside the old one, and
 * put in its place when it is on the disk, for whoever may read what is secret of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/replace.h"

int replace_begin(struct replace *r, const char *path)
{
	int fd;

	r->path = path;
	r->temp = mem_printf("%s.XXXXXX", path);
	fd = mkostemp(r->temp, O_CLOEXEC);
	r->f = fd < 0 ? NULL : fdopen(fd, "w+");
	if (r->f)
		return 0;
	if (fd >= 0) {
		unlink(r->temp);
		close(fd);
	}
	free(r->temp);
	r->temp = NULL;
	return -1;
}

/* So that the folder has it whatever happens next. */
static int sync_folder(const char *path)
{
	char *copy = mem_copy(path), *slash = strrchr(copy, '/');
	int fd, ret = -1;

	if (slash)
		slash[slash == copy] = '\0';
	fd = open(slash ? copy : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		ret = fsync(fd);
		close(fd);
	}
	free(copy);
	return ret;
}

int replace_commit(struct replace *r)
{
	if (fflush(r->f) || ferror(r->f) || fsync(fileno(r->f)) ||
	    rename(r->temp, r->path))
		return -1;
	/* It isn't there any more under that name. */
	free(r->temp);
	r->temp = NULL;
	return sync_folder(r->path);
}

void replace_end(struct replace *r)
{
	int err = errno;

	if (r->temp)
		unlink(r->temp);
	if (r->f)
		fclose(r->f);
	free(r->temp);
	r->temp = NULL;
	r->f = NULL;
	errno = err;
}
