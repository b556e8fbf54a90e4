// SPDX-License-Identifier: GPL-2.0
/*
 * The metadata of an export: what of its bitmaps survives a crash.
 *
 * It is on a block device of its own.  What is there, and in which order it is
 * written, so that a crash at any point leaves something that is true: the format is
 * in uapi/nbdtarget_metadata.h, the log in intent.c, the writing in scribe.c, the
 * blocks in ledger.c.  Here is how it begins, how it ends, and what commands say.
 *
 * It begins with the export.  What is found has to be of this data device, and not
 * of the past, as far as that can be known; then each bitmap has the bits of its
 * area, and one that was recording all regions of the log, unless it ended in good
 * order.  A new generation begins: first the bits are written that came from the log,
 * then the head.  A crash before that head leaves what there was before.  What was found
 * to be damaged is written after a head that says so: by then nothing else does.
 *
 * Whether others have written since the last export ended is judged by left.c.  If it is
 * certain that they have, what records is inconsistent; if nobody can tell, as after a
 * crash of the machine, it isn't.  What is known to be zero is taken over at the
 * beginning, if it is proved that nobody has, and left in the end, by memo.c.
 *
 * A device that is gone may be somebody else's: as soon as that is known it is stored that
 * what records is inconsistent, and again before the device counts as back.
 *
 * Commands change bitmaps in memory (bitmaps_edit.c), with the gate shut where that
 * matters, and have the result stored before they open it and answer.  Checkpoints
 * are stored before they take place in memory.  One of a group takes place when it is
 * stored with the first of its exports: the others have it as pending before, with
 * the name of the first's metadata, and as done afterwards.  One that is found
 * pending asks that other, which therefore has to be there first; and which doesn't
 * know from before the others are written until its own head is on stable storage.
 *
 * In the end neither device is kept by the other, should that hang: metadata that can't
 * be written for a while has failed, and is as after a crash.
 *
 * Who owns it: the content of one export.  The memory stays until that is freed, as
 * commands may still look; nothing is written after nbdt_metadata_close().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/blkdev.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/text.h"
#include "compat/compat.h"
#include "content/bitmap.h"
#include "content/bitmaps.h"
#include "content/content.h"
#include "content/left.h"
#include "content/memo.h"
#include "content/metadata.h"
#include "content/scribe.h"

struct nbdt_metadata {
	struct nbdt_scribe scribe;
	struct nbdt_content *content;
	char *path;
	dev_t dev;
	u64 size;			/* of the data device, when it was opened */
	char boot[NBDTARGET_META_BOOT];	/* of the machine, or empty */
	void (*ran)(struct nbdt_content *content);
	void (*failed)(struct nbdt_content *content);
	bool has_log;			/* a record was found that counts */
	/* Why it isn't believed, or NULL: anything that is found, or what records. */
	const char *distrust;
	const char *missed;
	struct nbdt_left left;
	bool believed;			/* what is known to be zero, in the end */
	bool closed;			/* the device is */

	struct list_head node;		/* on ALL; guarded by all_mutex */

	/* What the head is to say; guarded by the mutex of bitmaps.c. */
	struct nbdtarget_meta_checkpoint last;
	bool is_pending;
	struct nbdtarget_meta_checkpoint pending;
	u8 decider[NBDTARGET_META_UUID];
	u8 groups[NBDTARGET_META_GROUPS][NBDTARGET_META_UUID];

	/* The group that isn't decided, or zeroes; guarded by the same. */
	u8 undecided[NBDTARGET_META_UUID];

	/* What was gathered last says that the device is gone; changed under the same. */
	bool says_gone;
};

/* Those that are open, for who asks whether a group's checkpoint took place. */
static DEFINE_MUTEX(all_mutex);
static LIST_HEAD(all);

static struct nbdt_metadata *find_locked(const u8 *uuid)
{
	struct nbdt_metadata *metadata;

	lockdep_assert_held(&all_mutex);
	list_for_each_entry(metadata, &all, node) {
		if (!memcmp(metadata->scribe.ledger.uuid, uuid,
			    NBDTARGET_META_UUID))
			return metadata;
	}
	return NULL;
}

/* --- What the scribe says --- */

static void ran(struct nbdt_scribe *scribe)
{
	struct nbdt_metadata *metadata = container_of(scribe,
						      struct nbdt_metadata,
						      scribe);

	metadata->ran(metadata->content);
}

/* What records isn't what survives any more, nor is it all there after a crash. */
static void distrust(struct nbdt_content *content)
{
	struct nbdt_bitmap *bitmap;
	unsigned int slot;

	mutex_lock(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		bitmap = content->bitmaps.slots[slot];
		if (bitmap && bitmap->stored.there && bitmap->recording)
			WRITE_ONCE(bitmap->inconsistent, true);
	}
	mutex_unlock(&nbdt_bitmaps_mutex);
}

static void failed(struct nbdt_scribe *scribe)
{
	struct nbdt_metadata *metadata = container_of(scribe,
						      struct nbdt_metadata,
						      scribe);

	if (scribe->go_on)
		distrust(metadata->content);
	/* Not of one that doesn't begin at all. */
	if (metadata->content->metadata)
		metadata->failed(metadata->content);
}

/* The last head comes. */
static void leave_device(struct nbdt_scribe *scribe)
{
	struct nbdt_metadata *metadata = container_of(scribe,
						      struct nbdt_metadata,
						      scribe);

	scribe->ledger.head->left = metadata->left.entry;
	if (metadata->believed)
		nbdt_memo_save(scribe, metadata->content);
}

static void device_dead(struct nbdt_bdev *device)
{
	nbdt_scribe_dead(container_of(device, struct nbdt_scribe,
				      ledger.device));
}

/* --- Whether what is found is good for this export --- */

