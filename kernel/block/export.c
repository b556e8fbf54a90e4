// SPDX-License-Identifier: GPL-2.0
/*
 * Exports: block devices under names.
 *
 * The configuration (which exports there are, what they are called, who may
 * attach) is guarded by exports_mutex; it is never held while waiting
 * for a client or for I/O.  Nothing of it is looked at on the way of I/O.
 *
 * Three things end independently.  The name: gone from lookup as soon as
 * removal begins.  The device: closed by the remover when the last connection
 * has detached, which it does only without I/O in flight.  The memory: freed
 * with the last reference, as somebody may still be telling a client about
 * the export.
 */
#include <linux/blkdev.h>
#include <linux/file.h>
#include <linux/hashtable.h>
#include <linux/jhash.h>
#include <linux/log2.h>
#include <linux/mutex.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/wait_bit.h>
#include <linux/xarray.h>

#include "base/access.h"
#include "compat/compat.h"
#include "session/conn.h"
#include "block/dispatch.h"
#include "block/export.h"
#include "content/map.h"
#include "base/event.h"
#include "block/slow.h"
#include "session/trace.h"
#include "nbdtarget.h"

/* SZ3: what clients take best when the device has no opinion. */
#define PREFERRED_BLOCK_MIN	SZ_4K
/* A device may ask for more (a RAID's stripe), within reason. */
#define PREFERRED_BLOCK_MAX	SZ_1M
/* Sizes are multiples of this even on devices with smaller blocks (SZ5). */
#define SIZE_UNIT		512U
/* Largest logical block: one piece of memory has to hold it. */
#define BLOCK_MAX		SZ_64K
/* So long after the last partial write, whole ones need no locks again. */
#define CAREFUL_TIME		(10 * HZ)

/* Why a connection ended. */
#define DEVICE_REMOVED		"device was removed"

/* Guards what follows, and the fields of exports that say so. */
static DEFINE_MUTEX(exports_mutex);
static DEFINE_XARRAY_ALLOC1(exports);		/* by id */
static DEFINE_HASHTABLE(exports_by_name, 8);
static struct nbdt_export *default_export;
static u32 next_id;
static u32 nr_exports;
static u32 generation;

u32 nbdt_export_count(void)
{
	return READ_ONCE(nr_exports);
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

static void export_free(struct nbdt_export *export)
{
	nbdt_bitmaps_exit(&export->bitmaps);
	nbdt_map_destroy(export->map);
	nbdt_access_put(export->access);
	kfree(export->description);
	kfree(export->device);
	kfree(export->name);
	kfree(export);
}

static void export_release(struct kref *ref)
{
	struct nbdt_export *export = container_of(ref, struct nbdt_export, ref);

	nbdt_gate_exit(&export->gate);
	destroy_workqueue(export->slow_wq);
	export_free(export);
}

void nbdt_export_put(struct nbdt_export *export)
{
	kref_put(&export->ref, export_release);
}

bool nbdt_export_is_default(const struct nbdt_export *export)
{
	return READ_ONCE(default_export) == export;
}

/* A copy of the description, for kfree(); NULL when there is none. */
char *nbdt_export_description(struct nbdt_export *export)
{
	char *description;

	mutex_lock(&exports_mutex);
	description = kstrdup(export->description, GFP_KERNEL);
	mutex_unlock(&exports_mutex);
	return description;
}

/* The sum over connections past and present. */
void nbdt_export_stats(struct nbdt_export *export, struct nbdt_stats *sum)
{
	struct nbdt_conn *conn;

	memset(sum, 0, sizeof(*sum));
	spin_lock(&export->conns_lock);
	nbdt_stats_add(sum, &export->past);
	list_for_each_entry(conn, &export->conns, export_node)
		nbdt_stats_add(sum, &conn->stats);
	spin_unlock(&export->conns_lock);
}

/* --- The device --- */

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
	if (bdev_rot(export->bdev))
		flags |= NBDT_FLAG_ROTATIONAL;
	if (export->read_only)
		flags |= NBDT_FLAG_READ_ONLY;
	else
		flags |= NBDT_FLAG_SEND_TRIM | NBDT_FLAG_SEND_WRITE_ZEROES |
			 NBDT_FLAG_SEND_FAST_ZERO;
	return flags;
}

