/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_IO_H
#define NBDT_IO_H

struct nbdt_request;

void nbdt_io_rw(struct nbdt_request *req);
void nbdt_io_flush(struct nbdt_request *req);

#endif /* NBDT_IO_H */
