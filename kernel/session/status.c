// SPDX-License-Identifier: GPL-2.0
/*
 * BLOCK_STATUS: extents, one chunk for each context that was asked for.
 *
 * The whole reply, heads of chunks and all, is written into the request's
 * buffer, by the connection's thread and without waiting for anything: what
 * is asked is in memory.  How much may be found is decided before, so the
 * buffer is as large as the answer can be, and the answer stops where the
 * buffer does: a client asks again from there (BS4).
 */
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/uio.h>

#include "block/disk.h"
#include "block/request.h"
#include "compat/unaligned.h"
#include "content/context.h"
#include "session/conn.h"
#include "session/status.h"

/* BS6: most extents in a chunk. */
#define EXTENTS_MAX	2048

/* BS10: a payload is a length and ids; more ids than this are refused. */
#define FILTER_IDS_MAX	256

/* Looks for ends of extents in one chunk: how long it may take has a bound. */
#define LOOKS_MAX	(16 * EXTENTS_MAX)

/* BS14: no extent that 32 bits don't hold, ending with a block. */
#define COMPACT_MAX	round_down(U32_MAX, 64U << 10)

#define INVALID(why)	((struct nbdt_verdict) { NBDT_EINVAL, why })

/**
 * nbdt_status_check - the rules of BLOCK_STATUS that concern its contexts
 * @req: otherwise judged to be good
 *
 * BS1, TX15, BS10.  Without a payload, all contexts selected are asked for.
 *
 * Return: NBDT_OK, or the error to answer once the payload has gone by.
 */
struct nbdt_verdict nbdt_status_check(struct nbdt_request *req)
{
	u64 payload = req->cmd.payload;

	req->contexts = nbdt_conn_of(req)->contexts;
	if (!req->contexts)
		return INVALID("no metadata context is selected");
	if (!(req->cmd.flags & NBDT_CMD_PAYLOAD_LEN)) {
		if (!req->cmd.length)
			return INVALID("nothing has no status");
	} else if (payload < 12 || payload % 4 ||
		   payload > 8 + 4 * FILTER_IDS_MAX) {
		return INVALID("the payload is no length and ids");
	}
	return (struct nbdt_verdict) { NBDT_OK, NULL };
}

/* What a client knows a context as: our number, or that of a module before. */
static u32 client_id(const struct nbdt_conn *conn, unsigned int context)
{
	return unlikely(conn->context_ids) ? conn->context_ids[context] : context;
}

/* The bit of a context that was selected, by its id; 0 if there is none. */
static u64 context_bit(const struct nbdt_request *req, u32 id)
{
	const struct nbdt_conn *conn = nbdt_conn_of(req);
	u64 left = conn->contexts;

	for (; left; left &= left - 1)
		if (client_id(conn, __ffs64(left)) == id)
			return left & -left;
	return 0;
}

/**
 * nbdt_status_filter - read the payload of BLOCK_STATUS (BS10)
 * @req: its payload is the content of its buffer, a single page
 *
 * Sets contexts and length of the request.
 *
 * Return: NBDT_OK, or the error to answer.
 */
struct nbdt_verdict nbdt_status_filter(struct nbdt_request *req)
{
	const u8 *payload = bvec_virt(&req->bvecs[0]);
	unsigned int i, ids = (req->cmd.payload - 8) / 4;
	u64 bit;

	req->cmd.length = get_unaligned_be64(payload);
	req->contexts = 0;
	for (i = 0; i < ids; i++) {
		bit = context_bit(req, get_unaligned_be32(payload + 8 + 4 * i));
		if (!bit)
			return INVALID("a context that is not selected");
		if (req->contexts & bit)
			return INVALID("a context is named twice");
		req->contexts |= bit;
	}
	if (!req->cmd.length)
		return INVALID("nothing has no status");
	return nbdt_proto_range_check(&req->cmd, &nbdt_conn_of(req)->limits);
}

static bool is_extended(const struct nbdt_request *req)
{
	return nbdt_conn_of(req)->mode == NBDT_MODE_EXTENDED;
}

/* Of a chunk's head, and what stands before its extents. */
static u32 head_len(const struct nbdt_request *req)
{
	return nbdt_proto_chunk_len(nbdt_conn_of(req)->mode) +
	       sizeof(__be32) * (is_extended(req) ? 2 : 1);
}

static u32 extent_len(const struct nbdt_request *req)
{
	return is_extended(req) ? sizeof(struct nbdt_wire_ext_extent) :
				  sizeof(struct nbdt_wire_extent);
}

/* As many as any of the chunks may get. */
static u32 max_extents(const struct nbdt_request *req)
{
	u64 left = req->contexts, granules = 0;

	if (req->cmd.flags & NBDT_CMD_REQ_ONE)
		return 1;
	for (; left; left &= left - 1)
		granules = max(granules,
			       nbdt_context_granules(&req->disk->content,
						     __ffs64(left),
						     req->cmd.length));
	/* What lies in between, and parts of some at the two ends. */
	return min_t(u64, EXTENTS_MAX,
		     granules + 2 + req->cmd.length / COMPACT_MAX);
}

