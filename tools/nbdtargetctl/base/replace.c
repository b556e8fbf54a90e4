// SPDX-License-Identifier: GPL-2.0
/*
 * Files that are replaced as a whole, or not at all: written beside the old one, and
 * put in its place when it is on the disk, for whoever may read what is secret of it.
 * A link stays one, and what it leads to is replaced. What is no file, as a device or a
 * pipe, can't be replaced by one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/replace.h"

/* Of the file that there is, the path without links; false as replace_error() says. */
static bool find_place(struct replace *r, const char *path)
{
	struct stat st;

	if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
		r->wrong = S_ISDIR(st.st_mode) ? strerror(EISDIR) :
			   "is no regular file, and isn't replaced by one";
		return false;
	}
	r->path = realpath(path, NULL);
	/* There is none yet; but a link that leads nowhere isn't replaced. */
	if (!r->path && errno == ENOENT && lstat(path, &st))
		r->path = mem_copy(path);
	return r->path;
}

static bool open_temp(struct replace *r)
{
	int fd;

	r->temp = mem_printf("%s.XXXXXX", r->path);
	fd = mkostemp(r->temp, O_CLOEXEC);
	r->f = fd < 0 ? NULL : fdopen(fd, "w+");
	if (r->f)
		return true;
	if (fd >= 0) {
		unlink(r->temp);
		close(fd);
	}
	free(r->temp);
	r->temp = NULL;
	return false;
}

int replace_begin(struct replace *r, const char *path)
{
	memset(r, 0, sizeof(*r));
	if (find_place(r, path) && open_temp(r))
		return 0;
	free(r->path);
	r->path = NULL;
	return -1;
}

const char *replace_error(const struct replace *r)
{
	return r->wrong ? r->wrong : strerror(errno);
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
	free(r->path);
	r->temp = NULL;
	r->path = NULL;
	r->f = NULL;
	errno = err;
}
