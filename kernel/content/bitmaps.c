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
 *
 * What I/O looks at (the list of those that record) changes under the mutex and
 * with the export's gate shut and nobody inside; see bitmap.c.  As long as
 * nothing was written to since the export was added, the first request that
 * does is noticed in the same place, and costs the later ones nothing: what was
 * saved before a restart holds only until then.
 */
#include <linux/jiffies.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "content/bitmap.h"
#include "content/bitmaps.h"
#include "compat/compat.h"
#include "block/export.h"
#include "base/gate.h"

static DEFINE_MUTEX(bitmaps_mutex);

void nbdt_bitmaps_init(struct nbdt_bitmaps *bitmaps)
{
	/* Until the first request that writes. */
	bitmaps->active = true;
}

/* Bitmaps of others are theirs alone again. */
void nbdt_bitmaps_give_back(struct nbdt_bitmaps *bitmaps)
{
	unsigned int slot;

	mutex_lock(&bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->borrowed & BIT_ULL(slot))
			bitmaps->slots[slot]->users--;
	}
	bitmaps->borrowed = 0;
	mutex_unlock(&bitmaps_mutex);
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

/* Inside the gate: to be called for a range before it changes. */
void nbdt_bitmaps_note(struct nbdt_bitmaps *bitmaps, u64 offset, u64 len)
{
	unsigned int i, nr = bitmaps->nr_recording;

	if (!READ_ONCE(bitmaps->written)) {
		WRITE_ONCE(bitmaps->written, true);
		if (!nr)
			WRITE_ONCE(bitmaps->active, false);
	}
	for (i = 0; i < nr; i++)
		nbdt_bitmap_mark(bitmaps->recording[i], offset, len);
}

/* The gate is shut, and nobody inside. */
static void choose_recording(struct nbdt_bitmaps *bitmaps)
{
	unsigned int slot, nr = 0;

	lockdep_assert_held(&bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->slots[slot] && bitmaps->slots[slot]->recording)
			bitmaps->recording[nr++] = bitmaps->slots[slot];
	}
	bitmaps->nr_recording = nr;
	WRITE_ONCE(bitmaps->active, nr || !bitmaps->written);
}

/* --- Clients --- */

static bool is_there(const struct nbdt_bitmap *bitmap)
{
	return bitmap && !bitmap->hidden;
}

