// SPDX-License-Identifier: GPL-2.0
/*
 * Who holds a device that is busy: the first that everyone asks. The kernel doesn't
 * tell, so it is looked for where holders show: our own exports, mounts, swap, what
 * is built on it, and the programs that have it open; of the device itself, of its
 * partitions, and of the disk that it is a partition of. Others, as a target of
 * another kind, show nowhere.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/blockdev.h"
#include "base/mem.h"
#include "object/export.h"
#include "verb/holder.h"

/* Programs that are named; a device may be open in many. */
#define PROGRAMS_MAX 4

/* What was found. */
struct found {
	struct tool *t;
	char *list;
	const char *what;	/* "" or "its partition sda1 is " */
	unsigned int programs;
};

static void __printf(2, 3) add(struct found *f, const char *fmt, ...)
{
	char *text, *longer;
	va_list ap;

	va_start(ap, fmt);
	text = mem_vprintf(fmt, ap);
	va_end(ap);
	longer = mem_printf("%s%s%s%s", f->list ? f->list : "",
			    f->list ? ", " : "", f->what, text);
	free(text);
	free(f->list);
	f->list = longer;
}

/* "\040" and so on, in place, as tables in /proc have it. */
static char *unescape(char *s)
{
	unsigned int c;
	char *in = s, *out = s;

	while (*in) {
		if (in[0] == '\\' && sscanf(in + 1, "%3o", &c) == 1 &&
		    strspn(in + 1, "01234567") >= 3) {
			*out++ = c;
			in += 4;
		} else {
			*out++ = *in++;
		}
	}
	*out = '\0';
	return s;
}

/* --- Where holders show --- */

static void look_for_exports(struct found *f, dev_t dev)
{
	struct attr_list list;
	const struct export *e;
	size_t i;

	if (!f->t->nl || export_get_all(f->t, &list))
		return;
	for (i = 0; i < list.n; i++) {
		e = attr_list_item(&list, i);
		if (!e->read_only && export_device(e) == dev)
			add(f, "exported as '%.*s'", (int)e->name.len,
			    e->name.p);
	}
	attr_list_free(&list);
}

/* By its number, or by the path that was mounted: btrfs has numbers of its own. */
static void look_at_mount(struct found *f, dev_t dev, char *line)
{
	char *fields[6] = { 0 }, *source, *save, *word;
	unsigned int major_, minor_;
	size_t n = 0;

	source = strstr(line, " - ");
	if (source) {
		*source = '\0';
		source = strchr(source + 3, ' ');
	}
	for (word = strtok_r(line, " ", &save); word && n < 6;
	     word = strtok_r(NULL, " ", &save))
		fields[n++] = word;
	if (n < 5 || sscanf(fields[2], "%u:%u", &major_, &minor_) != 2)
		return;
	if (source) {
		source++;
		source[strcspn(source, "\n ")] = '\0';
	}
	if (makedev(major_, minor_) == dev ||
	    (source && blockdev_number(unescape(source)) == dev))
		add(f, "mounted on '%s'", unescape(fields[4]));
}

static void look_at_swap(struct found *f, dev_t dev, char *line)
{
	line[strcspn(line, " \t\n")] = '\0';
	if (blockdev_number(unescape(line)) == dev)
		add(f, "used as swap");
}

static void look_at_lines(struct found *f, dev_t dev,
			  void (*look)(struct found *f, dev_t dev, char *line),
			  const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return;
	while (getline(&line, &size, file) >= 0)
		look(f, dev, line);
	free(line);
	fclose(file);
}

/* The first line of a file in sysfs, to be freed; NULL without. */
static char *sys_line(const char *folder, const char *name)
{
	char *path = mem_printf("%s/%s", folder, name), *line = NULL;
	FILE *file = fopen(path, "re");
	size_t size = 0;

	if (file && getline(&line, &size, file) >= 0) {
		line[strcspn(line, "\n")] = '\0';
	} else {
		free(line);
		line = NULL;
	}
	if (file)
		fclose(file);
	free(path);
	return line;
}

