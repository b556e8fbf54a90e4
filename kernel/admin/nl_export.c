// SPDX-License-Identifier: GPL-2.0
/* Exports, to the administrator. */
#include <linux/blkdev.h>
#include <linux/kdev_t.h>
#include <net/genetlink.h>

#include "admin/nl.h"
#include "admin/nl_export.h"
#include "admin/nl_job.h"
#include "admin/nl_place.h"
#include "base/place.h"
#include "block/export.h"
#include "compat/compat.h"
#include "content/map.h"
#include "content/metadata.h"
#include "content/scan.h"
#include "nbdtarget.h"

/* Not const, as struct nla_policy wants it before 6.7. */
static struct netlink_range_validation granularity_range = {
	.min = NBDT_MAP_GRANULE_MIN,
	.max = NBDT_MAP_GRANULE_MAX,
};

/* What each attribute has to look like, in whichever command. */
#define EXPORT_NAME_POLICY						\
	[NBDTARGET_A_EXPORT_NAME] = {					\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define EXPORT_DEVICE_POLICY						\
	[NBDTARGET_A_EXPORT_DEVICE] = {					\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_DEVICE,				\
	}
#define EXPORT_DEVICE_ID_POLICY						\
	[NBDTARGET_A_EXPORT_DEVICE_ID] = { .type = NLA_U32 }
#define EXPORT_DESCRIPTION_POLICY					\
	[NBDTARGET_A_EXPORT_DESCRIPTION] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define EXPORT_READ_ONLY_POLICY						\
	[NBDTARGET_A_EXPORT_READ_ONLY] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_DEFAULT_POLICY						\
	[NBDTARGET_A_EXPORT_DEFAULT] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_MAX_CONNECTIONS_POLICY					\
	[NBDTARGET_A_EXPORT_MAX_CONNECTIONS] = { .type = NLA_U32 }
#define EXPORT_ALLOCATION_DEPTH_POLICY					\
	[NBDTARGET_A_EXPORT_ALLOCATION_DEPTH] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_ZEROED_POLICY						\
	[NBDTARGET_A_EXPORT_ZEROED] = { .type = NLA_FLAG }
#define EXPORT_MAP_GRANULARITY_POLICY					\
	[NBDTARGET_A_EXPORT_MAP_GRANULARITY] =				\
		NLA_POLICY_FULL_RANGE(NLA_U32, &granularity_range)
#define EXPORT_SCAN_RATE_POLICY						\
	[NBDTARGET_A_EXPORT_SCAN_RATE] = NLA_POLICY_MIN(NLA_U64, 1)
#define EXPORT_SCAN_STOP_POLICY						\
	[NBDTARGET_A_EXPORT_SCAN_STOP] = { .type = NLA_FLAG }
#define EXPORT_BITMAP_EXPORT_POLICY					\
	[NBDTARGET_A_EXPORT_BITMAP_EXPORT] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define EXPORT_BITMAP_NAME_POLICY					\
	[NBDTARGET_A_EXPORT_BITMAP_NAME] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BITMAP_NAME,			\
	}
#define EXPORT_FORCE_POLICY						\
	[NBDTARGET_A_EXPORT_FORCE] = { .type = NLA_FLAG }
#define EXPORT_TLS_REQUIRED_POLICY					\
	[NBDTARGET_A_EXPORT_TLS_REQUIRED] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_REOPEN_POLICY						\
	[NBDTARGET_A_EXPORT_REOPEN] = { .type = NLA_FLAG }
#define EXPORT_LISTENER_POLICY						\
	[NBDTARGET_A_EXPORT_LISTENER] =					\
		NLA_POLICY_NESTED(nbdt_nl_place_policy)
#define EXPORT_ALL_LISTENERS_POLICY					\
	[NBDTARGET_A_EXPORT_ALL_LISTENERS] = { .type = NLA_FLAG }
#define EXPORT_ACCESS_POLICY						\
	[NBDTARGET_A_EXPORT_ACCESS] =					\
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_ACCESS_DENY)

