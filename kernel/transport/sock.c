// SPDX-License-Identifier: GPL-2.0
/*
 * A socket and the one thread that uses it.
 *
 * The thread alone receives and sends, and releases it unless its namespace ends
 * before.  Every call of the socket returns at once (what goes in and out is in
 * stream.c); the thread sleeps here, or in session/transmit.c, for everything that
 * may concern it (the socket, finished I/O, being cancelled), so that there is
 * nothing it could hang in.
 *
 * The socket's own wake-ups (data, room to send, errors) reach the thread
 * through an entry on the socket's wait queue, which stays there from
 * nbdt_sock_attach() to nbdt_sock_release().  Socket callbacks aren't
 * replaced, but for one that bounds what a receive under TLS takes in
 * (nbdt_sock_bound()); what a protocol above TCP installs is left alone.
 *
 * A socket may be lent to a program for a while: it then is owned by a file,
 * and released with that.  Meanwhile its thread doesn't touch it.
 *
 * A socket doesn't pin its network namespace, but while it is lent, so it has to
 * be gone before that is.  Who ends a namespace can't wait for the thread, which
 * may be in a device that hangs, and takes the socket away from it: the thread
 * holds it whenever it may use it, lets go of it before it sleeps or goes to the
 * device, and looks whether it still is there when it comes back.
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

#include "base/target.h"
#include "compat/compat.h"
#include "transport/sock.h"

/* Keep-alive probes in the time that a peer may be silent: half of it, then... */
#define KEEPALIVE_IDLE			2
/* ...one after each of these parts. */
#define KEEPALIVE_INTERVAL		12
#define KEEPALIVE_PROBES		6

#define LISTEN_BACKLOG			256

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
	mutex_init(&s->lock);
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

/**
 * nbdt_sock_hold - have the socket for oneself
 * @s: after nbdt_sock_init(); the caller is its thread, or takes it away from that
 *
 * Return: true when it is there; false when it was released.  In both cases
 * nbdt_sock_let_go() follows.
 */
bool nbdt_sock_hold(struct nbdt_sock *s)
{
	mutex_lock(&s->lock);
	return s->sock;
}

/* The same, unless somebody has it: then nothing follows. */
bool nbdt_sock_try_hold(struct nbdt_sock *s)
{
	if (!mutex_trylock(&s->lock))
		return false;
	if (s->sock)
		return true;
	mutex_unlock(&s->lock);
	return false;
}

void nbdt_sock_let_go(struct nbdt_sock *s)
{
	mutex_unlock(&s->lock);
}

/*
 * Receiving, kTLS goes on until there is something: records that have nothing in them
 * keep it at work for as long as they come faster than it opens them.  All that time
 * it has the socket, and the thread neither looks at a deadline nor hears that it is
 * cancelled.  What comes then isn't received but put aside (the backlog), and taken in
 * from there by the same thread, in the middle of it.  So that is where it can be ended:
 * what has come too late is dropped, and TCP sends it again; when the rest is used up,
 * there is nothing, and the receive returns.
 */

/* How long a receive may go on with what comes meanwhile; it takes milliseconds. */
#define RECEIVE_TIME			HZ

/* By its entry on the wait queue; NULL when it has none. */
static struct nbdt_sock *find_by_sock(struct sock *sk)
{
	wait_queue_head_t *queue = sk_sleep(sk);
	struct nbdt_sock *found = NULL;
	wait_queue_entry_t *entry;
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_for_each_entry(entry, &queue->head, entry) {
		if (entry->func != sock_wake)
			continue;
		found = container_of(entry, struct nbdt_sock, wait);
		break;
	}
	spin_unlock_irqrestore(&queue->lock, flags);
	return found;
}

static bool is_too_late(const struct nbdt_sock *s)
{
	return READ_ONCE(s->receiving) &&
	       (nbdt_sock_cancelled(s) ||
		time_after(jiffies, READ_ONCE(s->until)));
}

/*
 * A segment from the backlog, by whoever lets go of the socket, who has it: its end
 * takes it as well, so S is there.
 */
static int take_in(struct sock *sk, struct sk_buff *skb)
{
	struct nbdt_sock *s = find_by_sock(sk);

	if (is_too_late(s)) {
		kfree_skb(skb);
		return 0;
	}
	return s->take(sk, skb);
}

/**
 * nbdt_sock_bound - have no receive go on for ever
 * @s: the caller is its thread, and TLS has just begun
 *
 * Between nbdt_sock_receive_begin() and _end() nothing more comes in after a second,
 * or once it is cancelled.
 */
