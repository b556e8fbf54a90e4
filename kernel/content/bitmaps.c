// SPDX-License-Identifier: GPL-2.0
/*
 * The bitmaps of an export: which there are, which record, and who uses them.
 *
 * Each has a slot, which is part of the id that clients know it by, and which
 * it keeps.  A client that selected bitmaps (context.c) is one of their users
 * until it ends or selects anew, and so is the export of a snapshot that shows
 * one; a bitmap with users isn't removed, renamed, cleared, added to, or made
 * to record again.  It may be frozen, which takes nothing away.
 *
 * One mutex guards all of it, over all exports, as exports share bitmaps.  It
 * is never held while waiting for I/O or for a gate.  A command that has to
 * wait marks the bitmaps it is about as changing before, which keeps other
 * commands away from them, and looks again afterwards at what may have changed.
 * A checkpoint that is held and switches none keeps commands away from all, so that
 * they can be read as what they are when nothing is written any more.
 * Those commands are in bitmaps_edit.c, and the switch from one bitmap to the
 * next in bitmaps_switch.c; they stand on what is here.
 *
 * What I/O looks at (the list of those that record) changes under the mutex and
 * with the export's gate shut and nobody inside; see bitmap.c.  As long as
 * nothing was written to since the export was added, the first request that
 * does is noticed in the same place, and costs the later ones nothing: what was
 * saved before a restart holds only until then.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/text.h"
#include "compat/compat.h"
#include "content/bitmap.h"
#include "content/bitmaps.h"
#include "content/content.h"
#include "content/intent.h"

/* Guards the bitmaps of all exports, but for what I/O looks at. */
DEFINE_MUTEX(nbdt_bitmaps_mutex);

void nbdt_bitmaps_init(struct nbdt_bitmaps *bitmaps)
{
	/* Until the first request that writes. */
	bitmaps->active = true;
}

/* Bitmaps of others are theirs alone again. */
void nbdt_bitmaps_give_back(struct nbdt_bitmaps *bitmaps)
{
	unsigned int slot;

	mutex_lock(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->borrowed & BIT_ULL(slot))
			bitmaps->slots[slot]->users--;
	}
	bitmaps->borrowed = 0;
	mutex_unlock(&nbdt_bitmaps_mutex);
}

/* Nobody has selected any, and no request is in flight. */
void nbdt_bitmaps_exit(struct nbdt_bitmaps *bitmaps)
{
	unsigned int slot;

	nbdt_bitmaps_give_back(bitmaps);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->slots[slot])
			nbdt_bitmap_put(bitmaps->slots[slot]);
	}
}

/* --- I/O --- */

/*
 * Inside the gate: to be called for a range before it changes.  Return: whether it
 * may; if not, the request leaves, and comes again when the log has it.
 */
bool nbdt_bitmaps_note(struct nbdt_bitmaps *bitmaps, u64 offset, u64 len)
{
	unsigned int i, nr = bitmaps->nr_recording;

	if (!READ_ONCE(bitmaps->written)) {
		WRITE_ONCE(bitmaps->written, true);
		if (!nr && !bitmaps->unsure)
			WRITE_ONCE(bitmaps->active, false);
	}
	for (i = 0; i < nr; i++)
		nbdt_bitmap_mark(bitmaps->recording[i], offset, len);
	if (!bitmaps->intent || (!nr && !bitmaps->unsure))
		return true;
	return nbdt_intent_has(bitmaps->intent, offset, len) ||
	       nbdt_intent_want(bitmaps->intent, offset, len);
}

static bool is_own(const struct nbdt_bitmaps *bitmaps, unsigned int slot)
{
	return bitmaps->slots[slot] && !(bitmaps->borrowed & BIT_ULL(slot));
}

/* Its own, that isn't true any more if somebody else has written. */
static bool may_miss(const struct nbdt_bitmaps *bitmaps, unsigned int slot)
{
	return is_own(bitmaps, slot) && (bitmaps->slots[slot]->recording ||
					 bitmaps->slots[slot]->changing);
}

/*
 * To a device that is gone others may write at any time, before a bitmap that records is
 * frozen, copied or saved.  Bits may be set meanwhile: all of it is dirty whatever they say.
 * Return: whether there is any.
 */
