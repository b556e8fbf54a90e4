// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes in and out of a connection, over TCP or over TLS.
 *
 * The socket's one thread is the caller (sock.c).  What has to do with the data
 * path returns at once; what belongs to negotiation, and to the end, waits, with
 * a deadline.
 *
 * Reads ask for exactly what the protocol says comes next, except where the
 * caller asks to read ahead; nothing is kept here.
 *
 * A connection is plain TCP, and then it is TCP's functions that are called; or
 * TLS is on, or something else that an administrator put there, and then it is
 * the socket's.  What is different about TLS records is in ktls.c, and one flag
 * decides whether that is asked.
 */
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/sizes.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "transport/ktls.h"
#include "transport/sock.h"
#include "transport/stream.h"

/* How long one that is cancelled waits for its last bytes to arrive. */
#define LINGER_CANCELLED		(2 * HZ)

/* At most in one call under TLS, so that none takes long where ciphers are slow. */
#define RECEIVE_MAX			SZ_1M

/*
 * Nothing above TCP has its hands in what is sent and received, neither TLS nor
 * what an administrator may attach: whatever does sees to closing, too.  Then our
 * calls go to TCP at once, and leave out layers that are for programs' memory and
 * control messages, and a security module's opinion of who calls, which is this
 * kernel thread each time.  To a small request they cost as much as all that we
 * do ourselves.
 */
static bool is_plain_tcp(const struct sock *sk)
{
	return likely(READ_ONCE(sk->sk_prot)->close == tcp_close);
}

/* From a segment to where desc->arg points; see tcp_read_sock(). */
static int copy_to_buffer(read_descriptor_t *desc, struct sk_buff *skb,
			  unsigned int offset, size_t len)
{
	len = min(len, desc->count);
	if (likely(offset + len <= skb_headlen(skb)))
		memcpy(desc->arg.data, skb->data + offset, len);
	else if (skb_copy_bits(skb, offset, desc->arg.data, len))
		return -EFAULT;
	desc->arg.data += len;
	desc->count -= len;
	return len;
}

/* The same to the bio_vecs that the iterator is over that desc->arg points to. */
static int copy_to_pages(read_descriptor_t *desc, struct sk_buff *skb,
			 unsigned int offset, size_t len)
{
	struct iov_iter *iter = desc->arg.data;
	size_t copied = 0;

	len = min(len, desc->count);
	while (copied < len) {
		size_t piece = len - copied;
		void *to = nbdt_sock_piece(iter, &piece);

		if (skb_copy_bits(skb, offset + copied, to, piece))
			return -EFAULT;
		iov_iter_advance(iter, piece);
		copied += piece;
	}
	desc->count -= copied;
	return copied;
}

/*
 * A receive got nothing: why?  0 is the end of the stream.  In the order in which
 * recvmsg() has it; urgent data is no part of NBD, and TCP doesn't read over it by
 * itself.
 */
static int why_nothing(struct sock *sk)
{
	if (!skb_queue_empty(&sk->sk_receive_queue))
		return -EBADE;
	if (sock_flag(sk, SOCK_DONE))
		return 0;
	if (sk->sk_err)
		return sock_error(sk);
	if (sk->sk_shutdown & RCV_SHUTDOWN)
		return 0;
	return sk->sk_state == TCP_CLOSE ? -ENOTCONN : -EAGAIN;
}

/*
 * When the socket is left empty, the next would be in vain until the socket
 * wakes us again.  But the end of the stream, and an error, may be waiting
 * behind the last byte, and their wake-up has been.
 */
static int recv_tcp(struct nbdt_sock *s, read_descriptor_t *desc,
		    sk_read_actor_t actor)
{
	struct sock *sk = s->sock->sk;
	int n;

	sock_rps_record_flow(sk);
	lock_sock(sk);
	n = tcp_read_sock(sk, desc, actor);
	if (n > 0 && (!skb_queue_empty(&sk->sk_receive_queue) ||
		      sk->sk_shutdown & RCV_SHUTDOWN || sk->sk_err))
		WRITE_ONCE(s->readable, true);
	if (!n)
		n = why_nothing(sk);
	release_sock(sk);
	return n ? n : -ESHUTDOWN;
}

