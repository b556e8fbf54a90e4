// SPDX-License-Identifier: GPL-2.0
/*
 * format-metadata and check-metadata: metadata devices, without the module. It is only
 * asked, if it is there, which export has the one that is checked.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/blockdev.h"
#include "base/clock.h"
#include "base/fail.h"
#include "base/mem.h"
#include "base/text.h"
#include "nl/nl.h"
#include "object/export.h"
#include "saved/device.h"
#include "saved/metadata.h"
#include "saved/replica.h"
#include "show/figure.h"
#include "show/json.h"
#include "verb/verbs.h"

/* Bitmaps that there is room for, and what a crash makes dirty, unless it is said. */
#define DEFAULT_BITMAPS	4
#define DEFAULT_BOUND	1073741824ULL

/* --- format-metadata --- */

enum { FOR, BITMAPS, GRANULARITY, BOUND, REGION, NEEDED, FORCE };

static const struct opt format_opts[] = {
	[FOR] = { "--for", OPT_TEXT, "DEVICE",
		"the device whose bitmaps it is for", 4095 },
	[BITMAPS] = { "--bitmaps", OPT_NUMBER, "N",
		"bitmaps to have room for at the same time (4)",
		NBDTARGET_META_BITMAPS },
	[GRANULARITY] = { "--granularity", OPT_SIZE, "SIZE",
		"of the bitmaps that it is planned for (64K)", 64 << 20 },
	[BOUND] = { "--bound", OPT_SIZE, "SIZE",
		"most that a crash makes dirty without need (1G)", 1ULL << 40 },
	[REGION] = { "--region", OPT_SIZE, "SIZE",
		"what the log has at a time (1M, or as the bound is)",
		1ULL << 30 },
	[NEEDED] = { "--needed", OPT_FLAG, NULL,
		"only tell how large it has to be", 0 },
	[FORCE] = { "--force", OPT_FLAG, NULL,
		"also where there is metadata already", 0 },
	{ .name = NULL }
};

/* Bytes of a block device, or of a file if it may be one; 0 or a negative errno. */
static int size_of(int fd, bool file_too, uint64_t *bytes)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (S_ISBLK(st.st_mode))
		return ioctl(fd, BLKGETSIZE64, bytes) ? -errno : 0;
	*bytes = st.st_size;
	return file_too && S_ISREG(st.st_mode) ? 0 : -ENOTBLK;
}

/* What is made for it; its device, as metadata can't be on that. */
struct intended {
	struct metadata_plan plan;
	char *identity;
	dev_t device, metadata;
};

/* METADATA is NULL when only the size is asked for. Whole blocks, as clients see it. */
static int plan_for(struct tool *t, const char *path, const char *metadata,
		    struct intended *in)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), block = 512, err = 0;
	struct metadata_plan *plan = &in->plan;
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		err = -errno;
	if (!err)
		err = size_of(fd, false, &plan->size);
	if (!err && ioctl(fd, BLKSSZGET, &block))
		err = -errno;
	if (fd >= 0)
		close(fd);
	if (err)
		return fail(t, path, "%s", strerror(-err));
	plan->size -= plan->size % (block > 512 ? block : 512);
	if (!plan->size)
		return fail(t, path, "is empty");
	in->device = st.st_rdev;
	in->metadata = metadata ? blockdev_number(metadata) : 0;
	in->identity = device_identity(st.st_rdev, path, in->metadata);
	plan->identity = in->identity;
	return 0;
}

static int take_plan(struct tool *t, const struct args *a, struct intended *in)
{
	struct metadata_plan *plan = &in->plan;
	const struct opt_value *o = a->opt;
	char buf[FIGURE_MAX];
	const char *wrong;
	int ret;

	if (!o[FOR].given)
		return fail_usage(t, "--for DEVICE is missing");
	ret = plan_for(t, o[FOR].text, a->n ? a->pos[0] : NULL, in);
	if (ret)
		return ret;
	plan->bitmaps = o[BITMAPS].given ? o[BITMAPS].number : DEFAULT_BITMAPS;
	plan->bound = o[BOUND].given ? o[BOUND].number : DEFAULT_BOUND;
	plan->granularity = o[GRANULARITY].given ? o[GRANULARITY].number :
			    metadata_default_granularity(plan->size);
	if (!plan->bitmaps)
		return fail_usage(t, "--bitmaps is at least 1");
	if (plan->granularity < 4096 ||
	    plan->granularity & (plan->granularity - 1))
		return fail_usage(t, "--granularity is a power of two from 4K on");
	plan->region = o[REGION].given ? o[REGION].number : 0;
	if (plan->region & (plan->region - 1) || (o[REGION].given &&
						  !plan->region))
		return fail_usage(t, "--region is a power of two");
	wrong = metadata_plan_wrong(plan);
	if (wrong)
		return fail_usage(t, "%s", wrong);
	if (o[BOUND].given && metadata_reach(plan) < plan->bound / 4 * 3)
		return fail_usage(t,
				  "the log has up to 1000 regions, and as many of --region are less than --bound: %s",
				  size_format(buf, metadata_reach(plan)));
	return 0;
}

