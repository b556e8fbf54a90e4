// SPDX-License-Identifier: GPL-2.0
/*
 * Exports: block devices under names.
 *
 * The configuration (which exports there are, what they are called, who may
 * attach) is guarded by exports_mutex; it is never held while waiting
 * for a client or for I/O.  Nothing of it is looked at on the way of I/O.
 *
 * Three things end independently.  The name: gone from lookup as soon as
 * removal begins.  The device: closed by a worker when the last connection
 * has detached, which it does only without I/O in flight; whoever removes the
 * export doesn't wait for that, as the device may hang, and until then it is on the
 * list of those that close.  The memory: freed with the last reference, as somebody
 * may still be telling a client about the export.  That waits for what may still look
 * at its gate, so a worker does it: whoever puts a reference may hold anything.
 *
 * As long as the device isn't closed the module has a user.
 */
#include <linux/blkdev.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/llist.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <linux/xarray.h>

#include "base/access.h"
#include "base/awake.h"
#include "base/event.h"
#include "base/place.h"
#include "base/target.h"
#include "base/work.h"
#include "block/arrival.h"
#include "block/export.h"
#include "block/turn.h"
#include "compat/compat.h"
#include "content/bitmaps.h"
#include "content/map.h"
#include "content/metadata.h"
#include "content/scan.h"
#include "nbdtarget.h"

/* How often devices are looked at. */
#define WATCH_TIME		HZ

/*
 * For how long one that was removed waits for requests in flight with a worker of its
 * own, and how long it then leaves that to others, in jiffies.
 */
#define CLOSE_TURN		(HZ / 2)
#define CLOSE_PAUSE		HZ
/* Why a connection ended. */
#define DEVICE_GONE		"device is gone"
/* Why the device is, where nothing else is seen. */
#define GIVEN_UP		"its driver has given it up"

/* Guards what follows, and the fields of exports that say so. */
static DEFINE_MUTEX(exports_mutex);
static DEFINE_XARRAY_ALLOC1(exports);		/* by id */
static DEFINE_HASHTABLE(exports_by_name, 8);
static struct nbdt_export *default_export;
static u32 next_id;
static u32 nr_exports;
static HLIST_HEAD(closing);			/* by_name of those without one */
static u32 nr_closing;
static u32 generation;

u32 nbdt_export_count(void)
{
	return READ_ONCE(nr_exports);
}

/* Those that were removed, and whose devices aren't closed yet. */
u32 nbdt_export_closing_count(void)
{
	return READ_ONCE(nr_closing);
}

/* Changes whenever the list of exports does. */
u32 nbdt_export_generation(void)
{
	return READ_ONCE(generation);
}

static u32 hash_name(const char *name, size_t len)
{
	return jhash(name, len, 0);
}

static struct nbdt_export *find_locked(const char *name, size_t len)
{
	struct nbdt_export *export;

	lockdep_assert_held(&exports_mutex);
	hash_for_each_possible(exports_by_name, export, by_name,
			       hash_name(name, len)) {
		if (export->name_len == len && !memcmp(export->name, name, len))
			return export;
	}
	return NULL;
}

/* For the administrator, who is told when there is none. */
static struct nbdt_export *find_or_tell(const char *name,
					struct netlink_ext_ack *extack)
{
	struct nbdt_export *export = find_locked(name, strlen(name));

	if (!export)
		nbdt_set_err_msg(extack, "there is no export '%.32s'", name);
	return export;
}

/*
 * For who ends it: of those that were removed and aren't closed yet, the last of that
 * name, when there is no other.  Whoever says so once more waits for the same end.
 */
static struct nbdt_export *find_to_end(const char *name,
				       struct netlink_ext_ack *extack)
{
	struct nbdt_export *export;

	lockdep_assert_held(&exports_mutex);
	if (!find_locked(name, strlen(name))) {
		hlist_for_each_entry(export, &closing, by_name) {
			if (!strcmp(export->name, name))
				return export;
		}
	}
	return find_or_tell(name, extack);
}

/**
 * nbdt_export_get - find the export that a client asks for
 * @name: not terminated
 * @len: its length; 0 is the default export (IG15)
 *
 * Return: the export, with a reference; or NULL.
 */
struct nbdt_export *nbdt_export_get(const char *name, size_t len)
{
	struct nbdt_export *export;

	mutex_lock(&exports_mutex);
	export = find_locked(name, len);
	if (!export && !len)
		export = default_export;
	if (export)
		kref_get(&export->ref);
	mutex_unlock(&exports_mutex);
	return export;
}

/* The first export with an id of at least ID, with a reference; or NULL. */
struct nbdt_export *nbdt_export_get_from(u32 id)
{
	struct nbdt_export *export;
	unsigned long index = id;

	mutex_lock(&exports_mutex);
	export = xa_find(&exports, &index, UINT_MAX, XA_PRESENT);
	if (export)
		kref_get(&export->ref);
	mutex_unlock(&exports_mutex);
	return export;
}

/* As find_to_end(), with a reference. */
struct nbdt_export *nbdt_export_get_to_end(const char *name,
					   struct netlink_ext_ack *extack)
{
	struct nbdt_export *export;

	mutex_lock(&exports_mutex);
	export = find_to_end(name, extack);
	if (export)
		kref_get(&export->ref);
	mutex_unlock(&exports_mutex);
	return export;
}

/* The export of that id that was removed and isn't closed yet; or NULL. */
struct nbdt_export *nbdt_export_get_closing(u32 id)
{
	struct nbdt_export *export;

