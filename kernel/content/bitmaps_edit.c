// SPDX-License-Identifier: GPL-2.0
/*
 * What an administrator does to the bitmaps of an export, one command after
 * the other.  Who else may be at one, and what guards it: see bitmaps.c.
 */
#include <linux/jiffies.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "base/gate.h"
#include "compat/compat.h"
#include "content/bitmap.h"
#include "content/bitmaps.h"
#include "content/bitmaps_edit.h"
#include "content/content.h"
#include "content/metadata.h"

/*
 * Under the mutex, which is dropped in between: nobody inside, and no other
 * command at BITMAP, until nbdt_gate_open(), whatever this returns.
 */
static int be_alone(struct nbdt_content *content, struct nbdt_bitmap *bitmap,
		    struct nbdt_gate_visit *visit,
		    struct netlink_ext_ack *extack)
{
	int err;

	bitmap->changing = true;
	mutex_unlock(&nbdt_bitmaps_mutex);
	nbdt_gate_visit_init(visit, NULL);
	nbdt_gate_shut(&content->gate, visit);
	err = nbdt_gate_wait(visit, jiffies +
			     msecs_to_jiffies(NBDT_BITMAPS_TIMEOUT));
	mutex_lock(&nbdt_bitmaps_mutex);
	bitmap->changing = false;
	if (err)
		nbdt_set_err_msg(extack,
				 "requests in flight on '%.24s' don't come to an end",
				 content->name);
	return err;
}

/* One whose content may be replaced: as it is, nobody goes by it. */
static int find_loadable(struct nbdt_content *content, const char *name,
			 struct nbdt_bitmap **bitmap,
			 struct netlink_ext_ack *extack)
{
	int err;

	err = nbdt_bitmaps_find_locked(content, name, bitmap, extack);
	if (!err)
		err = nbdt_bitmaps_check_unused(*bitmap, extack);
	if (!err && ((*bitmap)->recording || !(*bitmap)->inconsistent)) {
		nbdt_set_err_msg(extack,
				 "bitmap '%.32s' isn't frozen and inconsistent",
				 name);
		err = -EINVAL;
	}
	return err;
}

/*
 * Under the mutex, which is dropped in between: have it survive as it is now.  Before,
 * nobody else has stored that, and without memory for it nobody will.
 */
static int store(struct nbdt_content *content, struct nbdt_bitmap *bitmap,
		 bool there, struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap_stored was = bitmap->stored;
	struct nbdt_metadata_storing storing;
	int err;

	err = nbdt_metadata_reserve(content, &storing);
	if (err)
		return err;
	bitmap->stored.there = there;
	bitmap->stored.recording = bitmap->recording;
	nbdt_metadata_begin_locked(content, &storing);
	bitmap->changing = true;
	mutex_unlock(&nbdt_bitmaps_mutex);
	err = nbdt_metadata_end(content, &storing, extack);
	mutex_lock(&nbdt_bitmaps_mutex);
	bitmap->changing = false;
	if (err)
		bitmap->stored = was;
	return err;
}

/*
 * Under the mutex, which is dropped in between: have a bitmap record, or not; one
 * that isn't THERE is on its way out.
 */
static int set_recording(struct nbdt_content *content, struct nbdt_bitmap *bitmap,
			 bool recording, bool there,
			 struct netlink_ext_ack *extack)
{
	struct nbdt_gate_visit visit;
	int err;

	err = be_alone(content, bitmap, &visit, extack);
	if (!err && recording)
		err = nbdt_bitmaps_check_unused(bitmap, extack);
	if (err)
		goto out;
	bitmap->recording = recording;
	err = store(content, bitmap, there, extack);
	if (err)
		bitmap->recording = !recording;
	nbdt_bitmaps_choose_locked(&content->bitmaps);
out:
	nbdt_gate_open(&content->gate, &visit);
	return err;
}

