// SPDX-License-Identifier: GPL-2.0
/*
 * What dirty bitmaps and allocation maps hold, to the administrator, who keeps
 * it elsewhere while there is no module: read and loaded a piece at a time.
 */
#include <net/genetlink.h>

#include "admin/nl.h"
#include "admin/nl_content.h"
#include "admin/nl_export.h"
#include "block/export.h"
#include "compat/compat.h"
#include "content/bitmaps.h"
#include "content/bitmaps_edit.h"
#include "content/map.h"
#include "nbdtarget.h"

/* Most bytes of a piece, and what it begins and ends at multiples of. */
#define PIECE	NBDTARGET_MAX_PIECE
#define UNIT	8U

/* Which attributes each command takes; all others are refused. */
#define EXPORT_NAME_POLICY						\
	[NBDTARGET_A_CONTENT_EXPORT_NAME] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_STRING,				\
	}
#define BITMAP_NAME_POLICY						\
	[NBDTARGET_A_CONTENT_BITMAP_NAME] = {				\
		.type = NLA_NUL_STRING,					\
		.len = NBDTARGET_MAX_BITMAP_NAME,			\
	}
#define OFFSET_POLICY							\
	[NBDTARGET_A_CONTENT_OFFSET] = { .type = NLA_U64 }
#define DATA_POLICY							\
	[NBDTARGET_A_CONTENT_DATA] = {					\
		.type = NLA_BINARY,					\
		.len = PIECE,						\
	}

static const struct nla_policy
bitmap_read_policy[NBDTARGET_A_CONTENT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	OFFSET_POLICY,
};

static const struct nla_policy
bitmap_load_policy[NBDTARGET_A_CONTENT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	BITMAP_NAME_POLICY,
	OFFSET_POLICY,
	DATA_POLICY,
};

static const struct nla_policy map_read_policy[NBDTARGET_A_CONTENT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	OFFSET_POLICY,
};

static const struct nla_policy map_load_policy[NBDTARGET_A_CONTENT_MAX + 1] = {
	EXPORT_NAME_POLICY,
	[NBDTARGET_A_CONTENT_GRANULARITY] = { .type = NLA_U64 },
	[NBDTARGET_A_CONTENT_SIZE] = { .type = NLA_U64 },
	OFFSET_POLICY,
	DATA_POLICY,
};

/* What a command is about: a piece of something of an export. */
struct piece {
	struct nbdt_export *export;	/* nbdt_export_put() */
	const char *bitmap;		/* NULL: the map */
	u64 offset;
};

static int find_export(struct genl_info *info, struct piece *piece)
{
	const char *name;

	name = nbdt_nl_need_string(info, NBDTARGET_A_CONTENT_EXPORT_NAME,
				   "the export's name");
	if (!name)
		return -EINVAL;
	piece->export = nbdt_nl_find_export(info, name);
	return piece->export ? 0 : -ENOENT;
}

static int find_piece(struct genl_info *info, bool bitmap, struct piece *piece)
{
	struct nlattr *offset = info->attrs[NBDTARGET_A_CONTENT_OFFSET];

	memset(piece, 0, sizeof(*piece));
	piece->offset = offset ? nla_get_u64(offset) : 0;
	if (piece->offset % UNIT) {
		nbdt_set_err_msg(info->extack, "the offset is no multiple of %u",
				 UNIT);
		return -EINVAL;
	}
	if (bitmap) {
		piece->bitmap = nbdt_nl_need_string(info,
						    NBDTARGET_A_CONTENT_BITMAP_NAME,
						    "the bitmap's name");
		if (!piece->bitmap)
			return -EINVAL;
	}
	return find_export(info, piece);
}

/* --- Reading --- */

/* Is what the map knows known still?  Asked before it is read. */
static bool is_believed(struct nbdt_export *export)
{
	bool believed;

	if (!nbdt_export_device_get(export))
		return false;
	believed = nbdt_content_is_believed(&export->disk.content);
	nbdt_export_device_put(export);
	return believed;
}

static int read_map_piece(const struct piece *piece, void *data)
{
	bool believed = is_believed(piece->export);
	int len;

	len = nbdt_map_read(piece->export->disk.content.map, piece->offset,
			    data, PIECE);
	if (!believed)
		memset(data, 0, len);
	return len;
}

/* What it is of, as it is at that moment, is in ABOUT. */
static int read_piece(const struct piece *piece, void *data,
		      struct nbdt_bitmaps_piece *about,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_content *content = &piece->export->disk.content;

	if (piece->bitmap)
		return nbdt_bitmaps_read(content, piece->bitmap, piece->offset,
					 data, PIECE, about, extack);
	*about = (struct nbdt_bitmaps_piece) {
		.granule = 1ULL << content->map->shift,
		.size = content->map->size,
	};
	return read_map_piece(piece, data);
}

static int put_about(struct sk_buff *skb, const struct piece *piece,
		     const struct nbdt_bitmaps_piece *about)
{
	const int pad = NBDTARGET_A_CONTENT_PAD;

	if (nla_put_u64_64bit(skb, NBDTARGET_A_CONTENT_GRANULARITY,
			      about->granule, pad) ||
	    nla_put_u64_64bit(skb, NBDTARGET_A_CONTENT_SIZE, about->size, pad))
		return -EMSGSIZE;
	if (!piece->bitmap)
		return 0;
	return nla_put_u64_64bit(skb, NBDTARGET_A_CONTENT_VERSION,
				 about->version, pad) ?:
	       nla_put_u8(skb, NBDTARGET_A_CONTENT_RECORDING,
			  about->recording) ?:
	       nla_put_u8(skb, NBDTARGET_A_CONTENT_CONSISTENT,
			  !about->inconsistent);
}