/* As long as nobody is attached, size and flags follow the device. */
static void refresh_limits(struct nbdt_export *export)
{
	lockdep_assert_held(&exports_mutex);
	if (export->nr_conns || export->removing || export->dead)
		return;
	export->limits.size = round_down(bdev_nr_bytes(export->bdev),
					 max(SIZE_UNIT, export->block));
	export->limits.max_payload = NBDT_MAX_PAYLOAD;
	export->limits.flags = transmission_flags(export);
}

void nbdt_export_limits(struct nbdt_export *export,
			struct nbdt_cmd_limits *limits)
{
	mutex_lock(&exports_mutex);
	refresh_limits(export);
	*limits = export->limits;
	mutex_unlock(&exports_mutex);
}

static u32 preferred_block(struct block_device *bdev)
{
	u32 size = max3((u32)PREFERRED_BLOCK_MIN,
			(u32)bdev_physical_block_size(bdev),
			(u32)bdev_io_opt(bdev));

	return min_t(u32, rounddown_pow_of_two(size), PREFERRED_BLOCK_MAX);
}

static int device_error(const char *device, int err,
			struct netlink_ext_ack *extack)
{
	switch (err) {
	case -ENOENT:
	case -ENOTDIR:
		nbdt_set_err_msg(extack, "device '%.40s' does not exist",
				 device);
		break;
	case -ENOTBLK:
		nbdt_set_err_msg(extack, "'%.40s' is not a block device",
				 device);
		break;
	case -EBUSY:
		nbdt_set_err_msg(extack,
				 "device '%.40s' is mounted or otherwise in use",
				 device);
		break;
	case -EROFS:
		nbdt_set_err_msg(extack,
				 "device '%.40s' is read-only; so must be the export",
				 device);
		break;
	default:
		nbdt_set_err_msg(extack, "device '%.40s' can't be opened",
				 device);
	}
	return err;
}

/*
 * The device is going away for good.  Called with the holder lock of the
 * device, which keeps the export from closing it, and has to drop it.
 */
static void device_dead(struct block_device *bdev, bool surprise)
{
	struct nbdt_export *export = nbdt_compat_holder(bdev);

	kref_get(&export->ref);
	/* Not the last reference, as the device isn't closed yet. */
	if (!queue_work(nbdt_control_wq, &export->dead_work))
		nbdt_export_put(export);
	nbdt_compat_holder_unlock(bdev);
}

static const struct blk_holder_ops holder_ops = {
	.mark_dead = device_dead,
};

static void dead_work(struct work_struct *work)
{
	struct nbdt_export *export = container_of(work, struct nbdt_export,
						  dead_work);

	mutex_lock(&exports_mutex);
	export->dead = true;
	mutex_unlock(&exports_mutex);
	nbdt_export_kill_conns(export, DEVICE_REMOVED);
	nbdt_export_put(export);
}

/* Only a writer has to be alone with the device. */
static int open_device(struct nbdt_export *export)
{
	blk_mode_t mode = BLK_OPEN_READ;
	void *holder = NULL;
	dev_t dev;
	int err;

	/* Before opening what may be a tape or a watchdog. */
	err = lookup_bdev(export->device, &dev);
	if (err)
		return err;
	if (!export->read_only) {
		mode |= BLK_OPEN_WRITE;
		holder = export;
	}
	export->file = bdev_file_open_by_path(export->device, mode, holder,
					      holder ? &holder_ops : NULL);
	if (IS_ERR(export->file))
		return PTR_ERR(export->file);
	export->bdev = file_bdev(export->file);
	if (!export->read_only && bdev_read_only(export->bdev)) {
		bdev_fput(export->file);
		return -EROFS;
	}
	return 0;
}

static int check_device(struct nbdt_export *export,
			struct netlink_ext_ack *extack)
{
	struct block_device *bdev = export->bdev;