/**
 * nbdt_bitmaps_add - make a bitmap
 * @content: of which it tells what is written
 * @config: what it is like
 * @extack: why not
 *
 * Return: 0, or an error as bitmap-add in the netlink contract.
 */
int nbdt_bitmaps_add(struct nbdt_content *content,
		     const struct nbdt_bitmaps_config *config,
		     struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap = nbdt_bitmaps_create(content, config, extack);
	int err;

	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	err = nbdt_metadata_prepare(content, bitmap, extack);
	mutex_lock(&nbdt_bitmaps_mutex);
	if (!err)
		err = nbdt_bitmaps_insert_locked(content, bitmap, extack);
	if (err) {
		nbdt_bitmap_put(bitmap);
		goto out;
	}
	if (config->inconsistent)
		nbdt_bitmap_fill(bitmap);
	if (!config->disabled)
		err = set_recording(content, bitmap, true, true, extack);
	else
		err = store(content, bitmap, true, extack);
	if (err)
		nbdt_bitmaps_drop_locked(&content->bitmaps, bitmap);
	else
		nbdt_bitmaps_show_locked(bitmap);
out:
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/*
 * Return: 0, -ENOENT, -EBUSY, -ETIMEDOUT when requests hang, or -ENODEV while the
 * device is closed or opened anew.
 */
int nbdt_bitmaps_remove(struct nbdt_content *content, const char *name,
			struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&nbdt_bitmaps_mutex);
	err = nbdt_bitmaps_find_locked(content, name, &bitmap, extack);
	if (!err)
		err = nbdt_bitmaps_check_unused(bitmap, extack);
	if (err)
		goto out;
	/* No new users while it is on its way out. */
	bitmap->hidden = true;
	if (bitmap->recording)
		err = set_recording(content, bitmap, false, false, extack);
	else
		err = store(content, bitmap, false, extack);
	if (err)
		nbdt_bitmaps_show_locked(bitmap);
	else
		nbdt_bitmaps_drop_locked(&content->bitmaps, bitmap);
out:
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/*
 * Regions that leave the log have blocks of it written, whatever else is under way: so
 * that it isn't to be believed is stored before there is something else in them.
 */
static int clear_stored(struct nbdt_content *content, struct nbdt_bitmap *bitmap,
			struct netlink_ext_ack *extack)
{
	int err;

	/* No new users meanwhile. */
	bitmap->hidden = true;
	WRITE_ONCE(bitmap->inconsistent, true);
	err = store(content, bitmap, true, extack);
	if (!err) {
		nbdt_bitmap_clear(bitmap);
		bitmap->stored.rewritten = true;
		err = store(content, bitmap, true, extack);
	}
	/* No copy is kept for that: it would be as large. */
	if (err)
		nbdt_bitmap_fill(bitmap);
	nbdt_bitmaps_show_locked(bitmap);
	return err;
}

/*
 * Return: as nbdt_bitmaps_remove().  When it was cleared and that can't be stored, what
 * it had is gone, and all of it is dirty.
 */
int nbdt_bitmaps_clear(struct nbdt_content *content, const char *name,
		       struct netlink_ext_ack *extack)
{
	struct nbdt_gate_visit visit;
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&nbdt_bitmaps_mutex);
	err = nbdt_bitmaps_find_locked(content, name, &bitmap, extack);
	if (!err)
		err = nbdt_bitmaps_check_unused(bitmap, extack);
	if (err)
		goto out;
	err = be_alone(content, bitmap, &visit, extack);
	if (!err)
		err = nbdt_bitmaps_check_unused(bitmap, extack);
	if (!err)
		err = clear_stored(content, bitmap, extack);
	nbdt_bitmaps_doubt_locked(&content->bitmaps);
	nbdt_gate_open(&content->gate, &visit);
out:
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/**
 * nbdt_bitmaps_enable - have a bitmap record from now on, or no longer
 * @content: of which it is
 * @name: of the bitmap
 * @enable: whether it shall
 * @extack: why not
 *
 * Return: as nbdt_bitmaps_remove(), or -EROFS.  -EBUSY only when it shall
 * record.
 */
int nbdt_bitmaps_enable(struct nbdt_content *content, const char *name,
			bool enable, struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&nbdt_bitmaps_mutex);
	err = nbdt_bitmaps_find_locked(content, name, &bitmap, extack);
	if (!err && enable)
		err = nbdt_bitmaps_check_recordable(content, extack);
	if (!err && bitmap->recording != enable) {
		if (enable)
			err = nbdt_bitmaps_check_unkept(bitmap, extack) ?:
			      nbdt_bitmaps_check_unused(bitmap, extack);
		if (!err)
			err = set_recording(content, bitmap, enable, true,
					    extack);
	}
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/* It couldn't be stored: with what was loaded, it may be loaded again. */
static void undo_trust(struct nbdt_content *content, struct nbdt_bitmap *bitmap,
		       bool kept)
{
	bitmap->inconsistent = true;
	bitmap->kept = kept;
	bitmap->recording = false;
	nbdt_bitmaps_choose_locked(&content->bitmaps);
}

/**
 * nbdt_bitmaps_trust - what was loaded is what there was
 * @content: of which it is
 * @name: of a bitmap that was made inconsistent, and then loaded
 * @enable: whether it goes on recording; then nothing may have been written
 *	since the export was added, as that would be missing
 * @extack: why not, or why it is all dirty
 *
 * Return: 0, also when it stays inconsistent; else as nbdt_bitmaps_enable(), or
 * -EINVAL when it isn't one that could be loaded.
 */
int nbdt_bitmaps_trust(struct nbdt_content *content, const char *name,
		       bool enable, struct netlink_ext_ack *extack)
{
	struct nbdt_gate_visit visit;
	struct nbdt_bitmap *bitmap;
	bool kept;
	int err;

	mutex_lock(&nbdt_bitmaps_mutex);
	err = find_loadable(content, name, &bitmap, extack);
	if (!err && enable)
		err = nbdt_bitmaps_check_recordable(content, extack);
	if (err)
		goto out;
	bitmap->hidden = true;
	err = be_alone(content, bitmap, &visit, extack);
	nbdt_bitmaps_show_locked(bitmap);
	kept = bitmap->kept;
	if (!err) {
		bitmap->inconsistent = false;
		/* The file that it came from has it still. */
		bitmap->kept = !enable;
		bitmap->recording = enable;
		nbdt_bitmaps_choose_locked(&content->bitmaps);
	}
	if (!err && enable && content->bitmaps.written) {
		nbdt_bitmap_fill(bitmap);
		nbdt_set_err_msg(extack,
				 "'%.24s' was written to before: all of it is dirty",
				 content->name);
	}
	if (!err) {
		bitmap->stored.rewritten = true;
		err = store(content, bitmap, true, extack);
		if (err)
			undo_trust(content, bitmap, kept);
	}
	nbdt_gate_open(&content->gate, &visit);
out:
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/**
 * nbdt_bitmaps_read - a piece of a bitmap, to be kept elsewhere
 * @content: of which it is
 * @name: of the bitmap
 * @offset: in bytes, a multiple of 8
 * @data: for LEN bytes
 * @len: a multiple of 8
 * @piece: set to what the bitmap is meanwhile
 * @extack: why not
 *
 * Return: how many bytes there are, 0 behind the end; -ENOENT; or -EBUSY when a command
 * is at it.
 */
int nbdt_bitmaps_read(struct nbdt_content *content, const char *name, u64 offset,
		      void *data, unsigned int len,
		      struct nbdt_bitmaps_piece *piece,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap = NULL;
	int slot, ret;

	mutex_lock(&nbdt_bitmaps_mutex);
	slot = nbdt_bitmaps_slot_locked(&content->bitmaps, name);
	if (slot >= 0 && content->bitmaps.slots[slot]->listed)
		bitmap = content->bitmaps.slots[slot];
	if (bitmap && bitmap->hidden) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' is being changed", name);
		ret = -EBUSY;
	} else if (bitmap) {
		/* What is read now is gone by after a crash. */
		if (!bitmap->recording)
			bitmap->kept = true;
		*piece = (struct nbdt_bitmaps_piece) {
			.granule = 1ULL << bitmap->shift,
			.size = bitmap->size,
			.version = bitmap->version,
			.recording = bitmap->recording,
			.inconsistent = bitmap->inconsistent,
		};
		ret = nbdt_bitmap_read(bitmap, offset, data, len);
	} else {
		nbdt_set_err_msg(extack, "there is no bitmap '%.32s'", name);
		ret = -ENOENT;
	}
	mutex_unlock(&nbdt_bitmaps_mutex);
	return ret;
}

/* Replace a piece of one that is inconsistent.  Return: 0 or -errno. */
int nbdt_bitmaps_load(struct nbdt_content *content, const char *name, u64 offset,
		      const void *data, unsigned int len,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&nbdt_bitmaps_mutex);
	err = find_loadable(content, name, &bitmap, extack);
	if (!err && !nbdt_bitmap_write(bitmap, offset, data, len)) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' has no such part",
				 name);
		err = -EINVAL;
	}
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/**
 * nbdt_bitmaps_merge - add what one bitmap has to another
 * @content: of which both are
 * @from: stays as it is
 * @to: may have another granularity, and may be recording
 * @extack: why not
 *
 * Return: 0, -ENOENT, -EBUSY, -ENODEV, or -EINVAL when they are the same.
 */