	mutex_lock(&exports_mutex);
	hlist_for_each_entry(export, &closing, by_name) {
		if (export->id == id) {
			kref_get(&export->ref);
			break;
		}
	}
	mutex_unlock(&exports_mutex);
	return export;
}

static void export_free(struct nbdt_export *export)
{
	nbdt_access_put(export->access);
	kfree(export->description);
	kfree(export->places);
	kfree(export->bitmap);
	kfree(export->bitmap_export);
	kfree(export->name);
	kfree(export);
}

static LLIST_HEAD(graves);

/* What is waited for is waited for once, however many there are. */
static void free_work(struct work_struct *work)
{
	struct llist_node *dead = llist_del_all(&graves);
	struct nbdt_export *export, *next;

	llist_for_each_entry(export, dead, grave)
		nbdt_gate_settle(&export->disk.content.gate);
	rcu_barrier();
	llist_for_each_entry_safe(export, next, dead, grave) {
		nbdt_disk_exit(&export->disk);
		export_free(export);
	}
}

static DECLARE_WORK(free_all, free_work);

static void export_release(struct kref *ref)
{
	struct nbdt_export *export = container_of(ref, struct nbdt_export, ref);

	llist_add(&export->grave, &graves);
	queue_work(nbdt_control_wq, &free_all);
}

/* Any context. */
void nbdt_export_put(struct nbdt_export *export)
{
	kref_put(&export->ref, export_release);
}

bool nbdt_export_is_default(const struct nbdt_export *export)
{
	return READ_ONCE(default_export) == export;
}

/*
 * A copy of the description, for kfree(); NULL when there is none, or -ENOMEM.  Memory
 * isn't had by writing to devices: a client that can't attach may be one of them.
 */
char *nbdt_export_description(struct nbdt_export *export)
{
	char *description;

	mutex_lock(&exports_mutex);
	description = kstrdup(export->description, GFP_NOIO);
	if (export->description && !description)
		description = ERR_PTR(-ENOMEM);
	mutex_unlock(&exports_mutex);
	return description;
}

/* May clients come by the listener that is, or was, there? */
bool nbdt_export_is_bound_to(struct nbdt_export *export,
			     const struct nbdt_place *place)
{
	bool is;
	u32 i;

	/* Most are bound to none. */
	if (!READ_ONCE(export->nr_places))
		return true;
	mutex_lock(&exports_mutex);
	is = !export->nr_places;
	for (i = 0; i < export->nr_places && !is; i++)
		is = nbdt_place_same(&export->places[i], place);
	mutex_unlock(&exports_mutex);
	return is;
}

/* How many there are, and a copy of them for kfree(); or -ENOMEM. */
int nbdt_export_places(struct nbdt_export *export, struct nbdt_place **places)
{
	int n;

	mutex_lock(&exports_mutex);
	n = export->nr_places;
	*places = n ? kmemdup(export->places, n * sizeof(**places), GFP_NOIO) :
		      NULL;
	mutex_unlock(&exports_mutex);
	return n && !*places ? -ENOMEM : n;
}

/* --- What clients are told --- */

static u16 transmission_flags(const struct nbdt_export *export)
{
	u16 flags = NBDT_FLAG_HAS_FLAGS | NBDT_FLAG_SEND_FLUSH |
		    NBDT_FLAG_SEND_FUA | NBDT_FLAG_SEND_CACHE;

	/*
	 * FL6: nothing is cached here, and a flush reaches the one device
	 * that all connections write to.
	 */
	if (export->max_connections != 1)
		flags |= NBDT_FLAG_CAN_MULTI_CONN;
	if (bdev_rot(export->disk.content.bdev))
		flags |= NBDT_FLAG_ROTATIONAL;
	if (export->disk.content.read_only ||
	    nbdt_disk_is_locked(&export->disk))
		return flags | NBDT_FLAG_READ_ONLY;
	/* FL3: where it would do nothing, it isn't offered. */
	if (nbdt_disk_can_trim(&export->disk))
		flags |= NBDT_FLAG_SEND_TRIM;
	return flags | NBDT_FLAG_SEND_WRITE_ZEROES | NBDT_FLAG_SEND_FAST_ZERO;
}

/*
 * It takes no new connections: also while the size of its device can't be read, which
 * then is 0, as of a disk whose ways fail just when it is asked.
 */
static bool is_going(const struct nbdt_export *export)
{
	return export->disk.content.closing || export->dead ||
	       !nbdt_disk_size(&export->disk);
}

/* Size and flags follow the device; who is attached keeps those that it has. */
static void refresh_limits(struct nbdt_export *export)
{
	lockdep_assert_held(&exports_mutex);
	if (is_going(export))
		return;
	nbdt_disk_look(&export->disk);
	export->limits.size = nbdt_disk_size(&export->disk);
	export->limits.max_payload = NBDT_MAX_PAYLOAD;
	export->limits.flags = transmission_flags(export);
}

/* 0; -ESHUTDOWN when it takes nobody: then they are what they were. */
int nbdt_export_limits(struct nbdt_export *export,
		       struct nbdt_cmd_limits *limits)
{
	int err;

	mutex_lock(&exports_mutex);
	refresh_limits(export);
	*limits = export->limits;
	err = is_going(export) ? -ESHUTDOWN : 0;
	mutex_unlock(&exports_mutex);
	return err;
}

/* --- The device --- */

static void kill_clients(struct nbdt_export *export, const char *reason)
{
	nbdt_origins_kill(&export->origins, reason);
	/* What waits for the gate or the log is over now; either may take long. */
	smp_mb();
	nbdt_turn_resume(&export->disk);
	nbdt_turn_logged(&export->disk);
}

