/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_EXPORT_H
#define NBDT_EXPORT_H

#include <linux/atomic.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>

#include "base/proto.h"
#include "block/disk.h"
#include "block/origin.h"

struct nbdt_access;
struct nbdt_place;
struct netlink_ext_ack;

/*
 * A block device under a name.
 */
struct nbdt_export {
	/* Read-only while the export exists. */
	u32 id;
	char *name;			/* terminated; NAME_LEN without */
	u32 name_len;
	bool zeroed;			/* as was said when it was added */
	char *bitmap_export;		/* of which it shows... */
	char *bitmap;			/* ...this bitmap; or NULL */

	/*
	 * Size and transmission flags, for new connections: guarded by
	 * exports_mutex of export.c.  Connections keep what they were told.
	 */
	struct nbdt_cmd_limits limits;

	/* Guarded by exports_mutex of export.c; so is disk.content.closing. */
	struct hlist_node by_name;	/* or on the list of those that close */
	char *description;		/* terminated, or NULL */
	struct nbdt_place *places;	/* of the listeners to come by... */
	u32 nr_places;			/* ...0 for all */
	u32 max_connections;		/* 0: no limit of its own */
	bool tls_required;		/* may be read without */
	struct nbdt_access *access;	/* guarded by access.c */
	const char *dead;		/* why the device is gone: no new clients; or NULL */
	const char *lost;		/* why it isn't what it was, when last looked at */
	bool reopening;			/* somebody sees to that */
	bool removed;			/* it will be closed, for good */
	u32 on_return;			/* NBDTARGET_ON_RETURN_*; may be read without */
	int return_err;			/* why it didn't get its device back */
	u32 sizeless;			/* that may be its device, but have no size yet */
	u32 state;			/* NBDTARGET_EXPORT_STATE_*, as it was told */

	struct nbdt_disk disk;
	struct nbdt_origins origins;	/* attached connections; own lock */
	struct mutex coming;		/* who is becoming one; before exports_mutex */

	bool storing;			/* a checkpoint; guarded by checkpoint.c */

	struct work_struct dead_work;	/* the device went away */
	struct delayed_work close_work;	/* removal, as far as it waits */
	struct llist_node grave;	/* after the last reference */
	atomic_t device_users;		/* besides connections and the scan */
	struct kref ref;
};

/* What it takes to make one. */
struct nbdt_export_config {
	const char *name;
	const char *device;
	struct nbdt_node node;		/* at that path */
	const char *description;	/* or NULL */
	bool read_only;
	bool is_default;
	bool allocation_depth;
	bool zeroed;			/* the device is known to be all zero */
	bool map_off;			/* nothing is to be known from a map */
	bool shared;			/* others write where we can't see it */
	bool tls_required;
	bool deny;			/* nobody, until there are rules */
	u32 map_granule;		/* bytes; 0: the map's choice */
	u32 max_connections;
	u32 on_return;			/* NBDTARGET_ON_RETURN_* */
	const char *bitmap_export;	/* of which to show... */
	const char *bitmap;		/* ...this bitmap; or NULL */
	const struct nbdt_place *places;
	u32 nr_places;
	/* Without a path: none; its functions are for export.c to set. */
	struct nbdt_metadata_config metadata;
};

/* What to change of one. */
struct nbdt_export_change {
	const char *description;	/* NULL: as it was */
	bool set_max_connections;
	u32 max_connections;
	bool set_default;
	bool is_default;
	bool set_tls_required;
	bool tls_required;
	bool reopen;
	struct nbdt_node node;		/* at its path now, with that */
	bool set_on_return;
	u32 on_return;
	bool set_places;
	const struct nbdt_place *places;
	u32 nr_places;
};

int nbdt_export_add(const struct nbdt_export_config *config,
		    struct netlink_ext_ack *extack);
int nbdt_export_set(const char *name, const struct nbdt_export_change *change,
		    struct netlink_ext_ack *extack);
int nbdt_export_set_access(const char *name, struct nbdt_access *access,
			   struct netlink_ext_ack *extack);
int nbdt_export_remove(const char *name, bool force, u32 *id,
		       struct netlink_ext_ack *extack);
void nbdt_export_exit(void);
int nbdt_export_remove_all(bool force, struct netlink_ext_ack *extack);

struct nbdt_export *nbdt_export_get(const char *name, size_t len);
struct nbdt_export *nbdt_export_get_from(u32 id);
struct nbdt_export *nbdt_export_get_to_end(const char *name,
					   struct netlink_ext_ack *extack);
struct nbdt_export *nbdt_export_get_closing(u32 id);
void nbdt_export_put(struct nbdt_export *export);
bool nbdt_export_is_default(const struct nbdt_export *export);
char *nbdt_export_description(struct nbdt_export *export);
int nbdt_export_limits(struct nbdt_export *export,
		       struct nbdt_cmd_limits *limits);
bool nbdt_export_is_bound_to(struct nbdt_export *export,
			     const struct nbdt_place *place);
int nbdt_export_places(struct nbdt_export *export, struct nbdt_place **places);
u32 nbdt_export_state(struct nbdt_export *export);
u32 nbdt_export_count(void);
u32 nbdt_export_closing_count(void);
u32 nbdt_export_generation(void);

int nbdt_export_attach(struct nbdt_export *export, struct nbdt_origin *origin,
		       bool has_room);
void nbdt_export_detach(struct nbdt_export *export, struct nbdt_origin *origin);
int nbdt_export_hire(struct nbdt_export *export);
bool nbdt_export_device_get(struct nbdt_export *export);
void nbdt_export_device_put(struct nbdt_export *export);
int nbdt_export_load_map(struct nbdt_export *export, u64 offset,
			 const void *data, unsigned int len,
			 struct netlink_ext_ack *extack);
void nbdt_export_tick(void);
void nbdt_export_look(void);
void nbdt_export_arrived(dev_t dev);
void nbdt_export_search(void (*found)(dev_t dev));

#endif /* NBDT_EXPORT_H */