static int check_empty(struct tool *t, const struct args *a, int fd,
		       uint64_t bytes)
{
	struct metadata *m = mem_zalloc(sizeof(*m));
	int err = metadata_read(fd, bytes, m);
	bool bad = m->head_bad;

	free(m);
	if (a->opt[FORCE].given || (err == -ENOENT && !bad))
		return 0;
	if (!err)
		return fail(t, a->pos[0],
			    "has metadata already; --force makes it anew, and what it has is gone");
	return fail(t, a->pos[0],
		    "may have metadata, whose heads are damaged or can't be read; --force makes it anew, and what it has is gone");
}

/* What is there would be gone, and writing to one would write to the other. */
static int check_other(struct tool *t, const struct args *a, int fd,
		       const struct intended *in)
{
	struct stat st;

	if (fstat(fd, &st))
		return fail(t, a->pos[0], "%s", strerror(errno));
	if (!S_ISBLK(st.st_mode) || !blockdev_overlap(st.st_rdev, in->device))
		return 0;
	return fail(t, a->pos[0], "is on the device that it is for, '%s'",
		    a->opt[FOR].text);
}

/* What is made is good all the same. */
static void warn_of_identity(struct tool *t, const struct args *a,
			     const struct intended *in)
{
	const char *doubt = replica_doubt(in->device, in->metadata);

	if (doubt)
		fail(t, a->opt[FOR].text, "warning: %s", doubt);
	if (!device_is_known(in->identity))
		fail(t, a->opt[FOR].text,
		     "warning: the device has no identity but its path: another that gets it is taken for it");
}

static int format_on(struct tool *t, const struct args *a, int fd,
		     const struct intended *in)
{
	const struct metadata_plan *plan = &in->plan;
	char need[FIGURE_MAX], have[FIGURE_MAX];
	uint64_t needs = metadata_needs(plan), bytes;
	int err = size_of(fd, false, &bytes), ret;

	if (!err && bytes < needs)
		return fail(t, a->pos[0], "has %s, and %s (%" PRIu64
			    " bytes) are needed for %" PRIu64 " bitmaps",
			    size_format(have, bytes), size_format(need, needs),
			    needs, plan->bitmaps);
	ret = err ? 0 : check_empty(t, a, fd, bytes);
	if (ret)
		return ret;
	if (!err)
		err = metadata_make(fd, bytes, plan);
	if (!err)
		warn_of_identity(t, a, in);
	return err ? fail(t, a->pos[0], "%s", strerror(-err)) : TOOL_OK;
}

static int tell_needed(struct tool *t, const struct metadata_plan *plan)
{
	uint64_t needs = metadata_needs(plan);
	json_t *o;

	if (t->json) {
		o = json_object();
		json_put(o, "needed-bytes", json_integer(needs));
		json_print(o, false);
	} else {
		printf("%" PRIu64 "\n", needs);
	}
	return TOOL_OK;
}

static int format_metadata(struct tool *t, const struct args *a)
{
	struct intended in = { 0 };
	int ret = take_plan(t, a, &in), fd;

	if (!ret && a->n + a->opt[NEEDED].given != 1)
		ret = fail_usage(t, a->n ? "--needed takes no DEV" :
				 "DEV is missing");
	if (!ret && a->opt[NEEDED].given) {
		ret = tell_needed(t, &in.plan);
	} else if (!ret) {
		fd = open(a->pos[0], O_RDWR | O_EXCL | O_CLOEXEC);
		if (fd < 0) {
			ret = fail(t, a->pos[0], "%s", strerror(errno));
		} else {
			ret = check_other(t, a, fd, &in);
			if (!ret)
				ret = format_on(t, a, fd, &in);
			close(fd);
		}
	}
	free(in.identity);
	return ret;
}

