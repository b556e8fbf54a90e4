/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The NBD wire format: every constant and every layout, and the rules about
 * a request that need nothing but the request and a few facts about the
 * export.
 *
 * Nothing here or in proto.c sleeps, allocates or touches a socket.  Values
 * are converted between wire and host order here, and where a reply is made
 * (negotiate.c, option_*.c, status.c).  Rule ids
 * in comments (HS4, TX1, ...) are those of the conformance suite.
 */
#ifndef NBDT_PROTO_H
#define NBDT_PROTO_H

#include <linux/build_bug.h>
#include <linux/types.h>

/* Magic numbers. */
#define NBDT_GREETING_MAGIC	0x4e42444d41474943ULL	/* "NBDMAGIC" */
#define NBDT_OPTION_MAGIC	0x49484156454f5054ULL	/* "IHAVEOPT" */
#define NBDT_OPTION_REPLY_MAGIC	0x0003e889045565a9ULL
#define NBDT_REQUEST_MAGIC	0x25609513U
#define NBDT_EXTENDED_REQUEST_MAGIC	0x21e41c71U
#define NBDT_SIMPLE_REPLY_MAGIC	0x67446698U
#define NBDT_STRUCTURED_REPLY_MAGIC	0x668e33efU
#define NBDT_EXTENDED_REPLY_MAGIC	0x6e8a278cU

/* Handshake flags of the server; the client answers with the same bits. */
#define NBDT_FIXED_NEWSTYLE	BIT(0)
#define NBDT_NO_ZEROES		BIT(1)
#define NBDT_HANDSHAKE_FLAGS	(NBDT_FIXED_NEWSTYLE | NBDT_NO_ZEROES)

/*
 * How requests and replies look.  Each can do all that those before it can;
 * a client moves up during negotiation and never down, but by STARTTLS.
 */
enum nbdt_mode {
	NBDT_MODE_SIMPLE,	/* TX6: one header for each reply */
	NBDT_MODE_STRUCTURED,	/* TX7: READ and BLOCK_STATUS in chunks */
	NBDT_MODE_EXTENDED,	/* TX8: larger headers, all in chunks */
};

enum nbdt_option {
	NBDT_OPT_EXPORT_NAME		= 1,
	NBDT_OPT_ABORT			= 2,
	NBDT_OPT_LIST			= 3,
	NBDT_OPT_PEEK_EXPORT		= 4,
	NBDT_OPT_STARTTLS		= 5,
	NBDT_OPT_INFO			= 6,
	NBDT_OPT_GO			= 7,
	NBDT_OPT_STRUCTURED_REPLY	= 8,
	NBDT_OPT_LIST_META_CONTEXT	= 9,
	NBDT_OPT_SET_META_CONTEXT	= 10,
	NBDT_OPT_EXTENDED_HEADERS	= 11,
};

#define NBDT_REP_ERROR(n)	(0x80000000U | (n))

enum nbdt_option_reply {
	NBDT_REP_ACK			= 1,
	NBDT_REP_SERVER			= 2,
	NBDT_REP_INFO			= 3,
	NBDT_REP_META_CONTEXT		= 4,
	NBDT_REP_ERR_UNSUP		= NBDT_REP_ERROR(1),
	NBDT_REP_ERR_POLICY		= NBDT_REP_ERROR(2),
	NBDT_REP_ERR_INVALID		= NBDT_REP_ERROR(3),
	NBDT_REP_ERR_PLATFORM		= NBDT_REP_ERROR(4),
	NBDT_REP_ERR_TLS_REQD		= NBDT_REP_ERROR(5),
	NBDT_REP_ERR_UNKNOWN		= NBDT_REP_ERROR(6),
	NBDT_REP_ERR_SHUTDOWN		= NBDT_REP_ERROR(7),
	NBDT_REP_ERR_BLOCK_SIZE_REQD	= NBDT_REP_ERROR(8),
	NBDT_REP_ERR_TOO_BIG		= NBDT_REP_ERROR(9),
	NBDT_REP_ERR_EXT_HEADER_REQD	= NBDT_REP_ERROR(10),
};

