// SPDX-License-Identifier: GPL-2.0
/*
 * Checkpoints: at one point between writes, over all exports of a group, one
 * bitmap is frozen and another begins to record.  What was written before is in
 * the first, what is written later in the second, and nothing in both or none.
 *
 * All gates are shut, and when nobody is inside any of them, the bitmaps are
 * switched and the gates opened: it takes no longer than the requests in flight
 * do.  Visits to gates don't wait for each other (gate.c), so any number of
 * checkpoints may overlap; the bitmaps that one is about are kept from the
 * others (bitmaps.c).  When requests don't come to an end in time, nothing has
 * changed, and the gates are opened with them inside.
 *
 * A checkpoint may be held: then devices are flushed, and the gates stay shut
 * until a second command has the bitmaps switched, or not.  In between, the
 * administrator makes a snapshot.  Nothing but that command switches them.
 * When the deadline passes or the socket that it was begun on is closed, the
 * checkpoint is off, and everything as before.
 *
 * Where exports have metadata, the checkpoint is stored there before bitmaps are
 * switched in memory, and the gates are opened after both: see metadata.c.  From the
 * first write on there is no way back but by others, so what it waits for then has a
 * deadline of its own, and the memory was had before.  Before, devices are flushed, too:
 * a power cut would undo writes that aren't on stable storage, and what is undone changes
 * a device after the checkpoint, in no bitmap that began with it.
 *
 * One that is held is on a list.  Whoever takes it off, under the mutex, is its
 * only owner and ends it: the second command, the timer, the closing of the
 * socket, or the end of the module.
 */
#include <linux/blkdev.h>
#include <linux/completion.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "base/event.h"
#include "base/gate.h"
#include "base/work.h"
#include "block/checkpoint.h"
#include "block/export.h"
#include "compat/compat.h"
#include "content/bitmap.h"
#include "content/bitmaps_switch.h"
#include "content/metadata.h"

struct member {
	struct nbdt_export *export;
	struct nbdt_gate_visit visit;
	struct nbdt_switch bitmaps;
	struct nbdt_metadata_storing before;	/* PREPARE */
	struct nbdt_metadata_storing after;	/* COMMIT or CANCEL */
};

struct checkpoint {
	struct list_head node;			/* on held, or nowhere */
	u32 id;
	struct nbdt_checkpoint_owner owner;
	u8 group[NBDTARGET_META_UUID];		/* when several have metadata */
	struct delayed_work expire;
	unsigned long deadline;			/* jiffies */
	char freeze[NBDT_BITMAP_NAME_MAX + 1];	/* or empty, as the next */
	char start[NBDT_BITMAP_NAME_MAX + 1];
	char name[NBDT_POINT_NAME_MAX + 1];	/* or empty: it has none */
	unsigned int nr;			/* members that are prepared */
	struct member members[];
};

static struct nbdt_content *content_of(const struct member *member)
{
	return &member->export->disk.content;
}

/* Guards what follows. */
static DEFINE_MUTEX(held_mutex);
static LIST_HEAD(held);
static u32 last_id;

/*
 * Whose checkpoint is being stored: export->storing.  Of each metadata one may be
 * pending, so a checkpoint has all that it stores in to itself, or waits, with its
 * gates shut, until its own deadline.
 */
static DEFINE_SPINLOCK(storing_lock);
static DECLARE_WAIT_QUEUE_HEAD(storing_ends);

/* --- Flushing, with a deadline --- */

/*
 * Outlives who waits for it when the device doesn't answer.  It is done by one of the
 * disk's own workers: where the device has as many requests as it takes, the block
 * layer waits with no deadline to bring another.
 */
struct flush {
	struct kref ref;
	struct nbdt_export *export;	/* whose device is kept open */
	struct work_struct work;
	struct completion done;
	int err;
};

static void flush_free(struct kref *ref)
{
	kfree(container_of(ref, struct flush, ref));
}

static void do_flush(struct work_struct *work)
{
	struct flush *flush = container_of(work, struct flush, work);
	struct nbdt_export *export = flush->export;
	unsigned int noio = memalloc_noio_save();

	flush->err = nbdt_disk_flush(&export->disk);
	memalloc_noio_restore(noio);
	complete(&flush->done);
	kref_put(&flush->ref, flush_free);
	/* The last: the end of the disk waits for its workers. */
	nbdt_export_device_put(export);
}