#define EXPORT_MAP_POLICY						\
	[NBDTARGET_A_EXPORT_MAP] =					\
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_MAP_OFF)
#define EXPORT_SHARED_POLICY						\
	[NBDTARGET_A_EXPORT_SHARED] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_ON_RETURN_POLICY						\
	[NBDTARGET_A_EXPORT_ON_RETURN] =				\
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_ON_RETURN_REOPEN)

#define EXPORT_METADATA_POLICY						\
	[NBDTARGET_A_EXPORT_METADATA] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_DEVICE,				\
	}
#define EXPORT_METADATA_IDENTITY_POLICY					\
	[NBDTARGET_A_EXPORT_METADATA_IDENTITY] = {			\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BITMAP_NAME,			\
	}
#define EXPORT_METADATA_CONTINUE_POLICY					\
	[NBDTARGET_A_EXPORT_METADATA_CONTINUE] = NLA_POLICY_MAX(NLA_U8, 1)
#define EXPORT_METADATA_ACCEPT_STALE_POLICY				\
	[NBDTARGET_A_EXPORT_METADATA_ACCEPT_STALE] = { .type = NLA_FLAG }
#define EXPORT_METADATA_GENERATION_POLICY				\
	[NBDTARGET_A_EXPORT_METADATA_GENERATION] = { .type = NLA_U64 }
#define EXPORT_METADATA_BOOT_POLICY					\
	[NBDTARGET_A_EXPORT_METADATA_BOOT] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BOOT,				\
	}

/* Which attributes each command takes; all others are refused. */
static const struct nla_policy
export_add_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	EXPORT_DEVICE_POLICY,
	EXPORT_DEVICE_ID_POLICY,
	EXPORT_DESCRIPTION_POLICY,
	EXPORT_READ_ONLY_POLICY,
	EXPORT_DEFAULT_POLICY,
	EXPORT_MAX_CONNECTIONS_POLICY,
	EXPORT_ALLOCATION_DEPTH_POLICY,
	EXPORT_ZEROED_POLICY,
	EXPORT_MAP_GRANULARITY_POLICY,
	EXPORT_BITMAP_EXPORT_POLICY,
	EXPORT_BITMAP_NAME_POLICY,
	EXPORT_TLS_REQUIRED_POLICY,
	EXPORT_ACCESS_POLICY,
	EXPORT_MAP_POLICY,
	EXPORT_SHARED_POLICY,
	EXPORT_LISTENER_POLICY,
	EXPORT_ON_RETURN_POLICY,
	EXPORT_METADATA_POLICY,
	EXPORT_METADATA_IDENTITY_POLICY,
	EXPORT_METADATA_CONTINUE_POLICY,
	EXPORT_METADATA_ACCEPT_STALE_POLICY,
	EXPORT_METADATA_GENERATION_POLICY,
	EXPORT_METADATA_BOOT_POLICY,
};

static const struct nla_policy
export_scan_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	EXPORT_SCAN_RATE_POLICY,
	EXPORT_SCAN_STOP_POLICY,
};

static const struct nla_policy
export_set_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	EXPORT_DESCRIPTION_POLICY,
	EXPORT_DEFAULT_POLICY,
	EXPORT_MAX_CONNECTIONS_POLICY,
	EXPORT_TLS_REQUIRED_POLICY,
	EXPORT_REOPEN_POLICY,
	EXPORT_LISTENER_POLICY,
	EXPORT_ALL_LISTENERS_POLICY,
	EXPORT_ON_RETURN_POLICY,
};

static const struct nla_policy
export_del_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	EXPORT_FORCE_POLICY,
};

static const struct nla_policy
map_forget_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
};

static const struct nla_policy
export_get_policy[NBDTARGET_A_EXPORT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	[NBDTARGET_A_EXPORT_ID] = NLA_POLICY_MIN(NLA_U32, 1),
};

