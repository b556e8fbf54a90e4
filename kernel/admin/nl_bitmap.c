// SPDX-License-Identifier: GPL-2.0
/* Dirty bitmaps, to the administrator. */
#include <net/genetlink.h>

#include "admin/nl.h"
#include "admin/nl_bitmap.h"
#include "admin/nl_export.h"
#include "block/export.h"
#include "compat/compat.h"
#include "content/bitmap.h"
#include "content/bitmaps.h"
#include "content/bitmaps_edit.h"
#include "content/context.h"
#include "nbdtarget.h"

/* Not const, as struct nla_policy wants it before 6.7. */
static struct netlink_range_validation bitmap_granularity_range = {
	.min = NBDT_BITMAP_GRANULE_MIN,
	.max = NBDT_BITMAP_GRANULE_MAX,
};

/* What each attribute has to look like, in whichever command. */
#define BITMAP_EXPORT_NAME_POLICY					\
	[NBDTARGET_A_BITMAP_EXPORT_NAME] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define BITMAP_NAME_POLICY						\
	[NBDTARGET_A_BITMAP_NAME] = {					\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BITMAP_NAME,			\
	}
#define BITMAP_TO_POLICY						\
	[NBDTARGET_A_BITMAP_TO] = {					\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BITMAP_NAME,			\
	}
#define BITMAP_GRANULARITY_POLICY					\
	[NBDTARGET_A_BITMAP_GRANULARITY] =				\
		NLA_POLICY_FULL_RANGE(NLA_U64, &bitmap_granularity_range)
#define BITMAP_CONSISTENT_POLICY					\
	[NBDTARGET_A_BITMAP_CONSISTENT] = NLA_POLICY_MAX(NLA_U8, 1)
#define BITMAP_RECORDING_POLICY						\
	[NBDTARGET_A_BITMAP_RECORDING] = NLA_POLICY_MAX(NLA_U8, 1)

/* Which attributes each command takes; all others are refused. */
static const struct nla_policy
bitmap_add_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	BITMAP_GRANULARITY_POLICY,
	BITMAP_RECORDING_POLICY,
	BITMAP_CONSISTENT_POLICY,
};

/* Of those that take no more than to be told which. */
static const struct nla_policy
bitmap_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
};

static const struct nla_policy
bitmap_set_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	BITMAP_RECORDING_POLICY,
	BITMAP_CONSISTENT_POLICY,
};

static const struct nla_policy
bitmap_to_policy[NBDTARGET_A_BITMAP_MAX + 1] = {
	BITMAP_EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	BITMAP_TO_POLICY,
};

static const struct nla_policy bitmap_get_policy[NBDTARGET_A_BITMAP_MAX + 1];

/* The export and the bitmap's name that a command is about; nbdt_export_put(). */
static int get_bitmap(struct genl_info *info, struct nbdt_export **export,
		      const char **name)
{
	const char *export_name;

	export_name = nbdt_nl_need_string(info, NBDTARGET_A_BITMAP_EXPORT_NAME,
					  "the export's name");
	*name = nbdt_nl_need_string(info, NBDTARGET_A_BITMAP_NAME,
				    "the bitmap's name");
	if (!export_name || !*name)
		return -EINVAL;
	*export = nbdt_nl_find_export(info, export_name);
	if (!*export)
		return -ENOENT;
	/* If its device has gone, that is known from here on. */
	nbdt_export_state(*export);
	return 0;
}

static int add_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	struct nlattr *granularity =
		info->attrs[NBDTARGET_A_BITMAP_GRANULARITY];
	struct nbdt_bitmaps_config config = {
		.granule = granularity ? nla_get_u64(granularity) : 0,
		.disabled = info->attrs[NBDTARGET_A_BITMAP_RECORDING] &&
			    !nbdt_nl_is_set(info, NBDTARGET_A_BITMAP_RECORDING),
		.inconsistent =
			info->attrs[NBDTARGET_A_BITMAP_CONSISTENT] &&
			!nbdt_nl_is_set(info, NBDTARGET_A_BITMAP_CONSISTENT),
	};
	struct nbdt_cmd_limits limits;
	struct nbdt_export *export;
	int err;

	err = get_bitmap(info, &export, &config.name);
	if (err)
		return err;
	nbdt_export_limits(export, &limits);
	config.size = limits.size;
	err = nbdt_bitmaps_add(&export->disk.content, &config, info->extack);
	if (!err)
		nbdt_nl_bitmap_event(export, config.name, NBDT_EVENT_ADD);
	nbdt_export_put(export);
	return err;
}

