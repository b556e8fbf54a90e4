/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_LISTENER_H
#define NBDT_LISTENER_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/socket.h>

#include "transport/sock.h"

struct nbdt_access;
struct net;
struct netlink_ext_ack;

/* Where to listen. */
struct nbdt_listener_config {
	struct sockaddr_storage addr;
	bool wildcard;			/* both families, all addresses */
	u32 tls_mode;			/* NBDTARGET_TLS_MODE_* */
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

	/* The thread's; others may cancel it. */
	struct nbdt_sock sock;

	struct nbdt_access *access;	/* guarded by access.c */

	/* Written by the thread. */
	u64 accepted;
	u64 refused;

	struct list_head node;		/* guarded by listeners_mutex */
};

int nbdt_listener_init(void);
void nbdt_listener_remove_all(void);
void nbdt_listener_exit(void);

int nbdt_listener_add(struct net *net,
		      const struct nbdt_listener_config *config,
		      struct netlink_ext_ack *extack);
int nbdt_listener_set_access(struct net *net,
			     const struct nbdt_listener_config *config,
			     struct nbdt_access *access,
			     struct netlink_ext_ack *extack);
int nbdt_listener_remove(struct net *net,
			 const struct nbdt_listener_config *config,
			 bool force, struct netlink_ext_ack *extack);
int nbdt_listener_for_each(struct net *net, u32 from,
			   int (*visit)(struct nbdt_listener *listener,
					void *data),
			   void *data);
u32 nbdt_listener_count(void);
u32 nbdt_listener_generation(void);

#endif /* NBDT_LISTENER_H */
