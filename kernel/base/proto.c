// SPDX-License-Identifier: GPL-2.0
/*
 * Decoding, encoding and judging what travels on the wire.  Pure functions
 * over bounded buffers; see proto.h.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "base/proto.h"
#include "compat/unaligned.h"

/* The rules of one command; the flags an export advertises follow from it. */
struct cmd_rule {
	bool known;
	u16 flags;		/* flags that may be set on it (1.15) */
	u16 flags_df;		/* and with NBDT_FLAG_SEND_DF */
	u16 flags_fast;		/* and with NBDT_FLAG_SEND_FAST_ZERO */
	u16 needs;		/* NBDT_FLAG_* without which it is unknown */
	enum nbdt_mode mode;	/* below which it is unknown */
	bool ranged;		/* offset and length mean something */
	bool payload;		/* length bytes follow the request */
	bool returns;		/* length bytes follow the reply */
	bool writes;		/* refused on a read-only export (FL2) */
	enum nbdt_error past_end;
};

static const struct cmd_rule cmd_rules[] = {
	[NBDT_CMD_READ] = {
		.known = true,
		.flags = NBDT_CMD_FUA,
		.flags_df = NBDT_CMD_DF,
		.ranged = true,
		.returns = true,
		.past_end = NBDT_EINVAL,
	},
	[NBDT_CMD_WRITE] = {
		.known = true,
		.flags = NBDT_CMD_FUA,
		.ranged = true,
		.payload = true,
		.writes = true,
		.past_end = NBDT_ENOSPC,
	},
	[NBDT_CMD_DISC] = {
		/* TX11: whatever else is in it is ignored. */
		.known = true,
		.flags = U16_MAX,
	},
	[NBDT_CMD_FLUSH] = {
		/* FS2: offset and length are reserved; be lenient. */
		.known = true,
		.flags = NBDT_CMD_FUA,
		.needs = NBDT_FLAG_SEND_FLUSH,
	},
	[NBDT_CMD_TRIM] = {
		/* Not .needs: on a read-only export the answer is EPERM. */
		.known = true,
		.flags = NBDT_CMD_FUA,
		.ranged = true,
		.writes = true,
		.past_end = NBDT_EINVAL,
	},
	[NBDT_CMD_CACHE] = {
		.known = true,
		.flags = NBDT_CMD_FUA,
		.needs = NBDT_FLAG_SEND_CACHE,
		.ranged = true,
		.past_end = NBDT_EINVAL,
	},
	[NBDT_CMD_WRITE_ZEROES] = {
		.known = true,
		.flags = NBDT_CMD_FUA | NBDT_CMD_NO_HOLE,
		.flags_fast = NBDT_CMD_FAST_ZERO,
		.ranged = true,
		.writes = true,
		.past_end = NBDT_ENOSPC,
	},
	[NBDT_CMD_BLOCK_STATUS] = {
		.known = true,
		.flags = NBDT_CMD_FUA | NBDT_CMD_REQ_ONE,
		.mode = NBDT_MODE_STRUCTURED,
		.ranged = true,
		.past_end = NBDT_EINVAL,
	},
};

static const struct cmd_rule *cmd_rule(u16 type)
{
	static const struct cmd_rule unknown;

	return type < ARRAY_SIZE(cmd_rules) ? &cmd_rules[type] : &unknown;
}

void nbdt_proto_greeting(struct nbdt_wire_greeting *wire)
{
	wire->magic = cpu_to_be64(NBDT_GREETING_MAGIC);
	wire->option_magic = cpu_to_be64(NBDT_OPTION_MAGIC);
	wire->flags = cpu_to_be16(NBDT_HANDSHAKE_FLAGS);
}

/**
 * nbdt_proto_option_head - decode what stands before an option's data
 * @wire: the 16 bytes as received
 * @head: filled in
 *
 * Return: 0, or -EBADMSG when the magic is wrong and the stream is lost.
 */
int nbdt_proto_option_head(const struct nbdt_wire_option *wire,
			   struct nbdt_option_head *head)
{
	if (be64_to_cpu(wire->magic) != NBDT_OPTION_MAGIC)
		return -EBADMSG;
	head->option = be32_to_cpu(wire->option);
	head->length = be32_to_cpu(wire->length);
	return 0;
}

