/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_STATUS_H
#define NBDT_STATUS_H

#include <linux/types.h>

#include "base/proto.h"

struct nbdt_request;

struct nbdt_verdict nbdt_status_check(struct nbdt_request *req);
struct nbdt_verdict nbdt_status_filter(struct nbdt_request *req);
u32 nbdt_status_size(const struct nbdt_request *req);
void nbdt_status_fill(struct nbdt_request *req);

#endif /* NBDT_STATUS_H */