static int put_export_device(struct sk_buff *skb, struct nbdt_export *export)
{
	const struct nbdt_disk *disk = &export->disk;
	struct nbdt_cmd_limits limits;

	nbdt_export_limits(export, &limits);
	if (nla_put_string(skb, NBDTARGET_A_EXPORT_DEVICE, disk->path) ||
	    nla_put_u8(skb, NBDTARGET_A_EXPORT_READ_ONLY,
		       disk->content.read_only) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_SIZE, limits.size,
			      NBDTARGET_A_EXPORT_PAD) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_LOGICAL_BLOCK,
			disk->content.block) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_MIN_BLOCK, disk->min_block) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_PREFERRED_BLOCK,
			disk->preferred_block) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_MAX_PAYLOAD,
			limits.max_payload) ||
	    nla_put_u16(skb, NBDTARGET_A_EXPORT_TRANSMISSION_FLAGS,
			limits.flags) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_DEVICE_ID, disk->device_id) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_STATE,
			READ_ONCE(export->state)))
		return -EMSGSIZE;
	return 0;
}

static int put_export_use(struct sk_buff *skb, struct nbdt_export *export)
{
	struct nbdt_stats stats;

	nbdt_origins_stats(&export->origins, &stats);
	if (nla_put_u8(skb, NBDTARGET_A_EXPORT_DEFAULT,
		       nbdt_export_is_default(export)) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_MAX_CONNECTIONS,
			READ_ONCE(export->max_connections)) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_CONNECTIONS,
			READ_ONCE(export->origins.nr)) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_ON_RETURN,
			READ_ONCE(export->on_return)) ||
	    nla_put_u8(skb, NBDTARGET_A_EXPORT_TLS_REQUIRED,
		       READ_ONCE(export->tls_required)) ||
	    nbdt_nl_put_stats(skb, NBDTARGET_A_EXPORT_STATS, &stats))
		return -EMSGSIZE;
	return 0;
}

static int put_export_description(struct sk_buff *skb,
				  struct nbdt_export *export)
{
	char *description = nbdt_export_description(export);
	int err = 0;

	if (IS_ERR(description))
		return PTR_ERR(description);
	if (description)
		err = nla_put_string(skb, NBDTARGET_A_EXPORT_DESCRIPTION,
				     description);
	kfree(description);
	return err;
}

/* What was said when it was added. */
static int put_export_origin(struct sk_buff *skb, struct nbdt_export *export)
{
	if ((export->zeroed && nla_put_flag(skb, NBDTARGET_A_EXPORT_ZEROED)) ||
	    (export->bitmap &&
	     (nla_put_string(skb, NBDTARGET_A_EXPORT_BITMAP_EXPORT,
			     export->bitmap_export) ||
	      nla_put_string(skb, NBDTARGET_A_EXPORT_BITMAP_NAME,
			     export->bitmap))))
		return -EMSGSIZE;
	return 0;
}

static int put_export_places(struct sk_buff *skb, struct nbdt_export *export)
{
	struct nbdt_place *places;
	int n = nbdt_export_places(export, &places), i;
	int err = min(n, 0);

	/* Never as if it were bound to none. */
	for (i = 0; i < n && !err; i++)
		err = nbdt_nl_put_place(skb, NBDTARGET_A_EXPORT_LISTENER,
					&places[i]);
	kfree(places);
	return err;
}

static u32 scan_state(const struct nbdt_scan *scan)
{
	if (READ_ONCE(scan->running))
		return NBDTARGET_SCAN_STATE_RUNNING;
	if (!READ_ONCE(scan->started))
		return NBDTARGET_SCAN_STATE_NONE;
	return READ_ONCE(scan->err) ? NBDTARGET_SCAN_STATE_STOPPED :
				      NBDTARGET_SCAN_STATE_COMPLETE;
}

/* Can what is known be told?  Not of a device that is being closed. */
static bool is_believed(struct nbdt_export *export)
{
	bool believed;

	if (!nbdt_export_device_get(export))
		return false;
	believed = nbdt_content_is_believed(&export->disk.content);
	nbdt_export_device_put(export);
	return believed;
}

