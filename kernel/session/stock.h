/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_STOCK_H
#define NBDT_STOCK_H

struct nbdt_conn;
struct nbdt_request;

int nbdt_stock_init(void);
void nbdt_stock_exit(void);

struct nbdt_request *nbdt_stock_next(const struct nbdt_conn *conn);
struct nbdt_request *nbdt_stock_take(struct nbdt_conn *conn);
void nbdt_stock_put(struct nbdt_request *req);
void nbdt_stock_empty(struct nbdt_conn *conn);
int nbdt_stock_alloc_buffer(struct nbdt_request *req);
void nbdt_stock_free_buffer(struct nbdt_request *req);

#endif /* NBDT_STOCK_H */
