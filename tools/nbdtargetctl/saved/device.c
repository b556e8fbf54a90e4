// SPDX-License-Identifier: GPL-2.0
/*
 * What a device is known by, to tell whether it is the same as it was, and
 * wasn't written to since.  That goes as far as it can: its identity
 * and size, the counters of its writes if the machine wasn't started anew, and a
 * checksum of its two ends, where whatever mounts a file system or changes a
 * partition table leaves traces.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "saved/device.h"
#include "show/json.h"

#define END_SIZE	1048576		/* of the device, looked at */
#define ALIGN		65536		/* largest block of a device */

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

static char *sys_line(const struct export *e, const char *file)
{
	char *path = mem_printf("/sys/dev/block/%" PRIu64 ":%" PRIu64 "/%s",
				e->device_id >> 20, e->device_id & 0xfffff,
				file);
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
	char *partition = sys_line(e, "partition"), *value, *s = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(files) && !s; i++) {
		value = sys_line(e, files[i]);
		if (value)
			s = mem_printf("%s %s %s", files[i], value,
				       partition ? partition : "");
		free(value);
	}
	free(partition);
	return s ? s : mem_printf("path %.*s", (int)e->device.len, e->device.p);
}

/* What has been written to it since the machine was started. */
static char *counters(const struct export *e)
{
	unsigned long long n[15] = { 0 };
	char *boot = read_line("/proc/sys/kernel/random/boot_id");
	char *stat = sys_line(e, "stat"), *s = NULL, *p, *end;
	size_t have = 0;

	for (p = stat; boot && p && have < ARRAY_SIZE(n); p = end) {
		n[have] = strtoull(p, &end, 10);
		if (end == p)
			break;
		have++;
	}
	/* Writes and discards, and the sectors of both. */
	if (have >= 11)
		s = mem_printf("%s %llu %llu %llu %llu", boot, n[4], n[6],
			       n[11], n[13]);
	free(boot);
	free(stat);
	return s;
}

static bool same_boot(const char *a, const char *b)
{
	size_t boot = strcspn(a, " ");

	return strcspn(b, " ") == boot && !strncmp(a, b, boot);
}

static bool counters_differ(const char *a, const char *b)
{
	return same_boot(a, b) && strcmp(a, b);
}

/* Around the page cache; negative when it can't be. */
static int open_device(const struct export *e)
{
	char *path = text_copy(e->device);
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	free(path);
	return fd;
}

static bool read_end(int fd, void *buf, uint64_t offset, uLong *crc)
{
	ssize_t n = pread(fd, buf, END_SIZE, offset);

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

	if (fd >= 0 && !posix_memalign(&buf, ALIGN, END_SIZE) &&
	    read_end(fd, buf, 0, &crc) &&
	    read_end(fd, buf, last / ALIGN * ALIGN, &crc))
		s = mem_printf("%08lx", crc);
	free(buf);
	if (fd >= 0)
		close(fd);
	return s;
}

/* Into an object, for what follows; the size is that which it had. */
void device_describe(const struct export *e, uint64_t size, json_t *o)
{
	json_put(o, "size", json_integer(size));
	json_put(o, "identity", json_take(identity(e)));
	json_put(o, "counters", json_take(counters(e)));
	json_put(o, "ends", json_take(ends(e)));
}

static const char *string_in(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
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

/* NULL, or why it doesn't have the content that it had; not all is seen. */
const char *device_was_written(const struct export *e, const json_t *o)
{
	char *count = counters(e), *sum = ends(e);
	const char *why = NULL;

	if ((count && counters_differ(string_in(o, "counters"), count)) ||
	    (sum && strcmp(string_in(o, "ends"), sum)))
		why = "the device was written to in between";
	free(count);
	free(sum);
	return why;
}

/* NULL, or why nobody can say whether it is the same, or has changed. */
const char *device_is_unsure(const struct export *e, const json_t *o)
{
	char *count = counters(e);
	const char *why = NULL;

	if (!*string_in(o, "ends"))
		why = "the device couldn't be read";
	else if (!strncmp(string_in(o, "identity"), "path ", 5) &&
		 !(count && same_boot(string_in(o, "counters"), count)))
		why = "the device has no identity but its path";
	free(count);
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