/*
 * kTLS of some kernels (6.8.1 is one) that was told not to expect padding, and
 * meets a record with it, has decrypted it to where the data belongs before it
 * sees that, and then puts it behind: there are more bytes than it says, and
 * nobody can tell which.
 */
static int recv_layered(struct nbdt_sock *s, struct iov_iter *iter)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
		.msg_iter = *iter,
	};
	size_t count = iov_iter_count(iter), moved;
	int n;

	iov_iter_truncate(&msg.msg_iter, RECEIVE_MAX);
	moved = iov_iter_count(&msg.msg_iter);
	nbdt_sock_receive_begin(s);
	n = sock_recvmsg(s->sock, &msg, msg.msg_flags);
	nbdt_sock_receive_end(s);
	moved -= iov_iter_count(&msg.msg_iter);
	if (n > 0 && moved != n)
		return -EUCLEAN;
	if (n > 0) {
		*iter = msg.msg_iter;
		iov_iter_reexpand(iter, count - moved);
	}
	if (s->tls)
		return nbdt_ktls_recv_result(s, n);
	if (n != -EAGAIN)
		WRITE_ONCE(s->readable, true);
	return n ? n : -ESHUTDOWN;
}

static noinline int recv_layered_buffer(struct nbdt_sock *s, void *buf,
					size_t len)
{
	struct kvec vec = { .iov_base = buf, .iov_len = len };
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_DEST, &vec, 1, len);
	return recv_layered(s, &iter);
}

/**
 * nbdt_stream_recv - receive what is there, up to a number of bytes
 * @s: the socket
 * @buf: where to
 * @len: at most, and at least 1
 *
 * Return: bytes received, at least 1; -EAGAIN when there are none yet;
 * -ESHUTDOWN when the peer sent its last; another error when the connection
 * broke.
 */
int nbdt_stream_recv(struct nbdt_sock *s, void *buf, size_t len)
{
	read_descriptor_t desc = { .arg.data = buf, .count = len };

	WRITE_ONCE(s->readable, false);
	if (is_plain_tcp(s->sock->sk))
		return recv_tcp(s, &desc, copy_to_buffer);
	return recv_layered_buffer(s, buf, len);
}

/**
 * nbdt_stream_recv_iter - receive what is there into pages
 * @s: the socket
 * @iter: over bio_vecs; advanced by what was received
 *
 * Return: as nbdt_stream_recv().
 */
int nbdt_stream_recv_iter(struct nbdt_sock *s, struct iov_iter *iter)
{
	read_descriptor_t desc = {
		.arg.data = iter,
		.count = iov_iter_count(iter),
	};

	WRITE_ONCE(s->readable, false);
	if (is_plain_tcp(s->sock->sk))
		return recv_tcp(s, &desc, copy_to_pages);
	return recv_layered(s, iter);
}

/* Is there anything to receive?  As nbdt_stream_recv(), but it stays there. */
int nbdt_stream_peek(struct nbdt_sock *s)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_PEEK,
	};
	u8 byte;
	struct kvec vec = { .iov_base = &byte, .iov_len = sizeof(byte) };
	int n;

	n = kernel_recvmsg(s->sock, &msg, &vec, 1, sizeof(byte),
			   msg.msg_flags);
	return n ?: -ESHUTDOWN;
}

/**
 * nbdt_stream_send - copy bytes into the socket
 * @s: the socket
 * @vec: where they are; used up by the call
 * @nr: elements of @vec
 * @len: bytes in all
 * @more: more follows at once, so a segment that isn't full may wait for it
 *
 * Return: bytes taken, at least 1; -EAGAIN when there is no room; another
 * error when the connection broke.
 */
int nbdt_stream_send(struct nbdt_sock *s, struct kvec *vec, unsigned int nr,
		     size_t len, bool more)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
			     (more ? MSG_MORE : 0),
	};
	struct sock *sk = s->sock->sk;
	int n;

	WRITE_ONCE(s->writable, false);
	if (!is_plain_tcp(sk))
		return nbdt_ktls_before_sending(s) ?:
		       kernel_sendmsg(s->sock, &msg, vec, nr, len);
	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, vec, nr, len);
	sock_rps_record_flow(sk);
	lock_sock(sk);
	n = tcp_sendmsg_locked(sk, &msg, len);
	release_sock(sk);
	return n;
}