static u64 find_locked(struct nbdt_bitmaps *bitmaps, const char *name,
		       size_t len)
{
	struct nbdt_bitmap *bitmap;
	unsigned int slot;

	lockdep_assert_held(&bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		bitmap = bitmaps->slots[slot];
		if (is_there(bitmap) && strlen(bitmap->name) == len &&
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

	mutex_lock(&bitmaps_mutex);
	found = find_locked(bitmaps, name, len);
	mutex_unlock(&bitmaps_mutex);
	return found;
}

/* Be a user of the one of that name too, next to SELECTED; all of them. */
u64 nbdt_bitmaps_select(struct nbdt_bitmaps *bitmaps, const char *name,
			size_t len, u64 selected)
{
	u64 found;

	mutex_lock(&bitmaps_mutex);
	found = find_locked(bitmaps, name, len) & ~selected;
	if (found)
		bitmaps->slots[__ffs64(found)]->users++;
	mutex_unlock(&bitmaps_mutex);
	return selected | found;
}

/* All there are; they may go away at any time. */
u64 nbdt_bitmaps_all(struct nbdt_bitmaps *bitmaps)
{
	unsigned int slot;
	u64 all = 0;

	mutex_lock(&bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (is_there(bitmaps->slots[slot]))
			all |= BIT_ULL(slot);
	}
	mutex_unlock(&bitmaps_mutex);
	return all;
}

void nbdt_bitmaps_deselect(struct nbdt_bitmaps *bitmaps, u64 selected)
{
	mutex_lock(&bitmaps_mutex);
	for (; selected; selected &= selected - 1)
		bitmaps->slots[__ffs64(selected)]->users--;
	mutex_unlock(&bitmaps_mutex);
}

/* A copy for kfree(); NULL when it has gone, or without memory. */
char *nbdt_bitmaps_name(struct nbdt_bitmaps *bitmaps, unsigned int slot)
{
	char *name = NULL;

	mutex_lock(&bitmaps_mutex);
	if (is_there(bitmaps->slots[slot]))
		name = kstrdup(bitmaps->slots[slot]->name, GFP_KERNEL);
	mutex_unlock(&bitmaps_mutex);
	return name;
}

/* --- The administrator --- */

/* Also one that is hidden: its name is taken. */
static int slot_of(struct nbdt_bitmaps *bitmaps, const char *name)
{
	int slot;

	lockdep_assert_held(&bitmaps_mutex);
	for (slot = 0; slot < NBDT_BITMAPS_MAX; slot++) {
		if (bitmaps->slots[slot] &&
		    !strcmp(bitmaps->slots[slot]->name, name))
			return slot;
	}
	return -ENOENT;
}

static int check_name(const char *name, struct netlink_ext_ack *extack)
{
	if (*name && strlen(name) <= NBDT_BITMAP_NAME_MAX)
		return 0;
	nbdt_set_err_msg(extack, "the name of a bitmap has 1 to %u bytes",
			 NBDT_BITMAP_NAME_MAX);
	return -EINVAL;
}

/* One that a command may be about; nobody else is changing it. */
static int find_for(struct nbdt_export *export, const char *name,
		    struct nbdt_bitmap **bitmap, struct netlink_ext_ack *extack)
{
	int slot = slot_of(&export->bitmaps, name);

	/* Bitmaps of others that it has may be theirs alone already. */
	if (READ_ONCE(export->removing))
		slot = -ENOENT;
	if (slot < 0) {
		nbdt_set_err_msg(extack, "there is no bitmap '%.32s'", name);
		return slot;
	}
	*bitmap = export->bitmaps.slots[slot];
	if (!(*bitmap)->changing)
		return 0;
	nbdt_set_err_msg(extack, "bitmap '%.32s' is being changed", name);
	return -EBUSY;
}

static int check_unused(const struct nbdt_bitmap *bitmap,
			struct netlink_ext_ack *extack)
{
	if (!bitmap->users)
		return 0;
	nbdt_set_err_msg(extack, "bitmap '%.32s' is in use", bitmap->name);
	return -EBUSY;
}

/* One whose content may be replaced: as it is, nobody goes by it. */
static int find_loadable(struct nbdt_export *export, const char *name,
			 struct nbdt_bitmap **bitmap,
			 struct netlink_ext_ack *extack)
{
	int err;

	err = find_for(export, name, bitmap, extack);
	if (!err)
		err = check_unused(*bitmap, extack);
	if (!err && ((*bitmap)->recording || !(*bitmap)->inconsistent)) {
		nbdt_set_err_msg(extack,
				 "bitmap '%.32s' isn't frozen and inconsistent",
				 name);
		err = -EINVAL;
	}
	return err;
}

static int check_recordable(const struct nbdt_export *export,
			    struct netlink_ext_ack *extack)
{
	if (!export->read_only)
		return 0;
	nbdt_set_err_msg(extack, "export '%.24s' is read-only: nothing to record",
			 export->name);
	return -EROFS;
}

/*
 * Under the mutex, which is dropped in between: nobody inside, and no other
 * command at BITMAP, until nbdt_gate_open(), whatever this returns.
 */
static int be_alone(struct nbdt_export *export, struct nbdt_bitmap *bitmap,
		    struct nbdt_gate_visit *visit,
		    struct netlink_ext_ack *extack)
{
	int err;

	bitmap->changing = true;
	mutex_unlock(&bitmaps_mutex);
	nbdt_gate_visit_init(visit, NULL);
	nbdt_gate_shut(&export->gate, visit);
	err = nbdt_gate_wait(visit, jiffies +
			     msecs_to_jiffies(NBDT_BITMAPS_TIMEOUT));
	mutex_lock(&bitmaps_mutex);
	bitmap->changing = false;
	if (err)
		nbdt_set_err_msg(extack,
				 "requests in flight on '%.24s' don't come to an end",
				 export->name);
	return err;
}

/* Under the mutex, which is dropped in between: have a bitmap record, or not. */
static int set_recording(struct nbdt_export *export, struct nbdt_bitmap *bitmap,
			 bool recording, struct netlink_ext_ack *extack)
{
	struct nbdt_gate_visit visit;
	int err;

	err = be_alone(export, bitmap, &visit, extack);
	if (!err && recording)
		err = check_unused(bitmap, extack);
	if (!err) {
		bitmap->recording = recording;
		choose_recording(&export->bitmaps);
	}
	nbdt_gate_open(&export->gate, &visit);
	return err;
}

static int check_granule(const struct nbdt_export *export, u32 granule,
			 struct netlink_ext_ack *extack)
{
	if (!granule)
		return 0;
	if (!is_power_of_2(granule)) {
		nbdt_set_err_msg(extack,
				 "the bitmap's granularity is no power of two");
		return -EINVAL;
	}
	if (granule < export->block) {
		nbdt_set_err_msg(extack,
				 "the bitmap's granularity is below the blocks of '%.32s'",
				 export->device);
		return -EINVAL;
	}
	return 0;
}

static struct nbdt_bitmap *create(struct nbdt_export *export,
				  const struct nbdt_bitmaps_config *config,
				  struct netlink_ext_ack *extack)
{
	struct nbdt_cmd_limits limits;
	struct nbdt_bitmap *bitmap;
	int err;

	err = check_name(config->name, extack);
	if (!err)
		err = check_granule(export, config->granule, extack);
	if (!err && !config->disabled)
		err = check_recordable(export, extack);
	if (err)
		return ERR_PTR(err);
	/* What clients can write to. */
	nbdt_export_limits(export, &limits);
	bitmap = nbdt_bitmap_create(config->name, limits.size, config->granule);
	if (bitmap == ERR_PTR(-E2BIG))
		nbdt_set_err_msg(extack,
				 "the bitmap would take more than %llu MiB of memory",
				 NBDT_BITMAP_BYTES_MAX >> 20);
	else if (IS_ERR(bitmap))
		nbdt_set_err_msg(extack, "there is no memory for the bitmap");
	return bitmap;
}

/* Give it a slot, and the export the reference; hidden for now. */
static int insert(struct nbdt_bitmaps *bitmaps, struct nbdt_bitmap *bitmap,
		  struct netlink_ext_ack *extack)
{
	int slot;

	if (slot_of(bitmaps, bitmap->name) >= 0) {
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
static void drop(struct nbdt_bitmaps *bitmaps, struct nbdt_bitmap *bitmap)
{
	bitmaps->slots[slot_of(bitmaps, bitmap->name)] = NULL;
	nbdt_bitmap_put(bitmap);
}

/**
 * nbdt_bitmaps_add - make a bitmap
 * @export: of which it tells what is written
 * @config: what it is like
 * @extack: why not
 *
 * Return: 0, or an error as bitmap-add in the netlink contract.
 */
int nbdt_bitmaps_add(struct nbdt_export *export,
		     const struct nbdt_bitmaps_config *config,
		     struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap = create(export, config, extack);
	int err;

	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	mutex_lock(&bitmaps_mutex);
	err = insert(&export->bitmaps, bitmap, extack);
	if (err) {
		nbdt_bitmap_put(bitmap);
		goto out;
	}
	if (config->inconsistent)
		nbdt_bitmap_fill(bitmap);
	if (!config->disabled)
		err = set_recording(export, bitmap, true, extack);
	if (err)
		drop(&export->bitmaps, bitmap);
	else
		bitmap->hidden = false;
out:
	mutex_unlock(&bitmaps_mutex);
	return err;
}

/* Return: 0, -ENOENT, -EBUSY, or -ETIMEDOUT when requests hang. */
int nbdt_bitmaps_remove(struct nbdt_export *export, const char *name,
			struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&bitmaps_mutex);
	err = find_for(export, name, &bitmap, extack);
	if (!err)
		err = check_unused(bitmap, extack);
	if (err)
		goto out;
	/* No new users while it is on its way out. */
	bitmap->hidden = true;
	if (bitmap->recording)
		err = set_recording(export, bitmap, false, extack);
	if (err)
		bitmap->hidden = false;
	else
		drop(&export->bitmaps, bitmap);
out:
	mutex_unlock(&bitmaps_mutex);
	return err;
}

/* Return: as nbdt_bitmaps_remove(). */
int nbdt_bitmaps_clear(struct nbdt_export *export, const char *name,
		       struct netlink_ext_ack *extack)
{
	struct nbdt_gate_visit visit;
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&bitmaps_mutex);
	err = find_for(export, name, &bitmap, extack);
	if (!err)
		err = check_unused(bitmap, extack);
	if (err)
		goto out;
	err = be_alone(export, bitmap, &visit, extack);
	if (!err)
		err = check_unused(bitmap, extack);
	if (!err)
		nbdt_bitmap_clear(bitmap);
	nbdt_gate_open(&export->gate, &visit);
out:
	mutex_unlock(&bitmaps_mutex);
	return err;
}

/**
 * nbdt_bitmaps_enable - have a bitmap record from now on, or no longer
 * @export: of which it is
 * @name: of the bitmap
 * @enable: whether it shall
 * @extack: why not
 *
 * Return: as nbdt_bitmaps_remove(), or -EROFS.  -EBUSY only when it shall
 * record.
 */
int nbdt_bitmaps_enable(struct nbdt_export *export, const char *name,
			bool enable, struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&bitmaps_mutex);
	err = find_for(export, name, &bitmap, extack);
	if (!err && enable)
		err = check_recordable(export, extack);
	if (!err && bitmap->recording != enable) {
		if (enable)
			err = check_unused(bitmap, extack);
		if (!err)
			err = set_recording(export, bitmap, enable, extack);
	}
	mutex_unlock(&bitmaps_mutex);
	return err;
}

/**
 * nbdt_bitmaps_trust - what was loaded is what there was
 * @export: of which it is
 * @name: of a bitmap that was made inconsistent, and then loaded
 * @enable: whether it goes on recording; then nothing may have been written
 *	since the export was added, as that would be missing
 * @extack: why not, or why it is all dirty
 *
 * Return: 0, also when it stays inconsistent; else as nbdt_bitmaps_enable(), or
 * -EINVAL when it isn't one that could be loaded.
 */
int nbdt_bitmaps_trust(struct nbdt_export *export, const char *name,
		       bool enable, struct netlink_ext_ack *extack)
{
	struct nbdt_gate_visit visit;
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&bitmaps_mutex);
	err = find_loadable(export, name, &bitmap, extack);
	if (!err && enable)
		err = check_recordable(export, extack);
	if (err)
		goto out;
	bitmap->hidden = true;
	err = be_alone(export, bitmap, &visit, extack);
	bitmap->hidden = false;
	if (!err) {
		bitmap->inconsistent = false;
		bitmap->recording = enable;
		choose_recording(&export->bitmaps);
	}
	if (!err && enable && export->bitmaps.written) {
		nbdt_bitmap_fill(bitmap);
		nbdt_set_err_msg(extack,
				 "'%.24s' was written to before: all of it is dirty",
				 export->name);
	}
	nbdt_gate_open(&export->gate, &visit);
out:
	mutex_unlock(&bitmaps_mutex);
	return err;
}