/* How much is known to be zero, if it can be told. */
static int put_known(struct sk_buff *skb, struct nbdt_export *export,
		     bool believed)
{
	const int pad = NBDTARGET_A_EXPORT_PAD;
	u64 zero = 0, hole = 0;

	if (believed)
		nbdt_map_count(export->disk.content.map, &zero, &hole);
	if (nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_ZERO_BYTES, zero, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_HOLE_BYTES, hole, pad))
		return -EMSGSIZE;
	return 0;
}

/* What is known of where the device is zero, and how it came to be known. */
static int put_export_map(struct sk_buff *skb, struct nbdt_export *export)
{
	const int pad = NBDTARGET_A_EXPORT_PAD;
	const struct nbdt_content *content = &export->disk.content;
	const struct nbdt_scan *scan = &content->scan;
	const struct nbdt_map *map = content->map;
	bool believed = is_believed(export);

	if (nla_put_u8(skb, NBDTARGET_A_EXPORT_ALLOCATION_DEPTH,
		       content->allocation_depth) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_SCAN_STATE,
			scan_state(scan)) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_SCAN_DONE,
			      READ_ONCE(scan->done), pad) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_MAP,
			content->map_off ? NBDTARGET_MAP_OFF :
					   NBDTARGET_MAP_AUTO) ||
	    nla_put_u8(skb, NBDTARGET_A_EXPORT_SHARED, content->shared) ||
	    (!content->map_off &&
	     nla_put_u8(skb, NBDTARGET_A_EXPORT_MAP_BELIEVED, believed)))
		return -EMSGSIZE;
	if (!nbdt_map_bytes(map))
		return 0;
	if (nla_put_u32(skb, NBDTARGET_A_EXPORT_MAP_GRANULARITY,
			1U << map->shift) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_MAP_MEMORY,
			      nbdt_map_bytes(map), pad) ||
	    put_known(skb, export, believed))
		return -EMSGSIZE;
	return 0;
}

/* What there is to survive a crash. */
static int put_export_metadata(struct sk_buff *skb, struct nbdt_export *export)
{
	const int pad = NBDTARGET_A_EXPORT_PAD;
	struct nbdt_metadata_info info;

	if (!export->disk.content.metadata)
		return 0;
	nbdt_metadata_info(&export->disk.content, &info);
	if (nla_put_string(skb, NBDTARGET_A_EXPORT_METADATA, info.path) ||
	    nla_put_u8(skb, NBDTARGET_A_EXPORT_METADATA_CONTINUE,
		       info.go_on) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_METADATA_GENERATION,
			      info.generation, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_METADATA_BOUND,
			      info.reach, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_METADATA_WRITES,
			      info.writes, pad) ||
	    nla_put_u32(skb, NBDTARGET_A_EXPORT_METADATA_DEVICE_ID,
			nbdt_device_id(info.dev)) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_EXPORT_METADATA_SIZE, info.size,
			      pad) ||
	    (info.err && nla_put_u32(skb, NBDTARGET_A_EXPORT_METADATA_ERROR,
				     -info.err)))
		return -EMSGSIZE;
	return 0;
}

static int put_export(struct sk_buff *skb, struct nbdt_export *export, u8 cmd)
{
	if (nla_put_u32(skb, NBDTARGET_A_EXPORT_ID, export->id) ||
	    nla_put_string(skb, NBDTARGET_A_EXPORT_NAME, export->name))
		return -EMSGSIZE;
	if (cmd == NBDTARGET_CMD_EXPORT_DEL_NTF)
		return 0;
	return put_export_device(skb, export) ?: put_export_use(skb, export) ?:
	       put_export_map(skb, export) ?: put_export_origin(skb, export) ?:
	       put_export_places(skb, export) ?:
	       put_export_metadata(skb, export) ?:
	       put_export_description(skb, export);
}

static const char *need_export_name(struct genl_info *info)
{
	return nbdt_nl_need_string(info, NBDTARGET_A_EXPORT_NAME,
				   "the export's name");
}

