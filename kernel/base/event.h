/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_EVENT_H
#define NBDT_EVENT_H

#include <linux/types.h>

struct nbdt_conn;
struct nbdt_export;
struct nbdt_listener;
struct nbdt_request;

/* What happened to something. */
enum nbdt_event {
	NBDT_EVENT_ADD,			/* it can be used from now on */
	NBDT_EVENT_SET,			/* something about it changed */
	NBDT_EVENT_DEL,			/* it can't be used any more */
	NBDT_EVENT_STATE,		/* of an export: its device went or came */
	NBDT_EVENT_STAY,		/* the same: it can't have it back */
	NBDT_EVENT_METADATA,		/* of an export: its metadata has failed */
	NBDT_EVENT_OPEN,		/* of a connection: transmission begins */
	NBDT_EVENT_CLOSE,		/* and ends */
};

/*
 * Who wants to know: one function for each noun.  They are called in the thread
 * that it happened in, which has a reference and may hold mutexes of the noun;
 * they may sleep, for memory only, and call nothing that takes those.
 */
struct nbdt_event_ops {
	void (*export)(struct nbdt_export *export, enum nbdt_event event);
	void (*bitmap)(struct nbdt_export *export, const char *name,
		       enum nbdt_event event);
	void (*listener)(struct nbdt_listener *listener, enum nbdt_event event);
	void (*conn)(struct nbdt_conn *conn, enum nbdt_event event);
	/* A TLS handshake waits; false when nobody is there who does it. */
	bool (*tls)(struct nbdt_conn *conn);
	/* By a client's own thread: it asked for what it may not use. */
	void (*denied)(struct nbdt_conn *conn, struct nbdt_export *export,
		       const char *why);
	/* The same: it can't have EXPORT, or goes on no further (NULL). */
	void (*trouble)(struct nbdt_conn *conn, struct nbdt_export *export,
			const char *why);
	/* The same: the device has failed a request, which has its status. */
	void (*io_error)(struct nbdt_export *export,
			 const struct nbdt_request *req);
	/* Nobody could be taken in who came; -errno says why. */
	void (*refused)(struct nbdt_listener *listener, int err);
};

extern const struct nbdt_event_ops *nbdt_event_ops;

void nbdt_event_init(const struct nbdt_event_ops *ops);

/* ADD, SET, DEL, STATE, STAY, METADATA. */
static inline void nbdt_event_export(struct nbdt_export *export,
				     enum nbdt_event event)
{
	nbdt_event_ops->export(export, event);
}

/* ADD, SET, DEL, of the bitmap NAME of an export. */
static inline void nbdt_event_bitmap(struct nbdt_export *export,
				     const char *name, enum nbdt_event event)
{
	nbdt_event_ops->bitmap(export, name, event);
}

/* ADD, SET, DEL. */
static inline void nbdt_event_listener(struct nbdt_listener *listener,
				       enum nbdt_event event)
{
	nbdt_event_ops->listener(listener, event);
}

/* OPEN, CLOSE. */
static inline void nbdt_event_conn(struct nbdt_conn *conn,
				   enum nbdt_event event)
{
	nbdt_event_ops->conn(conn, event);
}

static inline bool nbdt_event_tls(struct nbdt_conn *conn)
{
	return nbdt_event_ops->tls(conn);
}

static inline void nbdt_event_denied(struct nbdt_conn *conn,
				     struct nbdt_export *export,
				     const char *why)
{
	nbdt_event_ops->denied(conn, export, why);
}

static inline void nbdt_event_trouble(struct nbdt_conn *conn,
				      struct nbdt_export *export,
				      const char *why)
{
	nbdt_event_ops->trouble(conn, export, why);
}

static inline void nbdt_event_io_error(struct nbdt_export *export,
				       const struct nbdt_request *req)
{
	nbdt_event_ops->io_error(export, req);
}

static inline void nbdt_event_refused(struct nbdt_listener *listener, int err)
{
	nbdt_event_ops->refused(listener, err);
}

#endif /* NBDT_EVENT_H */
