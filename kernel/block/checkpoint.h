/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_CHECKPOINT_H
#define NBDT_CHECKPOINT_H

#include <linux/types.h>

struct net;
struct nbdt_export;
struct netlink_ext_ack;

/* Most exports in a group. */
#define NBDT_CHECKPOINT_EXPORTS		64
/* Until everything is as before, unless it is told otherwise; ms. */
#define NBDT_CHECKPOINT_TIMEOUT		30000

/* Who holds a checkpoint open: a netlink socket. */
struct nbdt_checkpoint_owner {
	const struct net *net;
	u32 portid;
};

struct nbdt_checkpoint_config {
	struct nbdt_export **exports;	/* with references of the caller's */
	unsigned int nr;
	const char *freeze;		/* or NULL, as the next */
	const char *start;
	const char *name;
	u32 timeout;			/* ms */
	bool hold;			/* to be ended by a second command */
	struct nbdt_checkpoint_owner owner;
};

int nbdt_checkpoint_begin(const struct nbdt_checkpoint_config *config, u32 *id,
			  struct netlink_ext_ack *extack);
int nbdt_checkpoint_end(u32 id, const struct nbdt_checkpoint_owner *owner,
			bool abort, struct netlink_ext_ack *extack);
bool nbdt_checkpoint_is_any_held(void);
void nbdt_checkpoint_abandon(const struct nbdt_checkpoint_owner *owner);
void nbdt_checkpoint_exit(void);

#endif /* NBDT_CHECKPOINT_H */
