/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_CONN_H
#define NBDT_CONN_H

#include <linux/blkdev.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/socket.h>
#include <linux/types.h>
#include <linux/uio.h>

#include "base/place.h"
#include "base/proto.h"
#include "block/origin.h"
#include "block/request.h"
#include "session/mem.h"
#include "session/nice.h"
#include "session/placement.h"
#include "session/poll.h"
#include "transport/sock.h"

struct file;
struct nbdt_access;
struct nbdt_export;
struct nbdt_handover;
struct nbdt_identity;
struct nbdt_listener;
struct nbdt_series;

/* Bytes that may be received ahead, of requests behind the one being read. */
#define NBDT_READ_AHEAD		1024

/* Elements of one send: replies without data take one, with data two. */
#define NBDT_BATCH_VECS		64

/* Pieces of buffers that are kept for the next requests; see stock.c. */
#define NBDT_SPARE_MAX		32

/* Where the thread is in the stream of requests. */
enum nbdt_rx_state {
	NBDT_RX_HEADER,		/* between requests */
	NBDT_RX_BUFFER,		/* rx.req needs memory */
	NBDT_RX_PAYLOAD,	/* into rx.req's buffer */
	NBDT_RX_DISCARD,	/* payload of rx.req, which was refused */
	NBDT_RX_FILTER,		/* its payload says what a BLOCK_STATUS is of */
	NBDT_RX_SPLIT,		/* the next part of rx.series has its turn */
	NBDT_RX_CLOSED,		/* nothing more is read */
};

enum nbdt_tls_state {
	NBDT_TLS_NONE,			/* no handshake is under way */
	NBDT_TLS_WAITING,		/* on the list of those that wait */
	NBDT_TLS_ACCEPTED,		/* an agent has the socket, too */
	NBDT_TLS_REPORTED,		/* it said what came of it */
	NBDT_TLS_OVER,			/* there was no report in time */
};

/* What TLS is to a connection. */
struct nbdt_tls {
	/* Written under tls_lock of tls.c, read by anybody; its end is the thread's. */
	enum nbdt_tls_state state;
	/* Guarded by the same. */
	struct list_head node;		/* while it waits */
	const struct net *agent_net;	/* of who accepted it; to compare */
	u32 agent;			/* and the netlink port, unique there */
	unsigned long deadline;		/* jiffies */
	int status;			/* what was reported, -errno */
	struct nbdt_identity *reported;	/* by the agent */
	struct nbdt_rekey *secrets;	/* the same, or NULL; freed with conn */

	bool over;			/* for the thread to wait for */

	/* Set by the thread, before ON is, then read-only; freed with conn. */
	const struct nbdt_identity *identity;
	const struct nbdt_rekey *rekey;	/* NULL: its keys stay */
	u16 version;
	u16 cipher;
	bool on;

	/* Written by the thread, read by anybody. */
	u64 rx_records;
	u64 tx_records;
	/* The thread's alone. */
	bool warned;

	char text[128];			/* why it failed; of conn->reason */
};

/*
 * A client's connection.
 *
 * One kernel thread runs it from the greeting to the end.  Others may look
 * at it, kill it, or hand back requests they carried out; only the thread
 * changes it.  See conn.c for how it ends.
 */
struct nbdt_conn {
	/* As the block floor sees it: its number, its thread, what comes back. */
	struct nbdt_origin origin;

	/* Set before the thread starts, then read-only. */
	void (*run)(struct nbdt_conn *conn);	/* by the thread, to its end */
	u32 listener_id;
	struct sockaddr_storage local;
	struct sockaddr_storage peer;
	unsigned long accepted;		/* jiffies */
	u32 max_in_flight;
	u32 tls_mode;			/* NBDTARGET_TLS_MODE_*, the listener's */
	struct nbdt_access *access;	/* the listener's, or NULL */
	struct nbdt_place place;	/* where that is, or was */

	/* Set by the thread during negotiation, then read-only; mode is shown. */
	enum nbdt_mode mode;
	u64 contexts;			/* mask of those selected */
	u8 *context_ids;		/* that the client knows; NULL: ours */
	struct nbdt_cmd_limits limits;

	u32 denied;			/* id of the export it was denied last */

	/* The thread's; others may cancel it, or take it away. */
	struct nbdt_sock sock;
	/*
	 * The listener's namespace, as long as there is a socket: not pinned, and
	 * guarded by the socket's lock.
	 */
	struct net *net;

	/* What it was elsewhere, until its thread has read that; or NULL. */
	struct nbdt_handover *arrival;
	/* Set by handover.c: it is to leave, when it can. */
	bool parting;

	/* Set once by whoever kills it first. */
	const char *reason;

