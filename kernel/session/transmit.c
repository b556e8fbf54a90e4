// SPDX-License-Identifier: GPL-2.0
/*
 * The transmission phase: requests in, replies out.
 *
 * The connection's thread goes round in one loop: take back what was carried
 * out, receive and dispatch what the client sent, send the replies; when
 * none of these can go on, sleep until one can.  It never waits for one of
 * them alone, so a client that sends without reading replies, or the other
 * way round, stops nobody but itself.
 *
 * What is carried out at once (a device without latency) is answered by the
 * round that received it, without a wake-up.  Requests that arrived together
 * are answered by one send.
 *
 * Receiving is a machine with few states (enum nbdt_rx_state), as any
 * receive may come up short.  Three things spare calls into the socket.
 * Between requests as much as is there is received, up to NBDT_READ_AHEAD
 * bytes, so that a burst of reads takes one call.  A WRITE's payload is
 * received together with the header behind it, straight into the pages that
 * go to the device.  And behind a WRITE of a page or less one more like it is
 * expected: its payload is received with its header, into the page of the
 * request that will be used for it; if it is something else, what came there
 * is moved to where it belongs.
 *
 * The phase ends when nothing more is read (the client said so, or closed,
 * or made no sense, or was killed) and every request has come back.  After
 * DISC and when killed, replies are still sent (TX11, TX12); but when killed, what
 * waits for its turn is neither carried out nor answered (reply.c).
 *
 * Wherever the thread sleeps or goes to the device, the socket may be gone when it
 * comes back (sock.c): then nothing more is read nor sent.
 */
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/mm.h>

#include "block/complete.h"
#include "block/dispatch.h"
#include "block/export.h"
#include "block/request.h"
#include "block/request_trace.h"
#include "content/content.h"
#include "session/conn.h"
#include "session/nice.h"
#include "session/reply.h"
#include "session/series.h"
#include "session/status.h"
#include "session/stock.h"
#include "session/tls.h"
#include "session/transmit.h"
#include "transport/stream.h"
#include "nbdtarget.h"

/* Requests dispatched before replies are sent. */
#define ROUND		64

static unsigned int read_ahead_left(const struct nbdt_conn *conn)
{
	return conn->rx.end - conn->rx.start;
}

/* Nothing more will be read.  Keeps the first reason. */
static void stop_reading(struct nbdt_conn *conn, const char *reason)
{
	conn->rx.state = NBDT_RX_CLOSED;
	cmpxchg(&conn->reason, NULL, reason);
	nbdt_mem_stop_waiting(&conn->mem);
	/* What was never dispatched; nobody can be told. */
	if (conn->rx.req)
		nbdt_reply_drop(conn->rx.req);
	conn->rx.req = NULL;
	if (conn->rx.series)
		nbdt_series_drop(conn->rx.series);
	conn->rx.series = NULL;
}

/* Be done with reading rx.req; the client owes no part of it any more. */
static void go_on(struct nbdt_conn *conn)
{
	if (conn->rx_since)
		WRITE_ONCE(conn->rx_since, 0);
	conn->rx.req = NULL;
	conn->rx.state = conn->rx.series ? NBDT_RX_SPLIT : NBDT_RX_HEADER;
}

static void answer(struct nbdt_conn *conn, struct nbdt_request *req)
{
	go_on(conn);
	nbdt_reply_queue(req);
}

/* Refuse the request being read, after PAYLOAD bytes have gone by. */
static void refuse(struct nbdt_conn *conn, enum nbdt_error error,
		   const char *text, u64 payload)
{
	struct nbdt_request *req = conn->rx.req;

	req->error = error;
	req->text = text;
	conn->rx.discard = payload;
	if (payload)
		conn->rx.state = NBDT_RX_DISCARD;
	else
		answer(conn, req);
}

/* Where the payload of a WRITE like the last would go, or NULL. */
static struct page *expected_page(const struct nbdt_conn *conn)
{
	struct nbdt_request *next;

	if (!conn->rx.expected)
		return NULL;
	next = nbdt_stock_next(conn);
	return next ? next->page : NULL;
}

