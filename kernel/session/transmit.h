/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_TRANSMIT_H
#define NBDT_TRANSMIT_H

struct nbdt_conn;

int nbdt_transmit_init(struct nbdt_conn *conn);
void nbdt_transmit_exit(struct nbdt_conn *conn);
void nbdt_transmit_free_buffer(struct nbdt_conn *conn);
bool nbdt_transmit_has_parted(const struct nbdt_conn *conn);
void nbdt_transmit(struct nbdt_conn *conn);

#endif /* NBDT_TRANSMIT_H */
