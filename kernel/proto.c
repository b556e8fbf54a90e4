// SPDX-License-Identifier: GPL-2.0
/*
 * Decoding, encoding and judging what travels on the wire.  Pure functions
 * over bounded buffers; see proto.h.
 */
#include <linux/bits.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "proto.h"

/* The rules of one command; the flags an export advertises follow from it. */
struct cmd_rule {
	bool known;
	u16 flags;		/* flags that may be set on it (1.15) */
	u16 needs;		/* NBDT_FLAG_* without which it is unknown */
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
		.flags = NBDT_CMD_FUA | NBDT_CMD_NO_HOLE | NBDT_CMD_FAST_ZERO,
		.ranged = true,
		.writes = true,
		.past_end = NBDT_ENOSPC,
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
 * nbdt_proto_cmd - decode a request
 * @wire: the 28 bytes as received
 * @cmd: filled in
 *
 * Return: 0, or -EBADMSG when the magic is wrong and the stream is lost.
 */
int nbdt_proto_cmd(const struct nbdt_wire_request *wire, struct nbdt_cmd *cmd)
{
	if (wire->magic != cpu_to_be32(NBDT_REQUEST_MAGIC))
		return -EBADMSG;
	cmd->flags = be16_to_cpu(wire->flags);
	cmd->type = be16_to_cpu(wire->type);
	cmd->cookie = wire->cookie;
	cmd->offset = be64_to_cpu(wire->offset);
	cmd->length = be32_to_cpu(wire->length);
	return 0;
}

/* Bytes that follow the request, to be consumed whatever it is answered. */
u64 nbdt_proto_cmd_payload(const struct nbdt_cmd *cmd)
{
	return cmd_rule(cmd->type)->payload ? cmd->length : 0;
}

bool nbdt_proto_cmd_writes(const struct nbdt_cmd *cmd)
{
	return cmd_rule(cmd->type)->writes;
}

/**
 * nbdt_proto_cmd_check - judge a request before anything is done for it
 * @cmd: the request
 * @limits: of its export
 *
 * The checks stand in the order of section 1.10 of the rules.
 *
 * Return: NBDT_OK, or the error to answer.
 */
enum nbdt_error nbdt_proto_cmd_check(const struct nbdt_cmd *cmd,
				     const struct nbdt_cmd_limits *limits)
{
	const struct cmd_rule *rule = cmd_rule(cmd->type);

	if (!rule->known || (rule->needs & ~limits->flags))
		return NBDT_EINVAL;
	if (cmd->flags & ~rule->flags)
		return NBDT_EINVAL;
	if (rule->writes && (limits->flags & NBDT_FLAG_READ_ONLY))
		return NBDT_EPERM;
	if (!rule->ranged)
		return NBDT_OK;
	if (cmd->offset > limits->size ||
	    cmd->length > limits->size - cmd->offset)
		return rule->past_end;
	if (rule->returns && cmd->length > limits->max_payload)
		return NBDT_EOVERFLOW;
	return NBDT_OK;
}

void nbdt_proto_simple_reply(struct nbdt_wire_simple_reply *wire,
			     const struct nbdt_cmd *cmd, enum nbdt_error error)
{
	wire->magic = cpu_to_be32(NBDT_SIMPLE_REPLY_MAGIC);
	wire->error = cpu_to_be32(error);
	wire->cookie = cmd->cookie;
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