enum nbdt_info {
	NBDT_INFO_EXPORT	= 0,
	NBDT_INFO_NAME		= 1,
	NBDT_INFO_DESCRIPTION	= 2,
	NBDT_INFO_BLOCK_SIZE	= 3,
};

/* Transmission flags: what an export can do. */
#define NBDT_FLAG_HAS_FLAGS		BIT(0)
#define NBDT_FLAG_READ_ONLY		BIT(1)
#define NBDT_FLAG_SEND_FLUSH		BIT(2)
#define NBDT_FLAG_SEND_FUA		BIT(3)
#define NBDT_FLAG_ROTATIONAL		BIT(4)
#define NBDT_FLAG_SEND_TRIM		BIT(5)
#define NBDT_FLAG_SEND_WRITE_ZEROES	BIT(6)
#define NBDT_FLAG_SEND_DF		BIT(7)
#define NBDT_FLAG_CAN_MULTI_CONN	BIT(8)
#define NBDT_FLAG_SEND_CACHE		BIT(10)
#define NBDT_FLAG_SEND_FAST_ZERO	BIT(11)
#define NBDT_FLAG_BLOCK_STATUS_PAYLOAD	BIT(12)

enum nbdt_cmd_type {
	NBDT_CMD_READ		= 0,
	NBDT_CMD_WRITE		= 1,
	NBDT_CMD_DISC		= 2,
	NBDT_CMD_FLUSH		= 3,
	NBDT_CMD_TRIM		= 4,
	NBDT_CMD_CACHE		= 5,
	NBDT_CMD_WRITE_ZEROES	= 6,
	NBDT_CMD_BLOCK_STATUS	= 7,
};

#define NBDT_CMD_FUA		BIT(0)
#define NBDT_CMD_NO_HOLE	BIT(1)
#define NBDT_CMD_DF		BIT(2)
#define NBDT_CMD_REQ_ONE	BIT(3)
#define NBDT_CMD_FAST_ZERO	BIT(4)
#define NBDT_CMD_PAYLOAD_LEN	BIT(5)

/* Chunks of structured and extended replies. */
#define NBDT_CHUNK_DONE		BIT(0)

enum nbdt_chunk {
	NBDT_CHUNK_NONE			= 0,
	NBDT_CHUNK_OFFSET_DATA		= 1,
	NBDT_CHUNK_OFFSET_HOLE		= 2,
	NBDT_CHUNK_BLOCK_STATUS		= 5,
	NBDT_CHUNK_BLOCK_STATUS_EXT	= 6,
	NBDT_CHUNK_ERROR		= 0x8001,
	NBDT_CHUNK_ERROR_OFFSET		= 0x8002,
};

/* Status of base:allocation. */
#define NBDT_STATE_HOLE		BIT(0)
#define NBDT_STATE_ZERO		BIT(1)

/* Status of qemu:dirty-bitmap:NAME. */
#define NBDT_STATE_DIRTY	BIT(0)

/* Error numbers on the wire: fixed by the protocol, not the host's errno. */
enum nbdt_error {
	NBDT_OK		= 0,
	NBDT_EPERM	= 1,
	NBDT_EIO	= 5,
	NBDT_ENOMEM	= 12,
	NBDT_EINVAL	= 22,
	NBDT_ENOSPC	= 28,
	NBDT_EOVERFLOW	= 75,
	NBDT_ENOTSUP	= 95,
	NBDT_ESHUTDOWN	= 108,
};

/* CV3: longest string of any kind. */
#define NBDT_MAX_STRING		4096
/* SZ1, SZ4: most data in one request, either way. */
#define NBDT_MAX_PAYLOAD	(32U << 20)
/*
 * Longest option data that is read.  INFO with the longest name and 65535
 * information requests has 135,172 bytes; nothing longer makes sense.
 */
#define NBDT_MAX_OPTION		(256U << 10)
/* Zeroes after the answer to EXPORT_NAME, unless NO_ZEROES was agreed. */
#define NBDT_EXPORT_NAME_PAD	124

struct nbdt_wire_greeting {
	__be64 magic;
	__be64 option_magic;
	__be16 flags;
} __packed;
static_assert(sizeof(struct nbdt_wire_greeting) == 18);