	export->device_id = MAJOR(bdev->bd_dev) << MINORBITS |
			    MINOR(bdev->bd_dev);
	export->block = bdev_logical_block_size(bdev);
	if (export->block > BLOCK_MAX) {
		nbdt_set_err_msg(extack,
				 "device '%.40s' has blocks above 64 KiB",
				 export->device);
		return -EINVAL;
	}
	if (bdev_is_zoned(bdev) && !export->read_only) {
		nbdt_set_err_msg(extack,
				 "device '%.40s' is zoned and can't be written at will",
				 export->device);
		return -EINVAL;
	}
	if (bdev_nr_bytes(bdev) < max(SIZE_UNIT, export->block)) {
		nbdt_set_err_msg(extack, "device '%.40s' is too small",
				 export->device);
		return -EINVAL;
	}
	export->min_block = 1;
	export->preferred_block = preferred_block(bdev);
	return 0;
}

static int check_granule(const struct nbdt_export *export, u32 granule,
			 struct netlink_ext_ack *extack)
{
	u32 least = nbdt_map_least_granule(bdev_nr_bytes(export->bdev));

	if (!is_power_of_2(granule)) {
		nbdt_set_err_msg(extack,
				 "the map's granularity is no power of two");
		return -EINVAL;
	}
	if (granule < export->block) {
		nbdt_set_err_msg(extack,
				 "the map's granularity is below the blocks of '%.40s'",
				 export->device);
		return -EINVAL;
	}
	if (granule < least) {
		nbdt_set_err_msg(extack,
				 "the map would be too large: its granularity has to be %u KiB or more",
				 least >> 10);
		return -EINVAL;
	}
	return 0;
}

/* What is never written learns nothing, but by being told or by a scan. */
static int create_map(struct nbdt_export *export,
		      const struct nbdt_export_config *config,
		      struct netlink_ext_ack *extack)
{
	u32 granule = config->map_granule;
	int err;

	if (granule) {
		err = check_granule(export, granule, extack);
		if (err)
			return err;
	}
	export->map = nbdt_map_create(bdev_nr_bytes(export->bdev), granule);
	if (!export->map)
		return -ENOMEM;
	if (export->read_only && !config->zeroed)
		return 0;
	err = nbdt_map_fill(export->map);
	if (!err && config->zeroed)
		nbdt_map_fill_zero(export->map);
	return err;
}

/* The bitmap of another export that goes with this one. */
static int borrow_bitmap(struct nbdt_export *export,
			 const struct nbdt_export_config *config,
			 struct netlink_ext_ack *extack)
{
	const char *name = config->bitmap_export;
	struct nbdt_export *from;
	int err;

	if (!config->bitmap)
		return 0;
	if (!export->read_only) {
		nbdt_set_err_msg(extack,
				 "only a read-only export shows another's bitmap");
		return -EINVAL;
	}
	from = nbdt_export_get(name, strlen(name));
	if (!from) {
		nbdt_set_err_msg(extack, "there is no export '%.32s'", name);
		return -ENOENT;
	}
	err = nbdt_bitmaps_borrow(export, from, config->bitmap, extack);
	nbdt_export_put(from);
	return err;
}

/* --- Being careful about partial blocks; see dispatch.c --- */

/* The gate is shut, and nobody inside. */
static void change_careful(struct nbdt_gate_visit *visit)
{
	struct nbdt_export *export = container_of(visit, struct nbdt_export,
						  careful_visit);

	export->careful = READ_ONCE(export->want_careful);
	nbdt_gate_open(&export->gate, visit);
}

/* What was turned away is tried again. */
static void gate_opened(struct nbdt_gate *gate)
{
	struct nbdt_export *export = container_of(gate, struct nbdt_export,
						  gate);
	struct nbdt_conn *conn;

	nbdt_dispatch_resume(export);
	spin_lock(&export->conns_lock);
	list_for_each_entry(conn, &export->conns, export_node)
		nbdt_conn_resume(conn);
	spin_unlock(&export->conns_lock);
}

/* Connections are resumed when it is so. */
void nbdt_export_be_careful(struct nbdt_export *export)
{
	WRITE_ONCE(export->last_unaligned, jiffies);
	WRITE_ONCE(export->want_careful, true);
	nbdt_gate_shut(&export->gate, &export->careful_visit);
}

static void relax(struct nbdt_export *export)
{
	if (!READ_ONCE(export->careful) ||
	    time_before(jiffies, READ_ONCE(export->last_unaligned) +
				 CAREFUL_TIME))
		return;
	WRITE_ONCE(export->want_careful, false);
	nbdt_gate_shut(&export->gate, &export->careful_visit);
}