/* The rest of a header, and what is expected behind it. */
static int recv_with_payload(struct nbdt_conn *conn, struct page *page)
{
	unsigned int missing = conn->rx.header_len - conn->rx.end;
	u8 *to = conn->rx.buf + conn->rx.end;
	struct bio_vec vec[] = {
		{ .bv_page = virt_to_page(to), .bv_len = missing,
		  .bv_offset = offset_in_page(to) },
		{ .bv_page = page, .bv_len = conn->rx.expected },
	};
	struct iov_iter iter;
	int n;

	iov_iter_bvec(&iter, ITER_DEST, vec, ARRAY_SIZE(vec),
		      missing + conn->rx.expected);
	n = nbdt_stream_recv_iter(&conn->sock, &iter);
	if (n < 0)
		return n;
	conn->rx.moved += n;
	conn->rx.came = max_t(int, n - missing, 0);
	return n - conn->rx.came;
}

/* Up to LEN bytes behind those that are in the buffer. */
static int recv_ahead(struct nbdt_conn *conn, unsigned int len)
{
	int n = nbdt_stream_recv(&conn->sock, conn->rx.buf + conn->rx.end, len);

	if (n > 0)
		conn->rx.moved += n;
	return n;
}

/* Have at least a header in the buffer. */
static int fill_header(struct nbdt_conn *conn)
{
	unsigned int have = read_ahead_left(conn);
	unsigned int header_len = conn->rx.header_len;
	unsigned int want = conn->rx.lean ? header_len : NBDT_READ_AHEAD;
	struct page *page;
	int n;

	if (have >= header_len)
		return 0;
	if (!READ_ONCE(conn->sock.readable))
		return -EAGAIN;
	if (have && conn->rx.start)
		memmove(conn->rx.buf, conn->rx.buf + conn->rx.start, have);
	conn->rx.start = 0;
	conn->rx.end = have;
	page = expected_page(conn);
	n = page ? recv_with_payload(conn, page) :
		   recv_ahead(conn, want - have);
	if (n < 0)
		return n;
	conn->rx.end += n;
	return conn->rx.end >= header_len ? 0 : -EAGAIN;
}

/*
 * Is rx.req what was expected?  If not, what came behind its header is put into
 * the buffer, as if it had been read ahead: it isn't more than a page.
 */
static void check_expected(struct nbdt_conn *conn, bool good)
{
	const struct nbdt_request *req = conn->rx.req;
	const struct nbdt_cmd *cmd = &req->cmd;

	if (good && cmd->type == NBDT_CMD_WRITE &&
	    cmd->payload == conn->rx.expected &&
	    !(cmd->offset & (req->disk->content.block - 1)))
		return;
	memcpy(conn->rx.buf, page_address(req->page), conn->rx.came);
	conn->rx.start = 0;
	conn->rx.end = conn->rx.came;
	conn->rx.came = 0;
}

/* What the request behind CMD is expected to bring. */
static u32 expect_after(const struct nbdt_conn *conn,
			const struct nbdt_cmd *cmd)
{
	if (cmd->type != NBDT_CMD_WRITE || cmd->payload > PAGE_SIZE ||
	    cmd->payload & (conn->export->disk.content.block - 1))
		return 0;
	return cmd->payload;
}

/*
 * The next part of the series that rx.series is: as much of it as is known to
 * be zero, or else as is not.  Sets the range of rx.req.
 */
static void cut_part(struct nbdt_conn *conn)
{
	struct nbdt_series *series = conn->rx.series;
	struct nbdt_request *req = conn->rx.req;
	u64 left = series->cmd.offset + series->cmd.length - conn->rx.at;

	req->series = series;
	series->refs++;
	req->cmd.offset = conn->rx.at;
	req->cmd.length = left;
	req->hole = nbdt_content_is_zero(&req->disk->content, req->cmd.offset,
					 &req->cmd.length);
	/* RD2: but for its ends, a READ is cut between blocks. */
	if (!req->hole)
		req->cmd.length = min_t(u64, req->cmd.length, NBDT_SERIES_PART -
					(req->cmd.offset &
					 (conn->export->disk.content.block - 1)));
	conn->rx.at += req->cmd.length;
	if (req->cmd.length == left) {
		/* It was the last; the parts alone hold the series. */
		series->refs--;
		conn->rx.series = NULL;
	}
}

