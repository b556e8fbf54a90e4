// SPDX-License-Identifier: GPL-2.0
/*
 * Sockets: the only file that calls socket functions on a connection.
 *
 * A socket belongs to one thread, which alone receives, sends and releases
 * it.  Every receive and send returns at once; the thread sleeps in one
 * place, for everything that may concern it (the socket, finished I/O, being
 * cancelled), so that there is nothing it could hang in.
 *
 * The socket's own wake-ups (data, room to send, errors) reach the thread
 * through an entry on the socket's wait queue, which stays there from
 * nbdt_sock_attach() to nbdt_sock_release().  Socket callbacks aren't
 * replaced; what a protocol above TCP installs is left alone.
 *
 * Reads ask for exactly what the protocol says comes next, except where the
 * caller asks to read ahead; nothing is kept here.
 *
 * A socket may be lent to a program for a while: it then is owned by a file,
 * and released with that.  Meanwhile its thread doesn't touch it.
 *
 * Once TLS is on (ktls.c), one flag decides what else there is to do.
 */
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ipv6.h>
#include <linux/jiffies.h>
#include <linux/net.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "transport/ktls.h"
#include "transport/sock.h"

/* How long the peer of an idle connection may be gone before we notice. */
#define KEEPALIVE_IDLE_SECONDS		60
#define KEEPALIVE_INTERVAL_SECONDS	10
#define KEEPALIVE_PROBES		6

#define LISTEN_BACKLOG			256

/* How long one that is cancelled waits for its last bytes to arrive. */
#define LINGER_CANCELLED		(2 * HZ)
/* How often to look whether a socket that was lent is back. */
#define LENT_POLL			max(HZ / 100, 1)

/*
 * Called by the socket with its wait queue locked, in any context.  The
 * flags are set before the thread is looked at; the thread sets its state
 * before it looks at the flags.
 */