bool nbdt_bitmaps_doubt_locked(struct nbdt_bitmaps *bitmaps)
{
	unsigned int slot;
	bool any = false;

	lockdep_assert_held(&nbdt_bitmaps_mutex);
	for (slot = 0; bitmaps->gone && slot < NBDT_BITMAPS_MAX; slot++) {
		if (!may_miss(bitmaps, slot))
			continue;
		WRITE_ONCE(bitmaps->slots[slot]->inconsistent, true);
		any = true;
	}
	return any;
}

/* The gate is shut, and nobody inside. */
void nbdt_bitmaps_choose_locked(struct nbdt_bitmaps *bitmaps)
{
	unsigned int slot, nr = 0;

	lockdep_assert_held(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->slots[slot] && bitmaps->slots[slot]->recording)
			bitmaps->recording[nr++] = bitmaps->slots[slot];
	}
	bitmaps->nr_recording = nr;
	nbdt_bitmaps_doubt_locked(bitmaps);
	WRITE_ONCE(bitmaps->active, nr || !bitmaps->written || bitmaps->unsure);
}

/* --- Clients --- */

bool nbdt_bitmaps_is_there(const struct nbdt_bitmap *bitmap)
{
	return bitmap && !bitmap->hidden;
}

/* From now on it is there. */
void nbdt_bitmaps_show_locked(struct nbdt_bitmap *bitmap)
{
	lockdep_assert_held(&nbdt_bitmaps_mutex);
	bitmap->hidden = false;
	bitmap->listed = true;
}

static u64 find_by_name(struct nbdt_bitmaps *bitmaps, const char *name,
			size_t len)
{
	struct nbdt_bitmap *bitmap;
	unsigned int slot;

	lockdep_assert_held(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		bitmap = bitmaps->slots[slot];
		if (nbdt_bitmaps_is_there(bitmap) && strlen(bitmap->name) == len &&
		    !memcmp(bitmap->name, name, len))
			return BIT_ULL(slot);
	}
	return 0;
}

/* The one of that name, or an empty set; it may go away at any time. */
u64 nbdt_bitmaps_find(struct nbdt_bitmaps *bitmaps, const char *name,
		      size_t len)
{
	u64 found;

	mutex_lock(&nbdt_bitmaps_mutex);
	found = find_by_name(bitmaps, name, len);
	mutex_unlock(&nbdt_bitmaps_mutex);
	return found;
}

/* Be a user of the one of that name too, next to SELECTED; all of them. */
u64 nbdt_bitmaps_select(struct nbdt_bitmaps *bitmaps, const char *name,
			size_t len, u64 selected)
{
	u64 found;

	mutex_lock(&nbdt_bitmaps_mutex);
	found = find_by_name(bitmaps, name, len) & ~selected;
	if (found)
		bitmaps->slots[__ffs64(found)]->users++;
	mutex_unlock(&nbdt_bitmaps_mutex);
	return selected | found;
}

/* All there are; they may go away at any time. */
u64 nbdt_bitmaps_all(struct nbdt_bitmaps *bitmaps)
{
	unsigned int slot;
	u64 all = 0;

	mutex_lock(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (nbdt_bitmaps_is_there(bitmaps->slots[slot]))
			all |= BIT_ULL(slot);
	}
	mutex_unlock(&nbdt_bitmaps_mutex);
	return all;
}

void nbdt_bitmaps_deselect(struct nbdt_bitmaps *bitmaps, u64 selected)
{
	mutex_lock(&nbdt_bitmaps_mutex);
	for (; selected; selected &= selected - 1)
		bitmaps->slots[__ffs64(selected)]->users--;
	mutex_unlock(&nbdt_bitmaps_mutex);
}

/* A copy for kfree(); NULL when it has gone, or without memory. */
char *nbdt_bitmaps_name(struct nbdt_bitmaps *bitmaps, unsigned int slot)
{
	char *name = NULL;

	mutex_lock(&nbdt_bitmaps_mutex);
	if (nbdt_bitmaps_is_there(bitmaps->slots[slot]))
		name = kstrdup(bitmaps->slots[slot]->name, GFP_KERNEL);
	mutex_unlock(&nbdt_bitmaps_mutex);
	return name;
}

/* --- The administrator --- */

static bool has_name(const struct nbdt_bitmap *bitmap, const char *name)
{
	return !strcmp(bitmap->name, name) ||
	       (bitmap->old_name && !strcmp(bitmap->old_name, name));
}

