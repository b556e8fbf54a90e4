/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_HANDOVER_H
#define NBDT_HANDOVER_H

#include <linux/list.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "base/place.h"
#include "base/proto.h"
#include "block/serial.h"
#include "content/context.h"
#include "transport/rekey.h"

struct file;
struct nbdt_conn;
struct nbdt_identity;
struct net;

/* A metadata context, and the number that the client knows it by. */
struct nbdt_handover_context {
	u32 id;
	char *name;
};

/* A connection between two modules: see handover.c. */
struct nbdt_handover {
	struct list_head node;		/* on the list of those that left */
	struct file *file;		/* that owns the socket */
	u32 id;				/* that it had; to name it */
	u64 age;			/* ms */
	struct nbdt_place place;	/* of its listener */
	char *export;			/* terminated */
	u32 device_id;			/* of its device, like the next */
	u64 diskseq;			/* of its disk, never used again */
	u64 start;			/* in its disk, in sectors */
	struct nbdt_serial serial;	/* its kind, length and identifier */
	u64 size;			/* as the client was told, like the next */
	u16 flags;
	enum nbdt_mode mode;
	u32 nr_contexts;
	struct nbdt_handover_context contexts[NBDT_NR_CONTEXTS];
	u8 *unread;			/* received, and not yet looked at */
	u32 unread_len;
	struct nbdt_identity *identity;	/* NULL: without TLS */
	struct nbdt_rekey_state keys;
};

/* Who replaces the module, for people. */
struct nbdt_handover_program {
	pid_t pid;		/* of the reader's namespace; 0 when it isn't there */
	char name[TASK_COMM_LEN];
};

struct nbdt_handover *nbdt_handover_alloc(void);
void nbdt_handover_free(struct nbdt_handover *h);

/* For who takes them, by his netlink socket. */
int nbdt_handover_claim(const struct net *net, u32 portid,
			struct nbdt_handover_program *by);
int nbdt_handover_begin(const struct net *net, u32 portid);
int nbdt_handover_take(const struct net *net, u32 portid,
		       struct nbdt_handover **h);
void nbdt_handover_closed(const struct net *net, u32 portid);

/* For all others. */
bool nbdt_handover_keeps_out(struct nbdt_handover_program *by);

/* For who gives them. */
void nbdt_handover_note_given(void);
void nbdt_handover_note_refused(void);
bool nbdt_handover_is_over(u32 *lost);
void nbdt_handover_exit(void);

/* By the connection's thread. */
void nbdt_handover_depart(struct nbdt_conn *conn);
int nbdt_handover_arrive(struct nbdt_conn *conn);
void nbdt_handover_arrived(struct nbdt_conn *conn);
void nbdt_handover_forget(struct nbdt_conn *conn);

#endif /* NBDT_HANDOVER_H */