static int sock_wake(struct wait_queue_entry *wait, unsigned int mode,
		     int sync, void *key)
{
	struct nbdt_sock *s = container_of(wait, struct nbdt_sock, wait);
	__poll_t events = key_to_poll(key);

	if (!events || (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		WRITE_ONCE(s->readable, true);
	if (!events || (events & (EPOLLOUT | EPOLLHUP | EPOLLERR)))
		WRITE_ONCE(s->writable, true);
	return default_wake_function(wait, TASK_NORMAL, sync, key);
}

/**
 * nbdt_sock_init - say which thread will use a socket
 * @s: zeroed
 * @sock: connected or listening
 * @task: the thread
 *
 * From here on the thread can be told to give up.
 */
void nbdt_sock_init(struct nbdt_sock *s, struct socket *sock,
		    struct task_struct *task)
{
	s->sock = sock;
	s->task = task;
	init_waitqueue_func_entry(&s->wait, sock_wake);
	s->wait.private = task;
}

/**
 * nbdt_sock_attach - have the socket wake its thread
 * @s: after nbdt_sock_init(); from here on nbdt_sock_release() closes it
 *
 * Not before the thread may run: what arrives would start it.
 */
void nbdt_sock_attach(struct nbdt_sock *s)
{
	/* What came before the entry was there woke nobody: try once. */
	s->readable = true;
	s->writable = true;
	add_wait_queue(sk_sleep(s->sock->sk), &s->wait);
	s->attached = true;
}

static void detach(struct nbdt_sock *s)
{
	if (s->attached)
		remove_wait_queue(sk_sleep(s->sock->sk), &s->wait);
	s->attached = false;
}

/* Nothing more will be sent. */
void nbdt_sock_finish(struct nbdt_sock *s)
{
	/* Lending it may have come to its end. */
	if (!s->sock)
		return;
	if (s->tls)
		nbdt_ktls_close(s);
	kernel_sock_shutdown(s->sock, SHUT_WR);
}

/* After nbdt_sock_finish(): something, or the end, isn't acknowledged yet. */
static bool is_sending(const struct nbdt_sock *s)
{
	return (1 << READ_ONCE(s->sock->sk->sk_state)) &
	       (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT | TCPF_FIN_WAIT1 |
		TCPF_CLOSING | TCPF_LAST_ACK);
}

/**
 * nbdt_sock_linger - wait until the peer has all that was sent
 * @s: after nbdt_sock_finish()
 * @time: at most, in jiffies; less when it is cancelled
 *
 * Our sockets don't pin their network namespace, so TCP stops their timers
 * when they are released: what is lost then is never sent again.
 */
void nbdt_sock_linger(struct nbdt_sock *s, unsigned long time)
{
	unsigned long deadline = jiffies + time;
	bool cancelled = false;
	long left;

	/* Nobody knows what an agent that has it does. */
	if (!s->attached)
		return;
	for (;;) {
		set_current_state(TASK_IDLE);
		if (!cancelled && nbdt_sock_cancelled(s)) {
			cancelled = true;
			if (time_after(deadline, jiffies + LINGER_CANCELLED))
				deadline = jiffies + LINGER_CANCELLED;
		}
		left = deadline - jiffies;
		if (!is_sending(s) || left <= 0)
			break;
		schedule_timeout(left);
	}
	__set_current_state(TASK_RUNNING);
}

/* Close the socket. */
void nbdt_sock_release(struct nbdt_sock *s)
{
	if (!s->sock)
		return;
	detach(s);
	kernel_sock_shutdown(s->sock, SHUT_RDWR);
	if (s->file)
		fput(s->file);
	else
		sock_release(s->sock);
	s->sock = NULL;
}

/**
 * nbdt_sock_lend - prepare a socket for being given to a program
 * @s: the caller is its thread, which doesn't use it until it is back
 *
 * From here on s->file owns the socket; references to it may be given away.
 * They may outlive the connection, and then keep the network namespace, as
 * sockets of programs do.
 *
 * Return: 0; -ESHUTDOWN when the namespace is on its way out; -ENOMEM and
 * such, and the socket may be gone.
 */
int nbdt_sock_lend(struct nbdt_sock *s)
{
	struct net *net = sock_net(s->sock->sk);
	struct file *file;

	/* Its end waits for our connections, so it still is there to be asked. */
	if (!maybe_get_net(net))
		return -ESHUTDOWN;
	nbdt_compat_pin_net(s->sock->sk);
	put_net(net);
	detach(s);
	file = sock_alloc_file(s->sock, O_NONBLOCK, NULL);
	if (IS_ERR(file)) {
		/* It releases the socket when it fails. */
		s->sock = NULL;
		return PTR_ERR(file);
	}
	s->file = file;
	return 0;
}

/**
 * nbdt_sock_take_back - be the only user of a socket again
 * @s: after nbdt_sock_lend(); nobody gives away references any more
 * @deadline: until when, in jiffies
 *
 * Whoever still has a reference could read and write behind our back, so they
 * have to be closed.  Somebody who lists the files of all programs may have
 * one for a moment.
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED.
 */
int nbdt_sock_take_back(struct nbdt_sock *s, unsigned long deadline)
{
	int err;

	while (file_count(s->file) != 1) {
		if (time_after_eq(jiffies, deadline))
			return -ETIMEDOUT;
		err = nbdt_sock_pause(s, LENT_POLL);
		if (err == -ECANCELED)
			return err;
	}
	nbdt_sock_attach(s);
	return 0;
}

/* Make the thread give up what it waits for.  Any context, any number. */
void nbdt_sock_cancel(struct nbdt_sock *s)
{
	WRITE_ONCE(s->cancelled, true);
	wake_up_process(s->task);
}

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

static int recv_layered(struct nbdt_sock *s, struct iov_iter *iter)
{
	struct msghdr msg = {
		.msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL,
		.msg_iter = *iter,
	};
	int n;

	n = sock_recvmsg(s->sock, &msg, msg.msg_flags);
	*iter = msg.msg_iter;
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
 * nbdt_sock_recv - receive what is there, up to a number of bytes
 * @s: the socket
 * @buf: where to
 * @len: at most, and at least 1
 *
 * Return: bytes received, at least 1; -EAGAIN when there are none yet;
 * -ESHUTDOWN when the peer sent its last; another error when the connection
 * broke.
 */
int nbdt_sock_recv(struct nbdt_sock *s, void *buf, size_t len)
{
	read_descriptor_t desc = { .arg.data = buf, .count = len };

	WRITE_ONCE(s->readable, false);
	if (is_plain_tcp(s->sock->sk))
		return recv_tcp(s, &desc, copy_to_buffer);
	return recv_layered_buffer(s, buf, len);
}

/**
 * nbdt_sock_recv_iter - receive what is there into pages
 * @s: the socket
 * @iter: over bio_vecs; advanced by what was received
 *
 * Return: as nbdt_sock_recv().
 */
int nbdt_sock_recv_iter(struct nbdt_sock *s, struct iov_iter *iter)
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

/* Is there anything to receive?  As nbdt_sock_recv(), but it stays there. */
int nbdt_sock_peek(struct nbdt_sock *s)
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
 * nbdt_sock_send - copy bytes into the socket
 * @s: the socket
 * @vec: where they are; used up by the call
 * @nr: elements of @vec
 * @len: bytes in all
 * @more: more follows at once, so a segment that isn't full may wait for it
 *
 * Return: bytes taken, at least 1; -EAGAIN when there is no room; another
 * error when the connection broke.
 */
int nbdt_sock_send(struct nbdt_sock *s, struct kvec *vec, unsigned int nr,
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
		return kernel_sendmsg(s->sock, &msg, vec, nr, len);
	iov_iter_kvec(&msg.msg_iter, ITER_SOURCE, vec, nr, len);
	sock_rps_record_flow(sk);
	lock_sock(sk);
	n = tcp_sendmsg_locked(sk, &msg, len);
	release_sock(sk);
	return n;
}

/**
 * nbdt_sock_send_iter - give pages to the socket without copying them
 * @s: the socket
 * @iter: over bio_vecs; advanced by what was taken
 * @more: as for nbdt_sock_send()
 *
 * The socket holds references on the pages until the peer has acknowledged
 * them, so they may be put but not written again.  Under TLS they are copied.
 *
 * Return: as nbdt_sock_send().
 */
int nbdt_sock_send_iter(struct nbdt_sock *s, struct iov_iter *iter, bool more)
{
	WRITE_ONCE(s->writable, false);
	if (unlikely(s->tls))
		return nbdt_ktls_send_iter(s, iter, more);
	return nbdt_compat_splice(s->sock, iter,
				  MSG_DONTWAIT | MSG_NOSIGNAL |
				  (more ? MSG_MORE : 0));
}

/* Sleep until FLAG is set.  0, or why to give up. */
int nbdt_sock_wait(struct nbdt_sock *s, const bool *flag,
		   unsigned long deadline)
{
	int err = 0;
	long left;

	for (;;) {
		set_current_state(TASK_IDLE);
		/* Once, as the deadline may pass between two looks. */
		left = deadline - jiffies;
		if (nbdt_sock_cancelled(s))
			err = -ECANCELED;
		else if (READ_ONCE(*flag))
			break;
		else if (left <= 0)
			err = -ETIMEDOUT;
		if (err)
			break;
		schedule_timeout(left);
	}
	__set_current_state(TASK_RUNNING);
	return err;
}

/**
 * nbdt_sock_accept - wait for a client
 * @s: a listening socket
 * @newsock: the client's
 *
 * Return: 0, -ECANCELED, or an error of accept(2).
 */
int nbdt_sock_accept(struct nbdt_sock *s, struct socket **newsock)
{
	int err;

	do {
		WRITE_ONCE(s->readable, false);
		err = kernel_accept(s->sock, newsock, O_NONBLOCK);
		if (err != -EAGAIN)
			return err;
		err = nbdt_sock_wait(s, &s->readable,
				     jiffies + MAX_JIFFY_OFFSET);
	} while (!err);
	return err;
}

/*
 * Wait for nothing but being cancelled, for a time in jiffies.
 *
 * Return: -ETIMEDOUT, or -ECANCELED.
 */
int nbdt_sock_pause(struct nbdt_sock *s, unsigned long time)
{
	static const bool never;

	return nbdt_sock_wait(s, &never, jiffies + time);
}

/* False for a listening socket that somebody else destroyed. */
bool nbdt_sock_is_listening(const struct nbdt_sock *s)
{
	return READ_ONCE(s->sock->sk->sk_state) == TCP_LISTEN;
}

/**
 * nbdt_sock_read - receive exactly a number of bytes
 * @s: the socket
 * @buf: where to
 * @len: how many
 * @deadline: until when, in jiffies
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED, or as nbdt_sock_recv().
 */
int nbdt_sock_read(struct nbdt_sock *s, void *buf, size_t len,
		   unsigned long deadline)
{
	while (len) {
		int n = nbdt_sock_recv(s, buf, len);

		if (n == -EAGAIN) {
			n = nbdt_sock_wait(s, &s->readable, deadline);
			if (n)
				return n;
			continue;
		}
		if (n < 0)
			return n;
		buf += n;
		len -= n;
		/* Traffic doesn't extend the deadline. */
		if (len && time_after_eq(jiffies, deadline))
			return -ETIMEDOUT;
	}
	return 0;
}

/**
 * nbdt_sock_write - send all of a number of bytes
 * @s: the socket
 * @vec: where they are; used up by the call
 * @nr: elements of @vec
 * @len: bytes in all
 * @more: as for nbdt_sock_send()
 * @deadline: until when, in jiffies
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED, or as nbdt_sock_send().
 */
int nbdt_sock_write(struct nbdt_sock *s, struct kvec *vec, unsigned int nr,
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
		n = sock_sendmsg(s->sock, &msg);
		iter = msg.msg_iter;
		if (n == -EAGAIN)
			n = nbdt_sock_wait(s, &s->writable, deadline);
		if (n < 0)
			return n;
	}
	return 0;
}

/**
 * nbdt_sock_listen - make a listening TCP socket
 * @net: its network namespace, which isn't pinned by it
 * @addr: IPv4 or IPv6 address and port
 * @both_families: an IPv6 socket takes IPv4 clients too
 *
 * Return: the socket, or an error as bind(2) and listen(2) have them.
 */
struct socket *nbdt_sock_listen(struct net *net,
				const struct sockaddr_storage *addr,
				bool both_families)
{
	struct sockaddr_storage copy = *addr;
	struct socket *sock;
	int err;

	err = sock_create_kern(net, addr->ss_family, SOCK_STREAM, IPPROTO_TCP,
			       &sock);
	if (err)
		return ERR_PTR(err);

	sock_set_reuseaddr(sock->sk);
	if (addr->ss_family == AF_INET6)
		sock->sk->sk_ipv6only = !both_families;
	err = nbdt_compat_bind(sock, &copy, sizeof(copy));
	if (!err)
		err = kernel_listen(sock, LISTEN_BACKLOG);
	if (err) {
		sock_release(sock);
		return ERR_PTR(err);
	}
	return sock;
}

/**
 * nbdt_sock_setup - settings of a connection
 * @sock: just accepted
 *
 * CV4: no delay, as replies are already sent in batches.  Keep-alive finds
 * out about peers that vanished.  Allocations below the socket must not wait
 * for writeback, which may well go through this very target.
 */
void nbdt_sock_setup(struct socket *sock)
{
	struct sock *sk = sock->sk;

	tcp_sock_set_nodelay(sk);
	sock_set_keepalive(sk);
	tcp_sock_set_keepidle(sk, KEEPALIVE_IDLE_SECONDS);
	tcp_sock_set_keepintvl(sk, KEEPALIVE_INTERVAL_SECONDS);
	tcp_sock_set_keepcnt(sk, KEEPALIVE_PROBES);
	sk->sk_allocation = GFP_NOIO;
	sk->sk_use_task_frag = false;
}

/* Why a connection ended, for an error that isn't the caller's own. */
const char *nbdt_sock_error_text(int err)
{
	switch (err) {
	case -ESHUTDOWN:
		return "client closed the connection";
	case -EBADE:
		return "client sent urgent data";
	case -ECONNABORTED:
		return "client closed the connection without ending TLS";
	case -EKEYEXPIRED:
		return "client asked for new TLS keys, which isn't supported";
	case -EKEYREVOKED:
		return "client sent a TLS alert";
	case -EKEYREJECTED:
		return "client sent an invalid TLS record";
	default:
		return "connection lost";
	}
}

/* An IPv4 client of a socket for both families shows as what it is. */
static void unmap_ipv4(struct sockaddr_storage *addr)
{
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)addr;
	struct sockaddr_in in4;

	if (addr->ss_family != AF_INET6 || !ipv6_addr_v4mapped(&in6->sin6_addr))
		return;
	in4 = (struct sockaddr_in) {
		.sin_family = AF_INET,
		.sin_port = in6->sin6_port,
		.sin_addr.s_addr = in6->sin6_addr.s6_addr32[3],
	};
	memset(addr, 0, sizeof(*addr));
	memcpy(addr, &in4, sizeof(in4));
}

int nbdt_sock_addresses(struct socket *sock, struct sockaddr_storage *local,
			struct sockaddr_storage *peer)
{
	int err;

	err = kernel_getsockname(sock, (struct sockaddr *)local);
	if (err < 0)
		return err;
	err = kernel_getpeername(sock, (struct sockaddr *)peer);
	if (err < 0)
		return err;
	unmap_ipv4(local);
	unmap_ipv4(peer);
	return 0;
}
