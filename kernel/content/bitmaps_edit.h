/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_BITMAPS_EDIT_H
#define NBDT_BITMAPS_EDIT_H

#include <linux/types.h>

struct nbdt_bitmaps_config;
struct nbdt_bitmaps_piece;
struct nbdt_content;
struct netlink_ext_ack;

/* For the administrator; the content is of an export with a reference. */
int nbdt_bitmaps_add(struct nbdt_content *content,
		     const struct nbdt_bitmaps_config *config,
		     struct netlink_ext_ack *extack);
int nbdt_bitmaps_remove(struct nbdt_content *content, const char *name,
			struct netlink_ext_ack *extack);
int nbdt_bitmaps_clear(struct nbdt_content *content, const char *name,
		       struct netlink_ext_ack *extack);
int nbdt_bitmaps_enable(struct nbdt_content *content, const char *name,
			bool enable, struct netlink_ext_ack *extack);
int nbdt_bitmaps_trust(struct nbdt_content *content, const char *name,
		       bool enable, struct netlink_ext_ack *extack);
int nbdt_bitmaps_read(struct nbdt_content *content, const char *name, u64 offset,
		      void *data, unsigned int len,
		      struct nbdt_bitmaps_piece *piece,
		      struct netlink_ext_ack *extack);
int nbdt_bitmaps_load(struct nbdt_content *content, const char *name, u64 offset,
		      const void *data, unsigned int len,
		      struct netlink_ext_ack *extack);
int nbdt_bitmaps_merge(struct nbdt_content *content, const char *from,
		       const char *to, struct netlink_ext_ack *extack);
int nbdt_bitmaps_rename(struct nbdt_content *content, const char *name,
			const char *to, struct netlink_ext_ack *extack);

#endif /* NBDT_BITMAPS_EDIT_H */