static bool is_sane_bitmap(const struct nbdt_ledger *ledger,
			   const struct nbdtarget_meta_bitmap *entry)
{
	u64 start = le64_to_cpu(entry->start), size = le64_to_cpu(entry->size);
	u64 blocks = le32_to_cpu(entry->blocks);
	u32 shift = le32_to_cpu(entry->shift);

	return *entry->name &&
	       strnlen(entry->name, sizeof(entry->name)) < sizeof(entry->name) &&
	       shift >= ilog2(NBDT_BITMAP_GRANULE_MIN) &&
	       shift <= ilog2(NBDT_BITMAP_GRANULE_MAX) &&
	       size && size <= S64_MAX && blocks &&
	       start >= NBDTARGET_META_AREA_START &&
	       start <= ledger->blocks &&
	       2 * blocks <= ledger->blocks - start;
}

/* The log holds what one request may change, and its regions can be counted. */
static bool is_sane_log(const struct nbdtarget_meta_head *head)
{
	u32 shift = le32_to_cpu(head->region_shift);
	u32 regions = le32_to_cpu(head->regions);

	return shift >= NBDTARGET_META_REGION_SHIFT_MIN &&
	       shift <= NBDTARGET_META_REGION_SHIFT_MAX &&
	       regions >= NBDTARGET_META_REGIONS_MIN &&
	       regions <= NBDTARGET_META_REGIONS_MAX &&
	       (u64)regions << shift >= NBDTARGET_META_REACH_MIN;
}

static bool is_sane(const struct nbdt_ledger *ledger)
{
	const struct nbdtarget_meta_head *head = ledger->head;
	u32 nr = le32_to_cpu(head->bitmaps), i;

	if (!is_sane_log(head) || nr > NBDTARGET_META_BITMAPS ||
	    le64_to_cpu(head->blocks) > ledger->blocks ||
	    strnlen(head->identity, sizeof(head->identity)) ==
	    sizeof(head->identity) ||
	    strnlen(head->last.name, sizeof(head->last.name)) ==
	    sizeof(head->last.name) ||
	    strnlen(head->pending.name, sizeof(head->pending.name)) ==
	    sizeof(head->pending.name))
		return false;
	for (i = 0; i < nr; i++) {
		if (!is_sane_bitmap(ledger, &head->bitmap[i]))
			return false;
	}
	return true;
}

static int read_head(struct nbdt_ledger *ledger, const char *path,
		     struct netlink_ext_ack *extack)
{
	int err;

	if (ledger->blocks <= NBDTARGET_META_AREA_START)
		err = -EUCLEAN;
	else
		err = nbdt_ledger_read_head(ledger);
	if (!err && !is_sane(ledger))
		err = -EUCLEAN;
	if (err == -EUCLEAN)
		nbdt_set_err_msg(extack,
				 "'%.32s' has no metadata, or it is damaged",
				 path);
	else if (err)
		nbdt_set_err_msg(extack, "metadata device '%.32s' can't be read",
				 path);
	return err;
}

/* Why what is there isn't of this device as it was last; NULL if it may be. */
static const char *why_stale(const struct nbdt_ledger *ledger, u64 size,
			     const struct nbdt_metadata_config *config)
{
	const struct nbdtarget_meta_head *head = ledger->head;

	if (le64_to_cpu(head->size) != size)
		return "is for a device of another size";
	if (*head->identity && config->identity &&
	    strcmp(head->identity, config->identity))
		return "is for another device";
	if (ledger->generation < config->least_generation)
		return "is of an older generation";
	return NULL;
}

/* The log is read into the ledger; -EUCLEAN when there is none that counts. */
static int read_log(struct nbdt_metadata *metadata,
		    const struct nbdt_metadata_config *config,
		    struct netlink_ext_ack *extack)
{
	struct nbdt_ledger *ledger = &metadata->scribe.ledger;
	int err = nbdt_ledger_read_log(ledger);

	if (err == -ESTALE && !config->accept_stale) {
		nbdt_set_err_msg(extack,
				 "metadata on '%.32s' has lost its last state",
				 config->path);
		return err;
	}
	if (err == -ESTALE)
		metadata->distrust = "metadata of the past was accepted";
	/* Also when it can't be read: it isn't known what was in it. */
	return err ? -EUCLEAN : 0;
}

static int check_stale(struct nbdt_metadata *metadata, u64 size,
		       const struct nbdt_metadata_config *config,
		       struct netlink_ext_ack *extack)
{
	const struct nbdt_ledger *ledger = &metadata->scribe.ledger;
	const char *why = why_stale(ledger, size, config);

	if (why && !config->accept_stale) {
		nbdt_set_err_msg(extack, "metadata on '%.32s' %s", config->path,
				 why);
		return -ESTALE;
	}
	if (why)
		metadata->distrust = "stale metadata was accepted";
	else if (ledger->head->flags & cpu_to_le32(NBDTARGET_META_FAILED) ||
		 nbdt_left_went_on(ledger))
		metadata->distrust = "the metadata had failed, and writes went on";
	return 0;
}

/* --- A checkpoint that was pending --- */

/* 1, 0, -EAGAIN before it is decided, or -EIO if it isn't known for what has failed. */
static int answer_locked(const struct nbdt_metadata *decider, const u8 *group)
{
	u32 i;

	lockdep_assert_held(&nbdt_bitmaps_mutex);
	if (!memcmp(decider->undecided, group, NBDTARGET_META_UUID))
		return READ_ONCE(decider->scribe.err) ? -EIO : -EAGAIN;
	for (i = 0; i < NBDTARGET_META_GROUPS; i++) {
		if (!memcmp(decider->groups[i], group, NBDTARGET_META_UUID))
			return 1;
	}
	return 0;
}