static struct flush *flush_begin(struct nbdt_export *export)
{
	struct flush *flush = kzalloc(sizeof(*flush), GFP_KERNEL);

	if (!flush)
		return ERR_PTR(-ENOMEM);
	if (!nbdt_export_device_get(export)) {
		kfree(flush);
		return ERR_PTR(-ENODEV);
	}
	kref_init(&flush->ref);
	kref_get(&flush->ref);
	flush->export = export;
	init_completion(&flush->done);
	INIT_WORK(&flush->work, do_flush);
	nbdt_disk_queue(&export->disk, &flush->work);
	return flush;
}

static unsigned long left_until(unsigned long deadline)
{
	return max_t(long, deadline - jiffies, 1);
}

static int flush_wait(struct flush *flush, unsigned long deadline)
{
	long ret;

	ret = wait_for_completion_killable_timeout(&flush->done,
						   left_until(deadline));
	if (ret > 0)
		return flush->err;
	return ret ? -EINTR : -ETIMEDOUT;
}

static int flush_device(struct nbdt_export *export, unsigned long deadline,
			struct netlink_ext_ack *extack)
{
	struct flush *flush = flush_begin(export);
	int err;

	if (!IS_ERR(flush)) {
		err = flush_wait(flush, deadline);
		kref_put(&flush->ref, flush_free);
	} else {
		err = PTR_ERR(flush);
	}
	if (err)
		nbdt_set_err_msg(extack, "the device of '%.24s' can't be flushed",
				 export->name);
	return err;
}

/* --- Checkpoints --- */

static void announce(const struct checkpoint *cp, struct nbdt_export *export)
{
	if (*cp->freeze)
		nbdt_event_bitmap(export, cp->freeze, NBDT_EVENT_SET);
	if (*cp->start)
		nbdt_event_bitmap(export, cp->start, NBDT_EVENT_SET);
}

/* --- Surviving a crash --- */

static bool has_metadata(struct checkpoint *cp)
{
	struct member *member;

	for (member = cp->members; member < cp->members + cp->nr; member++) {
		if (content_of(member)->metadata)
			return true;
	}
	return false;
}

/* All the memory that storing takes: once one has begun, each has to be told the end. */
static int reserve(struct checkpoint *cp)
{
	struct member *member;
	int err = 0;

	for (member = cp->members; !err && member < cp->members + cp->nr; member++)
		err = nbdt_metadata_reserve(content_of(member), &member->before) ?:
		      nbdt_metadata_reserve(content_of(member), &member->after);
	return err;
}

static struct nbdt_metadata_storing *storing_of(struct member *member,
						enum nbdt_metadata_step step)
{
	return step == NBDT_METADATA_PREPARE ? &member->before : &member->after;
}

static void store_begin(struct checkpoint *cp, struct member *member,
			enum nbdt_metadata_step step,
			const struct member *decider)
{
	struct nbdt_content *content = content_of(member);
	struct nbdt_metadata_point point = {
		.freeze = member->bitmaps.freeze,
		.start = member->bitmaps.start,
		.is.number = cpu_to_le64(content->bitmaps.last.number + 1),
	};

	strscpy(point.is.name, cp->name, sizeof(point.is.name));
	if (decider) {
		memcpy(point.is.group, cp->group, sizeof(point.is.group));
		memcpy(point.decider, nbdt_metadata_uuid(content_of(decider)),
		       sizeof(point.decider));
	}
	nbdt_metadata_checkpoint_begin(content, &point, step,
				       storing_of(member, step));
}

static int store_end(struct member *member, enum nbdt_metadata_step step,
		     struct netlink_ext_ack *extack)
{
	return nbdt_metadata_checkpoint_end(content_of(member),
					    storing_of(member, step), extack);
}

static int store(struct checkpoint *cp, struct member *member,
		 const struct member *decider, struct netlink_ext_ack *extack)
{
	store_begin(cp, member, NBDT_METADATA_COMMIT, decider);
	return store_end(member, NBDT_METADATA_COMMIT, extack);
}

/* All but the one that decides, side by side: it takes no longer than one does. */
static int store_others(struct checkpoint *cp, const struct member *decider,
			enum nbdt_metadata_step step,
			struct netlink_ext_ack *extack)
{
	struct member *member, *end = cp->members + cp->nr;
	int err = 0, failure;

