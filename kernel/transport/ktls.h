/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_KTLS_H
#define NBDT_KTLS_H

#include <linux/types.h>

struct iov_iter;
struct nbdt_sock;
struct socket;

int nbdt_ktls_check(struct socket *sock, u16 *version, u16 *cipher);
const char *nbdt_ktls_version_name(u16 version);
const char *nbdt_ktls_cipher_name(u16 cipher);
bool nbdt_ktls_cipher_wears_out(u16 cipher);

/* By the socket's thread, once TLS is on: */
int nbdt_ktls_recv_result(struct nbdt_sock *s, int n);
int nbdt_ktls_send_iter(struct nbdt_sock *s, struct iov_iter *iter, bool more);
void nbdt_ktls_close(struct nbdt_sock *s);
void nbdt_ktls_records(struct socket *sock, u64 *rx, u64 *tx);

#endif /* NBDT_KTLS_H */