/* The same, or -ENOENT when who decides isn't there. */
static int ask_decider(const struct nbdtarget_meta_head *head)
{
	struct nbdt_metadata *decider;
	int took_place = -ENOENT;

	mutex_lock(&all_mutex);
	mutex_lock(&nbdt_bitmaps_mutex);
	decider = find_locked(head->decider);
	if (decider)
		took_place = answer_locked(decider, head->pending.group);
	mutex_unlock(&nbdt_bitmaps_mutex);
	mutex_unlock(&all_mutex);
	return took_place;
}

/* For 79 bytes, with the UUID. */
static void say_undecided(const struct nbdtarget_meta_head *head, int why,
			  struct netlink_ext_ack *extack)
{
	if (why == -EAGAIN)
		nbdt_set_err_msg(extack,
				 "a checkpoint of a group is being stored: try again");
	else
		nbdt_set_err_msg(extack,
				 "checkpoint is pending: add metadata %pU %s",
				 head->decider,
				 why == -ENOENT ? "first" : "anew");
}

/* What it is now that it is known; whether it is there. */
static bool decide_bitmap(struct nbdtarget_meta_bitmap *entry, bool took_place)
{
	u32 flags = le32_to_cpu(entry->flags);

	if (!took_place && (flags & NBDTARGET_META_THERE_AFTER))
		return false;
	if (took_place) {
		flags &= ~NBDTARGET_META_RECORDING;
		if (flags & NBDTARGET_META_RECORDING_AFTER)
			flags |= NBDTARGET_META_RECORDING;
	}
	flags &= NBDTARGET_META_RECORDING | NBDTARGET_META_INCONSISTENT;
	entry->flags = cpu_to_le32(flags);
	return true;
}

/* The head that is written next may say it as it is then. */
static void decide(struct nbdtarget_meta_head *head, bool took_place)
{
	u32 nr = le32_to_cpu(head->bitmaps), kept = 0, i;

	for (i = 0; i < nr; i++) {
		if (decide_bitmap(&head->bitmap[i], took_place))
			head->bitmap[kept++] = head->bitmap[i];
	}
	head->bitmaps = cpu_to_le32(kept);
	if (took_place)
		head->last = head->pending;
}

static int settle_pending(struct nbdt_metadata *metadata,
			  const struct nbdt_metadata_config *config,
			  struct netlink_ext_ack *extack)
{
	struct nbdtarget_meta_head *head = metadata->scribe.ledger.head;
	int took_place;

	if (!(head->flags & cpu_to_le32(NBDTARGET_META_PENDING)))
		return 0;
	took_place = ask_decider(head);
	if (took_place < 0 && !config->accept_stale) {
		say_undecided(head, took_place, extack);
		return -EAGAIN;
	}
	if (took_place < 0)
		metadata->distrust = "a checkpoint was pending";
	decide(head, took_place == 1);
	return 0;
}

/* --- Bitmaps --- */

/* All regions of the log, of which it isn't known what was written of them. */
static void mark_log(const struct nbdtarget_meta_head *head,
		     const struct nbdtarget_meta_log *log,
		     struct nbdt_bitmap *bitmap)
{
	u32 shift = le32_to_cpu(head->region_shift), i;
	u64 at;

	for (i = 0; i < le32_to_cpu(log->count); i++) {
		at = (u64)le32_to_cpu(log->region[i]) << shift;
		if (at < bitmap->size)
			nbdt_bitmap_mark(bitmap, at, 1ULL << shift);
	}
}

/* Into a place of the scribe's, which then has a reference. */
static struct nbdt_bitmap *
load_bits(struct nbdt_scribe *scribe, const struct nbdtarget_meta_bitmap *entry,
	  bool *complete, struct netlink_ext_ack *extack)
{
	struct nbdt_scribe_bitmap *place = nbdt_scribe_place(scribe);
	struct nbdt_bitmap *bitmap;
	u32 blocks = le32_to_cpu(entry->blocks);
	int err;

	bitmap = nbdt_bitmap_create(entry->name, le64_to_cpu(entry->size),
				    1U << le32_to_cpu(entry->shift));
	if (IS_ERR(bitmap)) {
		nbdt_set_err_msg(extack, "there is no memory for bitmap '%.32s'",
				 entry->name);
		return bitmap;
	}
	err = -EUCLEAN;
	if (blocks != nbdt_ledger_blocks(bitmap)) {
		nbdt_set_err_msg(extack, "metadata of bitmap '%.32s' is damaged",
				 entry->name);
		goto err_put;
	}
	err = nbdt_ledger_area_init(&place->area, le64_to_cpu(entry->id),
				    le64_to_cpu(entry->start), blocks);
	if (err)
		goto err_put;
	place->bitmap = bitmap;
	*complete = !nbdt_ledger_read_bits(&scribe->ledger, &place->area,
					   le64_to_cpu(entry->sum), bitmap);
	return bitmap;

err_put:
	nbdt_bitmap_put(bitmap);
	return ERR_PTR(err);
}

/* To the log, and to who adds the export. */
static void say_damaged(const struct nbdt_metadata *metadata,
			const struct nbdt_bitmap *bitmap,
			struct netlink_ext_ack *extack)
{
	char export[NBDT_NAME_SHOWN], name[NBDT_NAME_SHOWN];
	char path[NBDT_NAME_SHOWN];

	pr_warn_ratelimited("export '%s': bitmap '%s' is inconsistent: its bits on '%s' are damaged\n",
			    nbdt_text_show_name(export, metadata->content->name),
			    nbdt_text_show_name(name, bitmap->name),
			    nbdt_text_show_name(path, metadata->path));
	nbdt_set_err_msg(extack,
			 "bitmap '%.32s' is inconsistent: its bits are damaged",
			 bitmap->name);
}

/* The same, of all that it goes for; for 79 bytes, with WHY. */
static void say_spoilt(const struct nbdt_metadata *metadata, const char *why,
		       struct netlink_ext_ack *extack)
{
	const char *which = why == metadata->missed ? " that record" : "";
	char export[NBDT_NAME_SHOWN];

