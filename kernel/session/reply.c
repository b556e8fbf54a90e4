// SPDX-License-Identifier: GPL-2.0
/*
 * Replies: framing, batching, and the two ways for data into the socket.
 *
 * Replies leave in the order in which requests came back.  Headers and small
 * data are copied, as many of them as there are in one call; larger data goes
 * as pages, which the network then holds until the client has them.  A send
 * that finds no room is gone on with when there is.
 *
 * On the wire each is a head, then data from the request's buffer or the text
 * of an error.  To a client with structured replies it is one chunk: those of
 * a READ in parts are joined by their series (series.h), and the chunks of a
 * BLOCK_STATUS, heads and all, were written into its buffer (status.c).
 *
 * A reply that tells what a flush found lost isn't known to have been heard when the
 * socket has taken it: the client's network may be away, and it come back by another
 * connection.  It is when TCP's peer has acknowledged it and, as that may be a proxy,
 * a request came behind it.  Nobody looks out for that but those who flush when
 * something was lost, DISC, and the housekeeping.
 *
 * Everything here runs in the connection's thread.
 */
#include <linux/mm.h>

#include "base/event.h"
#include "block/disk.h"
#include "block/export.h"
#include "block/request.h"
#include "block/request_trace.h"
#include "session/conn.h"
#include "session/reply.h"
#include "session/series.h"
#include "session/stock.h"
#include "transport/stream.h"

/* Data up to this size is cheaper to copy than to give away. */
#define COPY_MAX	PAGE_SIZE

/* An unaligned read's data may lie in this many pieces. */
#define COPY_PIECES	3

/* VEC is the connection's: on the stack the compiler would have to clear it. */
struct batch {
	struct kvec *vec;
	unsigned int nr;
	size_t len;
};

static bool sends_pages(const struct nbdt_request *req)
{
	return req->data_len > COPY_MAX;
}

/* All of it. */
static u32 wire_len(const struct nbdt_request *req)
{
	return req->reply_len + req->data_len + req->text_len;
}

/* CMD is that of the client's request, which may have been split. */
static void count_reply(struct nbdt_conn *conn, const struct nbdt_request *req,
			const struct nbdt_cmd *cmd, bool failed)
{
	struct nbdt_stats *stats = &conn->origin.stats;

	WRITE_ONCE(stats->requests, stats->requests + 1);
	if (failed) {
		WRITE_ONCE(stats->errors, stats->errors + 1);
		return;
	}
	switch (cmd->type) {
	case NBDT_CMD_READ:
		WRITE_ONCE(stats->reads, stats->reads + 1);
		WRITE_ONCE(stats->read_bytes, stats->read_bytes + cmd->length);
		break;
	case NBDT_CMD_WRITE:
		WRITE_ONCE(stats->writes, stats->writes + 1);
		WRITE_ONCE(stats->written_bytes,
			   stats->written_bytes + cmd->length);
		break;
	default:
		return;
	}
	if (nbdt_disk_is_partial(req->disk, cmd))
		WRITE_ONCE(stats->unaligned, stats->unaligned + 1);
}

/* An error, with a text for people. */
static void frame_error(struct nbdt_request *req, enum nbdt_mode mode)
{
	struct nbdt_verdict verdict = {
		.error = req->error,
		.text = req->text ?: nbdt_proto_error_text(req->error),
	};

	req->reply_len = nbdt_proto_chunk_error(req->reply, mode, &req->cmd,
						req->cmd.offset,
						NBDT_CHUNK_DONE, &verdict);
	req->text = verdict.text;
	req->text_len = verdict.text ? strlen(verdict.text) : 0;
}

static void frame_none(struct nbdt_request *req, enum nbdt_mode mode,
		       u64 offset)
{
	req->reply_len = nbdt_proto_chunk(req->reply, mode, &req->cmd, offset,
					  NBDT_CHUNK_DONE, NBDT_CHUNK_NONE, 0);
}

/* RD9: nothing can fail any more, so content may be the last chunk. */
static void frame_content(struct nbdt_request *req, enum nbdt_mode mode,
			  u64 offset, u16 flags)
{
	if (req->hole) {
		req->reply_len = nbdt_proto_chunk_hole(req->reply, mode,
						       &req->cmd, offset,
						       flags);
		return;
	}
	req->reply_len = nbdt_proto_chunk_data(req->reply, mode, &req->cmd,
					       offset, flags);
	req->data_len = req->cmd.length;
}