/* RD5: one chunk for all of it is what DF asks for. */
static bool may_split(const struct nbdt_request *req)
{
	return req->cmd.type == NBDT_CMD_READ &&
	       nbdt_conn_of(req)->mode >= NBDT_MODE_STRUCTURED &&
	       !(req->cmd.flags & NBDT_CMD_DF);
}

/* Answer the READ that rx.req is in parts, if it has more than one. */
static int split(struct nbdt_conn *conn)
{
	struct nbdt_request *req = conn->rx.req;
	u64 length = req->cmd.length;
	struct nbdt_series *series;

	if (length <= NBDT_SERIES_PART) {
		req->hole = nbdt_content_is_zero(&req->disk->content,
						 req->cmd.offset, &length);
		if (length == req->cmd.length)
			return 0;
	}
	series = kmalloc(sizeof(*series), GFP_KERNEL);
	if (!series)
		return -ENOMEM;
	series->cmd = req->cmd;
	series->refs = 1;
	series->failed = false;
	series->unanswered = false;
	conn->rx.series = series;
	conn->rx.at = req->cmd.offset;
	cut_part(conn);
	return 0;
}

/* Whatever it has to wait for, it doesn't wait here. */
static int rx_dispatch(struct nbdt_conn *conn)
{
	struct nbdt_request *req = conn->rx.req;

	/* Once dispatched it may be back before we look. */
	go_on(conn);
	if (req->cmd.type == NBDT_CMD_BLOCK_STATUS) {
		nbdt_status_fill(req);
		nbdt_request_complete(req);
		return 0;
	}
	nbdt_sock_let_go(&conn->sock);
	nbdt_dispatch(req);
	return nbdt_sock_hold(&conn->sock) ? 0 : -ENOTCONN;
}

/* Ids of contexts, the head of which is the length that is asked about. */
static bool is_filter(const struct nbdt_cmd *cmd)
{
	return cmd->type == NBDT_CMD_BLOCK_STATUS && cmd->payload;
}

/*
 * Behind the payload, in the same receive, comes the next header: into the
 * read-ahead buffer, as one more piece.  Not when the buffer is larger than
 * the payload, as the header would land in the difference.
 */
static void expect_payload(struct nbdt_conn *conn)
{
	struct nbdt_request *req = conn->rx.req;
	unsigned int left = read_ahead_left(conn);
	size_t len = req->cmd.payload;
	unsigned int nr = req->nr_bvecs;

	if (len == req->size && left <= len) {
		req->bvecs[nr++] = (struct bio_vec) {
			.bv_page = virt_to_page(conn->rx.buf),
			.bv_len = conn->rx.header_len,
			.bv_offset = offset_in_page(conn->rx.buf),
		};
		len += conn->rx.header_len;
	}
	iov_iter_bvec(&conn->rx.iter, ITER_DEST, req->bvecs, nr,
		      req->head + len);
	iov_iter_advance(&conn->rx.iter, req->head + conn->rx.came);
	conn->rx.came = 0;

	left = min_t(size_t, left, req->cmd.payload);
	if (left) {
		WARN_ON_ONCE(copy_to_iter(conn->rx.buf + conn->rx.start, left,
					  &conn->rx.iter) != left);
		conn->rx.start += left;
	}
	if (len != req->cmd.payload) {
		conn->rx.start = 0;
		conn->rx.end = 0;
	}
}

static int rx_payload(struct nbdt_conn *conn)
{
	struct nbdt_request *req = conn->rx.req;
	bool ahead = !req->head && req->size == req->cmd.payload &&
		     !read_ahead_left(conn);
	size_t behind = ahead ? conn->rx.header_len : 0;
	int n;

	while (iov_iter_count(&conn->rx.iter) > behind) {
		if (!READ_ONCE(conn->sock.readable))
			return -EAGAIN;
		n = nbdt_stream_recv_iter(&conn->sock, &conn->rx.iter);
		if (n < 0)
			return n;
		conn->rx.moved += n;
	}
	if (ahead)
		conn->rx.end = behind - iov_iter_count(&conn->rx.iter);
	if (is_filter(&req->cmd)) {
		conn->rx.state = NBDT_RX_FILTER;
		return 0;
	}
	return rx_dispatch(conn);
}

