// SPDX-License-Identifier: GPL-2.0
/*
 * What a device is known by, to tell whether it is the same as it was, and
 * whether it was written to since.
 *
 * That nobody has written is proved by the counters of its disk, of writes and
 * discards, whoever makes them, by way of whichever partition: as long as the
 * machine hasn't been started anew, and the disk is the one that was set up then
 * (its diskseq), and counts. Nothing else proves it. That somebody has written is
 * certain when the counters differ, or a checksum of the device's two ends, where
 * whatever mounts a file system or changes a partition table leaves traces.
 *
 * Drivers without a queue of requests (dm, md) counted a write as it begins, before
 * 6.5. So when somebody is writing as the counters are read, these prove nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>
#include <zlib.h>

#include "base/blockdev.h"
#include "base/clock.h"
#include "base/mem.h"
#include "nbdtarget_metadata.h"
#include "saved/device.h"
#include "saved/replica.h"
#include "show/json.h"

#define END_SIZE	1048576		/* of the device, looked at */
#define ALIGN		65536		/* largest block of a device */
#define OTHERS_MAX	4096		/* reads under way; more of them never end */

/* The first line of a file; NULL when there is none. */
static char *read_line(const char *path)
{
	char buf[4096];
	FILE *f = fopen(path, "re");
	char *s = NULL;

	if (!f)
		return NULL;
	if (fgets(buf, sizeof(buf), f)) {
		buf[strcspn(buf, "\n")] = '\0';
		if (*buf)
			s = mem_copy(buf);
	}
	fclose(f);
	return s;
}

/* Of the device, or of the disk that it is a partition of. */
static char *sys_line(const struct export *e, const char *prefix,
		      const char *file)
{
	dev_t dev = export_device(e);
	char *path = mem_printf("/sys/dev/block/%u:%u/%s%s", major(dev),
				minor(dev), prefix, file);
	char *s = read_line(path);

	free(path);
	return s;
}

/* What stays the same when the device gets another number, or path. */
static char *identity(const struct export *e)
{
	static const char *const files[] = {
		"dm/uuid", "dm/name", "md/uuid", "wwid", "device/wwid",
		"serial", "device/serial", "loop/backing_file",
		"../wwid", "../device/wwid", "../serial", "../device/serial",
	};
	char *partition = sys_line(e, "", "partition"), *value, *s = NULL;
	char *start = partition ? sys_line(e, "", "start") : NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files) && !s; i++) {
		value = sys_line(e, "", files[i]);
		if (value)
			s = mem_printf("%s %s %s%s%s", files[i], value,
				       partition ? partition : "",
				       start ? " at " : "", start ? start : "");
		free(value);
	}
	free(start);
	free(partition);
	return s ? s : mem_printf("path %.*s", (int)e->device.len, e->device.p);
}

/* Has a metadata device no room for all of it, a checksum stands for the rest. */
static void shorten(char *id)
{
	enum { SUM = 2 + 8 };		/* "..", and digits */
	size_t len = strlen(id), room = NBDTARGET_META_NAME - 1;

	if (len > room)
		snprintf(id + room - SUM, SUM + 1, "..%08lx",
			 crc32(0, (unsigned char *)id, len));
}

/*
 * The same of one that isn't exported, by what is to be on METADATA, which may be
 * none; to be freed. Where both are replicated together, it is the same on all hosts.
 */
char *device_identity(dev_t dev, const char *path, dev_t metadata)
{
	struct export e = {
		.device_id = export_device_id(dev),
		.device = text_of(path),
	};
	char *s = replica_pair(dev, metadata);

	if (!s)
		s = identity(&e);
	shorten(s);
	return s;
}

/* Is there more to go by than where it was? */
bool device_is_known(const char *id)
{
	return strncmp(id, "path ", 5);
}

/* Of the disk: reads, writes, discards, and the sectors of the latter two. */
struct counts {
	unsigned long long reads, writes, written, discards, discarded;
};

static bool parse_counts(const char *stat, struct counts *c)
{
	/* Merges and times in between. */
	return sscanf(stat, "%llu %*u %*u %*u %llu %*u %llu %*u %*u %*u %*u %llu %*u %llu",
		      &c->reads, &c->writes, &c->written, &c->discards,
		      &c->discarded) == 5;
}

