/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_FRONT_H
#define NBDT_FRONT_H

#include <linux/types.h>

struct nbdt_access;
struct nbdt_handover;
struct nbdt_listener;
struct nbdt_listener_config;
struct net;
struct netlink_ext_ack;

/* What to change of a listener. */
struct nbdt_listener_change {
	bool set_tls_mode;
	u32 tls_mode;			/* NBDTARGET_TLS_MODE_* */
};

int nbdt_front_init(void);
void nbdt_front_remove_all(void);
void nbdt_front_exit(void);

int nbdt_front_add(struct net *net, const struct nbdt_listener_config *config,
		   struct netlink_ext_ack *extack);
int nbdt_front_adopt(struct nbdt_handover *arrival);
int nbdt_front_set(struct net *net, const struct nbdt_listener_config *config,
		   const struct nbdt_listener_change *change,
		   struct netlink_ext_ack *extack);
int nbdt_front_set_access(struct net *net,
			  const struct nbdt_listener_config *config,
			  struct nbdt_access *access,
			  struct netlink_ext_ack *extack);
int nbdt_front_remove(struct net *net,
		      const struct nbdt_listener_config *config,
		      bool force, u32 *id, struct netlink_ext_ack *extack);
int nbdt_front_for_each(struct net *net, u32 from,
			int (*visit)(struct nbdt_listener *listener,
				     void *data),
			void *data);
u32 nbdt_front_count(struct net *net);
u32 nbdt_front_generation(void);

#endif /* NBDT_FRONT_H */
