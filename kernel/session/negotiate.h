/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NEGOTIATE_H
#define NBDT_NEGOTIATE_H

struct nbdt_conn;

int nbdt_negotiate(struct nbdt_conn *conn);

#endif /* NBDT_NEGOTIATE_H */
