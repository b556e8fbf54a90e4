/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_TLS_H
#define NBDT_TLS_H

#include <linux/list.h>
#include <linux/types.h>

struct file;
struct net;
struct nbdt_conn;
struct netlink_ext_ack;

/* Who a client proved to be.  One piece of memory, never changed. */
struct nbdt_identity {
	u32 auth;			/* NBDTARGET_TLS_AUTH_* */
	const char *name;		/* terminated; NULL: nobody */
	u32 nr_alt_names;
	const char *alt_names[];	/* terminated */
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
	/* Guarded by tls_lock of tls.c; its end is the thread's doing. */
	enum nbdt_tls_state state;
	struct list_head node;		/* while it waits */
	const struct net *agent_net;	/* of who accepted it; to compare */
	u32 agent;			/* and the netlink port, unique there */
	unsigned long deadline;		/* jiffies */
	int status;			/* what was reported, -errno */
	struct nbdt_identity *reported;	/* by the agent */

	bool over;			/* for the thread to wait for */

	/* Set by the thread, before ON is, then read-only; freed with conn. */
	const struct nbdt_identity *identity;
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

void nbdt_tls_init(struct nbdt_conn *conn);
void nbdt_tls_exit(struct nbdt_conn *conn);
int nbdt_tls_handshake(struct nbdt_conn *conn, unsigned long deadline);
void nbdt_tls_audit(struct nbdt_conn *conn);

struct nbdt_identity *nbdt_identity_create(u32 auth, const char *name,
					   const char *const *alt_names,
					   u32 nr_alt_names);

/* For the agent, through netlink.c. */
struct nbdt_conn *nbdt_tls_accept(struct net *net, u32 agent,
				  struct file **file);
int nbdt_tls_report(u32 id, const struct net *net, u32 agent, int status,
		    const char *text, struct nbdt_identity *identity,
		    struct netlink_ext_ack *extack);

#endif /* NBDT_TLS_H */