const struct verb verb_format_metadata = {
	.name = "format-metadata",
	.args = "[DEV]",
	.summary = "Makes a device hold what of bitmaps survives a crash.",
	.details = "DEV is what add-export --metadata takes, with the DEVICE of --for; a few MiB.",
	.opts = format_opts,
	.min_args = 0,
	.max_args = 1,
	.run = format_metadata,
};

/* --- check-metadata --- */

static const char *state_of(const struct nbdtarget_meta_head *head)
{
	uint32_t flags = le32toh(head->flags);

	if (flags & NBDTARGET_META_FAILED)
		return "failed";
	if (flags & NBDTARGET_META_PENDING)
		return "pending";
	return flags & NBDTARGET_META_CLEAN ? "clean" : "in use";
}

static struct text name_of(const char *name)
{
	return (struct text) { name, strnlen(name, NBDTARGET_META_NAME) };
}

static uint64_t bound_of(const struct nbdtarget_meta_head *head)
{
	return (uint64_t)le32toh(head->regions) << le32toh(head->region_shift);
}

static json_t *bitmap_json(const struct nbdtarget_meta_bitmap *entry,
			   const struct metadata_bitmap *b)
{
	uint32_t flags = le32toh(entry->flags);
	json_t *o = json_object();

	json_put_text(o, "name", name_of(entry->name));
	json_put(o, "recording",
		 json_boolean(flags & NBDTARGET_META_RECORDING));
	json_put(o, "consistent",
		 json_boolean(!(flags & NBDTARGET_META_INCONSISTENT)));
	json_put(o, "size", json_integer(le64toh(entry->size)));
	json_put(o, "granularity",
		 json_integer(1ULL << (le32toh(entry->shift) & 63)));
	json_put(o, "dirty-count", json_integer(b->dirty));
	json_put(o, "damaged-blocks", json_integer(b->damaged));
	json_put(o, "torn-blocks", json_integer(b->torn));
	return o;
}

static json_t *map_json(const struct metadata *m)
{
	const struct nbdtarget_meta_map *map = &m->head.map;
	json_t *o = json_object();

	json_put(o, "size", json_integer(le64toh(map->size)));
	json_put(o, "granularity",
		 json_integer(1ULL << (le32toh(map->shift) & 63)));
	json_put(o, "blocks", json_integer(le32toh(map->filled)));
	json_put(o, "damaged-blocks",
		 json_integer(le32toh(map->filled) - (int64_t)m->map_good));
	return o;
}

/* What is found on one that may be in use, and by whom. */
struct finding {
	struct metadata *m, *later;
	char *user;		/* the export's name, or NULL */
	bool unasked;		/* the module doesn't say whether it is one */
	bool held;		/* by whomever */
	bool unsettled;		/* no two readings were of one state */
	int err;
};

/* Of one that is held. */
static const char *holder_of(const struct finding *f)
{
	if (f->user)
		return "export";
	return f->unasked ? "unknown" : "other";
}

static void print_json(const struct finding *f)
{
	const struct metadata *m = f->m;
	const struct nbdtarget_meta_head *head = &m->head;
	json_t *o = json_object(), *list = json_array();
	uint32_t i;

	json_put(o, "uuid", json_take(metadata_uuid(head->mark.uuid)));
	json_put(o, "state", json_string(state_of(head)));
	json_put(o, "held", json_boolean(f->held));
	if (f->held)
		json_put(o, "holder", json_string(holder_of(f)));
	if (f->user)
		json_put_text(o, "held-by", text_of(f->user));
	json_put(o, "good", json_boolean(metadata_is_good(m)));
	json_put(o, "lost", json_boolean(m->lost));
	json_put(o, "generation",
		 json_integer(le64toh(head->mark.generation)));
	json_put(o, "sequence", json_integer(le64toh(head->mark.sequence)));
	json_put_text(o, "identity", name_of(head->identity));
	json_put(o, "size", json_integer(le64toh(head->size)));
	json_put(o, "bound", json_integer(bound_of(head)));
	json_put(o, "regions", json_integer(m->has_log ?
					    le32toh(m->log.count) : 0));
	json_put(o, "unreadable-blocks", json_integer(m->unreadable));
	json_put(o, "checkpoint", json_integer(le64toh(head->last.number)));
	if (*head->last.name)
		json_put_text(o, "checkpoint-name", name_of(head->last.name));
	for (i = 0; i < le32toh(head->bitmaps) &&
	     i < NBDTARGET_META_BITMAPS; i++)
		json_add(list, bitmap_json(&head->bitmap[i], &m->bitmaps[i]));
	json_put(o, "bitmaps", list);
	if (metadata_has_map(m))
		json_put(o, "map", map_json(m));
	json_print(o, false);
}