	/* Written by the thread, read by anybody. */
	u32 state;			/* NBDTARGET_CONN_STATE_* */
	u32 in_flight;			/* requests between header and reply */
	unsigned long rx_since;		/* jiffies | 1: half a request is here */
	unsigned long tx_since;		/* jiffies | 1: a reply isn't taken */
	struct nbdt_export *export;	/* set under export_lock of conn.c */

	/* The thread's alone. */
	struct {
		enum nbdt_rx_state state;
		struct nbdt_request *req;
		struct iov_iter iter;	/* the rest of its payload */
		u64 discard;		/* payload bytes still to discard */
		struct nbdt_series *series;	/* being split, or NULL */
		u64 at;			/* where its next part begins */
		u8 header_len;		/* of a request */
		unsigned int start;	/* read ahead and not yet used: */
		unsigned int end;	/*  bytes start to end of buf */
		bool lean;		/* the last request was a WRITE */
		u32 expected;		/* bytes of payload of the next, or 0 */
		u32 came;		/*  of them, in the next one's page */
		u8 *buf;		/* a page */
		u32 stopped_at;		/* in_flight when no more was read */
		u32 max;		/* in_flight when no more is to be */
		u32 moved;		/* bytes since rx_since */
	} rx;
	struct {
		struct list_head queue;	/* requests to be answered, in order */
		u32 sent;		/* bytes of the first that are out */
		bool blocked;		/* the socket had no room */
		struct iov_iter iter;	/* the rest of its pages */
		u64 acked;		/* by the client, at tx_since */
		struct kvec vec[NBDT_BATCH_VECS];	/* of one send */
	} tx;
	/* Of the loss that the client was told of last; see reply.c. */
	struct {
		u32 loss;		/* 0: none; others may read it */
		u64 end;		/* of the reply, as TCP counts; or U64_MAX */
		u64 received;		/* requests, when that was known */
	} told;
	struct hlist_head free;		/* requests to be used again */
	struct page *spare[NBDT_SPARE_MAX];	/* pieces to be used again */
	unsigned int nr_spare;
	struct nbdt_mem mem;
	struct nbdt_nice nice;
	struct nbdt_poll poll;
	struct nbdt_placement placement;

	/* Of the housekeeping in conn.c. */
	u64 tick_requests;		/* requests answered at the last tick */
	bool tick_busy;			/* it was busy before that */
	u32 tick_heard;			/* jiffies: when the client last was */
	unsigned long quiet_since;	/* jiffies | 1: it should have been */
	unsigned long hoards_since;	/* jiffies | 1: memory others wait for */
	/* Of the reaper in conn.c. */
	struct llist_node grave;
	struct nbdt_tls tls;		/* see there */

	struct kref ref;
	struct rcu_head rcu;
};

void nbdt_conn_exit(void);

int nbdt_conn_create(struct nbdt_listener *listener, struct socket *sock,
		     void (*run)(struct nbdt_conn *conn));
int nbdt_conn_adopt(struct nbdt_handover *arrival, struct file *file,
		    const struct nbdt_place *place, u32 listener_id,
		    void (*run)(struct nbdt_conn *conn));
void nbdt_conn_claim(u32 listener_id, const struct nbdt_place *place);
u32 nbdt_conn_ending_from(const struct nbdt_place *place);
u32 nbdt_conn_part_all(bool part);
struct nbdt_conn *nbdt_conn_get(u32 id);
struct nbdt_conn *nbdt_conn_get_from(u32 id);
void nbdt_conn_put(struct nbdt_conn *conn);
u32 nbdt_conn_count(void);

void nbdt_conn_kill(struct nbdt_conn *conn, const char *reason);
void nbdt_conn_set_state(struct nbdt_conn *conn, u32 state);
struct nbdt_export *nbdt_conn_get_export(struct nbdt_conn *conn);
void nbdt_conn_set_export(struct nbdt_conn *conn, struct nbdt_export *export);

static inline struct nbdt_conn *nbdt_conn_of(const struct nbdt_request *req)
{
	return container_of(req->origin, struct nbdt_conn, origin);
}

/* Which connections to kill, or count. */
struct nbdt_conn_filter {
	u32 id;				/* 0: any */
	u32 listener_id;		/* 0: any */
	struct nbdt_export *export;	/* NULL: any; attached to it */
	const struct net *agents;	/* NULL: any; its TLS is, or was, up to those of it */
	bool negotiating;		/* only those not yet in transmission */
	bool transmitting;		/* only those in it */
};

unsigned int nbdt_conn_kill_matching(const struct nbdt_conn_filter *filter,
				     const char *reason);
u32 nbdt_conn_count_matching(const struct nbdt_conn_filter *filter);
void nbdt_conn_leave_net(const struct net *net);

#endif /* NBDT_CONN_H */