void nbdt_sock_bound(struct nbdt_sock *s)
{
	struct sock *sk = s->sock->sk;

	lock_sock(sk);
	s->take = sk->sk_backlog_rcv;
	sk->sk_backlog_rcv = take_in;
	release_sock(sk);
}

static void unbound(struct nbdt_sock *s)
{
	struct sock *sk = s->sock->sk;

	if (!s->take)
		return;
	lock_sock(sk);
	sk->sk_backlog_rcv = s->take;
	release_sock(sk);
	s->take = NULL;
}

void nbdt_sock_receive_begin(struct nbdt_sock *s)
{
	WRITE_ONCE(s->until, jiffies + RECEIVE_TIME);
	WRITE_ONCE(s->receiving, true);
}

void nbdt_sock_receive_end(struct nbdt_sock *s)
{
	WRITE_ONCE(s->receiving, false);
}

static void detach(struct nbdt_sock *s)
{
	/* First, as it finds the entry. */
	unbound(s);
	if (s->attached)
		remove_wait_queue(sk_sleep(s->sock->sk), &s->wait);
	s->attached = false;
}

/*
 * The peer has all that was sent, and our end; what is left to be done takes no
 * timer of the socket's.  But for a peer that is so far away that TCP would keep
 * the socket instead of the few bytes of TIME_WAIT.
 */
static bool is_over(const struct sock *sk)
{
	int state = READ_ONCE(sk->sk_state);

	return state == TCP_CLOSE ||
	       (state == TCP_FIN_WAIT2 && tcp_fin_time(sk) <= TCP_TIMEWAIT_LEN);
}

/*
 * A socket that doesn't pin its network namespace has no timers once it is
 * closed, for they might run when the namespace is gone.  So nothing would be
 * sent again, and nobody would ever give up: it would stay for as long as the
 * peer doesn't answer, with all that it had to send.  Who wants the peer to get it
 * waits before this (nbdt_stream_linger()); what isn't over by now is reset.
 */
static void reset_unless_over(struct sock *sk)
{
	if (!is_over(sk))
		sock_no_linger(sk);
}

/* Refuse a client, at once: nothing is said, and nothing of it stays. */
void nbdt_sock_refuse(struct socket *sock)
{
	reset_unless_over(sock->sk);
	sock_release(sock);
}

/* Close the socket, which the caller holds. */
void nbdt_sock_release(struct nbdt_sock *s)
{
	struct socket *sock = s->sock;

	if (!sock)
		return;
	detach(s);
	reset_unless_over(sock->sk);
	if (!s->file) {
		sock_release(sock);
	} else {
		/* Somebody that it was lent to may have it still. */
		kernel_sock_shutdown(sock, SHUT_RDWR);
		/* Not later, when the namespace may be gone. */
		__fput_sync(s->file);
	}
	s->sock = NULL;
}