/*
 * Where nobody tells of a device's end, it is looked for: who only reads
 * doesn't hold the device, and kernels before 6.5 tell no holder.
 */
static void check_alive(struct nbdt_export *export)
{
	lockdep_assert_held(&exports_mutex);
	/* One that is being removed may have closed its device. */
	if (export->dead || export->removing ||
	    disk_live(export->bdev->bd_disk))
		return;
	export->dead = true;
	nbdt_export_kill_conns(export, DEVICE_REMOVED);
}

/* Housekeeping, about once a second while there are connections. */
void nbdt_export_tick(void)
{
	struct nbdt_export *export;
	unsigned long index;

	mutex_lock(&exports_mutex);
	xa_for_each(&exports, index, export) {
		relax(export);
		/* Of clients that are gone: theirs needn't wait any longer. */
		if (nbdt_gate_is_shut(&export->gate))
			nbdt_dispatch_resume(export);
		check_alive(export);
	}
	mutex_unlock(&exports_mutex);
}

/* --- Connections --- */

/**
 * nbdt_export_attach - become a client of an export
 * @export: the caller has a reference; the connection takes its own
 * @conn: in negotiation
 *
 * Return: 0; -EUSERS when there are as many clients as there may be;
 * -ESHUTDOWN when the export is being removed, or its device was.
 */
int nbdt_export_attach(struct nbdt_export *export, struct nbdt_conn *conn)
{
	int err = 0;

	mutex_lock(&exports_mutex);
	check_alive(export);
	if (export->removing || export->dead) {
		err = -ESHUTDOWN;
	} else if (export->max_connections &&
		   export->nr_conns >= export->max_connections) {
		err = -EUSERS;
	} else {
		refresh_limits(export);
		kref_get(&export->ref);
		spin_lock(&export->conns_lock);
		list_add_tail(&conn->export_node, &export->conns);
		export->nr_conns++;
		spin_unlock(&export->conns_lock);
		nbdt_conn_set_export(conn, export);
	}
	mutex_unlock(&exports_mutex);
	return err;
}

/* The connection's thread is done with it, and has nothing in flight. */
void nbdt_export_detach(struct nbdt_export *export, struct nbdt_conn *conn)
{
	nbdt_conn_set_export(conn, NULL);
	spin_lock(&export->conns_lock);
	list_del(&conn->export_node);
	nbdt_stats_add(&export->past, &conn->stats);
	WRITE_ONCE(export->nr_conns, export->nr_conns - 1);
	spin_unlock(&export->conns_lock);
	/* Who waits is looked for after the count has changed. */
	smp_mb();
	wake_up_var(&export->nr_conns);
	nbdt_export_put(export);
}

void nbdt_export_kill_conns(struct nbdt_export *export, const char *reason)
{
	struct nbdt_conn *conn;

	spin_lock(&export->conns_lock);
	list_for_each_entry(conn, &export->conns, export_node)
		nbdt_conn_kill(conn, reason);
	spin_unlock(&export->conns_lock);
	/* What waits for the gate is over now; it may be shut for long. */
	smp_mb();
	nbdt_dispatch_resume(export);
}

static bool has_clients(struct nbdt_export *export)
{
	bool has;

	/* With all that the last one did to the map. */
	spin_lock(&export->conns_lock);
	has = export->nr_conns;
	spin_unlock(&export->conns_lock);
	return has;
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
	int err;

	err = nbdt_map_fill(export->map);
	if (err)
		return err;
	/* Nobody becomes a client meanwhile. */
	mutex_lock(&exports_mutex);
	if (has_clients(export)) {
		nbdt_set_err_msg(extack, "'%.24s' has clients", export->name);
		err = -EBUSY;
	} else if (READ_ONCE(export->bitmaps.written)) {
		nbdt_set_err_msg(extack, "'%.24s' was written to before",
				 export->name);
		err = -EBUSY;
	} else if (!nbdt_map_load(export->map, offset, data, len)) {
		nbdt_set_err_msg(extack, "the map of '%.24s' has no such part",
				 export->name);
		err = -EINVAL;
	}
	mutex_unlock(&exports_mutex);
	return err;
}