/* From now on it has no clients. */
static void die(struct nbdt_export *export, const char *why)
{
	lockdep_assert_held(&exports_mutex);
	if (export->dead)
		return;
	WRITE_ONCE(export->dead, why);
	kill_clients(export, DEVICE_GONE);
	nbdt_bitmaps_gone(&export->disk.content);
}

/* Is it to have its device back by itself, and hasn't? */
static bool is_waiting(const struct nbdt_export *export)
{
	return READ_ONCE(export->on_return) == NBDTARGET_ON_RETURN_REOPEN &&
	       READ_ONCE(export->state) == NBDTARGET_EXPORT_STATE_GONE;
}

/* What has become of it; true when that is news. */
static bool refresh_state(struct nbdt_export *export)
{
	u32 state = NBDTARGET_EXPORT_STATE_OK;
	const char *why;

	lockdep_assert_held(&exports_mutex);
	/* One that is being removed, or never came to be, may have closed its device. */
	if (export->disk.content.closing || !export->id)
		return false;
	why = nbdt_disk_lost(&export->disk);
	if (why)
		die(export, why);
	/* As another volume may be in its place, and then again its own. */
	if (export->lost && !why && is_waiting(export))
		nbdt_arrival_search();
	export->lost = why;
	nbdt_proof_tick(&export->disk.content.proof);
	if (export->dead)
		state = NBDTARGET_EXPORT_STATE_GONE;
	else if (nbdt_disk_is_locked(&export->disk))
		state = NBDTARGET_EXPORT_STATE_READ_ONLY;
	if (state == export->state)
		return false;
	WRITE_ONCE(export->state, state);
	return true;
}

/*
 * See what has become of the device, and tell.  That is looked for as not all ends
 * are told of: who only reads doesn't hold the device, and kernels before 6.5 tell
 * no holder.
 */
static void look_after(struct nbdt_export *export)
{
	bool news, gone;

	mutex_lock(&exports_mutex);
	news = refresh_state(export);
	gone = export->id && export->dead;
	mutex_unlock(&exports_mutex);
	/* Not before, as it takes memory. */
	if (gone)
		nbdt_metadata_tell_gone(&export->disk.content);
	if (!news)
		return;
	nbdt_event_export(export, NBDT_EVENT_STATE);
	/* What it waits for may have come before that was known. */
	if (is_waiting(export))
		nbdt_arrival_search();
}

/* That a device has got its size at last the kernel doesn't tell. */
static void look_for_size(struct nbdt_export *export)
{
	u32 before = READ_ONCE(export->sizeless);

	if (before && is_waiting(export) &&
	    nbdt_disk_search(&export->disk, NULL) != before)
		nbdt_arrival_search();
}

/* NBDTARGET_EXPORT_STATE_*, as it is now; those who monitor hear of it first. */
u32 nbdt_export_state(struct nbdt_export *export)
{
	look_after(export);
	return READ_ONCE(export->state);
}

static void look_after_all(void)
{
	struct nbdt_export *export;
	u32 id = 0;

	while ((export = nbdt_export_get_from(id))) {
		id = export->id + 1;
		look_after(export);
		look_for_size(export);
		nbdt_export_put(export);
	}
}

static void watch(struct work_struct *work);
/* Also when the machine sleeps otherwise: the proof counts on it (proof.c). */
static DECLARE_DELAYED_WORK(watch_work, watch);

/* About once a second while there are exports, whether or not they are used. */
static void watch(struct work_struct *work)
{
	look_after_all();
	if (nbdt_export_count())
		queue_delayed_work(nbdt_control_wq, &watch_work, WATCH_TIME);
}

/* A disk has become another, which may be one of ours.  Any context; mustn't wait. */
void nbdt_export_look(void)
{
	if (nbdt_export_count())
		mod_delayed_work(nbdt_control_wq, &watch_work, 0);
}

/* By the device's driver, which mustn't be held up. */
static void disk_dead(struct nbdt_disk *disk)
{
	struct nbdt_export *export = container_of(disk, struct nbdt_export,
						  disk);

	kref_get(&export->ref);
	/* Not the last reference, as the device isn't closed yet. */
	if (!queue_work(nbdt_control_wq, &export->dead_work))
		nbdt_export_put(export);
}

static void dead_work(struct work_struct *work)
{
	struct nbdt_export *export = container_of(work, struct nbdt_export,
						  dead_work);

	/* That says why, if it is seen. */
	look_after(export);
	mutex_lock(&exports_mutex);
	die(export, GIVEN_UP);
	mutex_unlock(&exports_mutex);
	look_after(export);
	nbdt_export_put(export);
}

/* The bitmap of another export that goes with this one. */
static int borrow_bitmap(struct nbdt_export *export,
			 const struct nbdt_export_config *config,
			 struct netlink_ext_ack *extack)
{
	const char *name = config->bitmap_export;
	struct nbdt_cmd_limits limits;
	struct nbdt_export *from;
	int err;

	if (!config->bitmap)
		return 0;
	if (!export->disk.content.read_only) {
		nbdt_set_err_msg(extack,
				 "only a read-only export shows another's bitmap");
		return -EINVAL;
	}
	from = nbdt_export_get(name, strlen(name));
	if (!from) {
		nbdt_set_err_msg(extack, "there is no export '%.32s'", name);
		return -ENOENT;
	}
	nbdt_export_limits(export, &limits);
	err = nbdt_bitmaps_borrow(&export->disk.content, limits.size,
				  &from->disk.content, config->bitmap, extack);
	nbdt_export_put(from);
	return err;
}