void nbdt_proto_option_reply(struct nbdt_wire_option_reply *wire, u32 option,
			     u32 type, u32 length)
{
	wire->magic = cpu_to_be64(NBDT_OPTION_REPLY_MAGIC);
	wire->option = cpu_to_be32(option);
	wire->type = cpu_to_be32(type);
	wire->length = cpu_to_be32(length);
}

/* CV2, CV3: any bytes but NUL, at most 4096 of them. */
bool nbdt_proto_name_valid(const char *name, size_t len)
{
	return len <= NBDT_MAX_STRING && !memchr(name, '\0', len);
}

/**
 * nbdt_proto_go - parse the data of INFO and GO
 * @data: the option's data
 * @len: its length
 * @go: filled in; its name points into @data
 *
 * IG1: the lengths inside must add up to exactly @len.  IG2: unknown kinds
 * of information are passed over.
 *
 * Return: 0, or -EINVAL.
 */
int nbdt_proto_go(const u8 *data, size_t len, struct nbdt_go *go)
{
	u32 name_len, count, i;
	const u8 *infos;

	if (len < 6)
		return -EINVAL;
	name_len = get_unaligned_be32(data);
	if (name_len > NBDT_MAX_STRING || name_len > len - 6)
		return -EINVAL;
	count = get_unaligned_be16(data + 4 + name_len);
	if (len != 6 + (size_t)name_len + 2 * (size_t)count)
		return -EINVAL;

	go->name = data + 4;
	go->name_len = name_len;
	if (!nbdt_proto_name_valid(go->name, name_len))
		return -EINVAL;

	go->infos = 0;
	infos = data + 6 + name_len;
	for (i = 0; i < count; i++) {
		u16 info = get_unaligned_be16(infos + 2 * i);

		if (info <= NBDT_INFO_BLOCK_SIZE)
			go->infos |= BIT(info);
	}
	return 0;
}

/**
 * nbdt_proto_meta - parse the data of LIST_ and SET_META_CONTEXT
 * @data: the option's data
 * @len: its length
 * @meta: filled in; points into @data
 *
 * LM2: the lengths inside must add up to exactly @len.  Queries may be of any
 * length that fits: one that is no name of anything matches nothing.
 *
 * Return: 0, or -EINVAL.
 */
int nbdt_proto_meta(const u8 *data, size_t len, struct nbdt_meta *meta)
{
	const u8 *at, *end = data + len;
	u32 i;

	if (len < 8)
		return -EINVAL;
	meta->name_len = get_unaligned_be32(data);
	if (meta->name_len > len - 8)
		return -EINVAL;
	meta->name = data + 4;
	if (!nbdt_proto_name_valid(meta->name, meta->name_len))
		return -EINVAL;
	at = data + 4 + meta->name_len;
	meta->count = get_unaligned_be32(at);
	at += 4;
	meta->queries = at;
	for (i = 0; i < meta->count; i++) {
		u32 query_len;

		if (end - at < 4)
			return -EINVAL;
		query_len = get_unaligned_be32(at);
		at += 4;
		if (query_len > end - at || memchr(at, '\0', query_len))
			return -EINVAL;
		at += query_len;
	}
	return at == end ? 0 : -EINVAL;
}

/* The next of meta->count queries; no more calls than that. */
void nbdt_proto_query(struct nbdt_meta *meta, struct nbdt_query *query)
{
	query->len = get_unaligned_be32(meta->queries);
	query->text = meta->queries + 4;
	meta->queries += 4 + query->len;
}

/* Name of an option for messages and traces, or NULL when it is unknown. */
const char *nbdt_proto_option_name(u32 option)
{
	static const char * const names[] = {
		[NBDT_OPT_EXPORT_NAME] = "EXPORT_NAME",
		[NBDT_OPT_ABORT] = "ABORT",
		[NBDT_OPT_LIST] = "LIST",
		[NBDT_OPT_PEEK_EXPORT] = "PEEK_EXPORT",
		[NBDT_OPT_STARTTLS] = "STARTTLS",
		[NBDT_OPT_INFO] = "INFO",
		[NBDT_OPT_GO] = "GO",
		[NBDT_OPT_STRUCTURED_REPLY] = "STRUCTURED_REPLY",
		[NBDT_OPT_LIST_META_CONTEXT] = "LIST_META_CONTEXT",
		[NBDT_OPT_SET_META_CONTEXT] = "SET_META_CONTEXT",
		[NBDT_OPT_EXTENDED_HEADERS] = "EXTENDED_HEADERS",
	};

	return option < ARRAY_SIZE(names) ? names[option] : NULL;
}