/* Keep the device open; false when it is being closed. */
bool nbdt_export_device_get(struct nbdt_export *export)
{
	bool open;

	mutex_lock(&exports_mutex);
	open = !export->removing;
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

/* --- Adding, changing, removing --- */

static struct nbdt_export *
export_create(const struct nbdt_export_config *config)
{
	struct nbdt_export *export;

	export = kzalloc(sizeof(*export), GFP_KERNEL);
	if (!export)
		return NULL;
	export->name = kstrdup(config->name, GFP_KERNEL);
	export->device = kstrdup(config->device, GFP_KERNEL);
	export->description = kstrdup(config->description, GFP_KERNEL);
	if (!export->name || !export->device ||
	    (config->description && !export->description) ||
	    nbdt_access_create_default(config->deny, &export->access))
		goto err_free;
	export->name_len = strlen(config->name);
	export->read_only = config->read_only;
	export->allocation_depth = config->allocation_depth;
	nbdt_scan_init(&export->scan);
	nbdt_bitmaps_init(&export->bitmaps);
	export->max_connections = config->max_connections;
	export->tls_required = config->tls_required;
	spin_lock_init(&export->conns_lock);
	INIT_LIST_HEAD(&export->conns);
	nbdt_ranges_init(&export->ranges);
	init_llist_head(&export->aside);
	INIT_WORK(&export->dead_work, dead_work);
	kref_init(&export->ref);
	export->slow_wq = alloc_workqueue("nbdt_slow",
					  WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!export->slow_wq)
		goto err_free;
	nbdt_gate_visit_init(&export->careful_visit, change_careful);
	if (nbdt_gate_init(&export->gate, gate_opened))
		goto err_queue;
	return export;

err_queue:
	destroy_workqueue(export->slow_wq);
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

	mutex_lock(&exports_mutex);
	if (find_locked(export->name, export->name_len)) {
		nbdt_set_err_msg(extack, "export '%.32s' already exists",
				 export->name);
		err = -EEXIST;
	} else if (is_default) {
		err = check_default(export->name, extack);
	}
	if (!err)
		err = xa_alloc_cyclic(&exports, &export->id, export,
				      xa_limit_32b, &next_id, GFP_KERNEL);
	if (err < 0)
		goto out;
	err = 0;
	hash_add(exports_by_name, &export->by_name,
		 hash_name(export->name, export->name_len));
	if (is_default)
		WRITE_ONCE(default_export, export);
	refresh_limits(export);
	nr_exports++;
	generation++;
	/* For the announcement, which comes after the lock. */
	kref_get(&export->ref);
out:
	mutex_unlock(&exports_mutex);
	return err;
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
	struct nbdt_export *export;
	int err;

	err = check_free_name(config->name, extack);
	if (err)
		return err;
	export = export_create(config);
	if (!export)
		return -ENOMEM;
	err = open_device(export);
	if (err) {
		device_error(config->device, err, extack);
		goto err_put;
	}
	err = check_device(export, extack);
	if (err)
		goto err_close;
	err = create_map(export, config, extack);
	if (err)
		goto err_close;
	err = borrow_bitmap(export, config, extack);
	if (err)
		goto err_close;
	err = publish(export, config->is_default, extack);
	if (err)
		goto err_close;
	nbdt_event_export(export, NBDT_EVENT_ADD);
	nbdt_export_put(export);
	return 0;

err_close:
	bdev_fput(export->file);
err_put:
	nbdt_export_put(export);
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

/**
 * nbdt_export_set - change an export
 * @name: terminated
 * @change: what to change
 * @extack: told why not
 *
 * Return: 0; -ENOENT; -EEXIST when another is the default by its name;
 * -ENOMEM.  Nothing is changed then.
 */
int nbdt_export_set(const char *name, const struct nbdt_export_change *change,
		    struct netlink_ext_ack *extack)
{
	struct nbdt_export *export;
	char *description = NULL;
	int err;

	if (change->description) {
		description = kstrdup(change->description, GFP_KERNEL);
		if (!description)
			return -ENOMEM;
	}

	mutex_lock(&exports_mutex);
	export = find_or_tell(name, extack);
	err = export ? 0 : -ENOENT;
	if (!err && change->set_default)
		err = change_default(export, change->is_default, extack);
	if (err)
		goto out_unlock;
	if (description)
		swap(export->description, description);
	if (change->set_max_connections)
		export->max_connections = change->max_connections;
	if (change->set_tls_required)
		WRITE_ONCE(export->tls_required, change->tls_required);
	refresh_limits(export);
	generation++;
	kref_get(&export->ref);
out_unlock:
	mutex_unlock(&exports_mutex);
	kfree(description);
	if (err)
		return err;
	nbdt_event_export(export, NBDT_EVENT_SET);
	nbdt_export_put(export);
	return 0;
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
	if (export)
		nbdt_access_replace(&export->access, access);
	mutex_unlock(&exports_mutex);
	return export ? 0 : -ENOENT;
}

/* From now on nobody finds it, and nobody attaches. */
static void unpublish(struct nbdt_export *export)
{
	lockdep_assert_held(&exports_mutex);
	export->removing = true;
	xa_erase(&exports, export->id);
	hash_del(&export->by_name);
	if (default_export == export)
		WRITE_ONCE(default_export, NULL);
	nr_exports--;
	generation++;
}

/*
 * Nothing reads or writes the device any more.  Puts the reference that
 * publishing gave.
 */
static void export_close(struct nbdt_export *export)
{
	nbdt_bitmaps_give_back(&export->bitmaps);
	bdev_fput(export->file);
	/* Nothing can queue it any more. */
	flush_work(&export->dead_work);
	nbdt_event_export(export, NBDT_EVENT_DEL);
	nbdt_export_put(export);
}

/* Connections detach, and scans end, when they have no I/O in flight. */
static int wait_for_io(struct nbdt_export *export)
{
	int err;

	err = wait_var_event_killable(&export->nr_conns,
				      !READ_ONCE(export->nr_conns));
	if (err)
		return err;
	err = nbdt_scan_stop(export);
	if (err && err != -ENOENT)
		return err;
	return wait_var_event_killable(&export->device_users,
				       !atomic_read(&export->device_users));
}

static void close_work(struct work_struct *work)
{
	struct nbdt_export *export = container_of(work, struct nbdt_export,
						  close_work);

	wait_for_io(export);
	export_close(export);
}

/*
 * Unpublished.  Whoever waits for a device that hangs and is killed leaves the
 * rest to a worker.
 */
static int export_destroy(struct nbdt_export *export)
{
	int err;

	nbdt_export_kill_conns(export, "export was removed");
	err = wait_for_io(export);
	if (!err) {
		export_close(export);
		return 0;
	}
	INIT_WORK(&export->close_work, close_work);
	queue_work(nbdt_control_wq, &export->close_work);
	return err;
}

/**
 * nbdt_export_remove - remove an export and close its device
 * @name: terminated
 * @force: disconnect its clients
 * @extack: told why not
 *
 * Return: 0 when the device is closed; -ENOENT; -EBUSY when there are clients
 * and @force isn't set; -ERESTARTSYS when the caller was killed: it will be
 * closed.
 */
int nbdt_export_remove(const char *name, bool force,
		       struct netlink_ext_ack *extack)
{
	struct nbdt_export *export;
	int err = 0;

	mutex_lock(&exports_mutex);
	export = find_or_tell(name, extack);
	if (!export) {
		err = -ENOENT;
	} else if (export->nr_conns && !force) {
		nbdt_set_err_msg(extack, "export '%.32s' is in use by %u client%s",
				 name, export->nr_conns,
				 export->nr_conns == 1 ? "" : "s");
		err = -EBUSY;
	} else {
		unpublish(export);
	}
	mutex_unlock(&exports_mutex);
	return err ?: export_destroy(export);
}

/* For the end of the module. */
void nbdt_export_remove_all(void)
{
	struct nbdt_export *export;
	unsigned long index = 0;

	for (;;) {
		mutex_lock(&exports_mutex);
		export = xa_find(&exports, &index, ULONG_MAX, XA_PRESENT);
		if (export)
			unpublish(export);
		mutex_unlock(&exports_mutex);
		if (!export)
			break;
		export_destroy(export);
	}
	xa_destroy(&exports);
}