/* What was turned away comes again. */
static void gate_opened(struct nbdt_gate *gate)
{
	struct nbdt_export *export = container_of(gate, struct nbdt_export,
						  disk.content.gate);

	nbdt_turn_resume(&export->disk);
}

/* The same for what waited for the write-intent log. */
static void log_ran(struct nbdt_content *content)
{
	nbdt_turn_logged(container_of(content, struct nbdt_disk, content));
}

/* By whoever found out, which is no client's thread. */
static void metadata_failed(struct nbdt_content *content)
{
	struct nbdt_disk *disk = container_of(content, struct nbdt_disk,
					      content);

	nbdt_event_export(container_of(disk, struct nbdt_export, disk),
			  NBDT_EVENT_METADATA);
}

/* Housekeeping, about once a second while there are connections. */
void nbdt_export_tick(void)
{
	struct nbdt_export *export;
	unsigned long index;

	mutex_lock(&exports_mutex);
	xa_for_each(&exports, index, export) {
		nbdt_turn_relax(&export->disk);
		/* Of clients that are gone: theirs needn't wait any longer. */
		if (nbdt_gate_is_shut(&export->disk.content.gate))
			nbdt_turn_resume(&export->disk);
		/* The log's device may hang. */
		nbdt_turn_logged(&export->disk);
	}
	mutex_unlock(&exports_mutex);
	look_after_all();
}

/* --- Connections --- */

/*
 * With nobody there, nothing is under way: the time to see whether what is known of
 * the device is still so, of up to 256 MiB of map.
 */
static int prepare_for_first(struct nbdt_export *export)
{
	int err;

	lockdep_assert_held(&export->coming);
	if (!nbdt_origins_empty(&export->origins))
		return 0;
	if (!nbdt_export_device_get(export))
		return -ESHUTDOWN;
	err = nbdt_disk_hire(&export->disk);
	if (!err)
		nbdt_content_doubt_idle(&export->disk.content);
	nbdt_export_device_put(export);
	return err;
}

/* Have the disk's workers for who is no client: 0, -ENODEV, -ENOMEM, or -EINTR. */
int nbdt_export_hire(struct nbdt_export *export)
{
	int err = -ENODEV;

	if (mutex_lock_killable(&export->coming))
		return -EINTR;
	if (nbdt_export_device_get(export)) {
		err = nbdt_disk_hire(&export->disk);
		nbdt_export_device_put(export);
	}
	mutex_unlock(&export->coming);
	return err;
}

static bool is_full(const struct nbdt_export *export)
{
	lockdep_assert_held(&exports_mutex);
	return export->max_connections &&
	       export->origins.nr >= export->max_connections;
}

static int attach(struct nbdt_export *export, struct nbdt_origin *origin,
		  bool has_room)
{
	int err = 0;

	mutex_lock(&exports_mutex);
	if (is_going(export)) {
		err = -ESHUTDOWN;
	} else if (!has_room && is_full(export)) {
		err = -EUSERS;
	} else {
		refresh_limits(export);
		kref_get(&export->ref);
		nbdt_origins_add(&export->origins, origin);
	}
	mutex_unlock(&exports_mutex);
	return err;
}

/**
 * nbdt_export_attach - become a client of an export
 * @export: the caller has a reference; the connection takes its own
 * @origin: of the connection
 * @has_room: it was a client before, which nobody ceases to be as a limit is lowered
 *
 * Return: 0; -EUSERS when there are as many clients as there may be;
 * -ESHUTDOWN when the export is being removed, or its device was, or has no size;
 * -ENOMEM.
 */
int nbdt_export_attach(struct nbdt_export *export, struct nbdt_origin *origin,
		       bool has_room)
{
	int err;

	look_after(export);
	/* Nobody else comes meanwhile; held for this export only, as it may take long. */
	mutex_lock(&export->coming);
	err = prepare_for_first(export);
	if (!err)
		err = attach(export, origin, has_room);
	mutex_unlock(&export->coming);
	return err;
}

/* The connection's thread is done with it, and has nothing in flight. */
void nbdt_export_detach(struct nbdt_export *export, struct nbdt_origin *origin)
{
	nbdt_origins_del(&export->origins, origin);
	nbdt_export_put(export);
}

/**
 * nbdt_export_load_map - know of a device what was known of it before
 * @export: with a reference; nothing was written to it since it was added
 * @offset: as in nbdt_map_read(), of which this is a piece
 * @data: the same
 * @len: the same; 0 to see whether it would be taken
 * @extack: why not
 *
 * Return: 0; -EBUSY when a client is there or has written, as then what was known
 * may be true no more; -EINVAL when the map has no such part; -ENOMEM.
 */
int nbdt_export_load_map(struct nbdt_export *export, u64 offset,
			 const void *data, unsigned int len,
			 struct netlink_ext_ack *extack)
{
	struct nbdt_map *map = export->disk.content.map;
	int err;

	err = nbdt_content_check_map(&export->disk.content, extack);
	if (!err)
		err = nbdt_map_fill(map);
	if (err)
		return err;
	/* Nobody becomes a client meanwhile. */
	mutex_lock(&exports_mutex);
	if (!nbdt_origins_empty(&export->origins)) {
		nbdt_set_err_msg(extack, "'%.24s' has clients", export->name);
		err = -EBUSY;
	} else if (READ_ONCE(export->disk.content.bitmaps.written)) {
		nbdt_set_err_msg(extack, "'%.24s' was written to before",
				 export->name);
		err = -EBUSY;
	} else if (!nbdt_map_load(map, offset, data, len)) {
		nbdt_set_err_msg(extack, "the map of '%.24s' has no such part",
				 export->name);
		err = -EINVAL;
	}
	/* Before, or while it was loaded: it may be what was forgotten, after that. */
	smp_mb();
	if (!err && READ_ONCE(export->disk.content.began_anew)) {
		nbdt_map_forget(map);
		nbdt_set_err_msg(extack, "others may have written to '%.24s'",
				 export->name);
		err = -EBUSY;
	}
	mutex_unlock(&exports_mutex);
	return err;
}

