/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_SLOW_H
#define NBDT_SLOW_H

struct nbdt_request;

void nbdt_slow_init(struct nbdt_request *req);

#endif /* NBDT_SLOW_H */
