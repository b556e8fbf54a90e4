// SPDX-License-Identifier: GPL-2.0
/*
 * What was saved of a device is good as long as nobody writes to it whom no bitmap
 * records, and nobody makes another bitmap of the name of one that is frozen. So whoever
 * lets clients in has it spent first, and here is what isn't yet. Only the file is read,
 * each time anew: whoever has the lock of apply changes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "saved/device.h"
#include "saved/unspent.h"

/* By this export, its device can be written to: under whatever name it was saved. */
bool unspent_is(const struct record *record, const struct export *e)
{
	json_t *about;
	bool is;

	if (record->state != RECORD_CLEAN || e->read_only)
		return false;
	about = record_about(record);
	is = !device_is_other(e, about);
	json_decref(about);
	return is;
}

/* Of a file that isn't whole nobody believes anything. */
static bool is_in(const char *map, size_t size, const struct export *e)
{
	const struct record *record;
	bool is = false;
	size_t at = 0;

	while ((record = record_at(map, size, at))) {
		at += record_size(record);
		if (!record->json_len)
			return is && at == size;
		is |= unspent_is(record, e);
	}
	return false;
}

static bool is_in_file(int fd, const struct export *e)
{
	struct stat st;
	char *map;
	bool is;

	/* Where nobody can tell, it is taken to be there. */
	if (fstat(fd, &st))
		return true;
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return false;
	map = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return true;
	is = is_in(map, st.st_size, e);
	munmap(map, st.st_size);
	return is;
}

bool unspent_is_any(const char *path, const struct export *e)
{
	int fd;
	bool is;

	if (e->read_only)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno != ENOENT;
	is = is_in_file(fd, e);
	close(fd);
	return is;
}