/* By its own name, not by being the default; with a reference. */
struct nbdt_export *nbdt_nl_find_export(struct genl_info *info,
					const char *name)
{
	struct nbdt_export *export = nbdt_export_get(name, strlen(name));

	if (export && export->name_len == strlen(name))
		return export;
	if (export)
		nbdt_export_put(export);
	nbdt_set_err_msg(info->extack, "there is no export '%.32s'", name);
	return NULL;
}

/* What goes with a map, and what doesn't. */
static int check_map(struct genl_info *info,
		     const struct nbdt_export_config *config)
{
	if (!config->shared || !info->attrs[NBDTARGET_A_EXPORT_MAP] ||
	    config->map_off)
		return 0;
	nbdt_set_err_msg(info->extack,
			 "a device that is shared has no map that could be gone by");
	return -EINVAL;
}

/* All attributes LISTENER, for kfree(); how many there are, or -errno. */
static int get_places(struct genl_info *info, struct nbdt_place **places)
{
	struct nlattr *attr;
	int rem, n = 0, err;

	*places = NULL;
	if (!info->attrs[NBDTARGET_A_EXPORT_LISTENER])
		return 0;
	if (info->attrs[NBDTARGET_A_EXPORT_ALL_LISTENERS]) {
		nbdt_set_err_msg(info->extack,
				 "it is offered by all listeners, or by some");
		return -EINVAL;
	}
	*places = kcalloc(NBDTARGET_MAX_LISTENERS, sizeof(**places),
			  GFP_KERNEL);
	if (!*places)
		return -ENOMEM;
	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != NBDTARGET_A_EXPORT_LISTENER)
			continue;
		err = n < NBDTARGET_MAX_LISTENERS ?
		      nbdt_nl_get_place(info, attr, &(*places)[n++]) : -E2BIG;
		if (err == -E2BIG)
			nbdt_set_err_msg(info->extack,
					 "there are too many listeners");
		if (err)
			return err;
	}
	return n;
}

/* All of it is about a device that has to be given. */
static int get_metadata(struct genl_info *info,
			struct nbdt_metadata_config *config)
{
	struct nlattr *generation =
		info->attrs[NBDTARGET_A_EXPORT_METADATA_GENERATION];

	*config = (struct nbdt_metadata_config) {
		.path = nbdt_nl_string(info, NBDTARGET_A_EXPORT_METADATA),
		.identity = nbdt_nl_string(info,
					   NBDTARGET_A_EXPORT_METADATA_IDENTITY),
		.least_generation = generation ? nla_get_u64(generation) : 0,
		.accept_stale =
			info->attrs[NBDTARGET_A_EXPORT_METADATA_ACCEPT_STALE],
		.go_on = nbdt_nl_is_set(info,
					NBDTARGET_A_EXPORT_METADATA_CONTINUE),
		.boot = nbdt_nl_string(info, NBDTARGET_A_EXPORT_METADATA_BOOT),
	};
	if (config->path ? *config->path == '/' :
	    !(config->identity || generation || config->accept_stale ||
	      config->boot ||
	      info->attrs[NBDTARGET_A_EXPORT_METADATA_CONTINUE]))
		return 0;
	nbdt_set_err_msg(info->extack,
			 "the path of the metadata device is missing, or doesn't begin with '/'");
	return -EINVAL;
}

/* Is it what the caller has looked at, and knows by an identity? */
static int check_node(struct genl_info *info, const char *device,
		      const struct nbdt_node *node)
{
	struct nlattr *attr = info->attrs[NBDTARGET_A_EXPORT_DEVICE_ID];

	if (!attr || node->err || nla_get_u32(attr) == nbdt_device_id(node->dev))
		return 0;
	nbdt_set_err_msg(info->extack,
			 "there is another device at '%.32s' by now: try again",
			 device);
	return -ENXIO;
}