/* Read straight into a message. */
static int put_content(struct sk_buff *skb, const struct piece *piece,
		       struct netlink_ext_ack *extack)
{
	struct nbdt_bitmaps_piece about;
	struct nlattr *data;
	int len;

	if (nla_put_u64_64bit(skb, NBDTARGET_A_CONTENT_OFFSET, piece->offset,
			      NBDTARGET_A_CONTENT_PAD))
		return -EMSGSIZE;
	/* To the next multiple of 8. */
	data = nla_reserve_64bit(skb, NBDTARGET_A_CONTENT_DATA, PIECE,
				 NBDTARGET_A_CONTENT_PAD);
	if (!data)
		return -EMSGSIZE;
	len = read_piece(piece, nla_data(data), &about, extack);
	if (len < 0)
		return len;
	skb_trim(skb, skb->len - (PIECE - len));
	data->nla_len = nla_attr_size(len);
	return put_about(skb, piece, &about);
}

static int reply_content(struct genl_info *info, const struct piece *piece)
{
	struct sk_buff *msg;
	void *head;
	int err = -EMSGSIZE;

	msg = genlmsg_new(PIECE + 256, GFP_KERNEL);
	if (!msg)
		return -ENOMEM;
	head = genlmsg_put_reply(msg, info, &nbdt_nl_family, 0,
				 info->genlhdr->cmd);
	if (head)
		err = put_content(msg, piece, info->extack);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	genlmsg_end(msg, head);
	return genlmsg_reply(msg, info);
}

static int read_content(struct genl_info *info, bool bitmap)
{
	struct piece piece;
	int err;

	err = find_piece(info, bitmap, &piece);
	if (err)
		return err;
	err = reply_content(info, &piece);
	nbdt_export_put(piece.export);
	return err;
}

static int read_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	return read_content(info, true);
}

static int read_map(struct sk_buff *skb, struct genl_info *info)
{
	return read_content(info, false);
}

/* --- Loading --- */

/* What there is to load, or NULL and a message. */
static struct nlattr *need_data(struct genl_info *info)
{
	struct nlattr *data = info->attrs[NBDTARGET_A_CONTENT_DATA];

	if (data && !(nla_len(data) % UNIT))
		return data;
	nbdt_set_err_msg(info->extack,
			 "data is missing, or no multiple of %u bytes", UNIT);
	return NULL;
}

/*
 * What was known of other granules says nothing of these; nor does a last one that
 * had an end where the device now goes on.
 */
static int check_map(struct genl_info *info, const struct nbdt_map *map)
{
	struct nlattr *granularity =
		info->attrs[NBDTARGET_A_CONTENT_GRANULARITY];
	struct nlattr *size = info->attrs[NBDTARGET_A_CONTENT_SIZE];

	if (!granularity || nla_get_u64(granularity) != 1ULL << map->shift) {
		nbdt_set_err_msg(info->extack,
				 "the map has a granularity of %llu KiB",
				 (1ULL << map->shift) >> 10);
		return -EINVAL;
	}
	if (!size || nla_get_u64(size) != map->size) {
		nbdt_set_err_msg(info->extack,
				 "the map is of a device of %llu bytes",
				 map->size);
		return -EINVAL;
	}
	return 0;
}

static int load_piece(struct genl_info *info, const struct piece *piece,
		      const struct nlattr *data)
{
	int err;

	if (piece->bitmap)
		return nbdt_bitmaps_load(&piece->export->disk.content,
					 piece->bitmap, piece->offset,
					 nla_data(data), nla_len(data),
					 info->extack);
	err = check_map(info, piece->export->disk.content.map);
	return err ?: nbdt_export_load_map(piece->export, piece->offset,
					   nla_data(data), nla_len(data),
					   info->extack);
}

static int load_content(struct genl_info *info, bool bitmap)
{
	struct nlattr *data = need_data(info);
	struct piece piece;
	int err;

	if (!data)
		return -EINVAL;
	err = find_piece(info, bitmap, &piece);
	if (err)
		return err;
	err = load_piece(info, &piece, data);
	nbdt_export_put(piece.export);
	return err;
}

static int load_bitmap(struct sk_buff *skb, struct genl_info *info)
{
	return load_content(info, true);
}

static int load_map(struct sk_buff *skb, struct genl_info *info)
{
	return load_content(info, false);
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_SHOW_OP(BITMAP_READ, CONTENT, bitmap_read), .doit = read_bitmap },
	{ NBDT_NL_OP(BITMAP_LOAD, CONTENT, bitmap_load), .doit = load_bitmap },
	{ NBDT_NL_SHOW_OP(MAP_READ, CONTENT, map_read), .doit = read_map },
	{ NBDT_NL_OP(MAP_LOAD, CONTENT, map_load), .doit = load_map },
};

const struct nbdt_nl_ops nbdt_nl_content = { ops, ARRAY_SIZE(ops) };