static void print_bitmap(const struct nbdtarget_meta_bitmap *entry,
			 const struct metadata_bitmap *b)
{
	uint32_t flags = le32toh(entry->flags);
	char size[FIGURE_MAX];

	printf("  bitmap        ");
	text_print(stdout, name_of(entry->name), TEXT_NAME);
	printf(" %s%s, %s dirty",
	       flags & NBDTARGET_META_RECORDING ? "recording" : "frozen",
	       flags & NBDTARGET_META_INCONSISTENT ? ",inconsistent" : "",
	       size_format(size, b->dirty << (le32toh(entry->shift) & 63)));
	if (b->damaged)
		printf(", %" PRIu64 " blocks DAMAGED", b->damaged);
	if (b->torn)
		printf(", %" PRIu64 " blocks with one good copy", b->torn);
	putchar('\n');
}

static void print_holder(const struct finding *f)
{
	printf("  held by       ");
	if (f->user) {
		printf("export ");
		text_print(stdout, text_of(f->user), TEXT_NAME);
		putchar('\n');
	} else {
		puts(f->unasked ? "unknown, as the module couldn't be asked" :
				  "somebody else than an export");
	}
}

static void print_text(const struct finding *f)
{
	const struct metadata *m = f->m;
	const struct nbdtarget_meta_head *head = &m->head;
	char *uuid = metadata_uuid(head->mark.uuid), buf[FIGURE_MAX];
	uint32_t i;

	printf("metadata %s\n  state         %s\n", uuid, state_of(head));
	if (f->held)
		print_holder(f);
	printf("  for           ");
	text_print(stdout, name_of(head->identity), TEXT_EXACT);
	printf(", %" PRIu64 " bytes\n  generation    %" PRIu64 "\n",
	       (uint64_t)le64toh(head->size),
	       (uint64_t)le64toh(head->mark.generation));
	printf("  log           %u of %u regions of %s\n",
	       m->has_log ? le32toh(m->log.count) : 0,
	       le32toh(head->regions),
	       size_format(buf, 1ULL << (le32toh(head->region_shift) & 63)));
	printf("  checkpoint    %" PRIu64 " ",
	       (uint64_t)le64toh(head->last.number));
	text_print(stdout, name_of(head->last.name), TEXT_EXACT);
	putchar('\n');
	for (i = 0; i < le32toh(head->bitmaps) &&
	     i < NBDTARGET_META_BITMAPS; i++)
		print_bitmap(&head->bitmap[i], &m->bitmaps[i]);
	if (metadata_has_map(m))
		printf("  map           of zeroes, %u blocks, %" PRIu64 " good\n",
		       le32toh(head->map.filled), m->map_good);
	free(uuid);
}

static int say_wrong(struct tool *t, const char *path, const struct metadata *m)
{
	if (metadata_is_good(m))
		return TOOL_OK;
	if (m->lost)
		return fail(t, path, "its last state is lost: what there is, is of the past");
	if (m->cut)
		return fail(t, path, "it is smaller than the one that it was made on");
	if (le32toh(m->head.flags) & NBDTARGET_META_FAILED)
		return fail(t, path, "it has failed, and writes went on: all is dirty");
	if (m->unreadable)
		return fail(t, path, "%" PRIu64 " blocks can't be read",
			    m->unreadable);
	return fail(t, path,
		    "it is damaged: what isn't there counts as dirty, and isn't known to be zero");
}

/* Around the page cache, if that can be: the module writes below it. */
static int open_to_check(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	return fd >= 0 || errno != EINVAL ? fd :
	       open(path, O_RDONLY | O_CLOEXEC);
}