/* Around the page cache; negative when it can't be. */
static int open_device(const struct export *e)
{
	char *path = text_copy(e->device);
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	free(path);
	return fd;
}

/* A bit of the device, around the page cache. */
static bool read_something(const struct export *e)
{
	int fd = open_device(e);
	void *buf = NULL;
	bool done;

	done = fd >= 0 && !posix_memalign(&buf, ALIGN, ALIGN) &&
	       pread(fd, buf, ALIGN, 0) > 0;
	free(buf);
	if (fd >= 0)
		close(fd);
	return done;
}

static bool get_counts(const struct export *e, const char *disk,
		       struct counts *c)
{
	char *stat = sys_line(e, disk, "stat");
	bool good = stat && parse_counts(stat, c);

	free(stat);
	return good;
}

/* By the file "inflight": reads and writes. */
static void add_in_flight(const char *path, unsigned long *reads,
			  unsigned long *writes)
{
	unsigned long r, w;
	char *s = read_line(path);

	if (s && sscanf(s, "%lu %lu", &r, &w) == 2) {
		*reads += r;
		*writes += w;
	}
	free(s);
}

/* What is under way to the disk, or to a partition of it. */
static void get_in_flight(const struct export *e, const char *disk,
			  unsigned long *reads, unsigned long *writes)
{
	dev_t dev = export_device(e);
	char *pattern = mem_printf("/sys/dev/block/%u:%u/%s{,*/}inflight",
				   major(dev), minor(dev), disk);
	glob_t found = { 0 };
	size_t i;

	*reads = 0;
	*writes = 0;
	if (!glob(pattern, GLOB_BRACE, NULL, &found))
		for (i = 0; i < found.gl_pathc; i++)
			add_in_flight(found.gl_pathv[i], reads, writes);
	globfree(&found);
	free(pattern);
}

/* A driver that counts when it is told to. */
static bool has_queue(const struct export *e, const char *disk)
{
	dev_t dev = export_device(e);
	char *path = mem_printf("/sys/dev/block/%u:%u/%smq", major(dev),
				minor(dev), disk);
	bool has = !access(path, F_OK);

	free(path);
	return has;
}

static bool is_told_to_count(const struct export *e, const char *disk)
{
	char *s = sys_line(e, disk, "queue/iostats");
	bool is = s && strcmp(s, "0");

	free(s);
	return is;
}

/*
 * Does it count what is read now? It may have been told not to while others were
 * reading, and counts these as they end. So it has to count more than there are.
 */
static bool counts_reads(const struct export *e, const char *disk)
{
	struct counts before = { 0 }, now = { 0 };
	unsigned long reads, writes, i;

	get_in_flight(e, disk, &reads, &writes);
	if (reads > OTHERS_MAX || !get_counts(e, disk, &before))
		return false;
	for (i = 0; i <= reads; i++)
		if (!read_something(e))
			return false;
	return get_counts(e, disk, &now) && now.reads - before.reads > reads;
}

/* Of the kinds of arrays of md, those that count what is discarded as well. */
static bool is_counting_array(const struct export *e, const char *disk)
{
	static const char *const levels[] = { "raid1", "raid10", "linear" };
	char *level = sys_line(e, disk, "md/level");
	bool is = false;
	size_t i;

	for (i = 0; level && i < ARRAY_SIZE(levels); i++)
		is |= !strcmp(level, levels[i]);
	free(level);
	return is;
}

/*
 * Does the driver count all that is written and discarded? It is known to of those
 * whose code was read, as the module has them (proof.c). DRBD does, too, but not what
 * another host writes.
 */
static bool is_counting_driver(const struct export *e, const char *disk)
{
	char *folder = blockdev_folder(export_device(e));
	const char *name = "";
	bool is;

	/* A partition's is in that of its disk. */
	if (folder && *disk)
		*strrchr(folder, '/') = '\0';
	if (folder)
		name = strrchr(folder, '/') + 1;
	is = !strncmp(name, "dm-", 3) || !strncmp(name, "pmem", 4);
	free(folder);
	return is || is_counting_array(e, disk);
}

/*
 * Does the disk count? With a queue of requests, it does when it is told to; others
 * have to have counted something.
 */
