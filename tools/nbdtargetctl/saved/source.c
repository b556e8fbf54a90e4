// SPDX-License-Identifier: GPL-2.0
/*
 * A file of save-bitmaps that is restored from. To know that it is whole, all of it has to
 * be read; and a restore of everything asks for it once for each export, twice. So the one
 * that was asked for last stays open to the end of the program, and is read anew only when
 * it isn't the same any more. What of it changes is the state of records: that is looked
 * at in the file each time, through the mapping.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "saved/source.h"
#include "show/json.h"

static struct source *last;

static void source_free(struct source *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		json_decref(s->items[i].about);
		free(s->items[i].export);
		free(s->items[i].bitmap);
	}
	free(s->items);
	if (s->map)
		munmap((char *)s->map, s->size);
	if (s->fd >= 0)
		close(s->fd);
	free(s->path);
	free(s);
}

static void take_stat(struct source *s, const struct stat *st)
{
	s->dev = st->st_dev;
	s->ino = st->st_ino;
	s->size = st->st_size;
	s->changed = st->st_mtim;
}

/* Nobody else has replaced it, or has written to it. */
static bool is_same(const struct source *s, const char *path)
{
	struct stat st;

	return !strcmp(s->path, path) && !stat(path, &st) &&
	       s->dev == st.st_dev && s->ino == st.st_ino &&
	       s->size == (size_t)st.st_size &&
	       s->changed.tv_sec == st.st_mtim.tv_sec &&
	       s->changed.tv_nsec == st.st_mtim.tv_nsec;
}

static void add_item(struct source *s, const struct record *record)
{
	struct source_item *item;

	s->items = mem_resize(s->items, (s->n + 1) * sizeof(*s->items));
	item = &s->items[s->n++];
	item->record = record;
	item->about = record_about(record);
	item->export = json_get_hex(item->about, "export");
	item->bitmap = json_get_hex(item->about, "bitmap");
	if (!*item->bitmap) {
		free(item->bitmap);
		item->bitmap = NULL;
	}
}

/* NULL, or what is wrong: nothing is done with a file that isn't whole. */
static const char *read_items(struct source *s)
{
	const struct record *record;
	size_t at = 0;

	for (;;) {
		record = record_at(s->map, s->size, at);
		if (!record)
			return "is damaged, or no file of save-bitmaps";
		at += record_size(record);
		if (!record->json_len)
			break;
		add_item(s, record);
	}
	return at == s->size ? NULL :
	       "is damaged: it goes on behind its end";
}

/* One that can't be written to can still be looked at. */
static int open_file(struct source *s)
{
	s->fd = open(s->path, O_RDWR | O_CLOEXEC);
	if (s->fd >= 0)
		return 0;
	s->write_error = errno;
	if (errno != ENOENT)
		s->fd = open(s->path, O_RDONLY | O_CLOEXEC);
	return s->fd < 0 ? -errno : 0;
}

/* 0 or a negative errno: -EBADMSG when it is there, and isn't what it should be. */
static int read_file(struct source *s, const char **wrong)
{
	struct stat st;
	int err = open_file(s);

	if (err)
		return err;
	if (fstat(s->fd, &st))
		return -errno;
	take_stat(s, &st);
	if (S_ISREG(st.st_mode) && s->size) {
		s->map = mmap(NULL, s->size, PROT_READ, MAP_SHARED, s->fd, 0);
		if (s->map == MAP_FAILED) {
			s->map = NULL;
			return -errno;
		}
		*wrong = read_items(s);
	} else {
		*wrong = S_ISREG(st.st_mode) ? "is empty" :
					       "is no regular file";
	}
	return *wrong ? -EBADMSG : 0;
}

/*
 * It is there until another is asked for. 0, or a negative errno and what is wrong in
 * words: -EBADMSG when that is the file, of which nobody believes anything.
 */
int source_open(const char *path, struct source **source, const char **wrong)
{
	struct source *s = last;
	int err = 0;

	*wrong = NULL;
	if (!s || !is_same(s, path)) {
		if (s)
			source_free(s);
		s = mem_zalloc(sizeof(*s));
		s->path = mem_copy(path);
		err = read_file(s, wrong);
		last = err ? NULL : s;
	}
	if (err) {
		*wrong = *wrong ? *wrong : strerror(-err);
		source_free(s);
		s = NULL;
	}
	*source = s;
	return err;
}

/* As it is in the file from now on; false as errno says. */
bool source_set_state(struct source *s, const struct record *record,
		      uint32_t state)
{
	off_t at = (const char *)&record->state - s->map;
	struct stat st;

	if (s->write_error) {
		errno = s->write_error;
		return false;
	}
	if (pwrite(s->fd, &state, sizeof(state), at) != sizeof(state) ||
	    fsync(s->fd))
		return false;
	if (!fstat(s->fd, &st))
		take_stat(s, &st);
	return true;
}