/* How often one that is in use is read twice, and ms after the first time, ever more. */
#define CHECK_TRIES	10
#define CHECK_PAUSE	2

/* By its numbers: its paths may lead elsewhere by now. */
static bool has_device(const struct export *e, dev_t device)
{
	return blockdev_overlap(export_device(e), device) ||
	       (attr_has(e, NBDTARGET_A_EXPORT_METADATA_DEVICE_ID) &&
		blockdev_overlap(export_metadata_device(e), device));
}

/* The name is to be freed. The module isn't loaded for this. */
static void find_user(struct tool *t, struct finding *f, const char *path)
{
	dev_t device = blockdev_number(path);
	struct attr_list list = { 0 };
	const struct export *e;
	size_t i;

	if (access("/sys/module/nbdtarget", F_OK))
		return;
	if (!t->nl)
		t->nl = nl_new();
	f->unasked = nl_connect(t->nl) || export_get_all(t, &list);
	for (i = 0; !f->unasked && i < list.n && !f->user; i++) {
		e = attr_list_item(&list, i);
		if (has_device(e, device))
			f->user = text_copy(e->name);
	}
	attr_list_free(&list);
}

/* Twice: whether the first time it was of one state, so that it can be gone by. */
static bool read_twice(struct finding *f, int fd, uint64_t bytes)
{
	int err;

	f->err = metadata_read(fd, bytes, f->m);
	err = metadata_read(fd, bytes, f->later);
	return err == f->err && (err || metadata_agrees(f->m, f->later));
}

/*
 * One that nobody has is as it is. Others are written to while they are read, so that
 * what is read first and last may be of two states, of which each is good.
 */
static void read_settled(struct finding *f, const char *path, int fd,
			 uint64_t bytes)
{
	unsigned int try;

	f->held = blockdev_is_held(path);
	f->err = metadata_read(fd, bytes, f->m);
	/* Somebody may have come meanwhile, or have gone. */
	f->unsettled = f->held || blockdev_is_held(path);
	for (try = 0; f->unsettled && try < CHECK_TRIES; try++) {
		if (try)
			clock_pause(CHECK_PAUSE << (try - 1));
		f->unsettled = !read_twice(f, fd, bytes);
	}
	f->held = blockdev_is_held(path);
}

static int say_unsettled(struct tool *t, const char *path,
			 const struct finding *f)
{
	fail(t, path,
	     "no verdict: %s%s%s has it in use, and it changed each time while it was read; look again when less is written",
	     f->user ? "export '" : "somebody", f->user ? f->user : "",
	     f->user ? "'" : "");
	return TOOL_NO_VERDICT;
}

static int tell_finding(struct tool *t, const char *path,
			const struct finding *f)
{
	if (f->unsettled)
		return say_unsettled(t, path, f);
	if (f->err == -ENOENT)
		return fail(t, path,
			    "has no metadata, or both heads are damaged");
	if (f->err)
		return fail(t, path, "%s", strerror(-f->err));
	if (t->json)
		print_json(f);
	else
		print_text(f);
	return say_wrong(t, path, f->m);
}

static int check_metadata(struct tool *t, const struct args *a)
{
	const char *path = a->pos[0];
	struct finding f = { 0 };
	int fd = open_to_check(path), ret;
	uint64_t bytes = 0;

	if (fd < 0)
		return fail(t, path, "%s", strerror(errno));
	ret = size_of(fd, true, &bytes);
	if (ret) {
		ret = fail(t, path, "%s", strerror(-ret));
	} else {
		f.m = mem_zalloc(sizeof(*f.m));
		f.later = mem_zalloc(sizeof(*f.later));
		read_settled(&f, path, fd, bytes);
		if (f.held)
			find_user(t, &f, path);
		ret = tell_finding(t, path, &f);
	}
	close(fd);
	free(f.user);
	free(f.m);
	free(f.later);
	return ret;
}

const struct verb verb_check_metadata = {
	.name = "check-metadata",
	.args = "DEV",
	.summary = "Shows and checks what is on a metadata device, or in a copy of it.",
	.details = "Nothing is written. Of one that is in use it is what a crash would leave;\n"
		   "the exit status is 5 when it changes too fast to tell.",
	.min_args = 1,
	.max_args = 1,
	.run = check_metadata,
};
