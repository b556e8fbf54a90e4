// SPDX-License-Identifier: GPL-2.0
/*
 * A fuzzer for everything that takes a client's bytes apart: the very proto.c
 * and the matching of queries that the module has, in user space under the
 * address and undefined behaviour sanitizers.  libFuzzer drives it.
 *
 * The first byte of an input chooses the parser; the rest is its data, in
 * memory of exactly that size.  Beyond not touching what isn't theirs, the
 * parsers have to keep their promises: what they return lies in the data, what
 * they let through is within the limits, and what they write fits.
 */
#include <stdlib.h>

#include "base/proto.h"

#define assert(condition)						\
	do {								\
		if (!(condition))					\
			__builtin_trap();				\
	} while (0)

static bool inside(const void *p, size_t len, const u8 *data, size_t size)
{
	const u8 *at = p;

	return at >= data && len <= size && (size_t)(at - data) <= size - len;
}

static void fuzz_go(const u8 *data, size_t size)
{
	struct nbdt_go go;

	if (nbdt_proto_go(data, size, &go))
		return;
	assert(inside(go.name, go.name_len, data, size));
	assert(go.name_len <= NBDT_MAX_STRING);
	assert(!memchr(go.name, '\0', go.name_len));
	assert(!(go.infos >> (NBDT_INFO_BLOCK_SIZE + 1)));
}

static void fuzz_meta(const u8 *data, size_t size)
{
	struct nbdt_query query;
	struct nbdt_meta meta;
	u32 i;

	if (nbdt_proto_meta(data, size, &meta))
		return;
	assert(inside(meta.name, meta.name_len, data, size));
	assert(meta.name_len <= NBDT_MAX_STRING);
	assert(meta.count <= size / 4);
	for (i = 0; i < meta.count; i++) {
		nbdt_proto_query(&meta, &query);
		assert(inside(query.text, query.len, data, size));
		assert(!memchr(query.text, '\0', query.len));
	}
	assert(meta.queries == data + size);
}

static void fuzz_option(const u8 *data, size_t size)
{
	struct nbdt_option_head head;

	if (size < sizeof(struct nbdt_wire_option))
		return;
	if (!nbdt_proto_option_head((const void *)data, &head))
		nbdt_proto_option_name(head.option);
}

/* All heads that a reply to CMD may have, in memory of their largest size. */
static void build_replies(const struct nbdt_cmd *cmd, enum nbdt_mode mode,
			  const struct nbdt_verdict *verdict)
{
	u8 *wire = malloc(NBDT_MAX_REPLY_HEAD);
	u64 at = cmd->offset;

	assert(wire);
	assert(nbdt_proto_simple_reply(wire, cmd, verdict->error) == 16);
	if (mode > NBDT_MODE_SIMPLE) {
		nbdt_proto_chunk(wire, mode, cmd, at, NBDT_CHUNK_DONE,
				 NBDT_CHUNK_NONE, 0);
		nbdt_proto_chunk_data(wire, mode, cmd, at, 0);
		nbdt_proto_chunk_hole(wire, mode, cmd, at, 0);
		nbdt_proto_chunk_error(wire, mode, cmd, at, 0, verdict);
		nbdt_proto_chunk_error_offset(wire, mode, cmd, at, 0,
					      verdict->error);
	}
	free(wire);
}

/* Data: the export's flags and size, then a request. */
static void fuzz_cmd(const u8 *data, size_t size, enum nbdt_mode mode)
{
	struct nbdt_cmd_limits limits = { .max_payload = NBDT_MAX_PAYLOAD };
	struct nbdt_verdict verdict;
	struct nbdt_cmd cmd;
	u16 flags;

	if (size < 10 + nbdt_proto_request_len(mode))
		return;
	memcpy(&flags, data, 2);
	memcpy(&limits.size, data + 2, 8);
	limits.flags = nbdt_proto_flags(flags, mode, flags & 0x8000);
	if (nbdt_proto_cmd(data + 10, mode, &cmd))
		return;
	assert(!cmd.payload || cmd.payload == cmd.length);
	/* WR3: with the flag that says so, or without. */
	assert(cmd.type != NBDT_CMD_WRITE || cmd.payload == cmd.length);
	verdict = nbdt_proto_cmd_check(&cmd, mode, &limits);
	if (!verdict.error && cmd.type != NBDT_CMD_DISC &&
	    cmd.type != NBDT_CMD_FLUSH &&
	    !(cmd.type == NBDT_CMD_BLOCK_STATUS && cmd.payload)) {
		assert(cmd.offset <= limits.size);
		assert(cmd.length <= limits.size - cmd.offset);
	}
	if (!verdict.error && (flags & NBDT_FLAG_READ_ONLY))
		assert(!nbdt_proto_cmd_writes(&cmd));
	if (!verdict.error && cmd.type == NBDT_CMD_READ)
		assert(cmd.length <= NBDT_MAX_PAYLOAD);
	if (!verdict.error && cmd.payload)
		assert(cmd.type == NBDT_CMD_WRITE ||
		       cmd.type == NBDT_CMD_BLOCK_STATUS);
	build_replies(&cmd, mode, &verdict);
}

int LLVMFuzzerTestOneInput(const u8 *input, size_t size);

int LLVMFuzzerTestOneInput(const u8 *input, size_t size)
{
	u8 *data;

	if (!size)
		return 0;
	/* Of its own, so that whoever goes beyond its end is caught. */
	size--;
	data = malloc(size);
	memcpy(data, input + 1, size);
	switch (input[0] % 6) {
	case 0:
		fuzz_go(data, size);
		break;
	case 1:
		fuzz_meta(data, size);
		break;
	case 2:
		fuzz_option(data, size);
		break;
	default:
		fuzz_cmd(data, size, input[0] % 6 - 3);
		break;
	}
	free(data);
	return 0;
}