static void look_at_holder(struct found *f, const char *folder,
			   const char *name)
{
	char *path = mem_printf("%s/holders/%s", folder, name);
	char *dm = sys_line(path, "dm/name");

	if (dm)
		add(f, "used by %s (%s)", name, dm);
	else if (!strncmp(name, "md", 2))
		add(f, "member of %s", name);
	else
		add(f, "used by %s", name);
	free(dm);
	free(path);
}

static void look_for_holders(struct found *f, const char *folder)
{
	char *path = mem_printf("%s/holders", folder);
	DIR *dir = opendir(path);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			look_at_holder(f, folder, entry->d_name);
	if (dir)
		closedir(dir);
	free(path);
}

/* Whether a program has it open, for writing or not. */
static bool has_open(const char *pid, dev_t dev)
{
	char *path = mem_printf("/proc/%s/fd", pid);
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool has = false;
	struct stat st;

	while (dir && !has && (entry = readdir(dir)))
		has = isdigit((unsigned char)entry->d_name[0]) &&
		      !fstatat(dirfd(dir), entry->d_name, &st, 0) &&
		      S_ISBLK(st.st_mode) && st.st_rdev == dev;
	if (dir)
		closedir(dir);
	free(path);
	return has;
}

static void look_for_programs(struct found *f, dev_t dev)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	char *folder, *name;

	while (dir && f->programs < PROGRAMS_MAX && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    !has_open(entry->d_name, dev))
			continue;
		folder = mem_printf("/proc/%s", entry->d_name);
		name = sys_line(folder, "comm");
		add(f, "open in process %s (%s)", entry->d_name,
		    name ? name : "?");
		f->programs++;
		free(name);
		free(folder);
	}
	if (dir)
		closedir(dir);
}

static void look_at_device(struct found *f, dev_t dev, const char *folder)
{
	look_for_exports(f, dev);
	look_at_lines(f, dev, look_at_mount, "/proc/self/mountinfo");
	look_at_lines(f, dev, look_at_swap, "/proc/swaps");
	look_for_holders(f, folder);
	look_for_programs(f, dev);
}

/* --- And what belongs to it --- */

/* The number of the device of a folder in sysfs; 0 when it is none. */
static dev_t number_of(const char *folder)
{
	char *line = sys_line(folder, "dev");
	unsigned int major_, minor_;
	dev_t dev = 0;

	if (line && sscanf(line, "%u:%u", &major_, &minor_) == 2)
		dev = makedev(major_, minor_);
	free(line);
	return dev;
}

static void look_at_relative(struct found *f, const char *folder,
			     const char *kind, const char *name)
{
	dev_t dev = number_of(folder);
	char *what;

	if (!dev)
		return;
	what = mem_printf("%s %s is ", kind, name);
	f->what = what;
	look_at_device(f, dev, folder);
	f->what = "";
	free(what);
}

static void look_at_partition(struct found *f, const char *folder,
			      const char *name)
{
	char *path = mem_printf("%s/%s", folder, name);
	char *number = sys_line(path, "partition");

	if (number)
		look_at_relative(f, path, "its partition", name);
	free(number);
	free(path);
}

static void look_at_partitions(struct found *f, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.' && entry->d_type == DT_DIR)
			look_at_partition(f, folder, entry->d_name);
	if (dir)
		closedir(dir);
}

/* FOLDER is where the links of sysfs lead to. */
static void look_at_disk(struct found *f, char *folder)
{
	char *number = sys_line(folder, "partition"), *slash;

	if (number) {
		slash = strrchr(folder, '/');
		*slash = '\0';
		slash = strrchr(folder, '/');
		look_at_relative(f, folder, "the disk", slash + 1);
	}
	free(number);
}

char *holder_find(struct tool *t, const char *path)
{
	struct found f = { .t = t, .what = "" };
	dev_t dev = blockdev_number(path);
	char *folder;

	if (!dev)
		return NULL;
	folder = blockdev_folder(dev);
	if (folder) {
		look_at_device(&f, dev, folder);
		look_at_partitions(&f, folder);
		look_at_disk(&f, folder);
	}
	free(folder);
	return f.list;
}
