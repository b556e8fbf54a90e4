// SPDX-License-Identifier: GPL-2.0
/*
 * TLS records: what is different about a socket once the kernel's TLS (kTLS)
 * encrypts and decrypts on it.
 *
 * Somebody else did the handshake and gave the keys to the socket (session/tls.c).
 * From then on the socket's calls take and give plain text, and what is here
 * is called in their place or after them (stream.c), by the same one thread.
 * Whether it is, is decided by one flag of the socket, so that connections
 * without TLS pay a test of a byte that they have at hand anyway.
 *
 * Receiving.  A record that isn't data comes up as -EIO to a call that can't
 * be told so, and stays queued: the data path goes without control messages
 * until then, and one more call gets the record together with its type.
 * A KeyUpdate of TLS 1.3 has the key changed (rekey.c), and receiving goes on;
 * whatever else it is, it ends the connection: close_notify in good order, other
 * alerts not, and what begins a renegotiation in TLS 1.2 as something that
 * nobody here can do.
 *
 * Sending.  Data is copied, never given away as pages: records are encrypted
 * into pages of their own anyway, and kernels up to now lose track of pages
 * that were spliced into kTLS.  What a call that doesn't wait has taken is
 * sent by kTLS sooner or later, like what TCP has taken; but at the end one
 * has to wait for it, as shutting down TCP would cut it off.
 *
 * A record that was begun with MSG_MORE stays open until a call without it:
 * callers pass "more" only when more is there to be sent.  Without it kTLS has
 * TCP send each record at once, in a segment of its own; so of what takes several
 * records all but the last goes with MSG_MORE.
 */
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/string.h>
#include <linux/tls.h>
#include <linux/uio.h>
#include <net/inet_connection_sock.h>
#include <net/sock.h>
#include <net/tls.h>

#include "compat/compat.h"
#include "transport/ktls.h"
#include "transport/record.h"
#include "transport/rekey.h"
#include "transport/sock.h"

/* What an alert can say (RFC 8446, 6). */
#define ALERT_LEVEL_WARNING	1
#define ALERT_CLOSE_NOTIFY	0
#define ALERT_USER_CANCELED	90

/* An alert; a record that is longer is none. */
#define CONTROL_MAX		16

/* Pieces of one send: half a megabyte in most cases. */
#define SEND_VECS		32

/* How long the last records may take to leave. */
#define CLOSE_TIMEOUT		(2 * HZ)
#define CLOSE_POLL		max(HZ / 50, 1)

/**
 * nbdt_ktls_check - is TLS on, in both directions?
 * @sock: nobody else uses it
 * @version: set to that of the protocol
 * @cipher: set to TLS_CIPHER_* of linux/tls.h
 *
 * What the kernel's own TLS says, whatever anybody else has said.
 *
 * Return: 0; -ENOPROTOOPT when the socket has no TLS; -ENOKEY when a key is
 * missing; -EINVAL when the directions don't agree.
 */
int nbdt_ktls_check(struct socket *sock, u16 *version, u16 *cipher)
{
	const struct tls_crypto_info *rx, *tx;
	const struct tls_context *ctx;
	struct sock *sk = sock->sk;
	int err;

	lock_sock(sk);
	err = -ENOPROTOOPT;
	if (!inet_csk_has_ulp(sk) ||
	    strcmp(inet_csk(sk)->icsk_ulp_ops->name, "tls"))
		goto out;
	ctx = tls_get_ctx(sk);
	err = -ENOKEY;
	if (!ctx || (ctx->tx_conf != TLS_SW && ctx->tx_conf != TLS_HW) ||
	    (ctx->rx_conf != TLS_SW && ctx->rx_conf != TLS_HW))
		goto out;
	rx = &ctx->crypto_recv.info;
	tx = &ctx->crypto_send.info;
	err = -EINVAL;
	if (rx->version != tx->version || rx->cipher_type != tx->cipher_type)
		goto out;
	*version = rx->version;
	*cipher = rx->cipher_type;
	err = 0;
out:
	release_sock(sk);
	return err;
}

const char *nbdt_ktls_version_name(u16 version)
{
	switch (version) {
	case TLS_1_2_VERSION:
		return "1.2";
	case TLS_1_3_VERSION:
		return "1.3";
	default:
		return "unknown";
	}
}

const char *nbdt_ktls_cipher_name(u16 cipher)
{
	switch (cipher) {
	case TLS_CIPHER_AES_GCM_128:
		return "AES-128-GCM";
	case TLS_CIPHER_AES_GCM_256:
		return "AES-256-GCM";
	case TLS_CIPHER_AES_CCM_128:
		return "AES-128-CCM";
	case TLS_CIPHER_CHACHA20_POLY1305:
		return "CHACHA20-POLY1305";
	default:
		return "unknown";
	}
}

/* Is there a number of records that is too many for one key? */
bool nbdt_ktls_cipher_wears_out(u16 cipher)
{
	return cipher != TLS_CIPHER_CHACHA20_POLY1305;
}

static int alert_error(const u8 *alert, int len)
{
	if (len == 2 && (alert[1] == ALERT_CLOSE_NOTIFY ||
			 alert[1] == ALERT_USER_CANCELED))
		return -ESHUTDOWN;
	return -EKEYREVOKED;
}