/**
 * nbdt_bitmaps_read - a piece of a bitmap, to be kept elsewhere
 * @export: of which it is
 * @name: of the bitmap
 * @offset: in bytes, a multiple of 8
 * @data: for LEN bytes
 * @len: a multiple of 8
 * @extack: why not
 *
 * Return: how many bytes there are, 0 behind the end; or -ENOENT.
 */
int nbdt_bitmaps_read(struct nbdt_export *export, const char *name, u64 offset,
		      void *data, unsigned int len,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap = NULL;
	int slot, ret;

	mutex_lock(&bitmaps_mutex);
	slot = slot_of(&export->bitmaps, name);
	if (slot >= 0)
		bitmap = export->bitmaps.slots[slot];
	if (is_there(bitmap)) {
		ret = nbdt_bitmap_read(bitmap, offset, data, len);
	} else {
		nbdt_set_err_msg(extack, "there is no bitmap '%.32s'", name);
		ret = -ENOENT;
	}
	mutex_unlock(&bitmaps_mutex);
	return ret;
}

/* Replace a piece of one that is inconsistent.  Return: 0 or -errno. */
int nbdt_bitmaps_load(struct nbdt_export *export, const char *name, u64 offset,
		      const void *data, unsigned int len,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	mutex_lock(&bitmaps_mutex);
	err = find_loadable(export, name, &bitmap, extack);
	if (!err && !nbdt_bitmap_write(bitmap, offset, data, len)) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' has no such part",
				 name);
		err = -EINVAL;
	}
	mutex_unlock(&bitmaps_mutex);
	return err;
}