	pr_warn_ratelimited("export '%s': bitmaps%s are inconsistent: %s\n",
			    nbdt_text_show_name(export, metadata->content->name),
			    which, why);
	nbdt_set_err_msg(extack, "bitmaps%s are inconsistent: %s", which, why);
}

/* Give it to the export as well. */
static int publish(struct nbdt_content *content, struct nbdt_bitmap *bitmap,
		   struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&nbdt_bitmaps_mutex);
	err = nbdt_bitmaps_insert_locked(content, bitmap, extack);
	if (!err) {
		nbdt_bitmap_get(bitmap);
		nbdt_bitmaps_show_locked(bitmap);
	}
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/* Why a bitmap isn't believed, whatever its bits are like; or NULL. */
static const char *why_not(const struct nbdt_metadata *metadata, bool recording)
{
	return metadata->distrust ?: recording ? metadata->missed : NULL;
}

/* SPOILT is set to why it isn't believed, when that is new. */
static int load_bitmap(struct nbdt_metadata *metadata,
		       const struct nbdtarget_meta_bitmap *entry,
		       const char **spoilt, struct netlink_ext_ack *extack)
{
	struct nbdt_scribe *scribe = &metadata->scribe;
	const struct nbdtarget_meta_head *head = scribe->ledger.head;
	u32 flags = le32_to_cpu(entry->flags);
	bool clean = head->flags & cpu_to_le32(NBDTARGET_META_CLEAN);
	struct nbdt_bitmap *bitmap;
	bool complete = false;
	const char *why;

	bitmap = load_bits(scribe, entry, &complete, extack);
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	bitmap->recording = flags & NBDTARGET_META_RECORDING;
	bitmap->stored.there = true;
	bitmap->stored.recording = bitmap->recording;
	if (!clean && bitmap->recording && metadata->has_log)
		mark_log(head, scribe->ledger.log, bitmap);
	if (!complete)
		say_damaged(metadata, bitmap, extack);
	why = why_not(metadata, bitmap->recording);
	/* It has been told of one that was so before. */
	if (why && !(flags & NBDTARGET_META_INCONSISTENT))
		*spoilt = why;
	if (!complete || why || (flags & NBDTARGET_META_INCONSISTENT))
		nbdt_bitmap_fill(bitmap);
	/* Not all blocks have a good copy; what shows that is written over. */
	bitmap->stored.rewritten = bitmap->inconsistent;
	return publish(metadata->content, bitmap, extack);
}

static int load_bitmaps(struct nbdt_metadata *metadata,
			struct netlink_ext_ack *extack)
{
	const struct nbdtarget_meta_head *head = metadata->scribe.ledger.head;
	const char *spoilt = NULL;
	u32 i;
	int err;

	for (i = 0; i < le32_to_cpu(head->bitmaps); i++) {
		err = load_bitmap(metadata, &head->bitmap[i], &spoilt, extack);
		if (err)
			return err;
	}
	if (spoilt)
		say_spoilt(metadata, spoilt, extack);
	return 0;
}

static void load_point(struct nbdt_metadata *metadata)
{
	const struct nbdtarget_meta_head *head = metadata->scribe.ledger.head;
	struct nbdt_point *last = &metadata->content->bitmaps.last;

	metadata->last = head->last;
	last->number = le64_to_cpu(head->last.number);
	strscpy(last->name, head->last.name, sizeof(last->name));
}

/* --- The beginning --- */

/*
 * What came from the log, where nothing else has it once that is another.  After an
 * orderly end nothing has, and the head that still counts says which write was the last.
 * Of one that isn't believed they go with the head (load_bitmap()).
 */
static int write_bits(struct nbdt_scribe *scribe)
{
	struct nbdt_scribe_bitmap *each;
	int err = 0;
	u32 i;

	if (scribe->ledger.head->flags & cpu_to_le32(NBDTARGET_META_CLEAN))
		return 0;
	for (i = 0; i < ARRAY_SIZE(scribe->bitmaps) && !err; i++) {
		each = &scribe->bitmaps[i];
		if (each->bitmap && each->bitmap->recording &&
		    !each->bitmap->inconsistent)
			err = nbdt_ledger_write_bits(&scribe->ledger,
						     &each->area, each->bitmap,
						     NULL);
	}
	return err;
}

/* To a device that is gone others may write, as for nbdt_bitmaps_doubt_locked(). */
static u32 flags_of(const struct nbdt_bitmap_stored *stored, bool is_pending,
		    bool gone)
{
	u32 flags = stored->recording ? NBDTARGET_META_RECORDING : 0;

	if (is_pending && stored->recording != stored->changes)
		flags |= NBDTARGET_META_RECORDING_AFTER;
	if (is_pending && stored->only_after)
		flags |= NBDTARGET_META_THERE_AFTER;
	if (gone && (flags & (NBDTARGET_META_RECORDING |
			      NBDTARGET_META_RECORDING_AFTER)))
		flags |= NBDTARGET_META_INCONSISTENT;
	return flags;
}

/* All that the head is to say. */
static void gather_locked(struct nbdt_metadata *metadata,
			  struct nbdt_scribe_draft *draft)
{
	struct nbdt_bitmaps *bitmaps = &metadata->content->bitmaps;
	struct nbdt_bitmap *bitmap;
	unsigned int slot;

	lockdep_assert_held(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		bitmap = bitmaps->slots[slot];
		if (bitmap && bitmap->stored.there)
			nbdt_scribe_add(draft, bitmap,
					flags_of(&bitmap->stored,
						 metadata->is_pending,
						 bitmaps->gone));
	}
	draft->last = metadata->last;
	draft->is_pending = metadata->is_pending;
	draft->pending = metadata->pending;
	memcpy(draft->decider, metadata->decider, sizeof(draft->decider));
	memcpy(draft->groups, metadata->groups, sizeof(draft->groups));
	WRITE_ONCE(metadata->says_gone, bitmaps->gone);
}