/*
 * Also one that is hidden: its name is taken.  So are both of one that is being
 * renamed, as it may have to go back.
 */
int nbdt_bitmaps_slot_locked(struct nbdt_bitmaps *bitmaps, const char *name)
{
	int slot;

	lockdep_assert_held(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->slots[slot] &&
		    has_name(bitmaps->slots[slot], name))
			return slot;
	}
	return -ENOENT;
}

int nbdt_bitmaps_check_name(const char *name, struct netlink_ext_ack *extack)
{
	if (*name && strlen(name) <= NBDT_BITMAP_NAME_MAX)
		return 0;
	nbdt_set_err_msg(extack, "the name of a bitmap has 1 to %u bytes",
			 NBDT_BITMAP_NAME_MAX);
	return -EINVAL;
}

static int check_not_kept(const struct nbdt_content *content,
			  struct netlink_ext_ack *extack)
{
	if (!content->bitmaps.kept_by)
		return 0;
	nbdt_set_err_msg(extack,
			 "writes to '%.24s' are held, and its bitmaps stay as they are",
			 content->name);
	return -EBUSY;
}

/* Nobody else is changing it. */
static int find_settled(struct nbdt_content *content, const char *name,
			struct nbdt_bitmap **bitmap,
			struct netlink_ext_ack *extack)
{
	int slot = nbdt_bitmaps_slot_locked(&content->bitmaps, name);

	if (slot < 0) {
		nbdt_set_err_msg(extack, "there is no bitmap '%.32s'", name);
		return slot;
	}
	/* Bitmaps of others that it has may be theirs alone already. */
	if (READ_ONCE(content->closing))
		return nbdt_content_tell_closing(content, extack);
	*bitmap = content->bitmaps.slots[slot];
	if (!(*bitmap)->changing)
		return 0;
	nbdt_set_err_msg(extack, "bitmap '%.32s' is being changed", name);
	return -EBUSY;
}

/* One that a command may change. */
int nbdt_bitmaps_find_locked(struct nbdt_content *content, const char *name,
			     struct nbdt_bitmap **bitmap,
			     struct netlink_ext_ack *extack)
{
	return find_settled(content, name, bitmap, extack) ?:
	       check_not_kept(content, extack);
}

/* Keep commands away from all of them, until kept_by is less by one. */
int nbdt_bitmaps_keep_locked(struct nbdt_content *content,
			     struct netlink_ext_ack *extack)
{
	struct nbdt_bitmaps *bitmaps = &content->bitmaps;
	unsigned int slot;

	lockdep_assert_held(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (!is_own(bitmaps, slot) || !bitmaps->slots[slot]->changing)
			continue;
		nbdt_set_err_msg(extack, "bitmap '%.32s' is being changed",
				 bitmaps->slots[slot]->name);
		return -EBUSY;
	}
	bitmaps->kept_by++;
	return 0;
}

int nbdt_bitmaps_check_unkept(const struct nbdt_bitmap *bitmap,
			      struct netlink_ext_ack *extack)
{
	if (!bitmap->kept)
		return 0;
	nbdt_set_err_msg(extack,
			 "bitmap '%.24s' was saved as it is; another can get what it has",
			 bitmap->name);
	return -EINVAL;
}

int nbdt_bitmaps_check_unused(const struct nbdt_bitmap *bitmap,
			      struct netlink_ext_ack *extack)
{
	if (!bitmap->users)
		return 0;
	nbdt_set_err_msg(extack, "bitmap '%.32s' is in use", bitmap->name);
	return -EBUSY;
}

int nbdt_bitmaps_check_recordable(const struct nbdt_content *content,
				  struct netlink_ext_ack *extack)
{
	if (!content->read_only)
		return 0;
	nbdt_set_err_msg(extack, "export '%.24s' is read-only: nothing to record",
			 content->name);
	return -EROFS;
}

static int check_granule(const struct nbdt_content *content, u32 granule,
			 struct netlink_ext_ack *extack)
{
	if (!granule)
		return 0;
	if (!is_power_of_2(granule)) {
		nbdt_set_err_msg(extack,
				 "the bitmap's granularity is no power of two");
		return -EINVAL;
	}
	if (granule < content->block) {
		nbdt_set_err_msg(extack,
				 "the bitmap's granularity is below the blocks of '%.32s'",
				 content->device);
		return -EINVAL;
	}
	return 0;
}