/* Room for the largest reply that there can be; bytes. */
u32 nbdt_status_size(const struct nbdt_request *req)
{
	return hweight64(req->contexts) *
	       (head_len(req) + max_extents(req) * extent_len(req));
}

/* Where the reply is being written to. */
struct writer {
	struct iov_iter iter;
	bool believed;		/* what the map says */
	u32 len;		/* so far */
};

static void put(struct writer *out, const void *data, size_t len)
{
	WARN_ON_ONCE(copy_to_iter(data, len, &out->iter) != len);
	out->len += len;
}

static void put_extent(struct writer *out, const struct nbdt_request *req,
		       u64 len, u32 status)
{
	struct nbdt_wire_ext_extent ext = {
		.length = cpu_to_be64(len),
		.status = cpu_to_be64(status),
	};
	struct nbdt_wire_extent compact = {
		.length = cpu_to_be32(len),
		.status = cpu_to_be32(status),
	};

	if (is_extended(req))
		put(out, &ext, sizeof(ext));
	else
		put(out, &compact, sizeof(compact));
}

/*
 * The extent that begins at OFFSET, up to END: BS7, with what follows it as
 * long as the status is the same.  It is the last when no LOOKS are left.
 */
static u64 extent_at(const struct nbdt_request *req, unsigned int context,
		     bool believed, u64 offset, u64 end, u32 *status,
		     unsigned int *looks)
{
	u64 at = offset, len, limit = end - offset;
	u32 next;

	if (!is_extended(req))
		limit = min_t(u64, limit, COMPACT_MAX -
			      (offset & (req->disk->content.block - 1)));
	do {
		len = offset + limit - at;
		next = nbdt_context_status(&req->disk->content, context, at,
					   &len, believed);
		if (at == offset)
			*status = next;
		else if (next != *status)
			break;
		at += len;
		cond_resched();
	} while (at < offset + limit && --*looks);
	return at - offset;
}

/* As many as there is room for: the map may have changed since. */
static u32 room(const struct nbdt_request *req)
{
	return (req->size / hweight64(req->contexts) - head_len(req)) /
	       extent_len(req);
}

/* Extents from the request's offset on; NR tells how many. */
static void put_extents(struct writer *out, const struct nbdt_request *req,
			unsigned int context, u32 *nr)
{
	u64 at = req->cmd.offset, end = at + req->cmd.length, len;
	unsigned int looks = LOOKS_MAX;
	u32 status, max = room(req);

	for (*nr = 0; *nr < max && at < end && looks; ++*nr) {
		len = extent_at(req, context, out->believed, at, end, &status,
				&looks);
		put_extent(out, req, len, status);
		at += len;
		cond_resched();
	}
}

/* BS2, BS11. */
static void put_chunk(struct writer *out, const struct nbdt_request *req,
		      unsigned int context, bool last)
{
	enum nbdt_chunk type = is_extended(req) ? NBDT_CHUNK_BLOCK_STATUS_EXT :
						  NBDT_CHUNK_BLOCK_STATUS;
	u8 head[sizeof(struct nbdt_wire_ext_chunk)];
	struct writer begin = *out;
	size_t len;
	__be32 word;
	u32 nr;

	/* The head tells how many there are: they go first. */
	iov_iter_advance(&out->iter, head_len(req));
	out->len += head_len(req);
	put_extents(out, req, context, &nr);

	len = out->len - begin.len - nbdt_proto_chunk_len(nbdt_conn_of(req)->mode);
	len = nbdt_proto_chunk(head, nbdt_conn_of(req)->mode, &req->cmd,
			       req->cmd.offset, last ? NBDT_CHUNK_DONE : 0,
			       type, len);
	put(&begin, head, len);
	word = cpu_to_be32(client_id(nbdt_conn_of(req), context));
	put(&begin, &word, sizeof(word));
	if (is_extended(req)) {
		word = cpu_to_be32(nr);
		put(&begin, &word, sizeof(word));
	}
}

/**
 * nbdt_status_fill - write the reply
 * @req: with a buffer of nbdt_status_size() bytes; its size becomes what of it
 *	was used
 */
void nbdt_status_fill(struct nbdt_request *req)
{
	u64 left = req->contexts;
	struct writer out = {
		.believed = nbdt_content_is_believed(&req->disk->content),
	};
	unsigned int context;

	iov_iter_bvec(&out.iter, ITER_DEST, req->bvecs, req->nr_bvecs,
		      req->size);
	while (left) {
		context = __ffs64(left);
		left &= left - 1;
		put_chunk(&out, req, context, !left);
	}
	req->size = out.len;
}