/*
 * A part's chunk.  RD4, TX10: the first error of a series is told, with the
 * place; what comes after it need not be, but is where it is there.  Of one that
 * lacks a part there is nothing to tell any more.
 *
 * Return: whether there is anything to send.
 */
static bool frame_part(struct nbdt_request *req, enum nbdt_mode mode)
{
	struct nbdt_series *series = req->series;
	bool last = nbdt_series_put(series);
	u64 offset = series->cmd.offset;
	u16 flags = last ? NBDT_CHUNK_DONE : 0;
	bool send = true;

	if (unlikely(series->unanswered)) {
		send = false;
	} else if (!req->error) {
		frame_content(req, mode, offset, flags);
	} else if (!series->failed) {
		series->failed = true;
		req->reply_len = nbdt_proto_chunk_error_offset(req->reply,
							       mode, &req->cmd,
							       offset, flags,
							       req->error);
	} else if (last) {
		frame_none(req, mode, offset);
	} else {
		send = false;
	}
	if (last) {
		count_reply(nbdt_conn_of(req), req, &series->cmd,
			    series->failed || series->unanswered);
		kfree(series);
	}
	req->series = NULL;
	return send;
}

static void frame_chunk(struct nbdt_request *req, enum nbdt_mode mode)
{
	if (req->error)
		frame_error(req, mode);
	else if (req->cmd.type == NBDT_CMD_READ && req->cmd.length)
		frame_content(req, mode, req->cmd.offset, NBDT_CHUNK_DONE);
	else if (req->cmd.type == NBDT_CMD_BLOCK_STATUS)
		req->data_len = req->size;
	else if (req->cmd.type == NBDT_CMD_READ || mode == NBDT_MODE_EXTENDED)
		frame_none(req, mode, req->cmd.offset);
	else
		req->reply_len = nbdt_proto_simple_reply(req->reply, &req->cmd,
							 NBDT_OK);
}

static void frame_simple(struct nbdt_request *req)
{
	req->reply_len = nbdt_proto_simple_reply(req->reply, &req->cmd,
						 req->error);
	if (req->cmd.type == NBDT_CMD_READ && !req->error)
		req->data_len = req->cmd.length;
}

/* Return: whether there is anything to send. */
static bool frame(struct nbdt_request *req)
{
	enum nbdt_mode mode = nbdt_conn_of(req)->mode;

	req->reply_len = 0;
	req->data_len = 0;
	req->text_len = 0;
	if (req->series)
		return frame_part(req, mode);
	if (mode == NBDT_MODE_SIMPLE)
		frame_simple(req);
	else
		frame_chunk(req, mode);
	count_reply(nbdt_conn_of(req), req, &req->cmd, req->error);
	return true;
}

/**
 * nbdt_reply_drop - be done with a request that isn't answered
 * @req: not carried out; its connection is to end
 *
 * TX12 lets it be answered with NBD_ESHUTDOWN, but clients take that for an error of
 * their disk; what wasn't answered they ask once more, when they are connected again.
 */
void nbdt_reply_drop(struct nbdt_request *req)
{
	if (req->series)
		nbdt_series_drop(req->series);
	req->series = NULL;
	nbdt_stock_put(req);
}

/* What its I/O came to, unless there is an error to tell of already. */
static void take_status(struct nbdt_request *req)
{
	if (req->error)
		return;
	req->error = nbdt_proto_error(req->status);
	nbdt_event_io_error(nbdt_conn_of(req)->export, req);
}

/* Where its reply ends is known when it has been sent. */
static void note_told(struct nbdt_conn *conn, u32 loss)
{
	if (!loss || conn->told.loss == loss)
		return;
	WRITE_ONCE(conn->told.loss, loss);
	conn->told.end = U64_MAX;
	/* After this round, in which it is. */
	WRITE_ONCE(conn->origin.resume, true);
}

/* So many as came from the client. */
static u64 received(const struct nbdt_conn *conn)
{
	return conn->origin.stats.requests + conn->in_flight;
}

