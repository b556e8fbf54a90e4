// SPDX-License-Identifier: GPL-2.0
/*
 * What add-export would say of devices, before another export is taken away for them:
 * whether they can be opened and held, the metadata is of that device, and the map
 * isn't too large. That isn't all that the module looks at, and what is good now may
 * not be a moment later; but what is wrong here would be wrong there.
 *
 * They are opened for reading, as whoever writes to one and closes it makes udev look
 * at it anew. They are held for no longer than that takes.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "nbdtarget_metadata.h"
#include "saved/device.h"
#include "saved/metadata.h"
#include "verb/candidate.h"
#include "verb/holder.h"

/* A map takes half a byte for each of its parts, and 256 MiB at most. */
#define MAP_PARTS	(2ULL * (256 << 20))

struct opened {
	const char *path;
	int fd;
	dev_t number;
	uint64_t bytes;
	int block;
};

static char *say(const char *path, const char *what)
{
	return mem_printf("%s: %s", path, what);
}

static char *say_error(const char *path)
{
	struct tool t = { 0 };
	char *holders, *s;
	int err = errno;

	holders = err == EBUSY ? holder_find(&t, path) : NULL;
	s = mem_printf("%s: %s%s%s", path, strerror(err),
		       holders ? "; it is " : "", holders ? holders : "");
	free(holders);
	return s;
}

/* NULL, or why not. Around the page cache: the module writes below it. */
static char *open_device(struct opened *o, const char *path, bool hold,
			 bool write)
{
	struct stat st;
	int is_read_only = 0;

	o->path = path;
	o->fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC |
		     (hold ? O_EXCL : 0));
	if (o->fd < 0 || fstat(o->fd, &st) ||
	    ioctl(o->fd, BLKGETSIZE64, &o->bytes) ||
	    ioctl(o->fd, BLKSSZGET, &o->block) ||
	    ioctl(o->fd, BLKROGET, &is_read_only))
		return say_error(path);
	o->number = st.st_rdev;
	return write && is_read_only ? say(path, strerror(EROFS)) : NULL;
}

static void close_device(const struct opened *o)
{
	if (o->fd >= 0)
		close(o->fd);
}

static char *map_wrong(const struct opened *o, uint64_t granularity)
{
	if (!granularity)
		return NULL;
	if (granularity < (uint64_t)o->block)
		return mem_printf("%s: map-granularity has to be %d at least, as its blocks are",
				  o->path, o->block);
	if (o->bytes <= MAP_PARTS * granularity)
		return NULL;
	return mem_printf("%s: map-granularity has to be more, or the map takes above 256 MiB",
			  o->path);
}

/* As clients see it: whole blocks. */
static uint64_t size_of(const struct opened *o)
{
	return o->bytes - o->bytes % (o->block > 512 ? o->block : 512);
}

static const char *head_wrong(const struct metadata *m, const struct opened *o,
			      const struct opened *data)
{
	char *identity;
	bool is_other;

	if (le64toh(m->head.size) != size_of(data))
		return "its metadata is for a device of another size";
	identity = device_identity(data->number, data->path, o->number);
	is_other = *m->head.identity && strcmp(m->head.identity, identity);
	free(identity);
	return is_other ? "its metadata is for another device" : NULL;
}

static char *metadata_wrong(const struct opened *o, const struct opened *data)
{
	struct metadata *m = mem_zalloc(sizeof(*m));
	int err = metadata_read(o->fd, o->bytes, m);
	const char *wrong;

	if (err == -ENOENT)
		wrong = "it has no metadata, or both heads are damaged; see format-metadata";
	else
		wrong = err ? strerror(-err) : head_wrong(m, o, data);
	free(m);
	return wrong ? say(o->path, wrong) : NULL;
}

static char *metadata_candidate_wrong(const struct candidate *c,
				      const struct opened *data)
{
	struct opened o = { .fd = -1 };
	char *wrong = open_device(&o, c->metadata, !c->metadata_is_held, true);

	if (!wrong)
		wrong = metadata_wrong(&o, data);
	close_device(&o);
	return wrong;
}

/* NULL, or what is in the way, for people; to be freed. */
char *candidate_wrong(const struct candidate *c)
{
	struct opened o = { .fd = -1 };
	char *wrong = open_device(&o, c->device,
				  !c->read_only && !c->device_is_held,
				  !c->read_only);

	if (!wrong)
		wrong = map_wrong(&o, c->map_granularity);
	if (!wrong && c->metadata)
		wrong = metadata_candidate_wrong(c, &o);
	close_device(&o);
	return wrong;
}