/**
 * nbdt_proto_flags - the transmission flags that a client is told
 * @flags: what the export can do
 * @mode: of the connection
 * @contexts: whether metadata contexts are selected
 *
 * FL4: DF exactly when it can be used.  FL9: no payload for BLOCK_STATUS when
 * there is nothing that it could choose from.
 */
u16 nbdt_proto_flags(u16 flags, enum nbdt_mode mode, bool contexts)
{
	if (mode >= NBDT_MODE_STRUCTURED)
		flags |= NBDT_FLAG_SEND_DF;
	if (mode >= NBDT_MODE_EXTENDED && contexts)
		flags |= NBDT_FLAG_BLOCK_STATUS_PAYLOAD;
	return flags;
}

static int decode_compact(const struct nbdt_wire_request *wire,
			  struct nbdt_cmd *cmd)
{
	if (wire->magic != cpu_to_be32(NBDT_REQUEST_MAGIC))
		return -EBADMSG;
	cmd->flags = be16_to_cpu(wire->flags);
	cmd->type = be16_to_cpu(wire->type);
	cmd->cookie = wire->cookie;
	cmd->offset = be64_to_cpu(wire->offset);
	cmd->length = be32_to_cpu(wire->length);
	cmd->payload = cmd_rule(cmd->type)->payload ? cmd->length : 0;
	return 0;
}

/* EX1: what the length is the length of, a flag says. */
static int decode_extended(const struct nbdt_wire_ext_request *wire,
			   struct nbdt_cmd *cmd)
{
	if (wire->magic != cpu_to_be32(NBDT_EXTENDED_REQUEST_MAGIC))
		return -EBADMSG;
	cmd->flags = be16_to_cpu(wire->flags);
	cmd->type = be16_to_cpu(wire->type);
	cmd->cookie = wire->cookie;
	cmd->offset = be64_to_cpu(wire->offset);
	cmd->length = be64_to_cpu(wire->length);
	/* WR3: QEMU's client, up to 10 at least, doesn't say so of a WRITE. */
	if ((cmd->flags & NBDT_CMD_PAYLOAD_LEN) || cmd_rule(cmd->type)->payload)
		cmd->payload = cmd->length;
	else
		cmd->payload = 0;
	return 0;
}

/**
 * nbdt_proto_cmd - decode a request
 * @wire: nbdt_proto_request_len() bytes as received, of any alignment
 * @mode: of the connection
 * @cmd: filled in
 *
 * Return: 0, or -EBADMSG when the magic is wrong and the stream is lost
 * (EX6: that of another mode is).
 */
int nbdt_proto_cmd(const void *wire, enum nbdt_mode mode, struct nbdt_cmd *cmd)
{
	if (unlikely(mode == NBDT_MODE_EXTENDED))
		return decode_extended(wire, cmd);
	return decode_compact(wire, cmd);
}

bool nbdt_proto_cmd_writes(const struct nbdt_cmd *cmd)
{
	return cmd_rule(cmd->type)->writes;
}

static u16 flags_allowed(const struct cmd_rule *rule, u16 export_flags)
{
	u16 flags = rule->flags;

	if (export_flags & NBDT_FLAG_SEND_DF)
		flags |= rule->flags_df;
	if (export_flags & NBDT_FLAG_SEND_FAST_ZERO)
		flags |= rule->flags_fast;
	return flags;
}

/* EX1 to EX4, BS10: who may bring a payload. */
static struct nbdt_verdict check_payload(const struct nbdt_cmd *cmd,
					 enum nbdt_mode mode,
					 const struct nbdt_cmd_limits *limits)
{
	bool may = mode == NBDT_MODE_EXTENDED &&
		   (cmd->type == NBDT_CMD_WRITE ||
		    (cmd->type == NBDT_CMD_BLOCK_STATUS &&
		     (limits->flags & NBDT_FLAG_BLOCK_STATUS_PAYLOAD)));

	if ((cmd->flags & NBDT_CMD_PAYLOAD_LEN) && !may)
		return (struct nbdt_verdict) { NBDT_EINVAL,
			"a payload does not belong to this command" };
	return (struct nbdt_verdict) { NBDT_OK, NULL };
}