static int rx_buffer(struct nbdt_conn *conn)
{
	struct nbdt_request *req = conn->rx.req;
	int err;

	err = nbdt_stock_alloc_buffer(req);
	if (err == -EBUSY)
		return err;
	if (err) {
		refuse(conn, NBDT_ENOMEM, NULL, req->cmd.payload);
		return 0;
	}
	if (!req->cmd.payload)
		return rx_dispatch(conn);
	expect_payload(conn);
	conn->rx.state = NBDT_RX_PAYLOAD;
	return rx_payload(conn);
}

/*
 * Everything about rx.req is known: have it carried out, as far as it goes
 * without waiting.
 */
static int go_through(struct nbdt_conn *conn)
{
	struct nbdt_request *req = conn->rx.req;

	if (req->cmd.type == NBDT_CMD_BLOCK_STATUS)
		req->size = req->cmd.payload ?: nbdt_status_size(req);
	else
		nbdt_dispatch_shape(req);
	if (!req->size)
		return rx_dispatch(conn);
	conn->rx.state = NBDT_RX_BUFFER;
	return rx_buffer(conn);
}

static int rx_split(struct nbdt_conn *conn)
{
	struct nbdt_request *req;

	if (conn->in_flight >= conn->max_in_flight)
		return -EBUSY;
	req = nbdt_stock_take(conn);
	if (!req)
		return -ENOMEM;
	req->cmd = conn->rx.series->cmd;
	conn->rx.req = req;
	cut_part(conn);
	return go_through(conn);
}

/* Is it good? */
static struct nbdt_verdict judge(struct nbdt_conn *conn,
				 struct nbdt_request *req)
{
	struct nbdt_verdict verdict;

	verdict = nbdt_proto_cmd_check(&req->cmd, conn->mode, &conn->limits);
	if (verdict.error)
		return verdict;
	if (req->cmd.type == NBDT_CMD_BLOCK_STATUS)
		return nbdt_status_check(req);
	return verdict;
}

static int rx_header(struct nbdt_conn *conn)
{
	struct nbdt_verdict verdict;
	struct nbdt_request *req;
	int err;

	if (conn->in_flight >= conn->rx.max)
		return -EBUSY;
	err = fill_header(conn);
	if (err)
		return err;

	req = nbdt_stock_take(conn);
	if (!req)
		return -ENOMEM;
	conn->rx.req = req;
	err = nbdt_proto_cmd(conn->rx.buf + conn->rx.start, conn->mode,
			     &req->cmd);
	if (err)
		return err;
	conn->rx.start += conn->rx.header_len;
	trace_nbdt_request_receive(req);

	/* SZ9, EX2: such a payload may be an attack; less is always consumed. */
	if (req->cmd.payload > NBDT_MAX_PAYLOAD)
		return -EMSGSIZE;
	if (req->cmd.type == NBDT_CMD_DISC) {
		nbdt_reply_settle(conn);
		stop_reading(conn, "client disconnected");
		return 0;
	}
	verdict = judge(conn, req);
	if (conn->rx.came)
		check_expected(conn, !verdict.error);
	conn->rx.lean = req->cmd.type == NBDT_CMD_WRITE;
	conn->rx.expected = expect_after(conn, &req->cmd);
	if (verdict.error) {
		refuse(conn, verdict.error, verdict.text, req->cmd.payload);
		return 0;
	}
	if (may_split(req) && split(conn)) {
		refuse(conn, NBDT_ENOMEM, NULL, 0);
		return 0;
	}
	return go_through(conn);
}

/* BS10: the payload is here; from now on it is a BLOCK_STATUS like others. */
static int rx_filter(struct nbdt_conn *conn)
{
	struct nbdt_request *req = conn->rx.req;
	struct nbdt_verdict verdict;

	verdict = nbdt_status_filter(req);
	nbdt_stock_free_buffer(req);
	req->cmd.payload = 0;
	if (verdict.error) {
		refuse(conn, verdict.error, verdict.text, 0);
		return 0;
	}
	return go_through(conn);
}