	for (member = cp->members; member < end; member++) {
		if (member != decider)
			store_begin(cp, member, step,
				    step == NBDT_METADATA_PREPARE ? decider : NULL);
	}
	for (member = cp->members; member < end; member++) {
		if (member == decider)
			continue;
		failure = store_end(member, step, err ? NULL : extack);
		err = err ?: failure;
	}
	return err;
}

/*
 * It takes place when the first that has metadata says so; see metadata.c.  With those
 * that fail after that it is as if they had failed later.
 */
static int store_group(struct checkpoint *cp, struct member *decider,
		       struct netlink_ext_ack *extack)
{
	int err;

	get_random_bytes(cp->group, sizeof(cp->group));
	nbdt_metadata_decide(content_of(decider), cp->group);
	err = store_others(cp, decider, NBDT_METADATA_PREPARE, extack);
	if (!err)
		err = store(cp, decider, decider, extack);
	else
		nbdt_metadata_decide(content_of(decider), NULL);
	store_others(cp, decider,
		     err ? NBDT_METADATA_CANCEL : NBDT_METADATA_COMMIT, NULL);
	return err;
}

/* What has failed takes nothing, and says whether it is left at that. */
static int store_none(struct checkpoint *cp, struct netlink_ext_ack *extack)
{
	struct member *member;
	int err = 0;

	for (member = cp->members; !err && member < cp->members + cp->nr; member++)
		err = store(cp, member, NULL, extack);
	return err;
}

/* Each once: what it takes was reserved for that. */
static int store_all(struct checkpoint *cp, struct netlink_ext_ack *extack)
{
	struct member *decider = NULL, *member;
	unsigned int nr = 0;

	for (member = cp->members; member < cp->members + cp->nr; member++) {
		if (!content_of(member)->metadata)
			continue;
		nr++;
		if (!decider && nbdt_metadata_is_good(content_of(member)))
			decider = member;
	}
	if (!decider)
		return store_none(cp, extack);
	if (nr > 1)
		return store_group(cp, decider, extack);
	return store(cp, decider, NULL, extack);
}

/* In memory. */
static void switch_all(struct checkpoint *cp, bool commit)
{
	struct member *member;

	for (member = cp->members; member < cp->members + cp->nr; member++)
		nbdt_switch_end(content_of(member), &member->bitmaps, commit,
				cp->name);
}

/* One that has metadata in which another checkpoint is being stored; or NULL. */
static struct member *find_busy_locked(struct checkpoint *cp)
{
	struct member *member;

	lockdep_assert_held(&storing_lock);
	for (member = cp->members; member < cp->members + cp->nr; member++) {
		if (content_of(member)->metadata && member->export->storing)
			return member;
	}
	return NULL;
}

static void set_storing_locked(struct checkpoint *cp, bool storing)
{
	struct member *member;

	lockdep_assert_held(&storing_lock);
	for (member = cp->members; member < cp->members + cp->nr; member++) {
		if (content_of(member)->metadata)
			member->export->storing = storing;
	}
}

/* All of them or none, lest two wait for each other. */
static bool try_storing(struct checkpoint *cp, struct member **busy)
{
	spin_lock(&storing_lock);
	*busy = find_busy_locked(cp);
	if (!*busy)
		set_storing_locked(cp, true);
	spin_unlock(&storing_lock);
	return !*busy;
}

static int begin_storing(struct checkpoint *cp, struct netlink_ext_ack *extack)
{
	struct member *busy;
	long ret;

	ret = wait_event_killable_timeout(storing_ends, try_storing(cp, &busy),
					  left_until(cp->deadline));
	if (ret > 0)
		return 0;
	nbdt_set_err_msg(extack,
			 "the metadata of '%.24s' is busy with another checkpoint",
			 busy->export->name);
	return ret ? -EINTR : -ETIMEDOUT;
}

static void end_storing(struct checkpoint *cp)
{
	spin_lock(&storing_lock);
	set_storing_locked(cp, false);
	spin_unlock(&storing_lock);
	wake_up_all(&storing_ends);
}

static int store_and_switch(struct checkpoint *cp, struct netlink_ext_ack *extack)
{
	int err = begin_storing(cp, extack);

	if (err) {
		switch_all(cp, false);
		return err;
	}
	err = store_all(cp, extack);
	switch_all(cp, !err);
	end_storing(cp);
	return err;
}