/**
 * nbdt_stream_send_iter - give pages to the socket without copying them
 * @s: the socket
 * @iter: over bio_vecs; advanced by what was taken
 * @more: as for nbdt_stream_send()
 *
 * The socket holds references on the pages until the peer has acknowledged
 * them, so they may be put but not written again.  Under TLS they are copied.
 *
 * Return: as nbdt_stream_send().
 */
int nbdt_stream_send_iter(struct nbdt_sock *s, struct iov_iter *iter, bool more)
{
	WRITE_ONCE(s->writable, false);
	if (unlikely(s->tls))
		return nbdt_ktls_send_iter(s, iter, more);
	return nbdt_compat_splice(s->sock, iter,
				  MSG_DONTWAIT | MSG_NOSIGNAL |
				  (more ? MSG_MORE : 0));
}

/*
 * Whoever sends a message in pieces may keep the last of them, though it is whole,
 * until all before it is acknowledged: what TCP would do when it is used to answers
 * that it can go with.  There is none before the message is here.
 */
static void acknowledge_now(struct nbdt_sock *s)
{
	tcp_sock_set_quickack(s->sock->sk, 1);
}

/**
 * nbdt_stream_read - receive exactly a number of bytes
 * @s: the socket
 * @buf: where to
 * @len: how many
 * @deadline: until when, in jiffies
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED, or as nbdt_stream_recv().
 */
int nbdt_stream_read(struct nbdt_sock *s, void *buf, size_t len,
		     unsigned long deadline)
{
	while (len) {
		int n = nbdt_stream_recv(s, buf, len);

		if (n == -EAGAIN) {
			acknowledge_now(s);
			n = nbdt_sock_wait(s, &s->readable, deadline);
		}
		if (n < 0)
			return n;
		buf += n;
		len -= n;
		/* Traffic doesn't extend the deadline, nor what comes to nothing. */
		if (len && time_after_eq(jiffies, deadline))
			return -ETIMEDOUT;
	}
	return 0;
}

/**
 * nbdt_stream_write - send all of a number of bytes
 * @s: the socket
 * @vec: where they are; used up by the call
 * @nr: elements of @vec
 * @len: bytes in all
 * @more: as for nbdt_stream_send()
 * @deadline: until when, in jiffies
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED, or as nbdt_stream_send().
 */
int nbdt_stream_write(struct nbdt_sock *s, struct kvec *vec, unsigned int nr,
		      size_t len, bool more, unsigned long deadline)
{
	struct iov_iter iter;

	iov_iter_kvec(&iter, ITER_SOURCE, vec, nr, len);
	while (iov_iter_count(&iter)) {
		struct msghdr msg = {
			.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL |
				     (more ? MSG_MORE : 0),
			.msg_iter = iter,
		};
		int n;

		WRITE_ONCE(s->writable, false);
		n = nbdt_ktls_before_sending(s) ?:
		    sock_sendmsg(s->sock, &msg);
		iter = msg.msg_iter;
		if (n == -EAGAIN)
			n = nbdt_sock_wait(s, &s->writable, deadline);
		if (n < 0)
			return n;
	}
	return 0;
}

/* Nothing more will be sent. */
void nbdt_stream_finish(struct nbdt_sock *s)
{
	/* Lending it may have come to its end. */
	if (!s->sock)
		return;
	if (s->tls)
		nbdt_ktls_close(s);
	/* It may have been taken away while that waited. */
	if (s->sock)
		kernel_sock_shutdown(s->sock, SHUT_WR);
}

/* After nbdt_stream_finish(): something, or the end, isn't acknowledged yet. */
static bool is_sending(const struct nbdt_sock *s)
{
	return (1 << READ_ONCE(s->sock->sk->sk_state)) &
	       (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 |
		TCPF_CLOSING | TCPF_LAST_ACK);
}

/* The CPU by which the peer's last packet came. */
int nbdt_stream_arrival(const struct nbdt_sock *s)
{
	return READ_ONCE(s->sock->sk->sk_incoming_cpu);
}