static bool may_record(const struct nbdt_scribe_draft *draft)
{
	u32 i;

	for (i = 0; i < draft->nr; i++) {
		if (draft->items[i].flags & (NBDTARGET_META_RECORDING |
					   NBDTARGET_META_RECORDING_AFTER))
			return true;
	}
	return false;
}

/*
 * What the device has is this head or the last, and which isn't known.  If a bitmap records
 * by either, and none does in memory, nobody would know of a write.
 */
static void be_unsure(struct nbdt_metadata *metadata)
{
	struct nbdt_bitmaps *bitmaps = &metadata->content->bitmaps;

	mutex_lock(&nbdt_bitmaps_mutex);
	WRITE_ONCE(bitmaps->unsure, true);
	WRITE_ONCE(bitmaps->active, true);
	mutex_unlock(&nbdt_bitmaps_mutex);
}

/* Have the head say what there is of bitmaps now. */
static void submit_locked(struct nbdt_metadata *metadata,
			  struct nbdt_metadata_storing *storing)
{
	struct nbdt_scribe *scribe = &metadata->scribe;

	gather_locked(metadata, storing->draft);
	storing->records = may_record(storing->draft);
	storing->err = nbdt_scribe_submit(scribe, storing->draft);
	/* Of one that isn't written nothing arrives. */
	if (storing->err)
		storing->records = false;
}

/* What became of it. */
static int wait_for(struct nbdt_metadata *metadata,
		    struct nbdt_metadata_storing *storing)
{
	struct nbdt_scribe *scribe = &metadata->scribe;
	int err = nbdt_scribe_wait(scribe, storing->draft, storing->err);

	storing->draft = NULL;
	if (err && READ_ONCE(scribe->err) && !scribe->go_on &&
	    (storing->records || READ_ONCE(scribe->records)))
		be_unsure(metadata);
	return err;
}

static int store(struct nbdt_metadata *metadata)
{
	struct nbdt_metadata_storing storing = {
		.draft = nbdt_scribe_compose(),
	};

	if (!storing.draft)
		return -ENOMEM;
	mutex_lock(&nbdt_bitmaps_mutex);
	submit_locked(metadata, &storing);
	mutex_unlock(&nbdt_bitmaps_mutex);
	return wait_for(metadata, &storing);
}

/* A generation begins, with a log that is empty. */
static int begin(struct nbdt_metadata *metadata, u64 size,
		 const struct nbdt_metadata_config *config)
{
	struct nbdt_ledger *ledger = &metadata->scribe.ledger;
	struct nbdtarget_meta_head *head = ledger->head;
	int err;

	err = write_bits(&metadata->scribe);
	if (err)
		return err;
	ledger->generation++;
	memset(ledger->log, 0, sizeof(*ledger->log));
	/*
	 * Before the head, lest there be one without a record.  But one that can't be
	 * read isn't missed when it is written over: the head goes first then.
	 */
	if (metadata->has_log)
		err = nbdt_ledger_write_log(ledger);
	if (err)
		return err;
	head->flags = 0;
	/* It is known again, or it isn't. */
	memset(&head->map, 0, sizeof(head->map));
	memset(&head->left, 0, sizeof(head->left));
	head->size = cpu_to_le64(size);
	if (config->identity)
		strscpy(head->identity, config->identity,
			sizeof(head->identity));
	/* It doesn't begin with one that has failed since. */
	return store(metadata) ?: READ_ONCE(metadata->scribe.err);
}

/*
 * Whether all writes are in what records; and why it isn't proved that nobody has written
 * since it was left, NULL if it is.
 */
static const char *judge(struct nbdt_metadata *metadata)
{
	const struct nbdt_ledger *ledger = &metadata->scribe.ledger;
	bool clean = ledger->head->flags & cpu_to_le32(NBDTARGET_META_CLEAN);
	const char *why = NULL;

	if (!clean && !metadata->has_log)
		metadata->missed = "no record in the log counts";
	else if (nbdt_left_judge(ledger, metadata->content, metadata->boot, &why) ==
		 NBDT_LEFT_WRITTEN)
		metadata->missed = why;
	return why;
}

/* Everything that is found. */
static int load(struct nbdt_metadata *metadata, u64 size,
		const struct nbdt_metadata_config *config,
		struct netlink_ext_ack *extack)
{
	struct nbdt_content *content = metadata->content;
	const char *unproved;
	int err;

	err = check_stale(metadata, size, config, extack);
	if (err)
		return err;
	err = read_log(metadata, config, extack);
	if (err && err != -EUCLEAN)
		return err;
	metadata->has_log = !err;
	err = settle_pending(metadata, config, extack);
	if (err)
		return err;
	unproved = judge(metadata);
	err = load_bitmaps(metadata, extack);
	if (err)
		return err;
	load_point(metadata);
	if (metadata->has_log && !metadata->distrust)
		nbdt_memo_load(&metadata->scribe, content, unproved);
	mutex_lock(&nbdt_bitmaps_mutex);
	nbdt_bitmaps_choose_locked(&content->bitmaps);
	mutex_unlock(&nbdt_bitmaps_mutex);
	return 0;
}

/* A region is looked for by a number of 31 bits. */
static int check_size(const struct nbdt_ledger *ledger, u64 size,
		      const char *path, struct netlink_ext_ack *extack)
{
	if (size >> le32_to_cpu(ledger->head->region_shift) < S32_MAX)
		return 0;
	nbdt_set_err_msg(extack,
			 "metadata on '%.32s' has regions that are too small for the device",
			 path);
	return -EFBIG;
}