/* What needs only the bitmap's name: RUN it, and tell of the EVENT. */
static int run_by_name(struct genl_info *info,
		       int (*run)(struct nbdt_content *content, const char *name,
				  struct netlink_ext_ack *extack),
		       enum nbdt_event event)
{
	struct nbdt_export *export;
	const char *name;
	int err;

	err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	err = run(&export->disk.content, name, info->extack);
	if (!err)
		nbdt_nl_bitmap_event(export, name, event);
	nbdt_export_put(export);
	return err;
}

static int del_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	return run_by_name(info, nbdt_bitmaps_remove, NBDT_EVENT_DEL);
}

static int clear_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	return run_by_name(info, nbdt_bitmaps_clear, NBDT_EVENT_SET);
}

static int set_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_export *export;
	const char *name;
	bool recording;
	int err;

	if (!info->attrs[NBDTARGET_A_BITMAP_RECORDING]) {
		nbdt_set_err_msg(info->extack,
				 "whether it shall record is missing");
		return -EINVAL;
	}
	err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	recording = nbdt_nl_is_set(info, NBDTARGET_A_BITMAP_RECORDING);
	if (nbdt_nl_is_set(info, NBDTARGET_A_BITMAP_CONSISTENT))
		err = nbdt_bitmaps_trust(&export->disk.content, name,
					 recording, info->extack);
	else
		err = nbdt_bitmaps_enable(&export->disk.content, name, recording,
					  info->extack);
	if (!err)
		nbdt_nl_bitmap_event(export, name, NBDT_EVENT_SET);
	nbdt_export_put(export);
	return err;
}

/* Those that take two names. */
static int bitmap_to(struct genl_info *info,
		     int (*run)(struct nbdt_content *content, const char *name,
				const char *to, struct netlink_ext_ack *extack))
{
	struct nbdt_export *export;
	const char *name, *to;
	int err;

	to = nbdt_nl_need_string(info, NBDTARGET_A_BITMAP_TO,
				 "the other bitmap's name");
	if (!to)
		return -EINVAL;
	err = get_bitmap(info, &export, &name);
	if (err)
		return err;
	err = run(&export->disk.content, name, to, info->extack);
	if (!err)
		nbdt_nl_bitmap_event(export, to, NBDT_EVENT_SET);
	nbdt_export_put(export);
	return err;
}

static int merge_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	return bitmap_to(info, nbdt_bitmaps_merge);
}

static int rename_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	return bitmap_to(info, nbdt_bitmaps_rename);
}

static int put_bitmap(struct sk_buff *skb, struct nbdt_export *export,
		      const struct nbdt_bitmaps_info *bitmap)
{
	const int pad = NBDTARGET_A_BITMAP_PAD;

	if (nla_put_string(skb, NBDTARGET_A_BITMAP_EXPORT_NAME, export->name) ||
	    nla_put_string(skb, NBDTARGET_A_BITMAP_NAME, bitmap->name) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_GRANULARITY,
			      bitmap->granule, pad) ||
	    nla_put_u8(skb, NBDTARGET_A_BITMAP_RECORDING, bitmap->recording) ||
	    nla_put_u8(skb, NBDTARGET_A_BITMAP_CONSISTENT,
		       !bitmap->inconsistent) ||
	    nla_put_u32(skb, NBDTARGET_A_BITMAP_ID,
			NBDT_CONTEXT_BITMAP + bitmap->slot) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_SIZE, bitmap->size,
			      pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_DIRTY_COUNT,
			      bitmap->count, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_DIRTY_BYTES,
			      bitmap->dirty_bytes, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_MEMORY, bitmap->memory,
			      pad) ||
	    nla_put_u32(skb, NBDTARGET_A_BITMAP_USERS, bitmap->users) ||
	    nla_put_u8(skb, NBDTARGET_A_BITMAP_BORROWED, bitmap->borrowed) ||
	    nla_put_u8(skb, NBDTARGET_A_BITMAP_STORED, bitmap->stored) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_CHECKPOINT,
			      bitmap->last.number, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_BITMAP_VERSION,
			      bitmap->version, pad) ||
	    (*bitmap->last.name &&
	     nla_put_string(skb, NBDTARGET_A_BITMAP_CHECKPOINT_NAME,
			    bitmap->last.name)))
		return -EMSGSIZE;
	return 0;
}

static int dump_bitmap(struct sk_buff *skb, struct netlink_callback *cb,
		       struct nbdt_export *export,
		       const struct nbdt_bitmaps_info *bitmap)
{
	void *head = nbdt_nl_dump_begin(skb, cb, NBDTARGET_CMD_BITMAP_GET);
	int err = head ? put_bitmap(skb, export, bitmap) : 0;

	return nbdt_nl_dump_end(skb, head, err);
}

