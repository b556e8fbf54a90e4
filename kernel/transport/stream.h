/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_STREAM_H
#define NBDT_STREAM_H

#include <linux/types.h>

struct iov_iter;
struct kvec;
struct nbdt_sock;

/* So much moved counts as progress; less doesn't keep a client alive. */
#define NBDT_STREAM_PROGRESS	4096

/* By the socket's thread.  Never wait: */
int nbdt_stream_recv(struct nbdt_sock *s, void *buf, size_t len);
int nbdt_stream_recv_iter(struct nbdt_sock *s, struct iov_iter *iter);
int nbdt_stream_send(struct nbdt_sock *s, struct kvec *vec, unsigned int nr,
		     size_t len, bool more);
int nbdt_stream_send_iter(struct nbdt_sock *s, struct iov_iter *iter,
			  bool more);
int nbdt_stream_peek(struct nbdt_sock *s);
u64 nbdt_stream_acked(const struct nbdt_sock *s);
u64 nbdt_stream_sent(struct nbdt_sock *s);
int nbdt_stream_arrival(const struct nbdt_sock *s);
bool nbdt_stream_is_asking(const struct nbdt_sock *s, u32 *heard);
bool nbdt_stream_heard_since(const struct nbdt_sock *s, unsigned long since);

/* Wait until done, cancelled or DEADLINE (in jiffies): */
int nbdt_stream_read(struct nbdt_sock *s, void *buf, size_t len,
		     unsigned long deadline);
int nbdt_stream_write(struct nbdt_sock *s, struct kvec *vec, unsigned int nr,
		      size_t len, bool more, unsigned long deadline);

/* The end; they wait, each for a time of its own. */
void nbdt_stream_finish(struct nbdt_sock *s);
void nbdt_stream_linger(struct nbdt_sock *s, unsigned long time);

const char *nbdt_stream_error_text(int err);

#endif /* NBDT_STREAM_H */