/* Two of the same: one is a copy of the other. */
static int check_only(struct nbdt_metadata *metadata, const char *path,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_ledger *ledger = &metadata->scribe.ledger;
	struct nbdt_metadata *other;

	mutex_lock(&all_mutex);
	other = find_locked(ledger->uuid);
	memcpy(metadata->groups, ledger->head->groups,
	       sizeof(metadata->groups));
	if (!other)
		list_add(&metadata->node, &all);
	mutex_unlock(&all_mutex);
	if (other)
		nbdt_set_err_msg(extack,
				 "metadata on '%.32s' is a copy of what another export uses",
				 path);
	return other ? -EBUSY : 0;
}

static void leave(struct nbdt_metadata *metadata)
{
	mutex_lock(&all_mutex);
	list_del(&metadata->node);
	mutex_unlock(&all_mutex);
}

static struct nbdt_metadata *create(struct nbdt_content *content, u64 size,
				    const struct nbdt_metadata_config *config)
{
	struct nbdt_metadata *metadata = kzalloc(sizeof(*metadata), GFP_KERNEL);

	if (!metadata)
		return NULL;
	metadata->path = kstrdup(config->path, GFP_KERNEL);
	if (!metadata->path) {
		kfree(metadata);
		return NULL;
	}
	metadata->content = content;
	metadata->dev = config->node.dev;
	metadata->size = size;
	if (config->boot)
		strscpy(metadata->boot, config->boot, sizeof(metadata->boot));
	metadata->ran = config->ran;
	metadata->failed = config->failed;
	metadata->scribe.go_on = config->go_on;
	metadata->scribe.ran = ran;
	metadata->scribe.failed = failed;
	metadata->scribe.leave = leave_device;
	return metadata;
}

/**
 * nbdt_metadata_open - have an export use a metadata device
 * @content: of which nobody knows yet; its device is open and written to
 * @size: what clients see of that, in bytes
 * @config: which metadata, and how
 * @extack: told why not
 *
 * Its bitmaps are there afterwards, and those that record do.
 *
 * Return: 0; -EUCLEAN when there is no metadata; -ESTALE when it is of another
 * device or of the past; -EAGAIN when a checkpoint is pending that another metadata
 * decides; -EBUSY when it is in use; -EROFS; or the error of the device.
 */
int nbdt_metadata_open(struct nbdt_content *content, u64 size,
		       const struct nbdt_metadata_config *config,
		       struct netlink_ext_ack *extack)
{
	struct nbdt_metadata *metadata = create(content, size, config);
	struct nbdt_scribe *scribe;
	int err;

	if (!metadata)
		return -ENOMEM;
	scribe = &metadata->scribe;
	err = nbdt_ledger_open(&scribe->ledger, config->path, &config->node,
			       device_dead, extack);
	if (err)
		goto err_free;
	err = read_head(&scribe->ledger, config->path, extack);
	if (!err)
		err = check_size(&scribe->ledger, size, config->path, extack);
	if (!err)
		err = nbdt_scribe_init(scribe, size);
	if (err)
		goto err_ledger;
	err = check_only(metadata, config->path, extack);
	if (err)
		goto err_scribe;
	err = load(metadata, size, config, extack);
	if (err)
		goto err_leave;
	err = begin(metadata, size, config);
	if (err) {
		nbdt_set_err_msg(extack,
				 "metadata device '%.32s' can't be written",
				 config->path);
		goto err_leave;
	}
	content->metadata = metadata;
	content->bitmaps.intent = &scribe->intent;
	return 0;

err_leave:
	leave(metadata);
err_scribe:
	nbdt_scribe_stop(scribe);
	/* It can be told of the device's end until that is closed. */
	nbdt_ledger_close(&scribe->ledger);
	nbdt_scribe_exit(scribe);
	goto err_free;
err_ledger:
	nbdt_ledger_close(&scribe->ledger);
err_free:
	kfree(metadata->path);
	kfree(metadata);
	return err;
}

/* --- The end --- */

/* Nobody waits for it with a command, so that the log is all there is. */
static void say_not_left(const struct nbdt_metadata *metadata)
{
	char export[NBDT_NAME_SHOWN], path[NBDT_NAME_SHOWN];
	int err = metadata->scribe.end_err;

	if (err)
		pr_warn_ratelimited("export '%s': its end couldn't be written to its metadata on '%s', error %d: bitmaps will be as after a crash\n",
				    nbdt_text_show_name(export, metadata->content->name),
				    nbdt_text_show_name(path, metadata->path), -err);
}

/**
 * nbdt_metadata_leave - have the metadata say how the data device was left
 * @content: nothing writes to its device any more, which is going to be closed
 *
 * When it has, its device is closed.  One that hangs isn't waited for here, but by
 * nbdt_metadata_close(), when the data device is closed.  If that hangs, it is waited for.
 */
void nbdt_metadata_leave(struct nbdt_content *content)
{
	struct nbdt_metadata *metadata = content->metadata;

	if (!metadata)
		return;
	metadata->left.gone = READ_ONCE(content->bitmaps.gone);
	metadata->left.went_on = metadata->scribe.go_on &&
				 READ_ONCE(metadata->scribe.err);
	nbdt_left_take(&metadata->left, &metadata->scribe.ledger, content,
		       metadata->boot);
	metadata->believed = nbdt_content_is_believed(content);
	if (nbdt_scribe_end(&metadata->scribe)) {
		say_not_left(metadata);
		nbdt_metadata_close(content);
	}
	nbdt_left_end(&metadata->left);
}

/* It was left.  Waits for its device if that hangs, but not for the data device. */
void nbdt_metadata_close(struct nbdt_content *content)
{
	struct nbdt_metadata *metadata = content->metadata;

	if (!metadata || metadata->closed)
		return;
	metadata->closed = true;
	nbdt_scribe_stop(&metadata->scribe);
	leave(metadata);
	nbdt_ledger_close(&metadata->scribe.ledger);
}