/* What every checkpoint comes to. */
static int finish(struct checkpoint *cp, bool commit,
		  struct netlink_ext_ack *extack)
{
	struct member *member;
	int err = 0;

	/* All before any gate is opened. */
	if (commit && has_metadata(cp))
		err = store_and_switch(cp, extack);
	else
		switch_all(cp, commit);
	commit &= !err;
	for (member = cp->members; member < cp->members + cp->nr; member++)
		nbdt_gate_open(&content_of(member)->gate, &member->visit);
	for (member = cp->members; member < cp->members + cp->nr; member++) {
		if (commit)
			announce(cp, member->export);
		nbdt_metadata_release(&member->before);
		nbdt_metadata_release(&member->after);
		nbdt_export_put(member->export);
	}
	kfree(cp);
	return err;
}

static void expire(struct work_struct *work)
{
	struct checkpoint *cp = container_of(to_delayed_work(work),
					     struct checkpoint, expire);
	bool ours;

	mutex_lock(&held_mutex);
	ours = !list_empty(&cp->node);
	list_del_init(&cp->node);
	mutex_unlock(&held_mutex);
	if (ours)
		finish(cp, false, NULL);
}

static struct checkpoint *create(const struct nbdt_checkpoint_config *config)
{
	struct checkpoint *cp;

	cp = kzalloc(struct_size(cp, members, config->nr), GFP_KERNEL);
	if (!cp)
		return NULL;
	INIT_LIST_HEAD(&cp->node);
	INIT_DELAYED_WORK(&cp->expire, expire);
	cp->owner = config->owner;
	strscpy(cp->freeze, config->freeze ?: "", sizeof(cp->freeze));
	strscpy(cp->start, config->start ?: "", sizeof(cp->start));
	strscpy(cp->name, config->name ?: "", sizeof(cp->name));
	cp->deadline = jiffies + msecs_to_jiffies(config->timeout);
	return cp;
}

/* Reserve the bitmaps of an export, and be a visitor of its gate. */
static int add_member(struct checkpoint *cp, struct nbdt_export *export,
		      const struct nbdt_checkpoint_config *config,
		      struct netlink_ext_ack *extack)
{
	struct member *member = cp->members + cp->nr;
	struct nbdt_cmd_limits limits;
	unsigned int i;
	int err;

	for (i = 0; i < cp->nr; i++) {
		if (cp->members[i].export != export)
			continue;
		nbdt_set_err_msg(extack, "export '%.32s' is named twice",
				 export->name);
		return -EINVAL;
	}
	/* If its device has gone, that is known from here on. */
	nbdt_export_state(export);
	/* For the flush; threads aren't started while gates are shut. */
	err = nbdt_export_hire(export);
	if (err == -ENODEV)
		nbdt_content_tell_closing(&export->disk.content, extack);
	if (err)
		return err;
	nbdt_export_limits(export, &limits);
	err = nbdt_switch_begin(&export->disk.content, &member->bitmaps,
				config->freeze, config->start, limits.size,
				extack);
	if (err)
		return err;
	kref_get(&export->ref);
	member->export = export;
	nbdt_gate_visit_init(&member->visit, NULL);
	cp->nr++;
	return 0;
}

/* At the end, nobody is inside any of the gates, and all devices are flushed. */
static int quiesce(struct checkpoint *cp, bool flush,
		   struct netlink_ext_ack *extack)
{
	struct member *member, *end = cp->members + cp->nr;
	int err;

	for (member = cp->members; member < end; member++)
		nbdt_gate_shut(&content_of(member)->gate, &member->visit);
	for (member = cp->members; member < end; member++) {
		err = nbdt_gate_wait(&member->visit, cp->deadline);
		if (!err)
			continue;
		nbdt_set_err_msg(extack,
				 "requests in flight on '%.24s' don't come to an end",
				 member->export->name);
		return err;
	}
	for (member = cp->members; flush && member < end; member++) {
		err = flush_device(member->export, cp->deadline, extack);
		if (err)
			return err;
	}
	return 0;
}

/* From here on it is whoever's takes it off the list. */
static u32 hold(struct checkpoint *cp)
{
	unsigned long left = max_t(long, cp->deadline - jiffies, 0);
	u32 id;

	mutex_lock(&held_mutex);
	id = ++last_id ?: ++last_id;
	cp->id = id;
	list_add_tail(&cp->node, &held);
	queue_delayed_work(nbdt_control_wq, &cp->expire, left);
	mutex_unlock(&held_mutex);
	return id;
}