/* Keep the device open; false when it is being closed. */
bool nbdt_export_device_get(struct nbdt_export *export)
{
	bool open;

	mutex_lock(&exports_mutex);
	open = !export->disk.content.closing;
	if (open)
		atomic_inc(&export->device_users);
	mutex_unlock(&exports_mutex);
	return open;
}

/* Any context.  Afterwards the export may be gone. */
void nbdt_export_device_put(struct nbdt_export *export)
{
	if (atomic_dec_and_test(&export->device_users))
		wake_up_var(&export->device_users);
}

static struct nbdt_export *
export_create(const struct nbdt_export_config *config,
	      struct nbdt_disk_config *disk)
{
	struct nbdt_export *export;

	export = kzalloc(sizeof(*export), GFP_KERNEL);
	if (!export)
		return NULL;
	export->name = kstrdup(config->name, GFP_KERNEL);
	export->description = kstrdup(config->description, GFP_KERNEL);
	export->bitmap_export = kstrdup(config->bitmap_export, GFP_KERNEL);
	export->bitmap = kstrdup(config->bitmap, GFP_KERNEL);
	if (!export->name || (config->description && !export->description) ||
	    (config->bitmap && (!export->bitmap_export || !export->bitmap)) ||
	    nbdt_access_create_default(config->deny, &export->access))
		goto err_free;
	if (config->nr_places) {
		export->places = kmemdup(config->places, config->nr_places *
					 sizeof(*config->places), GFP_KERNEL);
		if (!export->places)
			goto err_free;
		export->nr_places = config->nr_places;
	}
	export->name_len = strlen(config->name);
	export->zeroed = config->zeroed;
	export->max_connections = config->max_connections;
	export->tls_required = config->tls_required;
	export->on_return = config->on_return;
	nbdt_origins_init(&export->origins);
	mutex_init(&export->coming);
	INIT_WORK(&export->dead_work, dead_work);
	kref_init(&export->ref);
	disk->name = export->name;
	if (nbdt_disk_init(&export->disk, disk))
		goto err_free;
	nbdt_turn_init(&export->disk);
	return export;

err_free:
	export_free(export);
	return NULL;
}

/* The default export may be chosen once: "" is one by its name. */
static int check_default(const char *name, struct netlink_ext_ack *extack)
{
	if (*name && find_locked("", 0)) {
		nbdt_set_err_msg(extack,
				 "the export named '' already is the default export");
		return -EEXIST;
	}
	return 0;
}

static int publish(struct nbdt_export *export, bool is_default,
		   struct netlink_ext_ack *extack)
{
	int err = 0;
	u32 id;

	mutex_lock(&exports_mutex);
	if (find_locked(export->name, export->name_len)) {
		nbdt_set_err_msg(extack, "export '%.32s' already exists",
				 export->name);
		err = -EEXIST;
	} else if (is_default) {
		err = check_default(export->name, extack);
	}
	if (!err)
		err = xa_alloc_cyclic(&exports, &id, export, NBDT_TARGET_IDS,
				      &next_id, GFP_KERNEL);
	if (err < 0)
		goto out;
	err = 0;
	/* Not before: without a number it never came to be (refresh_state). */
	export->id = id;
	hash_add(exports_by_name, &export->by_name,
		 hash_name(export->name, export->name_len));
	if (is_default)
		WRITE_ONCE(default_export, export);
	refresh_limits(export);
	nr_exports++;
	generation++;
	queue_delayed_work(nbdt_control_wq, &watch_work, WATCH_TIME);
	/* For the announcement, which comes after the lock. */
	kref_get(&export->ref);
out:
	mutex_unlock(&exports_mutex);
	return err;
}

/* Can it be known again? */
static int check_on_return(const struct nbdt_export *export, u32 on_return,
			   struct netlink_ext_ack *extack)
{
	if (on_return == NBDTARGET_ON_RETURN_STAY || export->disk.serial.len)
		return 0;
	nbdt_set_err_msg(extack,
			 "the kernel knows no identity of '%.40s' to know it again by",
			 export->disk.path);
	return -EOPNOTSUPP;
}

/* A duplicate is told before the device is opened, which may be held by it. */
static int check_free_name(const char *name, struct netlink_ext_ack *extack)
{
	int err = 0;

	mutex_lock(&exports_mutex);
	if (find_locked(name, strlen(name))) {
		nbdt_set_err_msg(extack, "export '%.32s' already exists", name);
		err = -EEXIST;
	}
	mutex_unlock(&exports_mutex);
	return err;
}

/* No memory is saved that doesn't know of it, from before its metadata is read. */
static int stay_awake(struct netlink_ext_ack *extack)
{
	int err = nbdt_awake_begin();

	if (err)
		nbdt_set_err_msg(extack, "the machine is about to hibernate");
	return err;
}

/**
 * nbdt_export_add - export a device
 * @config: what and how
 * @extack: told why not
 *
 * Return: 0, or an error as export-add in the netlink contract.
 */