/**
 * nbdt_bitmaps_merge - add what one bitmap has to another
 * @export: of which both are
 * @from: stays as it is
 * @to: may have another granularity, and may be recording
 * @extack: why not
 *
 * Return: 0, -ENOENT, -EBUSY, or -EINVAL when they are the same.
 */
int nbdt_bitmaps_merge(struct nbdt_export *export, const char *from,
		       const char *to, struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *source, *target;
	int err;

	mutex_lock(&bitmaps_mutex);
	err = find_for(export, from, &source, extack);
	if (!err)
		err = find_for(export, to, &target, extack);
	if (!err && source == target) {
		nbdt_set_err_msg(extack, "a bitmap can't be merged with itself");
		err = -EINVAL;
	}
	if (!err)
		err = check_unused(target, extack);
	if (err)
		goto out;
	source->changing = true;
	target->changing = true;
	/* No users meanwhile: they would see half of it. */
	target->hidden = true;
	mutex_unlock(&bitmaps_mutex);
	nbdt_bitmap_merge(target, source);
	mutex_lock(&bitmaps_mutex);
	target->inconsistent |= source->inconsistent;
	source->changing = false;
	target->changing = false;
	target->hidden = false;
out:
	mutex_unlock(&bitmaps_mutex);
	return err;
}