struct nbdt_wire_option {
	__be64 magic;
	__be32 option;
	__be32 length;
} __packed;
static_assert(sizeof(struct nbdt_wire_option) == 16);

struct nbdt_wire_option_reply {
	__be64 magic;
	__be32 option;
	__be32 type;
	__be32 length;
} __packed;
static_assert(sizeof(struct nbdt_wire_option_reply) == 20);

struct nbdt_wire_export_name {
	__be64 size;
	__be16 flags;
	u8 pad[NBDT_EXPORT_NAME_PAD];
} __packed;
static_assert(sizeof(struct nbdt_wire_export_name) == 134);

struct nbdt_wire_info_export {
	__be16 type;
	__be64 size;
	__be16 flags;
} __packed;
static_assert(sizeof(struct nbdt_wire_info_export) == 12);

struct nbdt_wire_info_block_size {
	__be16 type;
	__be32 minimum;
	__be32 preferred;
	__be32 maximum;
} __packed;
static_assert(sizeof(struct nbdt_wire_info_block_size) == 14);

struct nbdt_wire_request {
	__be32 magic;
	__be16 flags;
	__be16 type;
	__be64 cookie;
	__be64 offset;
	__be32 length;
} __packed;
static_assert(sizeof(struct nbdt_wire_request) == 28);

struct nbdt_wire_ext_request {
	__be32 magic;
	__be16 flags;
	__be16 type;
	__be64 cookie;
	__be64 offset;
	__be64 length;
} __packed;
static_assert(sizeof(struct nbdt_wire_ext_request) == 32);
#define NBDT_MAX_REQUEST	sizeof(struct nbdt_wire_ext_request)

struct nbdt_wire_simple_reply {
	__be32 magic;
	__be32 error;
	__be64 cookie;
} __packed;
static_assert(sizeof(struct nbdt_wire_simple_reply) == 16);

struct nbdt_wire_chunk {
	__be32 magic;
	__be16 flags;
	__be16 type;
	__be64 cookie;
	__be32 length;
} __packed;
static_assert(sizeof(struct nbdt_wire_chunk) == 20);

struct nbdt_wire_ext_chunk {
	__be32 magic;
	__be16 flags;
	__be16 type;
	__be64 cookie;
	__be64 offset;		/* of the request */
	__be64 length;
} __packed;
static_assert(sizeof(struct nbdt_wire_ext_chunk) == 32);

/* What chunks begin with, by their type. */
struct nbdt_wire_hole {
	__be64 offset;
	__be32 length;
} __packed;
static_assert(sizeof(struct nbdt_wire_hole) == 12);

struct nbdt_wire_chunk_error {
	__be32 error;
	__be16 text_len;
	/* the text, then for ERROR_OFFSET: */
	__be64 offset;
} __packed;
static_assert(sizeof(struct nbdt_wire_chunk_error) == 14);

struct nbdt_wire_extent {
	__be32 length;
	__be32 status;
} __packed;
static_assert(sizeof(struct nbdt_wire_extent) == 8);

struct nbdt_wire_ext_extent {
	__be64 length;
	__be64 status;
} __packed;
static_assert(sizeof(struct nbdt_wire_ext_extent) == 16);

/* A reply's head in any mode: of a chunk with what it begins with. */
#define NBDT_MAX_REPLY_HEAD	(sizeof(struct nbdt_wire_ext_chunk) + \
				 sizeof(struct nbdt_wire_chunk_error))

/* A request in host order. */
struct nbdt_cmd {
	u16 type;
	u16 flags;
	__be64 cookie;		/* TX1: opaque, only ever echoed */
	u64 offset;
	u64 length;		/* of what it is about; see PAYLOAD */
	/*
	 * Bytes that follow it, to be consumed whatever it is answered.  Of a
	 * BLOCK_STATUS with a payload, LENGTH is known only when that is here.
	 */
	u64 payload;
};

/* What the rules about a request need to know of the export. */
struct nbdt_cmd_limits {
	u64 size;
	u32 max_payload;
	u16 flags;		/* NBDT_FLAG_*, as nbdt_proto_flags() has them */
};

