/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_BITMAPS_SWITCH_H
#define NBDT_BITMAPS_SWITCH_H

#include <linux/types.h>

struct nbdt_bitmap;
struct nbdt_content;
struct netlink_ext_ack;

/* A change of which bitmaps record, in two steps. */
struct nbdt_switch {
	struct nbdt_bitmap *freeze;	/* or NULL, as the next */
	struct nbdt_bitmap *start;
	bool made;			/* START is new */
	bool keeps;			/* neither, and all stay as they are */
};

int nbdt_switch_begin(struct nbdt_content *content, struct nbdt_switch *change,
		      const char *freeze, const char *start, u64 size,
		      struct netlink_ext_ack *extack);
void nbdt_switch_end(struct nbdt_content *content, struct nbdt_switch *change,
		     bool commit, const char *name);

#endif /* NBDT_BITMAPS_SWITCH_H */
