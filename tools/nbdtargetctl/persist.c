// SPDX-License-Identifier: GPL-2.0
/*
 * save-bitmaps and restore-bitmaps: bitmaps outlive the module in a file.
 *
 * The file is a row of records, one for each bitmap, each with a head, a JSON
 * object that says what it is of, and its content; and one without content that
 * is the end.  All but the state in the head is under the record's checksum.
 *
 * What is recording is worth nothing when the device was written to and the
 * file doesn't know.  So a recording bitmap is saved as clean only together
 * with the removal of its export, while the target takes no writes; and before
 * it goes on recording, the file says so for good: what is read from the file
 * once more, as after a crash, is inconsistent.  A bitmap that is frozen stays
 * what it is.
 *
 * That the device wasn't written to by others in between is checked as far as
 * that goes: its identity and size, the counters of its writes if the machine
 * wasn't started anew, and a checksum of its two ends, where whatever mounts a
 * file system or changes a partition table leaves traces.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bitmap.h"
#include "checkpoint.h"
#include "export.h"
#include "json.h"
#include "nbdtarget.h"
#include "options.h"

#define MAGIC		"NBDTBM1\n"
#define CLEAN		1
#define UNCLEAN		2

#define PIECE		16384
#define END_SIZE	1048576		/* of the device, looked at */
#define END_ALIGN	65536

/* In host byte order: the file is for this machine. */
struct head {
	char magic[8];
	uint32_t state;
	uint32_t crc;		/* of JSON and content */
	uint64_t json_len;	/* 0: the end of the file */
	uint64_t data_len;
};

static uint32_t crc32_of(uint32_t crc, const void *data, size_t len)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *p = data;

	for (crc = ~crc; len; len--) {
		crc ^= *p++;
		crc = crc >> 4 ^ table[crc & 15];
		crc = crc >> 4 ^ table[crc & 15];
	}
	return ~crc;
}

/* --- What a device is known by --- */

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

/* Both of the same boot, and not the same. */
static bool counters_differ(const char *a, const char *b)
{
	size_t boot = strcspn(a, " ");

	return strcspn(b, " ") == boot && !strncmp(a, b, boot) && strcmp(a, b);
}

static bool read_end(int fd, void *buf, uint64_t offset, uint32_t *crc)
{
	ssize_t n = pread(fd, buf, END_SIZE, offset);

	if (n <= 0)
		return false;
	*crc = crc32_of(*crc, buf, n);
	return true;
}

/* A checksum of the two ends, around the page cache; NULL when it can't be. */
static char *ends(const struct export *e)
{
	char *path = strndup(e->device.p, e->device.len), *s = NULL;
	int fd = path ? open(path, O_RDONLY | O_DIRECT | O_CLOEXEC) : -1;
	uint64_t last = e->size > END_SIZE ? e->size - END_SIZE : 0;
	uint32_t crc = 0;
	void *buf = NULL;

	if (fd >= 0 && !posix_memalign(&buf, END_ALIGN, END_SIZE) &&
	    read_end(fd, buf, 0, &crc) &&
	    read_end(fd, buf, last / END_ALIGN * END_ALIGN, &crc))
		s = mem_printf("%08x", crc);
	free(buf);
	if (fd >= 0)
		close(fd);
	free(path);
	return s;
}

static json_t *json_take(char *s)
{
	json_t *o = s ? json_string(s) : NULL;

	free(s);
	return o ? o : json_null();
}

/* Names may hold any bytes, and JSON may not. */
static json_t *json_hex(struct text text)
{
	char *hex = mem_zalloc(2 * text.len + 1);
	size_t i;

	for (i = 0; i < text.len; i++)
		sprintf(hex + 2 * i, "%02x", (unsigned char)text.p[i]);
	return json_take(hex);
}

