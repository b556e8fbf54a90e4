/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_SCAN_H
#define NBDT_SCAN_H

#include <linux/types.h>

struct nbdt_content;
struct nbdt_scan;
struct netlink_ext_ack;

/* Bytes a second, unless it is told otherwise. */
#define NBDT_SCAN_RATE		(64U << 20)

void nbdt_scan_init(struct nbdt_scan *scan);
int nbdt_scan_start(struct nbdt_content *content, u32 id, u64 rate,
		    struct netlink_ext_ack *extack);
int nbdt_scan_cancel(struct nbdt_content *content);
int nbdt_scan_stop(struct nbdt_content *content);

#endif /* NBDT_SCAN_H */