/* From slot args[1] on. */
static int dump_bitmaps_of(struct sk_buff *skb, struct netlink_callback *cb,
			   struct nbdt_export *export)
{
	struct nbdt_bitmaps_info bitmap;
	int err;

	do {
		err = nbdt_bitmaps_get_from(&export->disk.content, cb->args[1],
					    &bitmap);
		if (err)
			break;
		err = dump_bitmap(skb, cb, export, &bitmap);
		kfree(bitmap.name);
		if (!err)
			cb->args[1] = bitmap.slot + 1;
	} while (!err);
	return err == -ENOENT ? 0 : err;
}

static int bitmap_dump(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct nbdt_export *export;
	int err = 0;

	cb->seq = nbdt_nl_dump_seq(nbdt_export_generation());
	while (!err && (export = nbdt_export_get_from(cb->args[0]))) {
		if (export->id != cb->args[0])
			cb->args[1] = 0;
		cb->args[0] = export->id;
		err = dump_bitmaps_of(skb, cb, export);
		if (!err) {
			cb->args[0] = export->id + 1;
			cb->args[1] = 0;
		}
		nbdt_export_put(export);
	}
	return skb->len ?: err;
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_WAIT_OP(BITMAP_ADD, BITMAP, bitmap_add), .doit = add_bitmap },
	{ NBDT_NL_WAIT_OP(BITMAP_DEL, BITMAP, bitmap), .doit = del_bitmap },
	{ NBDT_NL_WAIT_OP(BITMAP_CLEAR, BITMAP, bitmap), .doit = clear_bitmap },
	{ NBDT_NL_WAIT_OP(BITMAP_SET, BITMAP, bitmap_set), .doit = set_bitmap },
	{ NBDT_NL_WAIT_OP(BITMAP_MERGE, BITMAP, bitmap_to), .doit = merge_bitmap },
	{ NBDT_NL_WAIT_OP(BITMAP_RENAME, BITMAP, bitmap_to), .doit = rename_bitmap },
	{ NBDT_NL_SHOW_OP(BITMAP_GET, BITMAP, bitmap_get), .dumpit = bitmap_dump },
};

const struct nbdt_nl_ops nbdt_nl_bitmap = { ops, ARRAY_SIZE(ops) };

static int put_bitmap_event(struct sk_buff *msg, struct nbdt_export *export,
			    const char *name, u8 cmd)
{
	struct nbdt_bitmaps_info bitmap;
	int err;

	if (cmd == NBDTARGET_CMD_BITMAP_DEL_NTF)
		return nla_put_string(msg, NBDTARGET_A_BITMAP_EXPORT_NAME,
				      export->name) ?:
		       nla_put_string(msg, NBDTARGET_A_BITMAP_NAME, name);
	err = nbdt_bitmaps_get(&export->disk.content, name, &bitmap);
	if (err)
		return err;
	err = put_bitmap(msg, export, &bitmap);
	kfree(bitmap.name);
	return err;
}

static const u8 event_cmds[] = {
	[NBDT_EVENT_ADD] = NBDTARGET_CMD_BITMAP_ADD_NTF,
	[NBDT_EVENT_SET] = NBDTARGET_CMD_BITMAP_SET_NTF,
	[NBDT_EVENT_DEL] = NBDTARGET_CMD_BITMAP_DEL_NTF,
};

/* By its name, as it is now; nothing when it has gone already. */
void nbdt_nl_bitmap_event(struct nbdt_export *export, const char *name,
			  enum nbdt_event event)
{
	u8 cmd = event_cmds[event];
	struct sk_buff *msg;
	void *head;

	msg = nbdt_nl_event_begin(cmd, &head);
	if (!msg)
		return;
	nbdt_nl_event_end(msg, head, put_bitmap_event(msg, export, name, cmd),
			  NULL);
}

/* Those that came with the export: of its metadata, or another's. */
void nbdt_nl_bitmap_came(struct nbdt_export *export)
{
	struct nbdt_bitmaps_info bitmap = { .slot = -1 };
	struct sk_buff *msg;
	void *head;
	int err;

	do {
		msg = nbdt_nl_event_begin(NBDTARGET_CMD_BITMAP_ADD_NTF, &head);
		if (!msg)
			return;
		err = nbdt_bitmaps_get_from(&export->disk.content,
					    bitmap.slot + 1, &bitmap);
		if (!err) {
			err = put_bitmap(msg, export, &bitmap);
			kfree(bitmap.name);
		}
		nbdt_nl_event_end(msg, head, err, NULL);
	} while (!err);
}