struct nbdt_bitmap *
nbdt_bitmaps_create(struct nbdt_content *content,
		    const struct nbdt_bitmaps_config *config,
		    struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	err = nbdt_bitmaps_check_name(config->name, extack);
	if (!err)
		err = check_granule(content, config->granule, extack);
	if (!err && !config->disabled)
		err = nbdt_bitmaps_check_recordable(content, extack);
	if (err)
		return ERR_PTR(err);
	bitmap = nbdt_bitmap_create(config->name, config->size, config->granule);
	if (bitmap == ERR_PTR(-E2BIG))
		nbdt_set_err_msg(extack,
				 "the bitmap would take more than %llu MiB of memory",
				 NBDT_BITMAP_BYTES_MAX >> 20);
	else if (IS_ERR(bitmap))
		nbdt_set_err_msg(extack, "there is no memory for the bitmap");
	return bitmap;
}

/* Give it a slot, and the export the reference; hidden for now. */
int nbdt_bitmaps_insert_locked(struct nbdt_content *content,
			       struct nbdt_bitmap *bitmap,
			       struct netlink_ext_ack *extack)
{
	struct nbdt_bitmaps *bitmaps = &content->bitmaps;
	int slot, err;

	err = check_not_kept(content, extack);
	if (err)
		return err;
	if (nbdt_bitmaps_slot_locked(bitmaps, bitmap->name) >= 0) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' already exists",
				 bitmap->name);
		return -EEXIST;
	}
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->slots[slot])
			continue;
		bitmap->hidden = true;
		bitmaps->slots[slot] = bitmap;
		return 0;
	}
	nbdt_set_err_msg(extack, "an export has up to %u bitmaps",
			 NBDT_BITMAPS_MAX);
	return -ENOSPC;
}

/* It doesn't record, and nobody uses it. */
void nbdt_bitmaps_drop_locked(struct nbdt_bitmaps *bitmaps,
			      struct nbdt_bitmap *bitmap)
{
	unsigned int slot;

	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->slots[slot] == bitmap)
			bitmaps->slots[slot] = NULL;
	}
	nbdt_bitmap_put(bitmap);
}

static int check_lendable(const struct nbdt_bitmap *bitmap, u64 size,
			  struct netlink_ext_ack *extack)
{
	if (bitmap->recording) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' is still recording",
				 bitmap->name);
		return -EBUSY;
	}
	if (bitmap->size != size) {
		nbdt_set_err_msg(extack,
				 "bitmap '%.24s' is of %llu bytes, the device has %llu",
				 bitmap->name, bitmap->size, size);
		return -EINVAL;
	}
	return 0;
}

/* The device is, until nbdt_bitmaps_back(). */
void nbdt_bitmaps_gone(struct nbdt_content *content)
{
	char name[NBDT_NAME_SHOWN];
	bool any;

	mutex_lock(&nbdt_bitmaps_mutex);
	content->bitmaps.gone = true;
	any = nbdt_bitmaps_doubt_locked(&content->bitmaps);
	mutex_unlock(&nbdt_bitmaps_mutex);
	if (any)
		pr_warn_ratelimited("export '%s': bitmaps that record are inconsistent: others may have written to the device\n",
				    nbdt_text_show_name(name, content->name));
}

/*
 * Somebody else may have written to the device: what records isn't true any more, nor
 * is what a command is at, as that may have it record from a point on that is past, as
 * a checkpoint does that is held.  Nobody is inside the gate, nor goes there.
 */
void nbdt_bitmaps_distrust(struct nbdt_content *content)
{
	struct nbdt_bitmaps *bitmaps = &content->bitmaps;
	unsigned int slot;

	mutex_lock(&nbdt_bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (may_miss(bitmaps, slot))
			nbdt_bitmap_fill(bitmaps->slots[slot]);
	}
	WRITE_ONCE(bitmaps->written, true);
	mutex_unlock(&nbdt_bitmaps_mutex);
}

/* The device is there again, and what that means was stored: nobody else has it. */
void nbdt_bitmaps_back(struct nbdt_content *content)
{
	mutex_lock(&nbdt_bitmaps_mutex);
	content->bitmaps.gone = false;
	mutex_unlock(&nbdt_bitmaps_mutex);
}