static int do_export_add(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *map = info->attrs[NBDTARGET_A_EXPORT_MAP];
	struct nlattr *on_return = info->attrs[NBDTARGET_A_EXPORT_ON_RETURN];
	struct nlattr *granularity =
		info->attrs[NBDTARGET_A_EXPORT_MAP_GRANULARITY];
	struct nlattr *max = info->attrs[NBDTARGET_A_EXPORT_MAX_CONNECTIONS];
	struct nbdt_export_config config = {
		.description =
			nbdt_nl_string(info, NBDTARGET_A_EXPORT_DESCRIPTION),
		.read_only = nbdt_nl_is_set(info, NBDTARGET_A_EXPORT_READ_ONLY),
		.is_default = nbdt_nl_is_set(info, NBDTARGET_A_EXPORT_DEFAULT),
		.allocation_depth =
			nbdt_nl_is_set(info,
				       NBDTARGET_A_EXPORT_ALLOCATION_DEPTH),
		.zeroed = info->attrs[NBDTARGET_A_EXPORT_ZEROED],
		.map_granule = granularity ? nla_get_u32(granularity) : 0,
		.map_off = map && nla_get_u32(map) == NBDTARGET_MAP_OFF,
		.shared = nbdt_nl_is_set(info, NBDTARGET_A_EXPORT_SHARED),
		.tls_required =
			nbdt_nl_is_set(info, NBDTARGET_A_EXPORT_TLS_REQUIRED),
		.deny = nbdt_nl_denies(info, NBDTARGET_A_EXPORT_ACCESS),
		.max_connections = max ? nla_get_u32(max) : 0,
		.on_return = on_return ? nla_get_u32(on_return) :
					 NBDTARGET_ON_RETURN_STAY,
		.bitmap_export =
			nbdt_nl_string(info, NBDTARGET_A_EXPORT_BITMAP_EXPORT),
		.bitmap = nbdt_nl_string(info, NBDTARGET_A_EXPORT_BITMAP_NAME),
	};
	struct nbdt_place *places;
	int n;

	if (check_map(info, &config) || get_metadata(info, &config.metadata))
		return -EINVAL;
	if (!config.bitmap_export != !config.bitmap) {
		nbdt_set_err_msg(info->extack,
				 "a bitmap takes its name and its export's");
		return -EINVAL;
	}
	config.name = nbdt_nl_string(info, NBDTARGET_A_EXPORT_NAME);
	config.device = nbdt_nl_string(info, NBDTARGET_A_EXPORT_DEVICE);
	n = get_places(info, &places);
	config.node = nbdt_nl_job_find(info, config.device);
	if (config.metadata.path)
		config.metadata.node =
			nbdt_nl_job_find(info, config.metadata.path);
	nbdt_nl_job_leave(info);
	if (n >= 0) {
		config.places = places;
		config.nr_places = n;
		n = check_node(info, config.device, &config.node) ?:
		    nbdt_export_add(&config, info->extack);
	}
	kfree(places);
	return n;
}

/* Opening a device waits for it, and for the module of its driver. */
static int export_add(struct sk_buff *skb, struct genl_info *info)
{
	const char *device;

	if (!need_export_name(info))
		return -EINVAL;
	device = nbdt_nl_need_string(info, NBDTARGET_A_EXPORT_DEVICE,
				     "the export's device");
	if (!device)
		return -EINVAL;
	if (*device != '/') {
		nbdt_set_err_msg(info->extack, "the device's path %s",
				 *device ? "doesn't begin with '/'" :
					   "is empty");
		return -EINVAL;
	}
	return nbdt_nl_job_begin(skb, info, NBDTARGET_A_EXPORT_MAX,
				 do_export_add);
}

/* What there is now at an export's path; who changes it tells if there is none. */
static struct nbdt_node find_again(struct genl_info *info, const char *name)
{
	struct nbdt_export *export = nbdt_export_get(name, strlen(name));
	struct nbdt_node node = { .err = -ENOENT };

	if (export) {
		node = nbdt_nl_job_find(info, export->disk.path);
		nbdt_export_put(export);
	}
	return node;
}

