/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_REPLY_H
#define NBDT_REPLY_H

struct nbdt_conn;
struct nbdt_request;

void nbdt_reply_queue(struct nbdt_request *req);
void nbdt_reply_drop(struct nbdt_request *req);
void nbdt_reply_send(struct nbdt_conn *conn);
void nbdt_reply_settle(struct nbdt_conn *conn);

#endif /* NBDT_REPLY_H */