/**
 * nbdt_bitmaps_borrow - show a bitmap of another export
 * @content: of a snapshot, read-only, not yet published
 * @size: what clients see of it, in bytes
 * @from: of which it is
 * @name: of the bitmap, which must not record
 * @extack: why not
 *
 * Return: 0, -ENOENT, -EBUSY when it records, -EINVAL when sizes differ; -ENODEV
 * while the device of @from is closed or opened anew.
 */
int nbdt_bitmaps_borrow(struct nbdt_content *content, u64 size,
			struct nbdt_content *from, const char *name,
			struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&nbdt_bitmaps_mutex);
	err = find_settled(from, name, &bitmap, extack);
	if (!err)
		err = check_lendable(bitmap, size, extack);
	if (!err) {
		nbdt_bitmap_get(bitmap);
		bitmap->users++;
		content->bitmaps.slots[0] = bitmap;
		content->bitmaps.borrowed = BIT_ULL(0);
	}
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/* Also while a command is at it, lest whoever saves them leave it out. */
static bool is_listed(const struct nbdt_bitmap *bitmap)
{
	return bitmap && bitmap->listed;
}

static struct nbdt_bitmap *look(struct nbdt_content *content, unsigned int slot,
				struct nbdt_bitmaps_info *info)
{
	struct nbdt_bitmaps *bitmaps = &content->bitmaps;
	struct nbdt_bitmap *bitmap = NULL;

	lockdep_assert_held(&nbdt_bitmaps_mutex);
	while (slot < NBDT_BITMAPS_MAX &&
	       !is_listed(bitmaps->slots[slot]))
		slot++;
	if (slot == NBDT_BITMAPS_MAX)
		return NULL;
	bitmap = bitmaps->slots[slot];
	*info = (struct nbdt_bitmaps_info) {
		.slot = slot,
		.name = kstrdup(bitmap->name, GFP_NOIO),
		.granule = 1ULL << bitmap->shift,
		.size = bitmap->size,
		.memory = nbdt_bitmap_bytes(bitmap),
		.users = bitmap->users,
		.recording = bitmap->recording,
		.inconsistent = bitmap->inconsistent,
		.borrowed = bitmaps->borrowed & BIT_ULL(slot),
		.stored = bitmap->stored.there && bitmaps->intent &&
			  !nbdt_intent_has_ended(bitmaps->intent),
		.version = bitmap->version,
		.last = bitmaps->last,
	};
	return bitmap;
}

/* Not under the mutex, as it may take a while; puts the reference. */
static int count(struct nbdt_bitmap *bitmap, struct nbdt_bitmaps_info *info)
{
	info->count = nbdt_bitmap_count(bitmap);
	info->dirty_bytes = nbdt_bitmap_dirty_bytes(bitmap, info->count);
	nbdt_bitmap_put(bitmap);
	return info->name ? 0 : -ENOMEM;
}

/**
 * nbdt_bitmaps_get_from - what there is to be told of a bitmap
 * @content: of which it is
 * @slot: or the first behind that
 * @info: is filled; its name is for kfree()
 *
 * Return: 0, -ENOENT when there are no more, or -ENOMEM.
 */
int nbdt_bitmaps_get_from(struct nbdt_content *content, unsigned int slot,
			  struct nbdt_bitmaps_info *info)
{
	struct nbdt_bitmap *bitmap;

	mutex_lock(&nbdt_bitmaps_mutex);
	bitmap = look(content, slot, info);
	if (bitmap)
		nbdt_bitmap_get(bitmap);
	mutex_unlock(&nbdt_bitmaps_mutex);
	if (!bitmap)
		return -ENOENT;
	return count(bitmap, info);
}

/* The same of the one of that name. */
int nbdt_bitmaps_get(struct nbdt_content *content, const char *name,
		     struct nbdt_bitmaps_info *info)
{
	struct nbdt_bitmap *bitmap = NULL;
	int slot;

	mutex_lock(&nbdt_bitmaps_mutex);
	slot = nbdt_bitmaps_slot_locked(&content->bitmaps, name);
	if (slot >= 0 && is_listed(content->bitmaps.slots[slot]))
		bitmap = look(content, slot, info);
	if (bitmap)
		nbdt_bitmap_get(bitmap);
	mutex_unlock(&nbdt_bitmaps_mutex);
	if (!bitmap)
		return -ENOENT;
	return count(bitmap, info);
}
