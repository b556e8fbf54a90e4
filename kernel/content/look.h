/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_LOOK_H
#define NBDT_LOOK_H

#include <linux/types.h>

struct block_device;
struct nbdt_content;

int nbdt_look_read(struct block_device *bdev, void *buf, u64 offset, u32 len);
int nbdt_look_ends(const struct nbdt_content *content, u32 *ends);
int nbdt_look_samples(const struct nbdt_content *content);

#endif /* NBDT_LOOK_H */