static int rx_discard(struct nbdt_conn *conn)
{
	unsigned int left;
	int n;

	while (conn->rx.discard) {
		left = min_t(u64, read_ahead_left(conn), conn->rx.discard);
		conn->rx.start += left;
		conn->rx.discard -= left;
		if (!conn->rx.discard)
			break;
		if (!READ_ONCE(conn->sock.readable))
			return -EAGAIN;
		n = nbdt_stream_recv(&conn->sock, conn->rx.buf,
				     min_t(u64, conn->rx.discard, PAGE_SIZE));
		if (n < 0)
			return n;
		conn->rx.start = 0;
		conn->rx.end = n;
		conn->rx.moved += n;
	}
	answer(conn, conn->rx.req);
	return 0;
}

static int rx_step(struct nbdt_conn *conn)
{
	switch (conn->rx.state) {
	case NBDT_RX_HEADER:
		return rx_header(conn);
	case NBDT_RX_BUFFER:
		return rx_buffer(conn);
	case NBDT_RX_PAYLOAD:
		return rx_payload(conn);
	case NBDT_RX_DISCARD:
		return rx_discard(conn);
	case NBDT_RX_FILTER:
		return rx_filter(conn);
	case NBDT_RX_SPLIT:
		return rx_split(conn);
	case NBDT_RX_CLOSED:
		break;
	}
	return -EBUSY;
}

static const char *rx_error_reason(int err)
{
	switch (err) {
	case -EBADMSG:
		return "request without the magic number";
	case -EMSGSIZE:
		return "payload above the maximum";
	case -ENOMEM:
		return "out of memory";
	default:
		return nbdt_stream_error_text(err);
	}
}

/* There is another request behind the one that was received last. */
static bool has_another(const struct nbdt_conn *conn)
{
	return conn->rx.state == NBDT_RX_HEADER &&
	       (read_ahead_left(conn) ||
		(conn->rx.expected && READ_ONCE(conn->sock.readable)));
}

/*
 * What was held back goes to the device, where the thread may be held up: meanwhile it
 * isn't in line for memory, or others would wait for the device, too.
 *
 * Return: ERR, but 0 when it is to stand there anew, and -ENOTCONN when the socket is
 * gone.
 */
static int finish_plug(struct nbdt_conn *conn, struct blk_plug *plug, int err)
{
	if (nbdt_mem_stop_waiting(&conn->mem))
		err = 0;
	nbdt_sock_let_go(&conn->sock);
	blk_finish_plug(plug);
	return nbdt_sock_hold(&conn->sock) ? err : -ENOTCONN;
}

/*
 * Receive and dispatch what there is.  The first request goes to the device at
 * once; those that came with it, under one plug.
 *
 * Return: 0 when there may be more, -EAGAIN when it is up to the client,
 * -EBUSY when it is up to us: requests in flight, memory.
 */
static int receive(struct nbdt_conn *conn)
{
	struct blk_plug plug;
	unsigned int steps;
	bool more = false;
	int err = 0;

	if (conn->rx.state == NBDT_RX_CLOSED)
		return -EBUSY;

	for (steps = 0; steps < ROUND && !err; steps++) {
		if (!more && steps && has_another(conn)) {
			more = true;
			blk_start_plug(&plug);
		}
		err = rx_step(conn);
	}
	conn->rx.stopped_at = conn->in_flight;
	if (more)
		err = finish_plug(conn, &plug, err);

	if (err && err != -EAGAIN && err != -EBUSY) {
		WRITE_ONCE(conn->origin.gone, true);
		stop_reading(conn, rx_error_reason(err));
		err = -EBUSY;
	}
	return err;
}

/* Requests that came back, in the order in which they did. */
static void take_back(struct llist_node *done)
{
	struct nbdt_request *req, *next;

	done = llist_reverse_order(done);
	llist_for_each_entry_safe(req, next, done, done)
		nbdt_reply_queue(req);
}

static void collect(struct nbdt_conn *conn)
{
	struct nbdt_origin *origin = &conn->origin;

	if (!llist_empty(&origin->here))
		take_back(__llist_del_all(&origin->here));
	if (!llist_empty(&origin->done))
		take_back(llist_del_all(&origin->done));
}

