/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_KTLS_H
#define NBDT_KTLS_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "transport/rekey.h"
#include "transport/sock.h"

struct iov_iter;
struct sock;
struct socket;

int nbdt_ktls_check(struct socket *sock, u16 *version, u16 *cipher);
const char *nbdt_ktls_version_name(u16 version);
const char *nbdt_ktls_cipher_name(u16 cipher);
bool nbdt_ktls_cipher_wears_out(u16 cipher);

/* By the socket's thread, once TLS is on: */
int nbdt_ktls_recv_result(struct nbdt_sock *s, int n);
int nbdt_ktls_send_iter(struct nbdt_sock *s, struct iov_iter *iter, bool more);
bool nbdt_ktls_is_drained(struct sock *sk);
void nbdt_ktls_close(struct nbdt_sock *s);

/* Before each record: is there another key to be had?  As nbdt_rekey_send(). */
static inline int nbdt_ktls_before_sending(struct nbdt_sock *s)
{
	return unlikely(s->rekey_due) ? nbdt_rekey_send(s) : 0;
}

#endif /* NBDT_KTLS_H */