int nbdt_export_add(const struct nbdt_export_config *config,
		    struct netlink_ext_ack *extack)
{
	struct nbdt_disk_config disk = {
		.path = config->device,
		.node = config->node,
		.read_only = config->read_only,
		.allocation_depth = config->allocation_depth,
		.zeroed = config->zeroed,
		.map_off = config->map_off,
		.shared = config->shared,
		.map_granule = config->map_granule,
		.metadata = config->metadata,
		.gate_opened = gate_opened,
		.dead = disk_dead,
	};
	struct nbdt_export *export;
	int err;

	disk.metadata.ran = log_ran;
	disk.metadata.failed = metadata_failed;
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = stay_awake(extack);
	if (err)
		goto err_module;
	err = check_free_name(config->name, extack);
	if (err)
		goto err_awake;
	err = -ENOMEM;
	export = export_create(config, &disk);
	if (!export)
		goto err_awake;
	err = nbdt_disk_open(&export->disk, &disk, extack);
	if (err)
		goto err_put;
	/* Who was killed meanwhile, or is gone, doesn't want it any more. */
	err = -EINTR;
	if (fatal_signal_pending(current))
		goto err_close;
	err = check_on_return(export, config->on_return, extack) ?:
	      borrow_bitmap(export, config, extack);
	if (err)
		goto err_close;
	err = publish(export, config->is_default, extack);
	if (err)
		goto err_close;
	nbdt_event_export(export, NBDT_EVENT_ADD);
	nbdt_export_put(export);
	return 0;

err_close:
	nbdt_bitmaps_give_back(&export->disk.content.bitmaps);
	nbdt_disk_close(&export->disk);
err_put:
	/* Its device may have gone meanwhile. */
	flush_work(&export->dead_work);
	nbdt_export_put(export);
err_awake:
	nbdt_awake_end();
err_module:
	module_put(THIS_MODULE);
	return err;
}

static int change_default(struct nbdt_export *export, bool is_default,
			  struct netlink_ext_ack *extack)
{
	int err;

	if (!is_default) {
		if (default_export == export)
			WRITE_ONCE(default_export, NULL);
		return 0;
	}
	err = check_default(export->name, extack);
	if (!err)
		WRITE_ONCE(default_export, export);
	return err;
}

static int check_may_be_default(const char *name, struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&exports_mutex);
	err = check_default(name, extack);
	mutex_unlock(&exports_mutex);
	return err;
}

/* Connections detach, and scans end, when they have no I/O in flight. */
static int wait_for_io(struct nbdt_export *export)
{
	int err;

	err = nbdt_origins_wait(&export->origins);
	if (err)
		return err;
	err = nbdt_scan_stop(&export->disk.content);
	if (err && err != -ENOENT)
		return err;
	return wait_var_event_killable(&export->device_users,
				       !atomic_read(&export->device_users));
}

/* Nothing is begun on it until it was opened anew. */
static int begin_reopening(struct nbdt_export *export,
			   struct netlink_ext_ack *extack)
{
	int err = -EBUSY;

	/* Who monitors hears that it is gone before it is there again. */
	look_after(export);
	mutex_lock(&exports_mutex);
	if (export->reopening) {
		nbdt_set_err_msg(extack, "the device is being opened anew");
	} else if (export->disk.content.closing) {
		nbdt_set_err_msg(extack, "the export is being removed");
		err = -ENOENT;
	} else if (!export->dead) {
		nbdt_set_err_msg(extack, "the device of '%.32s' is there",
				 export->name);
	} else {
		export->reopening = true;
		export->disk.content.closing = true;
		err = 0;
	}
	mutex_unlock(&exports_mutex);
	return err;
}

/* What is to be changed, with all that it takes. */
struct change {
	const struct nbdt_export_change *what;
	char *description;		/* both to be freed: they are exchanged */
	struct nbdt_place *places;
};

/* All of it, or nothing. */
static int carry_out(struct nbdt_export *export, struct change *change,
		     struct netlink_ext_ack *extack)
{
	const struct nbdt_export_change *what = change->what;
	int err = 0;

	lockdep_assert_held(&exports_mutex);
	if (export->removed) {
		nbdt_set_err_msg(extack, "the export is being removed");
		return -ENOENT;
	}
	if (what->set_on_return)
		err = check_on_return(export, what->on_return, extack);
	if (!err && what->set_default)
		err = change_default(export, what->is_default, extack);
	if (err)
		return err;
	if (change->description)
		swap(export->description, change->description);
	if (what->set_places) {
		swap(export->places, change->places);
		WRITE_ONCE(export->nr_places, what->nr_places);
	}
	if (what->set_max_connections)
		export->max_connections = what->max_connections;
	if (what->set_on_return)
		WRITE_ONCE(export->on_return, what->on_return);
	if (what->set_tls_required)
		WRITE_ONCE(export->tls_required, what->tls_required);
	refresh_limits(export);
	generation++;
	return 0;
}

/*
 * It was begun, by a caller who has a reference.  Its clients were told to end when the
 * device went.  Whoever removes it meanwhile waits until this is over (close_work), so
 * it may hang here.  What is to be changed with it is so before there is a client.
 */
static int reopen(struct nbdt_export *export, const struct nbdt_node *node,
		  struct change *change, struct netlink_ext_ack *extack)
{
	int err = wait_for_io(export);

