/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_LISTENER_H
#define NBDT_LISTENER_H

#include <linux/list.h>
#include <linux/socket.h>

#include "transport/sock.h"

struct nbdt_access;
struct nbdt_place;
struct net;
struct netlink_ext_ack;
struct socket;

/* Where to listen, and how. */
struct nbdt_listener_config {
	struct sockaddr_storage addr;
	bool wildcard;			/* both families, all addresses */
	u32 tls_mode;			/* NBDTARGET_TLS_MODE_*; may change */
	bool deny;			/* nobody, until there are rules */
};

/*
 * A listening socket and the thread that accepts from it.
 */
struct nbdt_listener {
	/* Set before the thread starts, then read-only. */
	u32 id;
	struct net *net;		/* not pinned; its end is ours */
	struct nbdt_listener_config config;
	struct task_struct *task;	/* pinned */
	/* Given each client's socket, by the thread; 0 when it has taken it. */
	int (*take)(struct nbdt_listener *listener, struct socket *sock);

	/* The thread's; others may cancel it. */
	struct nbdt_sock sock;

	struct nbdt_access *access;	/* guarded by access.c */

	/* Written by the thread. */
	u64 accepted;
	u64 refused;

	struct list_head node;		/* guarded by who made it */
};

struct nbdt_listener *
nbdt_listener_start(struct net *net, u32 id,
		    const struct nbdt_listener_config *config,
		    int (*take)(struct nbdt_listener *listener,
				struct socket *sock),
		    struct netlink_ext_ack *extack);
void nbdt_listener_cancel(struct nbdt_listener *listener);
void nbdt_listener_stop(struct nbdt_listener *listener);
void nbdt_listener_free(struct nbdt_listener *listener);
void nbdt_listener_place(const struct nbdt_listener_config *config,
			 const struct net *net, struct nbdt_place *place);
bool nbdt_listener_overlaps(const struct nbdt_listener_config *a,
			    const struct nbdt_listener_config *b);
bool nbdt_listener_same_address(const struct nbdt_listener_config *a,
				const struct nbdt_listener_config *b);

#endif /* NBDT_LISTENER_H */