static char *from_hex(const json_t *o, const char *key)
{
	const char *hex = json_string_value(json_object_get(o, key));
	size_t i, len = hex ? strlen(hex) / 2 : 0;
	char *s = mem_zalloc(len + 1);
	unsigned int byte;

	for (i = 0; i < len && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		s[i] = byte;
	return s;
}

static json_t *describe(const struct export *e, const struct bitmap *b)
{
	json_t *o = json_object();

	json_put(o, "export", json_hex(e->name));
	json_put(o, "bitmap", json_hex(b->name));
	json_put(o, "size", json_integer(b->size));
	json_put(o, "granularity", json_integer(b->granularity));
	json_put(o, "recording", json_boolean(b->recording));
	json_put(o, "consistent", json_boolean(b->consistent));
	json_put(o, "identity", json_take(identity(e)));
	json_put(o, "counters", json_take(counters(e)));
	json_put(o, "ends", json_take(ends(e)));
	return o;
}

/* --- Saving --- */

struct save {
	struct tool *t;
	const struct args *args;
	bool remove;
	FILE *f;
	struct attr_list exports;
	struct attr_list bitmaps;
};

static bool same(struct text a, struct text b)
{
	return a.len == b.len && !memcmp(a.p, b.p, a.len);
}

static struct nlmsghdr *request(struct tool *t, uint8_t cmd, const char *export,
				const char *bitmap)
{
	struct nlmsghdr *nlh = nl_request(t->nl, cmd);

	mnl_attr_put_strz(nlh, NBDTARGET_A_BITMAP_EXPORT_NAME, export);
	mnl_attr_put_strz(nlh, NBDTARGET_A_BITMAP_NAME, bitmap);
	return nlh;
}

/* Up to PIECE bytes; fewer at the end, and negative when it failed. */
static int read_piece(struct tool *t, const char *export, const char *bitmap,
		      uint64_t offset, char *data)
{
	struct nlmsghdr *nlh = request(t, NBDTARGET_CMD_BITMAP_READ, export,
				       bitmap);
	struct nl_reply reply = { 0 };
	struct nlattr *attr;
	int len = 0, ret;

	mnl_attr_put_u64(nlh, NBDTARGET_A_BITMAP_OFFSET, offset);
	ret = nl_do(t->nl, nlh, &reply);
	nlh = ret ? NULL : nl_reply_next(&reply, NULL);
	if (nlh) {
		mnl_attr_for_each(attr, nlh, 4) {
			if (mnl_attr_get_type(attr) != NBDTARGET_A_BITMAP_DATA)
				continue;
			len = mnl_attr_get_payload_len(attr);
			memcpy(data, mnl_attr_get_payload(attr),
			       len < PIECE ? len : PIECE);
		}
	}
	nl_reply_free(&reply);
	return ret ? ret : len;
}

/* 0 or a negative errno; the whole content, as many bytes as it should have. */
static int read_content(struct tool *t, const char *export, const char *bitmap,
			char *data, uint64_t size)
{
	char piece[PIECE];
	uint64_t at = 0;
	int len;

	while (at < size) {
		len = read_piece(t, export, bitmap, at, piece);
		if (len <= 0 || (uint64_t)len > size - at)
			return len < 0 ? len : -EBADMSG;
		memcpy(data + at, piece, len);
		at += len;
	}
	return 0;
}

static bool write_record(FILE *f, uint32_t state, const char *json,
			 const char *data, uint64_t len)
{
	struct head head = {
		.magic = MAGIC,
		.state = state,
		.json_len = strlen(json),
		.data_len = len,
	};

	head.crc = crc32_of(crc32_of(0, json, head.json_len), data, len);
	return fwrite(&head, sizeof(head), 1, f) == 1 &&
	       fwrite(json, 1, head.json_len, f) == head.json_len &&
	       fwrite(data, 1, len, f) == len;
}

/* The state: what is frozen is what it is; what records isn't, but at the end. */
static int save_bitmap(struct save *s, const struct export *e,
		       const struct bitmap *b)
{
	char *export = strndup(e->name.p, e->name.len);
	char *bitmap = strndup(b->name.p, b->name.len);
	char *data = mem_zalloc(b->memory ? b->memory : 1);
	json_t *o = describe(e, b);
	char *compact = json_dumps(o, JSON_COMPACT), *json;
	int ret;

	/* Heads stand at multiples of 8. */
	json = mem_printf("%-*s", (int)((strlen(compact) + 7) / 8 * 8),
			  compact);
	free(compact);
	ret = read_content(s->t, export, bitmap, data, b->memory);
	if (ret)
		ret = fail_kernel(s->t, bitmap, NULL);
	else if (!write_record(s->f, s->remove || !b->recording ? CLEAN :
			       UNCLEAN, json, data, b->memory))
		ret = fail(s->t, s->args->pos[0], "%s", strerror(errno));
	json_decref(o);
	free(json);
	free(data);
	free(bitmap);
	free(export);
	return ret;
}

static int save_bitmaps_of(struct save *s, const struct export *e)
{
	const struct bitmap *b;
	size_t i;
	int ret = 0;

	for (i = 0; i < s->bitmaps.n && !ret; i++) {
		b = attr_list_item(&s->bitmaps, i);
		if (same(b->export_name, e->name) && !b->borrowed)
			ret = save_bitmap(s, e, b);
	}
	return ret;
}

static int remove_export(struct tool *t, const char *name)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_EXPORT_DEL);

	mnl_attr_put_strz(nlh, NBDTARGET_A_EXPORT_NAME, name);
	mnl_attr_put(nlh, NBDTARGET_A_EXPORT_FORCE, 0, NULL);
	return nl_do(t->nl, nlh, NULL) ? fail_kernel(t, name, NULL) : 0;
}

