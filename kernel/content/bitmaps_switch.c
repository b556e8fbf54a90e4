// SPDX-License-Identifier: GPL-2.0
/*
 * The switch of a checkpoint: one bitmap stops recording, the next begins.
 *
 * In two steps.  The first reserves all that it takes, marks both bitmaps as
 * changing so that no command is at them, and may fail.  The second, with the
 * gate shut and nobody inside, switches, or gives all of it back; it can't fail.
 * One that switches nothing, which is how writes are held for bitmaps to be read, keeps
 * commands away from all of them in between.
 * Who makes both on a group of exports, and in between has it survive a crash:
 * block/checkpoint.c.
 */
#include <linux/mutex.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "content/bitmap.h"
#include "content/bitmaps.h"
#include "content/bitmaps_switch.h"
#include "content/content.h"
#include "content/metadata.h"

/* The one to be frozen. */
static int take_freeze(struct nbdt_content *content,
		       struct nbdt_switch *change, const char *name,
		       struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	err = nbdt_bitmaps_find_locked(content, name, &bitmap, extack);
	if (err)
		return err;
	if (!bitmap->recording) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' doesn't record", name);
		return -EINVAL;
	}
	bitmap->changing = true;
	change->freeze = bitmap;
	return 0;
}

/* The one to record, when there is one of that name. */
static int take_start(struct nbdt_content *content,
		      struct nbdt_switch *change, const char *name,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	err = nbdt_bitmaps_find_locked(content, name, &bitmap, extack);
	if (!err)
		err = nbdt_bitmaps_check_unkept(bitmap, extack);
	if (!err)
		err = nbdt_bitmaps_check_unused(bitmap, extack);
	if (err)
		return err;
	if (bitmap->recording) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' records already",
				 name);
		return -EINVAL;
	}
	/* No users meanwhile. */
	bitmap->hidden = true;
	bitmap->changing = true;
	change->start = bitmap;
	return 0;
}

/* The mutex is dropped for the memory. */
static int make_start(struct nbdt_content *content,
		      struct nbdt_switch *change, const char *name, u64 size,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_bitmaps_config config = {
		.name = name,
		.size = size,
	};
	struct nbdt_bitmap *bitmap;
	int err = 0;

	if (change->freeze && change->freeze->shift < 32)
		config.granule = 1U << change->freeze->shift;
	mutex_unlock(&nbdt_bitmaps_mutex);
	bitmap = nbdt_bitmaps_create(content, &config, extack);
	if (!IS_ERR(bitmap))
		err = nbdt_metadata_prepare(content, bitmap, extack);
	mutex_lock(&nbdt_bitmaps_mutex);
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	if (!err)
		err = nbdt_bitmaps_insert_locked(content, bitmap, extack);
	if (err) {
		nbdt_bitmap_put(bitmap);
		return err;
	}
	bitmap->changing = true;
	change->start = bitmap;
	change->made = true;
	return 0;
}

/* Under the mutex: nobody has changed anything, and others may again. */
static void switch_cancel(struct nbdt_content *content,
			  struct nbdt_switch *change)
{
	content->bitmaps.kept_by -= change->keeps;
	if (change->freeze)
		change->freeze->changing = false;
	if (!change->start)
		return;
	change->start->changing = false;
	if (change->made)
		nbdt_bitmaps_drop_locked(&content->bitmaps, change->start);
	else
		nbdt_bitmaps_show_locked(change->start);
}

static void switch_commit(struct nbdt_content *content,
			  struct nbdt_switch *change, const char *name)
{
	struct nbdt_point *last = &content->bitmaps.last;

	content->bitmaps.kept_by -= change->keeps;
	if (change->freeze) {
		change->freeze->recording = false;
		change->freeze->changing = false;
	}
	if (change->start) {
		change->start->recording = true;
		change->start->changing = false;
		nbdt_bitmaps_show_locked(change->start);
	}
	last->number++;
	strscpy(last->name, name ?: "", sizeof(last->name));
	nbdt_bitmaps_choose_locked(&content->bitmaps);
}

/**
 * nbdt_switch_begin - reserve what it takes to switch bitmaps
 * @content: of which they are
 * @change: for nbdt_switch_end(), which then can't fail
 * @freeze: records, and shall no longer; or NULL
 * @start: shall record, and is made when there is none; or NULL
 * @size: what clients see of the device, in bytes
 * @extack: why not
 *
 * Return: 0, or an error as checkpoint in the netlink contract.
 */
int nbdt_switch_begin(struct nbdt_content *content,
		      struct nbdt_switch *change, const char *freeze,
		      const char *start, u64 size,
		      struct netlink_ext_ack *extack)
{
	int err = 0;

	memset(change, 0, sizeof(*change));
	mutex_lock(&nbdt_bitmaps_mutex);
	if (freeze)
		err = take_freeze(content, change, freeze, extack);
	if (!err && start)
		err = nbdt_bitmaps_check_recordable(content, extack);
	if (!err && start) {
		if (nbdt_bitmaps_slot_locked(&content->bitmaps, start) >= 0)
			err = take_start(content, change, start, extack);
		else
			err = make_start(content, change, start, size, extack);
	}
	if (!freeze && !start) {
		err = nbdt_bitmaps_keep_locked(content, extack);
		change->keeps = !err;
	}
	if (err)
		switch_cancel(content, change);
	mutex_unlock(&nbdt_bitmaps_mutex);
	return err;
}

/**
 * nbdt_switch_end - switch bitmaps, or have all as before
 * @content: of which they are
 * @change: as nbdt_switch_begin() left it
 * @commit: switch; the gate is shut and nobody inside
 * @name: of the checkpoint, or NULL
 */
void nbdt_switch_end(struct nbdt_content *content, struct nbdt_switch *change,
		     bool commit, const char *name)
{
	mutex_lock(&nbdt_bitmaps_mutex);
	if (commit)
		switch_commit(content, change, name);
	else
		switch_cancel(content, change);
	mutex_unlock(&nbdt_bitmaps_mutex);
}