/**
 * nbdt_reply_settle - end a loss that the client is known to have been told of
 * @conn: has its socket
 */
void nbdt_reply_settle(struct nbdt_conn *conn)
{
	if (!conn->told.loss || conn->origin.gone)
		return;
	if (conn->told.end == U64_MAX && list_empty(&conn->tx.queue)) {
		conn->told.end = nbdt_stream_sent(&conn->sock);
		conn->told.received = received(conn);
	}
	if (nbdt_stream_acked(&conn->sock) < conn->told.end ||
	    received(conn) <= conn->told.received)
		return;
	nbdt_disk_end_loss(&conn->export->disk, conn->told.loss);
	WRITE_ONCE(conn->told.loss, 0);
}

/**
 * nbdt_reply_queue - a request came to its end; answer it
 * @req: with its error set, or the status of its I/O; -ESHUTDOWN when it wasn't
 *	carried out because its client goes, or has to
 */
void nbdt_reply_queue(struct nbdt_request *req)
{
	if (unlikely(req->status)) {
		if (req->status == -ESHUTDOWN) {
			nbdt_reply_drop(req);
			return;
		}
		take_status(req);
		note_told(nbdt_conn_of(req), req->loss);
	}
	if (frame(req))
		list_add_tail(&req->queue, &nbdt_conn_of(req)->tx.queue);
	else
		nbdt_stock_put(req);
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
	u32 left = req->data_len - skip;
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

	batch->vec = conn->tx.vec;
	batch->nr = 0;
	batch->len = 0;
	list_for_each_entry(req, &conn->tx.queue, queue) {
		if (batch->nr + 1 + COPY_PIECES > NBDT_BATCH_VECS)
			return true;
		if (sent < req->reply_len)
			batch_add(batch, req->reply + sent,
				  req->reply_len - sent);
		if (sends_pages(req))
			return true;
		sent -= min_t(u32, sent, req->reply_len);
		if (req->data_len)
			batch_add_data(batch, req, sent);
		if (req->text_len)
			batch_add(batch, (void *)req->text + sent,
				  req->text_len - sent);
		sent = 0;
	}
	return false;
}

/* N more bytes are out: be done with the replies they complete. */
static void advance(struct nbdt_conn *conn, u32 n)
{
	struct nbdt_request *req, *next;

	n += conn->tx.sent;
	list_for_each_entry_safe(req, next, &conn->tx.queue, queue) {
		u32 len = wire_len(req);

		if (n < len)
			break;
		n -= len;
		trace_nbdt_reply(req);
		list_del(&req->queue);
		nbdt_stock_put(req);
	}
	conn->tx.sent = n;
}

static int send_copied(struct nbdt_conn *conn)
{
	struct batch batch;
	bool more;

	more = batch_fill(&batch, conn);
	return nbdt_stream_send(&conn->sock, batch.vec, batch.nr, batch.len,
				more);
}

/* The first reply's pages. */
static int send_pages(struct nbdt_conn *conn, struct nbdt_request *req)
{
	if (conn->tx.sent == req->reply_len) {
		iov_iter_bvec(&conn->tx.iter, ITER_SOURCE, req->bvecs,
			      req->nr_bvecs, req->head + req->data_len);
		iov_iter_advance(&conn->tx.iter, req->head);
	}
	return nbdt_stream_send_iter(&conn->sock, &conn->tx.iter,
				     !list_is_singular(&conn->tx.queue));
}

static int send_some(struct nbdt_conn *conn)
{
	struct nbdt_request *req;

	req = list_first_entry(&conn->tx.queue, struct nbdt_request, queue);
	if (conn->tx.sent >= req->reply_len && sends_pages(req))
		return send_pages(conn, req);
	return send_copied(conn);
}

/* Nobody reads them any more. */
static void drop_all(struct nbdt_conn *conn)
{
	struct nbdt_request *req, *next;

	list_for_each_entry_safe(req, next, &conn->tx.queue, queue) {
		list_del(&req->queue);
		nbdt_stock_put(req);
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
		if (conn->origin.gone) {
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
			WRITE_ONCE(conn->origin.gone, true);
			nbdt_sock_cancel(&conn->sock);
			continue;
		}
		advance(conn, n);
	}
	conn->tx.blocked = false;
}