/* Nobody writes from before it is read until it is gone. */
static int save_and_remove(struct save *s, const struct export *e)
{
	char *name = strndup(e->name.p, e->name.len);
	uint32_t id = 0;
	int ret;

	ret = checkpoint_hold(s->t, name, &id);
	if (ret) {
		ret = fail_kernel(s->t, name, NULL);
	} else {
		/* With what was recorded up to here. */
		attr_list_free(&s->bitmaps);
		ret = attr_list_get(s->t, NBDTARGET_CMD_BITMAP_GET,
				    &bitmap_attrs, &s->bitmaps);
		ret = ret ? fail_kernel(s->t, name, NULL) :
			    save_bitmaps_of(s, e);
		if (!ret)
			ret = remove_export(s->t, name);
		/* It is over in any case, with the export or without. */
		if (checkpoint_release(s->t, id) && !ret)
			ret = fail(s->t, name, "it took too long to save");
	}
	free(name);
	return ret;
}

static bool is_chosen(const struct args *a, const struct export *e)
{
	int i;

	for (i = 1; i < a->n; i++)
		if (same(text_of(a->pos[i]), e->name))
			return true;
	return a->n == 1;
}

static bool has_bitmap(const struct save *s, const struct export *e)
{
	const struct bitmap *b;
	size_t i;

	for (i = 0; i < s->bitmaps.n; i++) {
		b = attr_list_item(&s->bitmaps, i);
		if (same(b->export_name, e->name) && !b->borrowed)
			return true;
	}
	return false;
}

static int check_chosen(struct save *s)
{
	const struct args *a = s->args;
	size_t i;
	int k;

	for (k = 1; k < a->n; k++) {
		for (i = 0; i < s->exports.n; i++) {
			const struct export *e = attr_list_item(&s->exports, i);

			if (same(text_of(a->pos[k]), e->name))
				break;
		}
		if (i == s->exports.n)
			return fail(s->t, a->pos[k], "there is no such export");
	}
	return 0;
}

static int save_all(struct save *s)
{
	const struct export *e;
	size_t i;
	int ret;

	if (attr_list_get(s->t, NBDTARGET_CMD_EXPORT_GET, &export_attrs,
			  &s->exports) ||
	    attr_list_get(s->t, NBDTARGET_CMD_BITMAP_GET, &bitmap_attrs,
			  &s->bitmaps))
		return fail_kernel(s->t, NULL, NULL);
	ret = check_chosen(s);
	for (i = 0; i < s->exports.n && !ret; i++) {
		e = attr_list_item(&s->exports, i);
		if (!is_chosen(s->args, e) || !has_bitmap(s, e))
			continue;
		ret = s->remove ? save_and_remove(s, e) : save_bitmaps_of(s, e);
	}
	return ret;
}

/* So that the file has it whatever happens next. */
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

static int publish(struct save *s, const char *temp, const char *path)
{
	if (!write_record(s->f, CLEAN, "", "", 0) || fflush(s->f) ||
	    fsync(fileno(s->f)) || rename(temp, path) || sync_folder(path))
		return fail(s->t, path, "%s", strerror(errno));
	return 0;
}

enum { SAVE_REMOVE };

static const struct opt save_opts[] = {
	[SAVE_REMOVE] = { "--remove-exports", OPT_FLAG, NULL,
		"and end: what records can go on later", 0 },
	{ .name = NULL }
};

static int save_bitmaps(struct tool *t, const struct args *a)
{
	struct save s = {
		.t = t,
		.args = a,
		.remove = a->opt[SAVE_REMOVE].given,
	};
	const char *path = a->pos[0];
	char *temp;
	int fd, ret = tool_connect(t, path);

	if (ret)
		return ret;
	temp = mem_printf("%s.XXXXXX", path);
	fd = mkostemp(temp, O_CLOEXEC);
	s.f = fd < 0 ? NULL : fdopen(fd, "w");
	if (s.f) {
		ret = save_all(&s);
		if (!ret)
			ret = publish(&s, temp, path);
		fclose(s.f);
		if (ret)
			unlink(temp);
	} else {
		ret = fail(t, path, "%s", strerror(errno));
	}
	attr_list_free(&s.exports);
	attr_list_free(&s.bitmaps);
	free(temp);
	return ret;
}