/*
 * Replies wait for the client to take what was sent before them.  Whether it does
 * shows in what it acknowledges: the socket only takes more when a good part of all
 * that it holds has gone, which at some tens of kilobytes a second takes minutes.
 * The housekeeping has us look once in a while.
 *
 * One that doesn't take anything but is there answers TCP's probes all the time; of
 * one whose network is away, the last was heard soon after its last progress.
 */
static void note_unread(struct nbdt_conn *conn)
{
	unsigned long time = msecs_to_jiffies(nbdt_target_stall_timeout());
	u64 acked = nbdt_stream_acked(&conn->sock);

	if (!conn->tx_since ||
	    acked - conn->tx.acked >= NBDT_STREAM_PROGRESS) {
		WRITE_ONCE(conn->tx_since, jiffies | 1);
		conn->tx.acked = acked;
	} else if (time_before_eq(jiffies, conn->tx_since + time)) {
		return;
	} else if (nbdt_stream_heard_since(&conn->sock,
					   conn->tx_since + time / 2)) {
		nbdt_conn_kill(conn, "replies were not read in time");
	} else {
		/* Of silence, another time tells; when it is back, this begins. */
		WRITE_ONCE(conn->tx_since, jiffies | 1);
	}
}

/* Since when is the client in debt?  Read by the housekeeping in conn.c. */
static void note_debts(struct nbdt_conn *conn)
{
	bool owes_request = conn->rx.state == NBDT_RX_PAYLOAD ||
			    conn->rx.state == NBDT_RX_DISCARD ||
			    (conn->rx.state == NBDT_RX_HEADER &&
			     read_ahead_left(conn) &&
			     read_ahead_left(conn) < conn->rx.header_len);

	if (!owes_request) {
		if (conn->rx_since)
			WRITE_ONCE(conn->rx_since, 0);
		conn->rx.moved = 0;
	} else if (!conn->rx_since ||
		   conn->rx.moved >= NBDT_STREAM_PROGRESS) {
		WRITE_ONCE(conn->rx_since, jiffies | 1);
		conn->rx.moved = 0;
	}

	if (conn->tx.blocked)
		note_unread(conn);
	else if (conn->tx_since)
		WRITE_ONCE(conn->tx_since, 0);
}

/* Is there anything to wake up for? */
static bool has_work(struct nbdt_conn *conn, int rx)
{
	if (!llist_empty(&conn->origin.done) || READ_ONCE(conn->origin.resume))
		return true;
	if (conn->tx.blocked && READ_ONCE(conn->sock.writable))
		return true;
	if (conn->rx.state == NBDT_RX_CLOSED)
		/* Killed while the last replies don't go out. */
		return conn->tx.blocked && nbdt_sock_cancelled(&conn->sock);
	return nbdt_sock_cancelled(&conn->sock) ||
	       (rx == -EAGAIN && READ_ONCE(conn->sock.readable));
}

/*
 * Of what the client sent, and nothing else that there may be to do.  A socket that was
 * taken away may have had something to read.
 */
static void note_arrival(struct nbdt_conn *conn)
{
	if (READ_ONCE(conn->sock.readable) && conn->sock.sock)
		nbdt_placement_note(&conn->placement,
				    nbdt_stream_arrival(&conn->sock));
}

static void wait_for_work(struct nbdt_conn *conn, int rx)
{
	nbdt_poll_begin(&conn->poll);
	while (nbdt_poll_continue(&conn->poll)) {
		if (has_work(conn, rx)) {
			note_arrival(conn);
			/* It may be long until the thread sleeps again. */
			cond_resched_tasks_rcu_qs();
			return;
		}
	}
	nbdt_sock_let_go(&conn->sock);
	set_current_state(TASK_IDLE);
	if (!has_work(conn, rx))
		schedule();
	__set_current_state(TASK_RUNNING);
	nbdt_poll_end(&conn->poll);
	if (nbdt_sock_hold(&conn->sock))
		note_arrival(conn);
	else
		WRITE_ONCE(conn->origin.gone, true);
}

/* What an idle connection can do without; asked for by the housekeeping. */
static void trim(struct nbdt_conn *conn)
{
	if (conn->in_flight || read_ahead_left(conn))
		return;
	nbdt_stock_empty(conn);
	nbdt_mem_trim(&conn->mem);
}

