// SPDX-License-Identifier: GPL-2.0
/*
 * Replies: framing, batching, and the two ways for data into the socket.
 *
 * Replies leave in the order in which requests came back.  Headers and small
 * data are copied, as many of them as there are in one call; larger data goes
 * as pages, which the network then holds until the client has them.  A send
 * that finds no room is gone on with when there is.
 *
 * Everything here runs in the connection's thread.
 */
#include <linux/mm.h>

#include "conn.h"
#include "reply.h"
#include "request.h"
#include "trace.h"

/* Data up to this size is cheaper to copy than to give away. */
#define COPY_MAX	PAGE_SIZE

/* Elements of one batch: replies without data take one, with data two. */
#define BATCH_VECS	64
/* An unaligned read's data may lie in this many pieces. */
#define COPY_PIECES	3

#define HEADER_LEN	sizeof(struct nbdt_wire_simple_reply)

struct batch {
	struct kvec vec[BATCH_VECS];
	unsigned int nr;
	size_t len;
};

/* Bytes of data that follow the header. */
static u32 data_len(const struct nbdt_request *req)
{
	if (req->cmd.type != NBDT_CMD_READ || req->error)
		return 0;
	return req->cmd.length;
}

static bool sends_pages(const struct nbdt_request *req)
{
	return data_len(req) > COPY_MAX;
}

static void count_reply(struct nbdt_conn *conn, const struct nbdt_request *req)
{
	struct nbdt_stats *stats = &conn->stats;

	WRITE_ONCE(stats->requests, stats->requests + 1);
	if (req->error) {
		WRITE_ONCE(stats->errors, stats->errors + 1);
		return;
	}
	switch (req->cmd.type) {
	case NBDT_CMD_READ:
		WRITE_ONCE(stats->reads, stats->reads + 1);
		WRITE_ONCE(stats->read_bytes,
			   stats->read_bytes + req->cmd.length);
		break;
	case NBDT_CMD_WRITE:
		WRITE_ONCE(stats->writes, stats->writes + 1);
		WRITE_ONCE(stats->written_bytes,
			   stats->written_bytes + req->cmd.length);
		break;
	default:
		return;
	}
	if (req->size != req->cmd.length)
		WRITE_ONCE(stats->unaligned, stats->unaligned + 1);
}

/**
 * nbdt_reply_queue - a request came to its end; answer it
 * @req: with its error set, or the status of its I/O
 */
void nbdt_reply_queue(struct nbdt_request *req)
{
	struct nbdt_conn *conn = req->conn;

	if (unlikely(req->status) && !req->error)
		req->error = nbdt_proto_error(req->status);
	nbdt_proto_simple_reply(&req->reply.simple, &req->cmd, req->error);
	count_reply(conn, req);
	list_add_tail(&req->queue, &conn->tx.queue);
}

static void batch_add(struct batch *batch, void *base, size_t len)
{
	batch->vec[batch->nr++] = (struct kvec) {
		.iov_base = base,
		.iov_len = len,
	};
	batch->len += len;
}

/* Add a reply's copied data, behind its first SKIP bytes. */
static void batch_add_data(struct batch *batch, struct nbdt_request *req,
			   u32 skip)
{
	u32 left = data_len(req) - skip;
	struct bio_vec *bv = req->bvecs;

	for (skip += req->head; left; bv++) {
		u32 len = min(bv->bv_len, skip + left) - min(bv->bv_len, skip);

		if (len)
			batch_add(batch, bvec_virt(bv) + skip, len);
		skip -= min(skip, bv->bv_len);
		left -= len;
	}
}

/*
 * Gather what can be copied: headers and small data, to the first reply that
 * sends pages, its header included.  True when that isn't the end of all.
 */
static bool batch_fill(struct batch *batch, struct nbdt_conn *conn)
{
	struct nbdt_request *req;
	u32 sent = conn->tx.sent;

	batch->nr = 0;
	batch->len = 0;
	list_for_each_entry(req, &conn->tx.queue, queue) {
		if (batch->nr + 1 + COPY_PIECES > BATCH_VECS)
			return true;
		if (sent < HEADER_LEN)
			batch_add(batch, (void *)&req->reply + sent,
				  HEADER_LEN - sent);
		if (sends_pages(req))
			return true;
		if (data_len(req))
			batch_add_data(batch, req, sent > HEADER_LEN ?
				       sent - HEADER_LEN : 0);
		sent = 0;
	}
	return false;
}

/* N more bytes are out: be done with the replies they complete. */
static void advance(struct nbdt_conn *conn, u32 n)
{
	struct nbdt_request *req, *next;

	conn->tx.moved += n;
	n += conn->tx.sent;
	list_for_each_entry_safe(req, next, &conn->tx.queue, queue) {
		u32 len = HEADER_LEN + data_len(req);

		if (n < len)
			break;
		n -= len;
		trace_nbdt_reply(req);
		list_del(&req->queue);
		nbdt_request_free(req);
	}
	conn->tx.sent = n;
}

static int send_copied(struct nbdt_conn *conn)
{
	struct batch batch;
	bool more;

	more = batch_fill(&batch, conn);
	return nbdt_sock_send(&conn->sock, batch.vec, batch.nr, batch.len,
			      more);
}

/* The first reply's pages. */
static int send_pages(struct nbdt_conn *conn, struct nbdt_request *req)
{
	if (conn->tx.sent == HEADER_LEN) {
		iov_iter_bvec(&conn->tx.iter, ITER_SOURCE, req->bvecs,
			      req->nr_bvecs, req->head + data_len(req));
		iov_iter_advance(&conn->tx.iter, req->head);
	}
	return nbdt_sock_send_iter(&conn->sock, &conn->tx.iter,
				   !list_is_singular(&conn->tx.queue));
}

static int send_some(struct nbdt_conn *conn)
{
	struct nbdt_request *req;

	req = list_first_entry(&conn->tx.queue, struct nbdt_request, queue);
	if (conn->tx.sent >= HEADER_LEN && sends_pages(req))
		return send_pages(conn, req);
	return send_copied(conn);
}

/* Nobody reads them any more. */
static void drop_all(struct nbdt_conn *conn)
{
	struct nbdt_request *req, *next;

	list_for_each_entry_safe(req, next, &conn->tx.queue, queue) {
		list_del(&req->queue);
		nbdt_request_free(req);
	}
	conn->tx.sent = 0;
	conn->tx.blocked = false;
}

/**
 * nbdt_reply_send - send the replies that are queued, as far as they go
 * @conn: its connection
 *
 * What is left when the socket has no room is sent by the next call;
 * conn->tx.blocked says so.
 */
void nbdt_reply_send(struct nbdt_conn *conn)
{
	int n;

	while (!list_empty(&conn->tx.queue)) {
		if (conn->gone) {
			drop_all(conn);
			return;
		}
		if (conn->tx.blocked && !READ_ONCE(conn->sock.writable))
			return;
		n = send_some(conn);
		conn->tx.blocked = n == -EAGAIN;
		if (n == -EAGAIN)
			return;
		if (n < 0) {
			cmpxchg(&conn->reason, NULL, "connection lost");
			WRITE_ONCE(conn->gone, true);
			nbdt_sock_cancel(&conn->sock);
			continue;
		}
		advance(conn, n);
	}
	conn->tx.blocked = false;
}