	if (!err && READ_ONCE(export->removed))
		err = -ENOENT;
	/* Nobody can tell any more that the old one went. */
	flush_work(&export->dead_work);
	if (!err)
		err = nbdt_disk_reopen(&export->disk, node, extack);
	/* Nor after it was closed, if it was told late. */
	flush_work(&export->dead_work);
	mutex_lock(&exports_mutex);
	if (!err) {
		WRITE_ONCE(export->dead, NULL);
		export->zeroed = false;
		/* The new one may have gone as well; that was taken for the old. */
		if (nbdt_bdev_went(&export->disk.device))
			die(export, GIVEN_UP);
	}
	export->disk.content.closing = export->removed;
	if (!err && change)
		err = carry_out(export, change, extack);
	/* The last that is done to it, if it was removed. */
	WRITE_ONCE(export->reopening, false);
	/* Who waits is looked for after that. */
	smp_mb();
	wake_up_var(&export->reopening);
	mutex_unlock(&exports_mutex);
	look_after(export);
	return err;
}

/* The same where it isn't opened anew. */
static int change_only(struct nbdt_export *export, struct change *change,
		       struct netlink_ext_ack *extack)
{
	int err;

	mutex_lock(&exports_mutex);
	err = carry_out(export, change, extack);
	mutex_unlock(&exports_mutex);
	return err;
}

static int change_reopened(struct nbdt_export *export, struct change *change,
			   struct netlink_ext_ack *extack)
{
	const struct nbdt_node *node = &change->what->node;

	/* With nothing there it isn't begun: what comes by itself would find it so. */
	return nbdt_disk_check_node(&export->disk, node, extack) ?:
	       begin_reopening(export, extack) ?:
	       reopen(export, node, change, extack);
}

/*
 * As far as is seen from outside; also one that is being opened anew, which may come to
 * nothing.
 */
static bool any_is_waiting_for(dev_t dev)
{
	struct nbdt_export *export;
	bool any = false;
	u32 id = 0;

	while (!any && (export = nbdt_export_get_from(id))) {
		id = export->id + 1;
		look_after(export);
		any = is_waiting(export) && nbdt_disk_may_be(&export->disk, dev);
		nbdt_export_put(export);
	}
	return any;
}

/*
 * What has come is its device.  Somebody may be at it with another one, or by hand, which
 * may take long: when that is over it may still want this one.
 */
static void take_back(struct nbdt_export *export, dev_t dev)
{
	const struct nbdt_node node = { .dev = dev };
	int err;

	while (begin_reopening(export, NULL)) {
		if (READ_ONCE(export->removed) || !is_waiting(export))
			return;
		wait_var_event(&export->reopening,
			       !READ_ONCE(export->reopening));
	}
	err = reopen(export, &node, NULL, NULL);
	WRITE_ONCE(export->return_err, err);
	if (err)
		nbdt_event_export(export, NBDT_EVENT_STAY);
}

/**
 * nbdt_export_arrived - a block device has come
 * @dev: its number
 *
 * Opens it if it may be what one of them waits for, as another may hang, or be in the way
 * of who it belongs to; and waits for what was under way of the exports whose device it is.
 */
void nbdt_export_arrived(dev_t dev)
{
	struct nbdt_export *export;
	struct nbdt_serial serial;
	u32 id = 0;

	if (!any_is_waiting_for(dev) || !nbdt_disk_read_serial(dev, &serial))
		return;
	while ((export = nbdt_export_get_from(id))) {
		id = export->id + 1;
		if (is_waiting(export) &&
		    nbdt_serial_same(&serial, &export->disk.serial))
			take_back(export, dev);
		nbdt_export_put(export);
	}
}

/* Find what there is that may be a device that is waited for; waits for none. */
void nbdt_export_search(void (*found)(dev_t dev))
{
	struct nbdt_export *export;
	u32 id = 0;

	while ((export = nbdt_export_get_from(id))) {
		id = export->id + 1;
		if (is_waiting(export))
			WRITE_ONCE(export->sizeless,
				   nbdt_disk_search(&export->disk, found));
		nbdt_export_put(export);
	}
}

static struct nbdt_export *get_or_tell(const char *name,
				       struct netlink_ext_ack *extack)
{
	struct nbdt_export *export;

	mutex_lock(&exports_mutex);
	export = find_or_tell(name, extack);
	if (export)
		kref_get(&export->ref);
	mutex_unlock(&exports_mutex);
	return export;
}

/* What may fail, before anything is changed. */
static int prepare(struct change *change, const char *name,
		   struct netlink_ext_ack *extack)
{
	const struct nbdt_export_change *what = change->what;

	if (what->description) {
		change->description = kstrdup(what->description, GFP_KERNEL);
		if (!change->description)
			return -ENOMEM;
	}
	if (what->nr_places) {
		change->places = kmemdup(what->places, what->nr_places *
					 sizeof(*what->places), GFP_KERNEL);
		if (!change->places)
			return -ENOMEM;
	}
	return what->set_default && what->is_default ?
	       check_may_be_default(name, extack) : 0;
}

/**
 * nbdt_export_set - change an export
 * @name: terminated
 * @change: what to change
 * @extack: told why not
 *
 * Return: 0; -ENOENT; -EEXIST when another is the default by its name;
 * -EOPNOTSUPP when it couldn't know its device again; -ENOMEM; and what export-set
 * in the netlink contract has for a device that is to be opened anew.  Nothing is
 * changed then, but that the device may be open: all but -ENOMEM can come after that.
 */
int nbdt_export_set(const char *name, const struct nbdt_export_change *change,
		    struct netlink_ext_ack *extack)
{
	struct change prepared = { .what = change };
	struct nbdt_export *export;
	int err;

	export = get_or_tell(name, extack);
	if (!export)
		return -ENOENT;
	err = prepare(&prepared, name, extack);
	if (!err)
		err = change->reopen ?
		      change_reopened(export, &prepared, extack) :
		      change_only(export, &prepared, extack);
	kfree(prepared.places);
	kfree(prepared.description);
	if (!err)
		nbdt_event_export(export, NBDT_EVENT_SET);
	/* It may be there already, and comes no more. */
	if (!err && change->set_on_return && is_waiting(export))
		nbdt_arrival_search();
	nbdt_export_put(export);
	return err;
}

