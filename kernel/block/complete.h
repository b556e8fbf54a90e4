/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_COMPLETE_H
#define NBDT_COMPLETE_H

struct nbdt_request;

void nbdt_request_complete(struct nbdt_request *req);

#endif /* NBDT_COMPLETE_H */