/* Killed: no more requests, and no waiting for a client that doesn't read. */
static void check_cancelled(struct nbdt_conn *conn)
{
	if (!nbdt_sock_cancelled(&conn->sock))
		return;
	if (conn->rx.state != NBDT_RX_CLOSED)
		stop_reading(conn, "disconnected");
	if (conn->tx.blocked)
		WRITE_ONCE(conn->origin.gone, true);
}

/* No further request is begun while it is to leave: handover.c. */
static void note_parting(struct nbdt_conn *conn)
{
	conn->rx.max = READ_ONCE(conn->parting) ? 0 : conn->max_in_flight;
}

/**
 * nbdt_transmit_has_parted - may the connection go on elsewhere?
 * @conn: the caller is its thread
 *
 * All that it took is answered, and what of the next requests is here is what was read
 * ahead.
 */
bool nbdt_transmit_has_parted(const struct nbdt_conn *conn)
{
	return !conn->rx.max && conn->rx.state == NBDT_RX_HEADER &&
	       !conn->in_flight;
}

static bool is_finished(const struct nbdt_conn *conn)
{
	return conn->rx.state == NBDT_RX_CLOSED && !conn->in_flight;
}

/**
 * nbdt_transmit - serve requests until the connection ends
 * @conn: attached to its export; the caller is its thread
 *
 * On return no request is in flight.  It may be that the connection goes on elsewhere:
 * nbdt_transmit_has_parted().
 */
void nbdt_transmit(struct nbdt_conn *conn)
{
	u32 in_flight;
	int rx;

	note_parting(conn);
	nbdt_mem_join(&conn->mem, &conn->export->origins.memory);
	for (;;) {
		if (READ_ONCE(conn->origin.resume)) {
			WRITE_ONCE(conn->origin.resume, false);
			/* Before anything is tried again. */
			smp_mb();
			note_parting(conn);
			trim(conn);
			nbdt_tls_audit(conn);
			nbdt_reply_settle(conn);
			nbdt_placement_resume(&conn->placement);
		}
		check_cancelled(conn);
		collect(conn);
		in_flight = conn->in_flight;
		rx = receive(conn);
		if (conn->in_flight > in_flight)
			nbdt_nice_note(&conn->nice, conn->in_flight);
		collect(conn);
		nbdt_reply_send(conn);
		note_debts(conn);
		if (conn->rx.state == NBDT_RX_CLOSED) {
			if (conn->state != NBDTARGET_CONN_STATE_CLOSING)
				nbdt_conn_set_state(conn,
						    NBDTARGET_CONN_STATE_CLOSING);
			if (is_finished(conn))
				break;
		} else if (unlikely(!conn->rx.max) &&
			   nbdt_transmit_has_parted(conn)) {
			break;
		}
		/* What came to its end since makes room for more. */
		if (!rx || (rx == -EBUSY &&
			    conn->in_flight != conn->rx.stopped_at &&
			    conn->rx.state != NBDT_RX_CLOSED)) {
			cond_resched_tasks_rcu_qs();
			continue;
		}
		wait_for_work(conn, rx);
	}
}

/* While a FLUSH goes to the device, without the socket. */
static void settle(struct nbdt_origin *origin)
{
	struct nbdt_conn *conn = container_of(origin, struct nbdt_conn, origin);

	if (nbdt_sock_hold(&conn->sock))
		nbdt_reply_settle(conn);
	nbdt_sock_let_go(&conn->sock);
}

int nbdt_transmit_init(struct nbdt_conn *conn)
{
	conn->origin.settle = settle;
	conn->rx.header_len = nbdt_proto_request_len(conn->mode);
	conn->rx.buf = (u8 *)__get_free_page(GFP_KERNEL);
	return conn->rx.buf ? 0 : -ENOMEM;
}

/* It won't come to transmission, or is over. */
void nbdt_transmit_free_buffer(struct nbdt_conn *conn)
{
	free_page((unsigned long)conn->rx.buf);
	conn->rx.buf = NULL;
}

/* From any state, also when nbdt_transmit_init() never ran. */
void nbdt_transmit_exit(struct nbdt_conn *conn)
{
	nbdt_stock_empty(conn);
	nbdt_mem_exit(&conn->mem);
	nbdt_transmit_free_buffer(conn);
}