/* Closed, and nobody has the content any more. */
void nbdt_metadata_free(struct nbdt_content *content)
{
	struct nbdt_metadata *metadata = content->metadata;

	if (!metadata)
		return;
	nbdt_scribe_exit(&metadata->scribe);
	kfree(metadata->path);
	kfree(metadata);
}

/* --- Commands --- */

/* Why a draft wasn't written, when it isn't the device. */
static void say_why(const struct nbdt_metadata *metadata, int err,
		    struct netlink_ext_ack *extack)
{
	if (err == -ENOSPC)
		nbdt_set_err_msg(extack,
				 "there is no room on metadata device '%.32s'",
				 metadata->path);
	if (err == -ESHUTDOWN)
		nbdt_set_err_msg(extack, "the export is being removed");
}

/* What became of a draft, for who submitted it. */
static int result(struct nbdt_content *content, int err,
		  struct netlink_ext_ack *extack)
{
	struct nbdt_metadata *metadata = content->metadata;

	if (!err)
		return 0;
	/* A device has the same errors as we: who has failed tells whose it is. */
	if (err == -ESHUTDOWN || !READ_ONCE(metadata->scribe.err)) {
		say_why(metadata, err, extack);
		return err;
	}
	nbdt_set_err_msg(extack, "metadata device '%.32s' has failed",
			 metadata->path);
	/* It is told of; what is in memory counts. */
	return metadata->scribe.go_on ? 0 : -EIO;
}

/**
 * nbdt_metadata_prepare - have room for a bitmap that is new
 * @content: of the export
 * @bitmap: that isn't in it yet, with its bits; of which nobody knows
 * @extack: why not
 *
 * It is written, and the room is its own as long as it has references.
 *
 * Return: 0, also without metadata; -ENOSPC; -ENOMEM; -EIO when the metadata has
 * failed, and writes fail, too; -ESHUTDOWN.
 */
int nbdt_metadata_prepare(struct nbdt_content *content,
			  struct nbdt_bitmap *bitmap,
			  struct netlink_ext_ack *extack)
{
	struct nbdt_metadata *metadata = content->metadata;
	struct nbdt_scribe_draft *draft;
	int err;

	if (!metadata)
		return 0;
	draft = nbdt_scribe_compose();
	if (!draft)
		return -ENOMEM;
	draft->room_only = true;
	nbdt_scribe_add(draft, bitmap, 0);
	err = nbdt_scribe_submit(&metadata->scribe, draft);
	return result(content, nbdt_scribe_wait(&metadata->scribe, draft, err),
		      extack);
}

/**
 * nbdt_metadata_tell_gone - have it stored that what records isn't believed
 * @content: of an export whose device is gone, as nbdt_bitmaps_gone() was told
 *
 * If this machine is lost, or the export, before the device is back.  It isn't waited for.
 * To be called again and again: without memory it is tried the next time.
 */
void nbdt_metadata_tell_gone(struct nbdt_content *content)
{
	struct nbdt_metadata *metadata = content->metadata;
	struct nbdt_metadata_storing storing = { };
	unsigned int noio;

	if (!metadata || READ_ONCE(metadata->says_gone))
		return;
	/* Not by writing to devices, of which one may be the one that is gone. */
	noio = memalloc_noio_save();
	storing.draft = nbdt_scribe_compose();
	memalloc_noio_restore(noio);
	if (!storing.draft)
		return;
	mutex_lock(&nbdt_bitmaps_mutex);
	if (content->bitmaps.gone)
		submit_locked(metadata, &storing);
	mutex_unlock(&nbdt_bitmaps_mutex);
	nbdt_scribe_discard(storing.draft);
}

/**
 * nbdt_metadata_reserve - have the memory to store once
 * @content: of the export
 * @storing: for nbdt_metadata_release() or _end()
 *
 * Before anything changes that is to be stored: what fails later is the device.
 *
 * Return: 0, also without metadata; or -ENOMEM.
 */
int nbdt_metadata_reserve(struct nbdt_content *content,
			  struct nbdt_metadata_storing *storing)
{
	memset(storing, 0, sizeof(*storing));
	if (!content->metadata)
		return 0;
	storing->draft = nbdt_scribe_compose();
	return storing->draft ? 0 : -ENOMEM;
}

/* It isn't begun any more, or is over. */
void nbdt_metadata_release(struct nbdt_metadata_storing *storing)
{
	if (storing->draft)
		nbdt_scribe_discard(storing->draft);
}

/**
 * nbdt_metadata_begin_locked - begin to have what there is of bitmaps survive
 * @content: of the export; under the mutex of bitmaps.c
 * @storing: reserved
 *
 * Of those that began or ceased to record, or lost bits, with the gate shut.
 *
 * Under the same mutex as what it is about has changed, nobody else has stored that.
 */
void nbdt_metadata_begin_locked(struct nbdt_content *content,
				struct nbdt_metadata_storing *storing)
{
	if (content->metadata)
		submit_locked(content->metadata, storing);
}

/**
 * nbdt_metadata_end - wait until it is stored
 * @content: the same
 * @storing: the same, begun
 * @extack: why not
 *
 * Return: as nbdt_metadata_prepare().
 */
int nbdt_metadata_end(struct nbdt_content *content,
		      struct nbdt_metadata_storing *storing,
		      struct netlink_ext_ack *extack)
{
	if (!content->metadata)
		return 0;
	return result(content, wait_for(content->metadata, storing), extack);
}

/* Both, of what nobody else changes meanwhile. */
int nbdt_metadata_store(struct nbdt_content *content,
			struct nbdt_metadata_storing *storing,
			struct netlink_ext_ack *extack)
{
	mutex_lock(&nbdt_bitmaps_mutex);
	nbdt_metadata_begin_locked(content, storing);
	mutex_unlock(&nbdt_bitmaps_mutex);
	return nbdt_metadata_end(content, storing, extack);
}