static struct nbdt_verdict check_range(const struct nbdt_cmd *cmd,
				       const struct cmd_rule *rule,
				       const struct nbdt_cmd_limits *limits)
{
	if (cmd->offset > limits->size ||
	    cmd->length > limits->size - cmd->offset)
		return (struct nbdt_verdict) { rule->past_end,
			"beyond the end of the export" };
	if (rule->returns && cmd->length > limits->max_payload)
		return (struct nbdt_verdict) { NBDT_EOVERFLOW,
			"longer than the maximum payload" };
	return (struct nbdt_verdict) { NBDT_OK, NULL };
}

/**
 * nbdt_proto_cmd_check - judge a request before anything is done for it
 * @cmd: the request
 * @mode: of the connection
 * @limits: what holds on it
 *
 * The checks stand in the order of section 1.10 of the rules.  Of a
 * BLOCK_STATUS with a payload the range is judged when that is here, by
 * nbdt_proto_range_check().
 *
 * Return: NBDT_OK, or the error to answer and a text for people.
 */
struct nbdt_verdict nbdt_proto_cmd_check(const struct nbdt_cmd *cmd,
					 enum nbdt_mode mode,
					 const struct nbdt_cmd_limits *limits)
{
	const struct cmd_rule *rule = cmd_rule(cmd->type);
	struct nbdt_verdict verdict;

	if (!rule->known || mode < rule->mode ||
	    (rule->needs & ~limits->flags))
		return (struct nbdt_verdict) { NBDT_EINVAL,
			"unknown command" };
	verdict = check_payload(cmd, mode, limits);
	if (verdict.error)
		return verdict;
	if (cmd->flags & ~flags_allowed(rule, limits->flags) &
	    ~NBDT_CMD_PAYLOAD_LEN)
		return (struct nbdt_verdict) { NBDT_EINVAL,
			"flag that this command does not have" };
	if (rule->writes && (limits->flags & NBDT_FLAG_READ_ONLY))
		return (struct nbdt_verdict) { NBDT_EPERM,
			"the export is read-only" };
	if (!rule->ranged)
		return (struct nbdt_verdict) { NBDT_OK, NULL };
	if (cmd->type == NBDT_CMD_BLOCK_STATUS && cmd->payload)
		return (struct nbdt_verdict) { NBDT_OK, NULL };
	return check_range(cmd, rule, limits);
}

/* For a range that became known after nbdt_proto_cmd_check(). */
struct nbdt_verdict nbdt_proto_range_check(const struct nbdt_cmd *cmd,
					   const struct nbdt_cmd_limits *limits)
{
	return check_range(cmd, cmd_rule(cmd->type), limits);
}

/* Return: the length of what was written to @wire, as of all that follow. */
size_t nbdt_proto_simple_reply(void *wire, const struct nbdt_cmd *cmd,
			       enum nbdt_error error)
{
	struct nbdt_wire_simple_reply *reply = wire;

	reply->magic = cpu_to_be32(NBDT_SIMPLE_REPLY_MAGIC);
	reply->error = cpu_to_be32(error);
	reply->cookie = cmd->cookie;
	return sizeof(*reply);
}

/**
 * nbdt_proto_chunk - what every chunk of a reply begins with
 * @wire: room for nbdt_proto_chunk_len() bytes
 * @mode: structured or extended
 * @cmd: what is answered
 * @offset: of the client's request, which @cmd may be a part of
 * @flags: NBDT_CHUNK_DONE for the last (TX9), or 0
 * @type: of the chunk
 * @len: bytes that follow
 */
size_t nbdt_proto_chunk(void *wire, enum nbdt_mode mode,
			const struct nbdt_cmd *cmd, u64 offset, u16 flags,
			enum nbdt_chunk type, u64 len)
{
	struct nbdt_wire_ext_chunk *ext = wire;
	struct nbdt_wire_chunk *chunk = wire;

	if (mode == NBDT_MODE_EXTENDED) {
		ext->magic = cpu_to_be32(NBDT_EXTENDED_REPLY_MAGIC);
		ext->flags = cpu_to_be16(flags);
		ext->type = cpu_to_be16(type);
		ext->cookie = cmd->cookie;
		ext->offset = cpu_to_be64(offset);
		ext->length = cpu_to_be64(len);
		return sizeof(*ext);
	}
	chunk->magic = cpu_to_be32(NBDT_STRUCTURED_REPLY_MAGIC);
	chunk->flags = cpu_to_be16(flags);
	chunk->type = cpu_to_be16(type);
	chunk->cookie = cmd->cookie;
	chunk->length = cpu_to_be32(len);
	return sizeof(*chunk);
}