const struct verb verb_save_bitmaps = {
	.name = "save-bitmaps",
	.args = "FILE [EXPORT]...",
	.summary = "Writes bitmaps to a file, of all exports or of some.",
	.details = "One that is recording can go on after restore-bitmaps only with\n"
		   "--remove-exports; else all of it counts as dirty then.",
	.opts = save_opts,
	.min_args = 1,
	.max_args = ARGS_MAX,
	.run = save_bitmaps,
};

/* --- Restoring --- */

struct restore {
	struct tool *t;
	const char *path;
	int fd;
	char *map;
	size_t size;
	struct attr_list exports;
};

/* The record at an offset of the file, if it is whole; NULL otherwise. */
static const struct head *record_at(const struct restore *r, size_t at)
{
	const struct head *head = (const void *)(r->map + at);
	size_t left = r->size - at;
	const char *json = r->map + at + sizeof(*head);

	if (left < sizeof(*head) || memcmp(head->magic, MAGIC, 8))
		return NULL;
	left -= sizeof(*head);
	if (head->json_len > left || head->data_len > left - head->json_len)
		return NULL;
	if (crc32_of(0, json, head->json_len + head->data_len) != head->crc)
		return NULL;
	return head;
}

static size_t record_size(const struct head *head)
{
	/* Heads are read where they are. */
	return sizeof(*head) + head->json_len + head->data_len;
}

static const struct export *find_export(const struct restore *r,
					const char *name)
{
	const struct export *e;
	size_t i;

	for (i = 0; i < r->exports.n; i++) {
		e = attr_list_item(&r->exports, i);
		if (same(e->name, text_of(name)))
			return e;
	}
	return NULL;
}

static const char *string_in(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* NULL, or why it can't be gone by. */
static const char *distrust(const struct head *head, const json_t *o,
			    const struct export *e)
{
	bool recording = json_is_true(json_object_get(o, "recording"));
	char *id = identity(e), *count = counters(e), *sum = ends(e);
	const char *why = NULL;

	if (!json_is_true(json_object_get(o, "consistent")))
		why = "it was inconsistent when it was saved";
	else if (head->state != CLEAN)
		why = "it was recording when the target stopped";
	else if ((uint64_t)json_integer_value(json_object_get(o, "size")) !=
		 e->size)
		why = "the device has another size";
	else if (strcmp(string_in(o, "identity"), id))
		why = "it is another device";
	else if (recording && count &&
		 counters_differ(string_in(o, "counters"), count))
		why = "the device was written to by others";
	else if (recording && sum && strcmp(string_in(o, "ends"), sum))
		why = "the device was written to by others";
	free(id);
	free(count);
	free(sum);
	return why;
}

static int add(struct restore *r, const json_t *o, const char *export,
	       const char *bitmap)
{
	struct nlmsghdr *nlh = request(r->t, NBDTARGET_CMD_BITMAP_ADD, export,
				       bitmap);

	mnl_attr_put_u64(nlh, NBDTARGET_A_BITMAP_GRANULARITY,
			 json_integer_value(json_object_get(o, "granularity")));
	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_RECORDING, 0);
	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_CONSISTENT, 0);
	return nl_do(r->t->nl, nlh, NULL);
}

static int load(struct restore *r, const char *export, const char *bitmap,
		const char *data, uint64_t size)
{
	struct nlmsghdr *nlh;
	uint64_t at, len;
	int ret = 0;

	for (at = 0; at < size && !ret; at += len) {
		len = size - at < PIECE ? size - at : PIECE;
		nlh = request(r->t, NBDTARGET_CMD_BITMAP_LOAD, export, bitmap);
		mnl_attr_put_u64(nlh, NBDTARGET_A_BITMAP_OFFSET, at);
		mnl_attr_put(nlh, NBDTARGET_A_BITMAP_DATA, len, data + at);
		ret = nl_do(r->t->nl, nlh, NULL);
	}
	return ret;
}

static int set(struct restore *r, const char *export, const char *bitmap,
	       bool recording, bool consistent)
{
	struct nlmsghdr *nlh = request(r->t, NBDTARGET_CMD_BITMAP_SET, export,
				       bitmap);

	mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_RECORDING, recording);
	if (consistent)
		mnl_attr_put_u8(nlh, NBDTARGET_A_BITMAP_CONSISTENT, 1);
	return nl_do(r->t->nl, nlh, NULL);
}