/* Bytes that the peer has acknowledged, from the beginning; it has them. */
u64 nbdt_stream_acked(const struct nbdt_sock *s)
{
	return READ_ONCE(tcp_sk(s->sock->sk)->bytes_acked);
}

/*
 * What nbdt_stream_acked() will be when the peer has all that was sent; U64_MAX while
 * TLS has some of it yet.
 */
u64 nbdt_stream_sent(struct nbdt_sock *s)
{
	struct sock *sk = s->sock->sk;
	const struct tcp_sock *tp = tcp_sk(sk);
	u64 sent;

	if (s->tls && !nbdt_ktls_is_drained(sk))
		return U64_MAX;
	lock_sock(sk);
	sent = tp->bytes_acked + (u32)(tp->write_seq - tp->snd_una);
	release_sock(sk);
	return sent;
}

/*
 * Should the peer say something, as what we sent hasn't been acknowledged?  HEARD
 * is set to when it last did, in jiffies; that may be long ago.
 */
bool nbdt_stream_is_asking(const struct nbdt_sock *s, u32 *heard)
{
	const struct sock *sk = s->sock->sk;

	*heard = READ_ONCE(tcp_sk(sk)->rcv_tstamp);
	return READ_ONCE(tcp_sk(sk)->packets_out) ||
	       READ_ONCE(inet_csk(sk)->icsk_probes_out);
}

/*
 * Has the peer acknowledged anything, or said that it takes nothing, since then
 * (in jiffies), or all that it was asked?  TCP asks one that takes nothing ever less
 * often.  If not, it is for TCP to say when the peer is gone.
 */
bool nbdt_stream_heard_since(const struct nbdt_sock *s, unsigned long since)
{
	u32 heard;

	return !nbdt_stream_is_asking(s, &heard) ||
	       time_after32(heard, (u32)since);
}

/**
 * nbdt_stream_linger - wait until the peer has all that was sent
 * @s: after nbdt_stream_finish()
 * @time: at most, in jiffies, from the last that the peer took; less when it is
 *	cancelled
 *
 * What the peer doesn't have by then it won't get: see nbdt_sock_release().
 */
void nbdt_stream_linger(struct nbdt_sock *s, unsigned long time)
{
	unsigned long deadline = jiffies + time;
	bool cancelled = false;
	u64 acked;

	/* Nobody knows what an agent that has it does. */
	if (!s->attached)
		return;
	acked = nbdt_stream_acked(s);
	/* It may be taken away. */
	while (s->attached) {
		WRITE_ONCE(s->writable, false);
		/* Set whenever the state changes, after that. */
		smp_mb();
		if (!is_sending(s))
			break;
		if (!cancelled && nbdt_sock_cancelled(s)) {
			cancelled = true;
			if (time_after(deadline, jiffies + LINGER_CANCELLED))
				deadline = jiffies + LINGER_CANCELLED;
		}
		if (time_after_eq(jiffies, deadline)) {
			if (cancelled || nbdt_stream_acked(s) - acked <
					 NBDT_STREAM_PROGRESS)
				break;
			deadline = jiffies + time;
			acked = nbdt_stream_acked(s);
		}
		nbdt_sock_doze(s, deadline, cancelled);
	}
}

/* Why a connection ended, for an error that isn't the caller's own. */
const char *nbdt_stream_error_text(int err)
{
	switch (err) {
	case -ESHUTDOWN:
		return "client closed the connection";
	case -EBADE:
		return "client sent urgent data";
	case -ECONNABORTED:
		return "client closed the connection without ending TLS";
	case -EKEYEXPIRED:
		return "client asked to negotiate TLS anew, which isn't supported";
	case -ENOKEY:
		return "client changed its TLS key, and the agent gave no secrets to follow";
	case -EDQUOT:
		return "client changed its TLS key too often";
	case -EUCLEAN:
		return "this kernel's TLS loses its place where a client pads its records";
	case -EKEYREVOKED:
		return "client sent a TLS alert";
	case -EKEYREJECTED:
		return "client sent an invalid TLS record";
	default:
		return "connection lost";
	}
}
