// SPDX-License-Identifier: GPL-2.0
/*
 * TLS records that aren't data, one at a time, and how many there were of all.
 *
 * kTLS tells a record's type from its data by control messages.  What is data has
 * no need of them, and goes its own way (stream.c, ktls.c).
 */
#include <linux/net.h>
#include <linux/socket.h>
#include <linux/string.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <net/sock.h>
#include <net/tls.h>

#include "transport/record.h"

union control {
	struct cmsghdr head;
	u8 space[CMSG_SPACE(sizeof(u8))];
};

/**
 * nbdt_record_send - send one record that isn't data
 * @sock: under TLS
 * @type: NBDT_RECORD_*
 * @data: all of its text
 * @len: bytes of that, few
 *
 * Also ends a record that is still open.  It is encrypted before this returns, and
 * goes out sooner or later, like what TCP has taken.
 *
 * Return: 0; -EAGAIN when there is no room, and nothing was taken; another error
 * when the connection broke.
 */
int nbdt_record_send(struct socket *sock, u8 type, const void *data, size_t len)
{
	struct kvec vec = { .iov_base = (void *)data, .iov_len = len };
	union control control = {
		.head.cmsg_level = SOL_TLS,
		.head.cmsg_type = TLS_SET_RECORD_TYPE,
		.head.cmsg_len = CMSG_LEN(sizeof(u8)),
	};
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int n;

	*(u8 *)CMSG_DATA(&control.head) = type;
	n = kernel_sendmsg(sock, &msg, &vec, 1, len);
	if (n < 0)
		return n;
	return n == len ? 0 : -EIO;
}

/**
 * nbdt_record_recv - receive one record that isn't data
 * @sock: under TLS; a receive of data has just failed with -EIO
 * @type: set to what it is
 * @data: where to; a longer record is cut short, and its rest stays
 * @len: bytes that there is room for
 *
 * Return: its length, at least 0; -EKEYREJECTED when it is none; or an error.
 */
int nbdt_record_recv(struct socket *sock, u8 *type, void *data, size_t len)
{
	struct kvec vec = { .iov_base = data, .iov_len = len };
	union control control = {};
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int n;

	n = kernel_recvmsg(sock, &msg, &vec, 1, len, msg.msg_flags);
	if (n < 0)
		return n;
	/* The call has moved msg_control on; nothing is there without. */
	if (msg.msg_controllen == sizeof(control) ||
	    control.head.cmsg_level != SOL_TLS ||
	    control.head.cmsg_type != TLS_GET_RECORD_TYPE)
		return -EKEYREJECTED;
	*type = *(u8 *)CMSG_DATA(&control.head);
	return n;
}

static u64 sequence(const struct cipher_context *ctx)
{
	__be64 wire;

	memcpy(&wire, ctx->rec_seq, sizeof(wire));
	return be64_to_cpu(wire);
}

/**
 * nbdt_record_count - how often were the keys in use used?
 * @sock: under TLS; the caller is its thread, which alone sends and receives
 * @rx: set to the number of records received
 * @tx: set to the number of records sent
 *
 * kTLS counts them by itself, as it needs the numbers.
 */
void nbdt_record_count(struct socket *sock, u64 *rx, u64 *tx)
{
	const struct tls_context *ctx = tls_get_ctx(sock->sk);

	*rx = sequence(&ctx->rx);
	*tx = sequence(&ctx->tx);
}