/* What a request is answered, and why in words; NULL says nothing. */
struct nbdt_verdict {
	enum nbdt_error error;
	const char *text;
};

/* An option's head in host order. */
struct nbdt_option_head {
	u32 option;
	u32 length;
};

/* The data of INFO or GO; NAME points into the buffer that was parsed. */
struct nbdt_go {
	const char *name;
	u32 name_len;
	u32 infos;		/* BIT(enum nbdt_info) that were asked for */
};

/*
 * The data of LIST_META_CONTEXT and SET_META_CONTEXT.  It was walked through
 * once when it was parsed, so that nbdt_proto_query() can't run out of it.
 */
struct nbdt_meta {
	const char *name;	/* of the export */
	u32 name_len;
	u32 count;		/* queries */
	const u8 *queries;
};

struct nbdt_query {
	const char *text;
	u32 len;
};

void nbdt_proto_greeting(struct nbdt_wire_greeting *wire);
int nbdt_proto_option_head(const struct nbdt_wire_option *wire,
			   struct nbdt_option_head *head);
void nbdt_proto_option_reply(struct nbdt_wire_option_reply *wire, u32 option,
			     u32 type, u32 length);
bool nbdt_proto_name_valid(const char *name, size_t len);
int nbdt_proto_go(const u8 *data, size_t len, struct nbdt_go *go);
int nbdt_proto_meta(const u8 *data, size_t len, struct nbdt_meta *meta);
void nbdt_proto_query(struct nbdt_meta *meta, struct nbdt_query *query);
const char *nbdt_proto_option_name(u32 option);
u16 nbdt_proto_flags(u16 flags, enum nbdt_mode mode, bool contexts);

int nbdt_proto_cmd(const void *wire, enum nbdt_mode mode,
		   struct nbdt_cmd *cmd);
struct nbdt_verdict nbdt_proto_cmd_check(const struct nbdt_cmd *cmd,
					 enum nbdt_mode mode,
					 const struct nbdt_cmd_limits *limits);
struct nbdt_verdict nbdt_proto_range_check(const struct nbdt_cmd *cmd,
					   const struct nbdt_cmd_limits *limits);
bool nbdt_proto_cmd_writes(const struct nbdt_cmd *cmd);

/* Of a request in MODE. */
static inline size_t nbdt_proto_request_len(enum nbdt_mode mode)
{
	return mode == NBDT_MODE_EXTENDED ?
		sizeof(struct nbdt_wire_ext_request) :
		sizeof(struct nbdt_wire_request);
}

/* Of what each chunk begins with in MODE. */
static inline size_t nbdt_proto_chunk_len(enum nbdt_mode mode)
{
	return mode == NBDT_MODE_EXTENDED ?
		sizeof(struct nbdt_wire_ext_chunk) :
		sizeof(struct nbdt_wire_chunk);
}

size_t nbdt_proto_simple_reply(void *wire, const struct nbdt_cmd *cmd,
			       enum nbdt_error error);
size_t nbdt_proto_chunk(void *wire, enum nbdt_mode mode,
			const struct nbdt_cmd *cmd, u64 offset, u16 flags,
			enum nbdt_chunk type, u64 len);
size_t nbdt_proto_chunk_data(void *wire, enum nbdt_mode mode,
			     const struct nbdt_cmd *cmd, u64 offset,
			     u16 flags);
size_t nbdt_proto_chunk_hole(void *wire, enum nbdt_mode mode,
			     const struct nbdt_cmd *cmd, u64 offset,
			     u16 flags);
size_t nbdt_proto_chunk_error(void *wire, enum nbdt_mode mode,
			      const struct nbdt_cmd *cmd, u64 offset,
			      u16 flags, const struct nbdt_verdict *verdict);
size_t nbdt_proto_chunk_error_offset(void *wire, enum nbdt_mode mode,
				     const struct nbdt_cmd *cmd, u64 offset,
				     u16 flags, enum nbdt_error error);
enum nbdt_error nbdt_proto_error(int err);
const char *nbdt_proto_error_text(enum nbdt_error error);

#endif /* NBDT_PROTO_H */
