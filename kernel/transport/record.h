/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_RECORD_H
#define NBDT_RECORD_H

#include <linux/types.h>

struct socket;

/* Types of records (RFC 8446, 5.1). */
#define NBDT_RECORD_ALERT	21
#define NBDT_RECORD_HANDSHAKE	22

/* By the socket's thread, once TLS is on; they never wait. */
int nbdt_record_send(struct socket *sock, u8 type, const void *data,
		     size_t len);
int nbdt_record_recv(struct socket *sock, u8 *type, void *data, size_t len);
void nbdt_record_count(struct socket *sock, u64 *rx, u64 *tx);

#endif /* NBDT_RECORD_H */