/* From now on, whoever reads it in the file knows that it isn't all. */
static int consume(struct restore *r, const struct head *head)
{
	uint32_t state = UNCLEAN;
	off_t at = (const char *)&head->state - r->map;

	if (pwrite(r->fd, &state, sizeof(state), at) != sizeof(state) ||
	    fsync(r->fd))
		return fail(r->t, r->path, "%s", strerror(errno));
	return 0;
}

static int restore_to(struct restore *r, const struct head *head,
		      const json_t *o, const struct export *e,
		      const char *bitmap)
{
	bool recording = json_is_true(json_object_get(o, "recording"));
	const char *data = (const char *)(head + 1) + head->json_len;
	const char *why = distrust(head, o, e);
	char *export = strndup(e->name.p, e->name.len);
	int ret = 0, err;

	if (!why && recording)
		ret = consume(r, head);
	if (ret) {
		free(export);
		return ret;
	}
	err = add(r, o, export, bitmap);
	if (!err && !why)
		err = load(r, export, bitmap, data, head->data_len);
	if (!err && (!why || recording))
		err = set(r, export, bitmap, recording, !why);
	if (err)
		ret = fail_kernel(r->t, bitmap, NULL);
	else if (why)
		fail(r->t, bitmap, "warning: all of it counts as dirty: %s", why);
	else
		warn_kernel(r->t, bitmap);
	free(export);
	return ret;
}

static int restore_record(struct restore *r, const struct head *head)
{
	json_t *o = json_loadb((const char *)(head + 1), head->json_len, 0,
			       NULL);
	char *export = from_hex(o, "export"), *bitmap = from_hex(o, "bitmap");
	const struct export *e = find_export(r, export);
	int ret;

	if (!e)
		ret = fail(r->t, bitmap, "there is no export '%s' to restore to",
			   export);
	else
		ret = restore_to(r, head, o, e, bitmap);
	json_decref(o);
	free(export);
	free(bitmap);
	return ret;
}

/* Nothing is done with a file that isn't whole. */
static int check_file(const struct restore *r)
{
	const struct head *head;
	size_t at = 0;

	for (;;) {
		head = record_at(r, at);
		if (!head)
			return fail(r->t, r->path,
				    "is damaged, or no file of save-bitmaps");
		at += record_size(head);
		if (!head->json_len)
			break;
	}
	if (at == r->size)
		return 0;
	return fail(r->t, r->path, "is damaged: it goes on behind its end");
}

static int restore_all(struct restore *r)
{
	const struct head *head;
	size_t at = 0;
	int ret, first = 0;

	if (attr_list_get(r->t, NBDTARGET_CMD_EXPORT_GET, &export_attrs,
			  &r->exports))
		return fail_kernel(r->t, NULL, NULL);
	while ((head = record_at(r, at)) && head->json_len) {
		ret = restore_record(r, head);
		first = first ? first : ret;
		at += record_size(head);
	}
	return first;
}

static int restore_bitmaps(struct tool *t, const struct args *a)
{
	struct restore r = { .t = t, .path = a->pos[0] };
	struct stat st = { 0 };
	int ret = tool_connect(t, r.path);

	if (ret)
		return ret;
	r.fd = open(r.path, O_RDWR | O_CLOEXEC);
	if (r.fd < 0 || fstat(r.fd, &st))
		ret = fail(t, r.path, "%s", strerror(errno));
	r.size = st.st_size;
	if (!ret && !r.size)
		ret = fail(t, r.path, "is empty");
	if (!ret) {
		/* A copy: what is consumed is read as it was. */
		r.map = mmap(NULL, r.size, PROT_READ, MAP_PRIVATE, r.fd, 0);
		if (r.map == MAP_FAILED)
			ret = fail(t, r.path, "%s", strerror(errno));
	}
	if (!ret)
		ret = check_file(&r);
	if (!ret)
		ret = restore_all(&r);
	attr_list_free(&r.exports);
	if (r.fd >= 0)
		close(r.fd);
	return ret;
}

const struct verb verb_restore_bitmaps = {
	.name = "restore-bitmaps",
	.args = "FILE",
	.summary = "Makes the bitmaps that a file has.",
	.details = "After add-export, and before any client can write.",
	.min_args = 1,
	.max_args = 1,
	.run = restore_bitmaps,
};