static int do_export_set(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = need_export_name(info);
	struct nlattr *max = info->attrs[NBDTARGET_A_EXPORT_MAX_CONNECTIONS];
	struct nlattr *on_return = info->attrs[NBDTARGET_A_EXPORT_ON_RETURN];
	struct nbdt_export_change change = {
		.description =
			nbdt_nl_string(info, NBDTARGET_A_EXPORT_DESCRIPTION),
		.set_max_connections = max,
		.max_connections = max ? nla_get_u32(max) : 0,
		.set_default = info->attrs[NBDTARGET_A_EXPORT_DEFAULT],
		.is_default = nbdt_nl_is_set(info, NBDTARGET_A_EXPORT_DEFAULT),
		.set_tls_required =
			info->attrs[NBDTARGET_A_EXPORT_TLS_REQUIRED],
		.tls_required =
			nbdt_nl_is_set(info, NBDTARGET_A_EXPORT_TLS_REQUIRED),
		.reopen = info->attrs[NBDTARGET_A_EXPORT_REOPEN],
		.set_on_return = on_return,
		.on_return = on_return ? nla_get_u32(on_return) : 0,
	};
	struct nbdt_place *places;
	int n;

	if (!name)
		return -EINVAL;
	n = get_places(info, &places);
	if (n >= 0 && change.reopen) {
		change.node = find_again(info, name);
		nbdt_nl_job_leave(info);
	}
	if (n >= 0) {
		change.set_places = n ||
			info->attrs[NBDTARGET_A_EXPORT_ALL_LISTENERS];
		change.places = places;
		change.nr_places = n;
		n = nbdt_export_set(name, &change, info->extack);
	}
	kfree(places);
	return n;
}

static int export_set(struct sk_buff *skb, struct genl_info *info)
{
	if (!info->attrs[NBDTARGET_A_EXPORT_REOPEN])
		return do_export_set(skb, info);
	return nbdt_nl_job_begin(skb, info, NBDTARGET_A_EXPORT_MAX,
				 do_export_set);
}

static int export_del(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = need_export_name(info);
	u32 id;
	int err;

	if (!name)
		return -EINVAL;
	err = nbdt_export_remove(name, info->attrs[NBDTARGET_A_EXPORT_FORCE],
				 &id, info->extack);
	return err ?: nbdt_nl_reply_number(info, NBDTARGET_CMD_EXPORT_DEL,
					   NBDTARGET_A_EXPORT_ID, id);
}

/* Beginning may mean to forget what was known, which waits. */
static int export_scan(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *rate = info->attrs[NBDTARGET_A_EXPORT_SCAN_RATE];
	const char *name = need_export_name(info);
	struct nbdt_export *export;
	int err = 0;

	if (!name)
		return -EINVAL;
	export = nbdt_nl_find_export(info, name);
	if (!export)
		return -ENOENT;
	if (!info->attrs[NBDTARGET_A_EXPORT_SCAN_STOP]) {
		err = nbdt_scan_start(&export->disk.content, export->id,
				      rate ? nla_get_u64(rate) : 0,
				      info->extack);
	} else {
		err = nbdt_scan_cancel(&export->disk.content);
		if (err == -ENOENT)
			nbdt_set_err_msg(info->extack, "no scan is running");
	}
	nbdt_export_put(export);
	return err;
}

static int map_forget(struct sk_buff *skb, struct genl_info *info)
{
	const char *name = need_export_name(info);
	struct nbdt_export *export;
	int err;

	if (!name)
		return -EINVAL;
	export = nbdt_nl_find_export(info, name);
	if (!export)
		return -ENOENT;
	if (nbdt_export_device_get(export)) {
		err = nbdt_content_forget(&export->disk.content, info->extack);
		nbdt_export_device_put(export);
	} else {
		err = nbdt_content_tell_closing(&export->disk.content,
						info->extack);
	}
	nbdt_export_put(export);
	return err;
}