static void prepare(struct nbdt_metadata *metadata,
		    const struct nbdt_metadata_point *point)
{
	struct nbdt_bitmap_stored *start = point->start ?
					   &point->start->stored : NULL;

	if (point->freeze)
		point->freeze->stored.changes = true;
	if (start) {
		start->only_after = !start->there;
		start->there = true;
		start->changes = true;
	}
	metadata->is_pending = true;
	metadata->pending = point->is;
	memcpy(metadata->decider, point->decider, sizeof(metadata->decider));
}

/* It isn't pending any more. */
static void forget_pending(struct nbdt_metadata *metadata)
{
	metadata->is_pending = false;
	memset(&metadata->pending, 0, sizeof(metadata->pending));
	memset(metadata->decider, 0, sizeof(metadata->decider));
}

static void cancel(struct nbdt_metadata *metadata,
		   const struct nbdt_metadata_point *point)
{
	struct nbdt_bitmap_stored *start = point->start ?
					   &point->start->stored : NULL;

	if (point->freeze)
		point->freeze->stored.changes = false;
	if (start) {
		start->there &= !start->only_after;
		start->only_after = false;
		start->changes = false;
	}
	forget_pending(metadata);
}

/* Whoever asks is told that it took place. */
static void remember_group(struct nbdt_metadata *metadata, const u8 *group)
{
	memmove(metadata->groups + 1, metadata->groups,
		sizeof(metadata->groups) - sizeof(metadata->groups[0]));
	memcpy(metadata->groups[0], group, sizeof(metadata->groups[0]));
}

static void commit(struct nbdt_metadata *metadata,
		   const struct nbdt_metadata_point *point)
{
	cancel(metadata, point);
	if (point->freeze)
		point->freeze->stored.recording = false;
	if (point->start) {
		point->start->stored.there = true;
		point->start->stored.recording = true;
	}
	metadata->last = point->is;
	if (memchr_inv(point->is.group, 0, sizeof(point->is.group)))
		remember_group(metadata, point->is.group);
}

/**
 * nbdt_metadata_decide - a group's checkpoint is decided here, and isn't yet
 * @content: of an export that has metadata, and a part in it
 * @group: the UUID; NULL when it is known that it doesn't take place
 *
 * Before any other has it as pending.  It is decided when the COMMIT is stored here; if
 * that fails, it isn't known before what is there is read anew.
 */
void nbdt_metadata_decide(struct nbdt_content *content, const u8 *group)
{
	u8 *undecided = content->metadata->undecided;

	mutex_lock(&nbdt_bitmaps_mutex);
	if (group)
		memcpy(undecided, group, NBDTARGET_META_UUID);
	else
		memset(undecided, 0, NBDTARGET_META_UUID);
	mutex_unlock(&nbdt_bitmaps_mutex);
}

/**
 * nbdt_metadata_checkpoint_begin - have a checkpoint take place on the device
 * @content: of an export that has a part in it; its gate is shut, nobody inside
 * @point: what changes; the bitmaps are kept from other commands
 * @step: PREPARE, to be followed by COMMIT or CANCEL, or COMMIT alone.  One after
 *	the other, whatever checkpoints they are of
 * @storing: reserved; for nbdt_metadata_checkpoint_end(), which is to follow
 *
 * Doesn't wait for it, so that those of a group are stored side by side.
 */
void nbdt_metadata_checkpoint_begin(struct nbdt_content *content,
				    const struct nbdt_metadata_point *point,
				    enum nbdt_metadata_step step,
				    struct nbdt_metadata_storing *storing)
{
	static void (*const changes[])(struct nbdt_metadata *metadata,
				       const struct nbdt_metadata_point *point) = {
		[NBDT_METADATA_PREPARE] = prepare,
		[NBDT_METADATA_COMMIT] = commit,
		[NBDT_METADATA_CANCEL] = cancel,
	};
	struct nbdt_metadata *metadata = content->metadata;

	if (!metadata)
		return;
	mutex_lock(&nbdt_bitmaps_mutex);
	changes[step](metadata, point);
	submit_locked(metadata, storing);
	mutex_unlock(&nbdt_bitmaps_mutex);
}

/**
 * nbdt_metadata_checkpoint_end - wait until it has
 * @content: the same
 * @storing: the same
 * @extack: why not
 *
 * Return: as nbdt_metadata_prepare().
 */
int nbdt_metadata_checkpoint_end(struct nbdt_content *content,
				 struct nbdt_metadata_storing *storing,
				 struct netlink_ext_ack *extack)
{
	int err;

	if (!content->metadata)
		return 0;
	err = wait_for(content->metadata, storing);
	if (!err)
		nbdt_metadata_decide(content, NULL);
	return result(content, err, extack);
}

/* Is there any, and has it not failed? */
bool nbdt_metadata_is_good(const struct nbdt_content *content)
{
	return content->metadata && !READ_ONCE(content->metadata->scribe.err);
}

/* Of one that there is; as many bytes as NBDTARGET_META_UUID. */
const u8 *nbdt_metadata_uuid(const struct nbdt_content *content)
{
	return content->metadata->scribe.ledger.uuid;
}

/* Of one that there is. */
void nbdt_metadata_info(const struct nbdt_content *content,
			struct nbdt_metadata_info *info)
{
	const struct nbdt_metadata *metadata = content->metadata;
	const struct nbdt_intent *intent = &metadata->scribe.intent;

	*info = (struct nbdt_metadata_info) {
		.path = metadata->path,
		.dev = metadata->dev,
		.size = metadata->size,
		.generation = metadata->scribe.ledger.generation,
		.writes = READ_ONCE(metadata->scribe.ledger.writes),
		.reach = (u64)intent->nr_slots << intent->shift,
		.go_on = metadata->scribe.go_on,
		.err = READ_ONCE(metadata->scribe.err),
	};
}