/* Return: 0, -ENOENT, -EBUSY, -EEXIST, -EINVAL for a bad name, or -ENOMEM. */
int nbdt_bitmaps_rename(struct nbdt_export *export, const char *name,
			const char *to, struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	char *copy;
	int err;

	err = check_name(to, extack);
	if (err)
		return err;
	copy = kstrdup(to, GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	mutex_lock(&bitmaps_mutex);
	err = find_for(export, name, &bitmap, extack);
	if (!err)
		err = check_unused(bitmap, extack);
	if (!err && slot_of(&export->bitmaps, to) >= 0) {
		nbdt_set_err_msg(extack, "bitmap '%.32s' already exists", to);
		err = -EEXIST;
	}
	if (!err)
		swap(bitmap->name, copy);
	mutex_unlock(&bitmaps_mutex);
	kfree(copy);
	return err;
}

/* The one to be frozen. */
static int take_freeze(struct nbdt_export *export,
		       struct nbdt_bitmaps_switch *change, const char *name,
		       struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	err = find_for(export, name, &bitmap, extack);
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
static int take_start(struct nbdt_export *export,
		      struct nbdt_bitmaps_switch *change, const char *name,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_bitmap *bitmap;
	int err;

	err = find_for(export, name, &bitmap, extack);
	if (!err)
		err = check_unused(bitmap, extack);
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
static int make_start(struct nbdt_export *export,
		      struct nbdt_bitmaps_switch *change, const char *name,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_bitmaps_config config = { .name = name };
	struct nbdt_bitmap *bitmap;
	int err;

	if (change->freeze && change->freeze->shift < 32)
		config.granule = 1U << change->freeze->shift;
	mutex_unlock(&bitmaps_mutex);
	bitmap = create(export, &config, extack);
	mutex_lock(&bitmaps_mutex);
	if (IS_ERR(bitmap))
		return PTR_ERR(bitmap);
	err = insert(&export->bitmaps, bitmap, extack);
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
static void switch_cancel(struct nbdt_export *export,
			  struct nbdt_bitmaps_switch *change)
{
	if (change->freeze)
		change->freeze->changing = false;
	if (!change->start)
		return;
	change->start->changing = false;
	if (change->made)
		drop(&export->bitmaps, change->start);
	else
		change->start->hidden = false;
}

static void switch_commit(struct nbdt_export *export,
			  struct nbdt_bitmaps_switch *change)
{
	if (change->freeze) {
		change->freeze->recording = false;
		change->freeze->changing = false;
	}
	if (change->start) {
		change->start->recording = true;
		change->start->changing = false;
		change->start->hidden = false;
	}
	choose_recording(&export->bitmaps);
}

/**
 * nbdt_bitmaps_switch_begin - reserve what it takes to switch bitmaps
 * @export: of which they are
 * @change: for nbdt_bitmaps_switch_end(), which then can't fail
 * @freeze: records, and shall no longer; or NULL
 * @start: shall record, and is made when there is none; or NULL
 * @extack: why not
 *
 * Return: 0, or an error as checkpoint in the netlink contract.
 */
int nbdt_bitmaps_switch_begin(struct nbdt_export *export,
			      struct nbdt_bitmaps_switch *change,
			      const char *freeze, const char *start,
			      struct netlink_ext_ack *extack)
{
	int err = 0;

	memset(change, 0, sizeof(*change));
	mutex_lock(&bitmaps_mutex);
	if (freeze)
		err = take_freeze(export, change, freeze, extack);
	if (!err && start)
		err = check_recordable(export, extack);
	if (!err && start) {
		if (slot_of(&export->bitmaps, start) >= 0)
			err = take_start(export, change, start, extack);
		else
			err = make_start(export, change, start, extack);
	}
	if (err)
		switch_cancel(export, change);
	mutex_unlock(&bitmaps_mutex);
	return err;
}

/* COMMIT: the gate is shut and nobody inside.  Otherwise nothing is changed. */
void nbdt_bitmaps_switch_end(struct nbdt_export *export,
			     struct nbdt_bitmaps_switch *change, bool commit)
{
	mutex_lock(&bitmaps_mutex);
	if (commit)
		switch_commit(export, change);
	else
		switch_cancel(export, change);
	mutex_unlock(&bitmaps_mutex);
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

/**
 * nbdt_bitmaps_borrow - show a bitmap of another export
 * @export: of a snapshot, read-only, not yet published
 * @from: of which it is
 * @name: of the bitmap, which must not record
 * @extack: why not
 *
 * Return: 0, -ENOENT, -EBUSY when it records, -EINVAL when sizes differ.
 */
int nbdt_bitmaps_borrow(struct nbdt_export *export, struct nbdt_export *from,
			const char *name, struct netlink_ext_ack *extack)
{
	struct nbdt_cmd_limits limits;
	struct nbdt_bitmap *bitmap;
	int err;

	nbdt_export_limits(export, &limits);
	mutex_lock(&bitmaps_mutex);
	err = find_for(from, name, &bitmap, extack);
	if (!err)
		err = check_lendable(bitmap, limits.size, extack);
	if (!err) {
		nbdt_bitmap_get(bitmap);
		bitmap->users++;
		export->bitmaps.slots[0] = bitmap;
		export->bitmaps.borrowed = BIT_ULL(0);
	}
	mutex_unlock(&bitmaps_mutex);
	return err;
}

static struct nbdt_bitmap *look(struct nbdt_export *export, unsigned int slot,
				struct nbdt_bitmaps_info *info)
{
	struct nbdt_bitmaps *bitmaps = &export->bitmaps;
	struct nbdt_bitmap *bitmap = NULL;

	lockdep_assert_held(&bitmaps_mutex);
	while (slot < NBDT_BITMAPS_MAX && !is_there(bitmaps->slots[slot]))
		slot++;
	if (slot == NBDT_BITMAPS_MAX)
		return NULL;
	bitmap = bitmaps->slots[slot];
	*info = (struct nbdt_bitmaps_info) {
		.slot = slot,
		.name = kstrdup(bitmap->name, GFP_KERNEL),
		.granule = 1ULL << bitmap->shift,
		.size = bitmap->size,
		.memory = nbdt_bitmap_bytes(bitmap),
		.users = bitmap->users,
		.recording = bitmap->recording,
		.inconsistent = bitmap->inconsistent,
		.borrowed = bitmaps->borrowed & BIT_ULL(slot),
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
 * @export: of which it is
 * @slot: or the first behind that
 * @info: is filled; its name is for kfree()
 *
 * Return: 0, -ENOENT when there are no more, or -ENOMEM.
 */
int nbdt_bitmaps_get_from(struct nbdt_export *export, unsigned int slot,
			  struct nbdt_bitmaps_info *info)
{
	struct nbdt_bitmap *bitmap;

	mutex_lock(&bitmaps_mutex);
	bitmap = look(export, slot, info);
	if (bitmap)
		nbdt_bitmap_get(bitmap);
	mutex_unlock(&bitmaps_mutex);
	if (!bitmap)
		return -ENOENT;
	return count(bitmap, info);
}

/* The same of the one of that name. */
int nbdt_bitmaps_get(struct nbdt_export *export, const char *name,
		     struct nbdt_bitmaps_info *info)
{
	struct nbdt_bitmap *bitmap = NULL;
	int slot;

	mutex_lock(&bitmaps_mutex);
	slot = slot_of(&export->bitmaps, name);
	if (slot >= 0 && is_there(export->bitmaps.slots[slot]))
		bitmap = look(export, slot, info);
	if (bitmap)
		nbdt_bitmap_get(bitmap);
	mutex_unlock(&bitmaps_mutex);
	if (!bitmap)
		return -ENOENT;
	return count(bitmap, info);
}