/* @cmd->length bytes of data from @cmd->offset follow. */
size_t nbdt_proto_chunk_data(void *wire, enum nbdt_mode mode,
			     const struct nbdt_cmd *cmd, u64 offset, u16 flags)
{
	__be64 at = cpu_to_be64(cmd->offset);
	size_t len;

	len = nbdt_proto_chunk(wire, mode, cmd, offset, flags,
			       NBDT_CHUNK_OFFSET_DATA,
			       sizeof(at) + cmd->length);
	memcpy(wire + len, &at, sizeof(at));
	return len + sizeof(at);
}

/* @cmd's range is zero. */
size_t nbdt_proto_chunk_hole(void *wire, enum nbdt_mode mode,
			     const struct nbdt_cmd *cmd, u64 offset, u16 flags)
{
	struct nbdt_wire_hole hole = {
		.offset = cpu_to_be64(cmd->offset),
		.length = cpu_to_be32(cmd->length),
	};
	size_t len;

	len = nbdt_proto_chunk(wire, mode, cmd, offset, flags,
			       NBDT_CHUNK_OFFSET_HOLE, sizeof(hole));
	memcpy(wire + len, &hole, sizeof(hole));
	return len + sizeof(hole);
}

/* The verdict's text, all of it, follows. */
size_t nbdt_proto_chunk_error(void *wire, enum nbdt_mode mode,
			      const struct nbdt_cmd *cmd, u64 offset,
			      u16 flags, const struct nbdt_verdict *verdict)
{
	const size_t fixed = offsetof(struct nbdt_wire_chunk_error, offset);
	size_t text_len = verdict->text ? strlen(verdict->text) : 0;
	struct nbdt_wire_chunk_error error = {
		.error = cpu_to_be32(verdict->error),
		.text_len = cpu_to_be16(text_len),
	};
	size_t len;

	len = nbdt_proto_chunk(wire, mode, cmd, offset, flags,
			       NBDT_CHUNK_ERROR, fixed + text_len);
	memcpy(wire + len, &error, fixed);
	return len + fixed;
}

/* An error from @cmd->offset on; no text follows. */
size_t nbdt_proto_chunk_error_offset(void *wire, enum nbdt_mode mode,
				     const struct nbdt_cmd *cmd, u64 offset,
				     u16 flags, enum nbdt_error error)
{
	struct nbdt_wire_chunk_error chunk = {
		.error = cpu_to_be32(error),
		.offset = cpu_to_be64(cmd->offset),
	};
	size_t len;

	len = nbdt_proto_chunk(wire, mode, cmd, offset, flags,
			       NBDT_CHUNK_ERROR_OFFSET, sizeof(chunk));
	memcpy(wire + len, &chunk, sizeof(chunk));
	return len + sizeof(chunk);
}

/**
 * nbdt_proto_error - the error number that tells a client of a failure
 * @err: 0 or a negative errno from below
 *
 * What the protocol has no word for is an I/O error: ENOTSUP and EOVERFLOW
 * have one meaning each (1.10) and are chosen where that meaning is known.
 */
enum nbdt_error nbdt_proto_error(int err)
{
	switch (err) {
	case 0:
		return NBDT_OK;
	case -EPERM:
	case -EACCES:
	case -EROFS:
		return NBDT_EPERM;
	case -ENOMEM:
		return NBDT_ENOMEM;
	case -ENOSPC:
	case -EDQUOT:
	case -EFBIG:
		return NBDT_ENOSPC;
	case -ESHUTDOWN:
		return NBDT_ESHUTDOWN;
	default:
		return NBDT_EIO;
	}
}

/* The same in words, for those whom a number doesn't tell enough. */
const char *nbdt_proto_error_text(enum nbdt_error error)
{
	switch (error) {
	case NBDT_EIO:
		return "the device reports an error";
	case NBDT_ENOMEM:
		return "the server is short of memory";
	case NBDT_ENOSPC:
		return "the device has no space left";
	case NBDT_ENOTSUP:
		return "the device has no fast way to write zeroes";
	case NBDT_ESHUTDOWN:
		return "the export is going away";
	default:
		return NULL;
	}
}