int nbdt_bitmaps_merge(struct nbdt_content *content, const char *from,
		       const char *to, struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *source, *target;
	int err;

	mutex_lock(&nbdt_bitmaps_mutex);
	err = nbdt_bitmaps_find_locked(content, from, &source, extack);
	if (!err)
		err = nbdt_bitmaps_find_locked(content, to, &target, extack);
	if (!err && source == target) {
		nbdt_set_err_msg(extack, "a bitmap can't be merged with itself");
		err = -EINVAL;
	}
	if (!err)
		err = nbdt_bitmaps_check_unkept(target, extack);
	if (!err)
		err = nbdt_bitmaps_check_unused(target, extack);
	if (err)
		goto out;
	source->changing = true;
	target->changing = true;
	/* No users meanwhile: they would see half of it. */
	target->hidden = true;
	mutex_unlock(&nbdt_bitmaps_mutex);
	nbdt_bitmap_merge(target, source);
	mutex_lock(&nbdt_bitmaps_mutex);
	target->inconsistent |= source->inconsistent;
	source->changing = false;
	target->stored.rewritten = true;
	err = store(content, target, true, extack);
	nbdt_bitmaps_show_locked(target);
out:
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/* Return: 0, -ENOENT, -EBUSY, -ENODEV, -EEXIST, -EINVAL for a bad name, or -ENOMEM. */
int nbdt_bitmaps_rename(struct nbdt_content *content, const char *name,
			const char *to, struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	char *copy;
	int err;

	err = nbdt_bitmaps_check_name(to, extack);
	if (err)
		return err;
	copy = kstrdup(to, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	mutex_lock(&nbdt_bitmaps_mutex);
	err = nbdt_bitmaps_find_locked(content, name, &bitmap, extack);
	if (!err)
		err = nbdt_bitmaps_check_unused(bitmap, extack);
	if (!err && nbdt_bitmaps_slot_locked(&content->bitmaps, to) >= 0) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' already exists", to);
		err = -EEXIST;
	}
	if (!err) {
		swap(bitmap->name, copy);
		bitmap->old_name = copy;
		err = store(content, bitmap, true, extack);
		bitmap->old_name = NULL;
		if (err)
			swap(bitmap->name, copy);
	}
	mutex_unlock(&nbdt_bitmaps_mutex);
	kfree(copy);
	return err;
}