/**
 * nbdt_checkpoint_begin - make a checkpoint, or hold everything ready for one
 * @config: of what
 * @id: set when it is held; for nbdt_checkpoint_end()
 * @extack: why not
 *
 * Return: 0, or an error as checkpoint in the netlink contract; then nothing
 * has changed.
 */
int nbdt_checkpoint_begin(const struct nbdt_checkpoint_config *config, u32 *id,
			  struct netlink_ext_ack *extack)
{
	struct checkpoint *cp = create(config);
	unsigned int i;
	int err = 0;

	if (!cp)
		return -ENOMEM;
	for (i = 0; i < config->nr && !err; i++)
		err = add_member(cp, config->exports[i], config, extack);
	if (!err)
		err = reserve(cp);
	if (!err)
		err = quiesce(cp, config->hold || has_metadata(cp), extack);
	if (!err && config->hold)
		*id = hold(cp);
	else if (err)
		finish(cp, false, NULL);
	else
		err = finish(cp, true, extack);
	return err;
}

/* ID 0 and no OWNER stand for any. */
static bool is_meant(const struct checkpoint *cp, u32 id,
		     const struct nbdt_checkpoint_owner *owner)
{
	if (id && cp->id != id)
		return false;
	return !owner || (cp->owner.net == owner->net &&
			  cp->owner.portid == owner->portid);
}

/* Off the list: by id, by owner, or any. */
static struct checkpoint *take(u32 id,
			       const struct nbdt_checkpoint_owner *owner)
{
	struct checkpoint *cp = NULL;

	mutex_lock(&held_mutex);
	list_for_each_entry(cp, &held, node) {
		if (!is_meant(cp, id, owner))
			continue;
		list_del_init(&cp->node);
		mutex_unlock(&held_mutex);
		/* It finds that the checkpoint isn't its own any more. */
		cancel_delayed_work_sync(&cp->expire);
		return cp;
	}
	mutex_unlock(&held_mutex);
	return NULL;
}

/**
 * nbdt_checkpoint_end - end one that is held
 * @id: of it
 * @owner: that began it
 * @abort: leave the bitmaps as they are
 * @extack: why not
 *
 * Return: 0; -ENOENT when there is none: its deadline has passed; -ETIMEDOUT when it
 * passes while another is being stored in the same metadata; -EIO when it can't be
 * stored in that of one of them.
 */
int nbdt_checkpoint_end(u32 id, const struct nbdt_checkpoint_owner *owner,
			bool abort, struct netlink_ext_ack *extack)
{
	struct checkpoint *cp = id ? take(id, owner) : NULL;

	if (!cp) {
		nbdt_set_err_msg(extack,
				 "the checkpoint is off: its deadline has passed");
		return -ENOENT;
	}
	return finish(cp, !abort, extack);
}

/* Is there somebody who has yet to end one, and writes that wait for him? */
bool nbdt_checkpoint_is_any_held(void)
{
	bool is_any;

	mutex_lock(&held_mutex);
	is_any = !list_empty(&held);
	mutex_unlock(&held_mutex);
	return is_any;
}

/**
 * nbdt_checkpoint_abandon - whoever held them is gone
 * @owner: who that was; another may have its number from now on
 *
 * They end as if their deadlines had passed.  Doesn't wait for it: the end of every
 * netlink socket would wait behind this one.
 */
void nbdt_checkpoint_abandon(const struct nbdt_checkpoint_owner *owner)
{
	struct checkpoint *cp;

	mutex_lock(&held_mutex);
	list_for_each_entry(cp, &held, node) {
		if (!is_meant(cp, 0, owner))
			continue;
		cp->owner.net = NULL;
		/* If it isn't waiting for its time it waits for the mutex, and then frees it. */
		if (cancel_delayed_work(&cp->expire))
			queue_delayed_work(nbdt_control_wq, &cp->expire, 0);
	}
	mutex_unlock(&held_mutex);
}

/* Nobody begins one any more. */
void nbdt_checkpoint_exit(void)
{
	struct checkpoint *cp;

	while ((cp = take(0, NULL)))
		finish(cp, false, NULL);
	/* One that was taken by its timer. */
	flush_workqueue(nbdt_control_wq);
}