/* There may be a record that isn't data: what does it mean? */
static int recv_control(struct nbdt_sock *s)
{
	u8 data[CONTROL_MAX], type;
	int n;

	nbdt_sock_receive_begin(s);
	n = nbdt_record_recv(s->sock, &type, data, sizeof(data));
	nbdt_sock_receive_end(s);
	if (n < 0)
		return n == -EKEYEXPIRED || n == -EKEYREJECTED ? n : -EIO;
	switch (type) {
	case NBDT_RECORD_ALERT:
		return alert_error(data, n);
	case NBDT_RECORD_HANDSHAKE:
		return nbdt_rekey_follow(s, data, n);
	default:
		return -EKEYREJECTED;
	}
}

/**
 * nbdt_ktls_recv_result - what to make of the result of a receive
 * @s: its socket
 * @n: the result
 *
 * kTLS may hold decrypted data, or the next record, without a wake-up to
 * come: only when it says that there is nothing, there is nothing.
 *
 * Return: bytes received, at least 1; -EAGAIN when there are none yet, or
 * the client has changed its key and it has to be tried again, which readable says;
 * -ESHUTDOWN when the client said that it was its last; -ECONNABORTED when it
 * closed without a word, as an attacker on the way could make it seem;
 * -EKEYREVOKED when it sent an alert, -EKEYREJECTED when what it sent is no
 * valid record; or as nbdt_rekey_follow().
 */
int nbdt_ktls_recv_result(struct nbdt_sock *s, int n)
{
	struct sock *sk = s->sock->sk;

	if (n != -EAGAIN || (READ_ONCE(sk->sk_shutdown) & RCV_SHUTDOWN) ||
	    READ_ONCE(sk->sk_err))
		WRITE_ONCE(s->readable, true);
	if (likely(n > 0))
		return n;
	switch (n) {
	case 0:
		return -ECONNABORTED;
	case -EIO:
		return recv_control(s);
	case -EBADMSG:
	case -EMSGSIZE:
	case -EINVAL:
		return -EKEYREJECTED;
	default:
		return n;
	}
}

/**
 * nbdt_ktls_send_iter - copy pages into records
 * @s: the socket
 * @iter: over bio_vecs; advanced by what was taken, which may leave the last record
 *	for another call
 * @more: more follows at once, so the last record may wait for it
 *
 * Return: bytes taken, at least 1; -EAGAIN when there is no room; another error
 * when the connection broke.
 */
int nbdt_ktls_send_iter(struct nbdt_sock *s, struct iov_iter *iter, bool more)
{
	struct iov_iter ahead = *iter;
	struct kvec vec[SEND_VECS];
	struct msghdr msg = {};
	unsigned int nr = 0;
	size_t len = 0;
	int n = nbdt_ktls_before_sending(s);

	if (n)
		return n;
	if (!more && iov_iter_count(&ahead) > TLS_MAX_PAYLOAD_SIZE)
		iov_iter_truncate(&ahead, iov_iter_count(&ahead) -
				  TLS_MAX_PAYLOAD_SIZE);
	while (nr < ARRAY_SIZE(vec) && iov_iter_count(&ahead)) {
		size_t piece = iov_iter_count(&ahead);

		vec[nr].iov_base = nbdt_sock_piece(&ahead, &piece);
		vec[nr++].iov_len = piece;
		len += piece;
		iov_iter_advance(&ahead, piece);
	}
	more |= len < iov_iter_count(iter);
	msg.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | (more ? MSG_MORE : 0);
	n = kernel_sendmsg(s->sock, &msg, vec, nr, len);
	if (n > 0)
		iov_iter_advance(iter, n);
	return n;
}

static int send_close_notify(struct nbdt_sock *s)
{
	static const u8 alert[2] = { ALERT_LEVEL_WARNING, ALERT_CLOSE_NOTIFY };

	return nbdt_ktls_before_sending(s) ?:
	       nbdt_record_send(s->sock, NBDT_RECORD_ALERT, alert,
				sizeof(alert));
}

/* Has kTLS given everything to TCP? */
bool nbdt_ktls_is_drained(struct sock *sk)
{
	const struct tls_context *ctx;
	bool drained;

	lock_sock(sk);
	ctx = tls_get_ctx(sk);
	drained = sk->sk_err || !ctx || (!ctx->partially_sent_record &&
		  (ctx->tx_conf != TLS_SW ||
		   list_empty(&tls_sw_ctx_tx(ctx)->tx_list)));
	release_sock(sk);
	return drained;
}

/**
 * nbdt_ktls_close - tell the client that nothing more comes
 * @s: the socket; it is shut down next
 *
 * Waits for the last records to leave, unless the thread was told to give up,
 * and not for long: a client that doesn't read them can't want them much.
 */
void nbdt_ktls_close(struct nbdt_sock *s)
{
	unsigned long deadline = jiffies + CLOSE_TIMEOUT;
	int err;

	do {
		WRITE_ONCE(s->writable, false);
		err = send_close_notify(s);
		if (err == -EAGAIN)
			err = nbdt_sock_wait(s, &s->writable, deadline) ?:
			      -EAGAIN;
	} while (err == -EAGAIN);
	if (err < 0)
		return;
	while (!nbdt_ktls_is_drained(s->sock->sk) &&
	       time_before(jiffies, deadline)) {
		err = nbdt_sock_pause(s, CLOSE_POLL);
		if (err == -ECANCELED)
			return;
	}
}