/* One that was removed and isn't closed yet: there is nothing more to tell. */
static int export_get_closing(struct genl_info *info, u32 id)
{
	struct nbdt_export *export = nbdt_export_get_closing(id);

	if (!export) {
		nbdt_set_err_msg(info->extack, "no export %u is being removed",
				 id);
		return -ENOENT;
	}
	nbdt_export_put(export);
	return nbdt_nl_reply_number(info, NBDTARGET_CMD_EXPORT_GET,
				    NBDTARGET_A_EXPORT_ID, id);
}

static int export_get(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_EXPORT_ID];
	struct nbdt_export *export;
	struct sk_buff *msg;
	const char *name;
	void *head;
	int err;

	if (id)
		return export_get_closing(info, nla_get_u32(id));
	name = need_export_name(info);
	if (!name)
		return -EINVAL;
	export = nbdt_nl_find_export(info, name);
	if (!export)
		return -ENOENT;
	nbdt_export_state(export);
	err = -ENOMEM;
	msg = nbdt_nl_message();
	if (!msg)
		goto out;
	err = -EMSGSIZE;
	head = genlmsg_put_reply(msg, info, &nbdt_nl_family, 0,
				 NBDTARGET_CMD_EXPORT_GET);
	if (head)
		err = put_export(msg, export, NBDTARGET_CMD_EXPORT_GET);
	if (err) {
		nlmsg_free(msg);
		goto out;
	}
	genlmsg_end(msg, head);
	err = genlmsg_reply(msg, info);
out:
	nbdt_export_put(export);
	return err;
}

static int export_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nbdt_export *export;
	void *head;
	int err = 0;

	cb->seq = nbdt_nl_dump_seq(nbdt_export_generation());
	while ((export = nbdt_export_get_from(cb->args[0]))) {
		nbdt_export_state(export);
		head = nbdt_nl_dump_begin(skb, cb, NBDTARGET_CMD_EXPORT_GET);
		err = head ? put_export(skb, export, NBDTARGET_CMD_EXPORT_GET) :
			     0;
		err = nbdt_nl_dump_end(skb, head, err);
		if (!err)
			cb->args[0] = export->id + 1;
		nbdt_export_put(export);
		if (err)
			break;
	}
	/* One that doesn't fit into an empty message is an error. */
	return skb->len ?: err;
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_OP(EXPORT_ADD, EXPORT, export_add), .doit = export_add },
	{ NBDT_NL_OP(EXPORT_SET, EXPORT, export_set), .doit = export_set },
	{ NBDT_NL_OP(EXPORT_DEL, EXPORT, export_del), .doit = export_del },
	{ NBDT_NL_WAIT_OP(EXPORT_SCAN, EXPORT, export_scan), .doit = export_scan },
	{ NBDT_NL_WAIT_OP(MAP_FORGET, EXPORT, map_forget), .doit = map_forget },
	{ NBDT_NL_SHOW_OP(EXPORT_GET, EXPORT, export_get), .doit = export_get,
	  .dumpit = export_dump },
};

const struct nbdt_nl_ops nbdt_nl_export = { ops, ARRAY_SIZE(ops) };

static const u8 event_cmds[] = {
	[NBDT_EVENT_ADD] = NBDTARGET_CMD_EXPORT_ADD_NTF,
	[NBDT_EVENT_SET] = NBDTARGET_CMD_EXPORT_SET_NTF,
	[NBDT_EVENT_DEL] = NBDTARGET_CMD_EXPORT_DEL_NTF,
	[NBDT_EVENT_STATE] = NBDTARGET_CMD_EXPORT_STATE_NTF,
	[NBDT_EVENT_STAY] = NBDTARGET_CMD_EXPORT_STATE_NTF,
	[NBDT_EVENT_METADATA] = NBDTARGET_CMD_EXPORT_STATE_NTF,
};

/* Exports are seen from every namespace. */
void nbdt_nl_export_event(struct nbdt_export *export, enum nbdt_event event)
{
	u8 cmd = event_cmds[event];
	struct sk_buff *msg;
	void *head;

	msg = nbdt_nl_event_begin(cmd, &head);
	if (!msg)
		return;
	nbdt_nl_event_end(msg, head, put_export(msg, export, cmd), NULL);
}