static bool does_count(const struct export *e, const char *disk)
{
	if (has_queue(e, disk))
		return is_told_to_count(e, disk);
	return is_counting_driver(e, disk) && counts_reads(e, disk);
}

/*
 * What this start of the machine is known by; to be freed; NULL if that isn't known.
 * While it is asleep it counts nothing, and its disks may be another's: it was started
 * anew then, and by now has slept for longer.
 */
char *device_boot(void)
{
	char *id = read_line("/proc/sys/kernel/random/boot_id"), *boot, *to;
	unsigned int slept = clock_slept();
	const char *from;

	if (!id || !slept)
		return id;
	/* There is room for that in metadata without the dashes. */
	for (from = to = id; *from; from++)
		if (*from != '-')
			*to++ = *from;
	*to = '\0';
	boot = mem_printf("%.31s+%x", id, slept & 0xffffff);
	free(id);
	return boot;
}

/* The boot, the disk, and what was written to it, if it counts; NULL: unknown. */
static char *proof(const struct export *e)
{
	char *partition = sys_line(e, "", "partition");
	const char *disk = partition ? "../" : "";
	char *boot = device_boot();
	char *seq = sys_line(e, disk, "diskseq"), *s = NULL;
	struct counts c;

	if (boot && seq && does_count(e, disk) && get_counts(e, disk, &c))
		s = mem_printf("%s %s %llu %llu %llu %llu", boot, seq, c.writes,
			       c.written, c.discards, c.discarded);
	else if (boot && seq)
		s = mem_printf("%s %s", boot, seq);
	free(partition);
	free(boot);
	free(seq);
	return s;
}

/* Is anybody writing to the disk, or to a partition of it? */
static bool is_being_written(const struct export *e)
{
	char *partition = sys_line(e, "", "partition");
	unsigned long reads, writes;

	get_in_flight(e, partition ? "../" : "", &reads, &writes);
	free(partition);
	return writes;
}

/* Do the first N words of both agree? */
static bool same_words(const char *a, const char *b, unsigned int n)
{
	size_t len;

	for (; n; n--) {
		len = strcspn(a, " ");
		if (!len || strcspn(b, " ") != len || strncmp(a, b, len))
			return false;
		a += len + (a[len] == ' ');
		b += len + (b[len] == ' ');
	}
	return true;
}

/* Is there more than boot and disk? */
static bool has_counts(const char *proof)
{
	const char *p = strchr(proof, ' ');

	return p && strchr(p + 1, ' ');
}

/* The machine runs, and the disk is there, since both were told of. */
static bool same_disk(const char *a, const char *b)
{
	return same_words(a, b, 2);
}

static bool read_end(int fd, void *buf, uint64_t offset, uLong *crc)
{
	/* The last begins before its end does, so as to be aligned. */
	ssize_t n = pread(fd, buf, END_SIZE + ALIGN, offset);

	if (n <= 0)
		return false;
	*crc = crc32(*crc, buf, n);
	return true;
}

/* A checksum of the two ends; NULL when it can't be. */
static char *ends(const struct export *e)
{
	uint64_t last = e->size > END_SIZE ? e->size - END_SIZE : 0;
	int fd = open_device(e);
	void *buf = NULL;
	char *s = NULL;
	uLong crc = 0;

	if (fd >= 0 && !posix_memalign(&buf, ALIGN, END_SIZE + ALIGN) &&
	    read_end(fd, buf, 0, &crc) &&
	    read_end(fd, buf, last / ALIGN * ALIGN, &crc))
		s = mem_printf("%08lx", crc);
	free(buf);
	if (fd >= 0)
		close(fd);
	return s;
}

/*
 * Into an object, for what follows; the size is that which it had. If it is gone, what
 * there is has another medium, so that nothing of it says what became of the first.
 */
void device_describe(const struct export *e, uint64_t size, json_t *o)
{
	bool gone = e->state == NBDTARGET_EXPORT_STATE_GONE;

	json_put(o, "size", json_integer(size));
	json_put(o, "identity", json_take(identity(e)));
	json_put(o, "proof", json_take(gone ? NULL : proof(e)));
	/* After the counters, which may have what isn't on the device yet. */
	if (is_being_written(e))
		json_put(o, "being-written", json_true());
	json_put(o, "ends", json_take(gone ? NULL : ends(e)));
}