/**
 * nbdt_export_set_access - replace the rules about who may use an export
 * @name: terminated
 * @access: the rules; the caller's, unless 0 is returned
 * @extack: told why not
 *
 * Return: 0 or -ENOENT.
 */
int nbdt_export_set_access(const char *name, struct nbdt_access *access,
			   struct netlink_ext_ack *extack)
{
	struct nbdt_export *export;

	mutex_lock(&exports_mutex);
	export = find_or_tell(name, extack);
	if (export) {
		nbdt_access_replace(&export->access, access);
		kref_get(&export->ref);
	}
	mutex_unlock(&exports_mutex);
	if (!export)
		return -ENOENT;
	nbdt_event_export(export, NBDT_EVENT_SET);
	nbdt_export_put(export);
	return 0;
}

/*
 * Nothing reads or writes the device any more.  Puts the reference that
 * publishing gave.
 */
static void export_close(struct nbdt_export *export)
{
	nbdt_bitmaps_give_back(&export->disk.content.bitmaps);
	nbdt_disk_close(&export->disk);
	/* Nothing can queue it any more. */
	flush_work(&export->dead_work);
	nbdt_event_export(export, NBDT_EVENT_DEL);
	nbdt_awake_end();
	/*
	 * Before anybody sees that it is closed, and wants the module to go; its
	 * end waits for this worker.
	 */
	module_put(THIS_MODULE);
	mutex_lock(&exports_mutex);
	hlist_del(&export->by_name);
	WRITE_ONCE(nr_closing, nr_closing - 1);
	mutex_unlock(&exports_mutex);
	nbdt_export_put(export);
}

static void close_work(struct work_struct *work)
{
	struct nbdt_export *export = container_of(to_delayed_work(work),
						  struct nbdt_export, close_work);
	unsigned int noio = memalloc_noio_save();

	/* There are only so many workers: those whose device hangs take turns. */
	if (!nbdt_origins_wait_timeout(&export->origins, CLOSE_TURN)) {
		queue_delayed_work(nbdt_close_wq, &export->close_work, CLOSE_PAUSE);
	} else {
		wait_var_event(&export->reopening, !READ_ONCE(export->reopening));
		/* It is killable, which doesn't happen to a worker. */
		wait_for_io(export);
		export_close(export);
	}
	memalloc_noio_restore(noio);
}

/* From now on nobody finds it, nobody attaches, and it comes to its end. */
static void begin_removal(struct nbdt_export *export)
{
	lockdep_assert_held(&exports_mutex);
	if (export->removed)
		return;
	WRITE_ONCE(export->removed, true);
	export->disk.content.closing = true;
	xa_erase(&exports, export->id);
	hash_del(&export->by_name);
	if (default_export == export)
		WRITE_ONCE(default_export, NULL);
	WRITE_ONCE(nr_exports, nr_exports - 1);
	generation++;
	hlist_add_head(&export->by_name, &closing);
	WRITE_ONCE(nr_closing, nr_closing + 1);
	kill_clients(export, "export was removed");
	INIT_DELAYED_WORK(&export->close_work, close_work);
	queue_delayed_work(nbdt_close_wq, &export->close_work, 0);
}

static int check_removable(const struct nbdt_export *export, bool force,
			   struct netlink_ext_ack *extack)
{
	u32 clients = export->origins.nr;

	if (clients && !force && !export->removed) {
		nbdt_set_err_msg(extack,
				 "export '%.32s' is in use by %u client%s",
				 export->name, clients, clients == 1 ? "" : "s");
		return -EBUSY;
	}
	return 0;
}

/**
 * nbdt_export_remove - remove an export; its device is closed later
 * @name: terminated; also of one that was removed, until that is closed
 * @force: disconnect its clients
 * @id: set to the number of the export, which nbdt_export_get_closing() knows
 *	until the device is closed
 * @extack: told why not
 *
 * Return: 0; -ENOENT; -EBUSY when there are clients and @force isn't set.
 */
int nbdt_export_remove(const char *name, bool force, u32 *id,
		       struct netlink_ext_ack *extack)
{
	struct nbdt_export *export;
	int err;

	mutex_lock(&exports_mutex);
	export = find_to_end(name, extack);
	err = export ? 0 : -ENOENT;
	if (!err)
		err = check_removable(export, force, extack);
	if (!err) {
		*id = export->id;
		begin_removal(export);
	}
	mutex_unlock(&exports_mutex);
	return err;
}

/**
 * nbdt_export_remove_all - remove all exports
 * @force: disconnect their clients
 * @extack: told why not
 *
 * Return: 0; -EBUSY when any has clients and @force isn't set: none is removed.
 */
int nbdt_export_remove_all(bool force, struct netlink_ext_ack *extack)
{
	struct nbdt_export *export;
	unsigned long index;
	int err = 0;

	mutex_lock(&exports_mutex);
	xa_for_each(&exports, index, export)
		err = err ?: check_removable(export, force, extack);
	if (!err) {
		xa_for_each(&exports, index, export)
			begin_removal(export);
	}
	mutex_unlock(&exports_mutex);
	return err;
}

/* Nobody adds any more, nobody has a reference, and none is left. */
void nbdt_export_exit(void)
{
	cancel_delayed_work_sync(&watch_work);
	/* The last of those that close. */
	flush_workqueue(nbdt_close_wq);
	flush_work(&free_all);
	xa_destroy(&exports);
}