/* It was lent before, and has its file still; or it gets one. */
static int give_file(struct nbdt_sock *s)
{
	struct net *net = sock_net(s->sock->sk);
	struct file *file;

	/* Its end waits for whoever holds a socket, so it is there to be asked. */
	if (!maybe_get_net(net))
		return -ESHUTDOWN;
	nbdt_compat_pin_net(s->sock->sk);
	put_net(net);
	detach(s);
	if (s->file)
		return 0;
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
 * nbdt_sock_lend - prepare a socket for being given to a program
 * @s: the caller is its thread, which doesn't use it until it is back
 *
 * From here on s->file owns the socket; references to it may be given away.
 * They may outlive the connection, so until it is taken back the socket keeps the
 * network namespace, as sockets of programs do.
 *
 * Return: 0; -ESHUTDOWN when the namespace is on its way out; -ENOMEM and
 * such, and the socket may be gone.
 */
int nbdt_sock_lend(struct nbdt_sock *s)
{
	return give_file(s);
}

/**
 * nbdt_sock_give_away - have no part in a socket any more
 * @s: the caller is its thread, and is through with it; as after
 *	nbdt_sock_release() from here on
 *
 * What it has received and not read, and sent and not got acknowledged, stays with
 * the socket, as what TLS knows does.
 *
 * Return: the file that owns it, the caller's; or as nbdt_sock_lend().
 */
struct file *nbdt_sock_give_away(struct nbdt_sock *s)
{
	struct file *file;
	int err = give_file(s);

	if (err)
		return ERR_PTR(err);
	file = s->file;
	s->file = NULL;
	s->sock = NULL;
	return file;
}

/**
 * nbdt_sock_init_given - say which thread will use a socket that is with others yet
 * @s: zeroed
 * @file: of a connected socket, which it owns; the caller's reference is taken over
 * @task: the thread; nbdt_sock_take_back() is the first that it does with it
 */
void nbdt_sock_init_given(struct nbdt_sock *s, struct file *file,
			  struct task_struct *task)
{
	nbdt_sock_init(s, sock_from_file(file), task);
	s->file = file;
}

static bool is_with_others(struct file *file)
{
	/* In this order: who isn't watching any more may have the last reference. */
	return nbdt_compat_file_is_watched(file) || file_count(file) != 1;
}

/**
 * nbdt_sock_take_back - be the only user of a socket again
 * @s: after nbdt_sock_lend(); nobody gives away references any more
 * @deadline: until when, in jiffies
 *
 * Whoever still has a reference could read and write behind our back, so they
 * have to be closed.  Somebody who lists the files of all programs may have
 * one for a moment; an epoll that watches it, whenever it looks, so it has to be told
 * not to.
 *
 * Return: 0, -ETIMEDOUT, -ECANCELED.
 */
int nbdt_sock_take_back(struct nbdt_sock *s, unsigned long deadline)
{
	int err;

	while (is_with_others(s->file)) {
		if (time_after_eq(jiffies, deadline))
			return -ETIMEDOUT;
		err = nbdt_sock_pause(s, LENT_POLL);
		if (err == -ECANCELED)
			return err;
	}
	nbdt_compat_unpin_net(s->sock->sk);
	nbdt_sock_attach(s);
	return 0;
}

/* Make the thread give up what it waits for.  Any context, any number. */
void nbdt_sock_cancel(struct nbdt_sock *s)
{
	WRITE_ONCE(s->cancelled, true);
	wake_up_process(s->task);
}

static int sleep_until(struct nbdt_sock *s, const bool *flag,
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

/*
 * Sleep until FLAG is set.  0, or why to give up: then the socket may have been
 * taken away.
 */
int nbdt_sock_wait(struct nbdt_sock *s, const bool *flag,
		   unsigned long deadline)
{
	int err;

	nbdt_sock_let_go(s);
	err = sleep_until(s, flag, deadline);
	return nbdt_sock_hold(s) ? err : -ECANCELED;
}

/*
 * Sleep until the socket is writable, or changes its state, or is cancelled and
 * wasn't yet.  Then the socket may have been taken away.
 */
void nbdt_sock_doze(struct nbdt_sock *s, unsigned long deadline, bool cancelled)
{
	long left;

	nbdt_sock_let_go(s);
	set_current_state(TASK_IDLE);
	left = deadline - jiffies;
	if (!READ_ONCE(s->writable) && left > 0 &&
	    nbdt_sock_cancelled(s) == cancelled)
		schedule_timeout(left);
	__set_current_state(TASK_RUNNING);
	nbdt_sock_hold(s);
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

	/* Asked for a family that it doesn't have, the kernel looks for a module. */
	if (addr->ss_family == AF_INET6 && !ipv6_mod_enabled())
		return ERR_PTR(-EAFNOSUPPORT);
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

/*
 * An idle peer is asked whether it still is there.  One that has something to
 * acknowledge isn't, and TCP waits for that much longer than we do: see
 * nbdt_stream_is_asking().  TCP_USER_TIMEOUT would do for both, but it counts one
 * that is there and takes nothing as gone, too.
 */
static void keep_asking(struct sock *sk)
{
	int seconds = DIV_ROUND_UP(nbdt_target_peer_timeout(), MSEC_PER_SEC);

	sock_set_keepalive(sk);
	tcp_sock_set_keepidle(sk, max(seconds / KEEPALIVE_IDLE, 1));
	tcp_sock_set_keepintvl(sk, max(seconds / KEEPALIVE_INTERVAL, 1));
	tcp_sock_set_keepcnt(sk, KEEPALIVE_PROBES);
}

/**
 * nbdt_sock_setup - settings of a connection
 * @sock: just accepted
 *
 * CV4: no delay, as replies are already sent in batches.  Allocations below the
 * socket must not wait for writeback, which may well go through this very target.
 */
void nbdt_sock_setup(struct socket *sock)
{
	struct sock *sk = sock->sk;

	tcp_sock_set_nodelay(sk);
	keep_asking(sk);
	sk->sk_allocation = GFP_NOIO;
	nbdt_compat_own_frag(sk);
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