static const char *string_in(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static bool is_known_by(const char *name, const char *id)
{
	char *path = mem_printf("/sys/class/block/%s/dev", name);
	char *line = read_line(path), *s = NULL;
	unsigned int major_, minor_;
	struct export e = { .device = text_of("") };
	bool is;

	if (line && sscanf(line, "%u:%u", &major_, &minor_) == 2) {
		e.device_id = export_device_id(makedev(major_, minor_));
		s = identity(&e);
	}
	is = s && !strcmp(s, id);
	free(s);
	free(line);
	free(path);
	return is;
}

bool device_is_there(const json_t *o)
{
	const char *id = string_in(o, "identity");
	struct dirent *entry;
	bool found = false;
	DIR *dir;

	if (!strncmp(id, "path ", 5))
		return blockdev_number(id + 5);
	dir = opendir("/sys/class/block");
	/* Where nobody can tell, it is taken to be there. */
	if (!dir)
		return true;
	while (!found && (entry = readdir(dir)))
		found = *entry->d_name != '.' && is_known_by(entry->d_name, id);
	closedir(dir);
	return found;
}

/* NULL, or why it isn't the one that was described. */
const char *device_is_other(const struct export *e, const json_t *o)
{
	char *id = identity(e);
	const char *why = NULL;

	if ((uint64_t)json_integer_value(json_object_get(o, "size")) !=
	    e->size)
		why = "the device has another size";
	else if (strcmp(string_in(o, "identity"), id))
		why = "it is another device";
	free(id);
	return why;
}

/* NULL, or why it is certain that it was written to. */
const char *device_was_written(const struct export *e, const json_t *o)
{
	const char *before = string_in(o, "proof");
	char *now = proof(e), *sum = ends(e);
	const char *why = NULL;

	if ((now && same_disk(before, now) && has_counts(before) &&
	     has_counts(now) && strcmp(before, now)) ||
	    (sum && *string_in(o, "ends") && strcmp(string_in(o, "ends"), sum)))
		why = "the device was written to in between";
	free(now);
	free(sum);
	return why;
}

/* NULL, or why it isn't proved that it wasn't written to. */
const char *device_is_unproved(const struct export *e, const json_t *o)
{
	const char *before = string_in(o, "proof");
	char *now = proof(e);
	const char *why = NULL;

	if (replica_is(export_device(e)))
		why = "other hosts may have written to the device";
	else if (!has_counts(before) || !now || !has_counts(now))
		why = "the device doesn't count what is written to it";
	else if (json_is_true(json_object_get(o, "being-written")))
		why = "somebody was writing to the device as it was saved";
	else if (!same_words(before, now, 1))
		why = "the machine was started anew, or has slept: nobody knows what was written";
	else if (!same_disk(before, now))
		why = "the device was set up anew, and nobody knows what was written";
	else if (strcmp(before, now))
		why = "the device was written to in between";
	free(now);
	return why;
}

/* NULL, or why nobody can say whether it is the same. */
const char *device_is_unsure(const struct export *e, const json_t *o)
{
	char *now = proof(e), *sum = ends(e);
	const char *why = NULL;

	if (now && same_disk(string_in(o, "proof"), now))
		why = NULL;
	else if (!*string_in(o, "ends") || !sum)
		why = "the device couldn't be read";
	else if (!device_is_known(string_in(o, "identity")))
		why = "the device has no identity but its path";
	free(now);
	free(sum);
	return why;
}

/* Whether each of these ranges reads as zeroes, all LEN bytes long. */
bool device_reads_zero(const struct export *e, const uint64_t *offsets,
		       size_t n, size_t len)
{
	int fd = open_device(e);
	char *buf = NULL;
	bool zero = fd >= 0 && !posix_memalign((void **)&buf, ALIGN, len);
	size_t i;

	for (i = 0; zero && i < n; i++)
		zero = pread(fd, buf, len, offsets[i]) == (ssize_t)len &&
		       mem_is_zero(buf, len);
	free(buf);
	if (fd >= 0)
		close(fd);
	return zero;
}
