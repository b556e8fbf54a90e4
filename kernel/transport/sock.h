/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_SOCK_H
#define NBDT_SOCK_H

#include <linux/bvec.h>
#include <linux/minmax.h>
#include <linux/mutex.h>
#include <linux/sched.h>
#include <linux/socket.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/wait.h>

struct file;
struct nbdt_rekey;
struct sk_buff;
struct sock;
struct socket;

/*
 * A socket and the one thread that uses it.
 */
struct nbdt_sock {
	/*
	 * Whoever may use the socket: its thread all the time, but while it
	 * sleeps or is with the device; then others can take it away.
	 */
	struct mutex lock;
	struct socket *sock;		/* NULL: released; guarded by LOCK */

	/* Set by nbdt_sock_init(), then read-only. */
	struct task_struct *task;	/* woken by the socket's events */
	struct wait_queue_entry wait;	/* on the socket's wait queue */

	/* The thread's alone. */
	bool attached;			/* wait is there */
	bool tls;			/* the kernel's TLS is on */
	bool rekey_due;			/* before the next record is sent */
	struct nbdt_rekey *rekey;	/* its keys; NULL: they stay */
	struct file *file;		/* that owns the socket, if it has one */
	bool receiving;			/* what comes meanwhile is bounded... */
	unsigned long until;		/* ...by time, in jiffies */
	int (*take)(struct sock *sk, struct sk_buff *skb);	/* ...or else taken */

	/*
	 * Set by the socket's wake-ups in any context; cleared by the thread
	 * just before it tries the socket.  A cleared flag means that the
	 * last try left nothing there and nothing came since.
	 */
	bool readable;
	bool writable;

	/* Set by anybody, never cleared: give up, whatever you wait for. */
	bool cancelled;
};

void nbdt_sock_init(struct nbdt_sock *s, struct socket *sock,
		    struct task_struct *task);
void nbdt_sock_attach(struct nbdt_sock *s);
bool nbdt_sock_hold(struct nbdt_sock *s);
bool nbdt_sock_try_hold(struct nbdt_sock *s);
void nbdt_sock_let_go(struct nbdt_sock *s);
int nbdt_sock_lend(struct nbdt_sock *s);
struct file *nbdt_sock_give_away(struct nbdt_sock *s);
void nbdt_sock_init_given(struct nbdt_sock *s, struct file *file,
			  struct task_struct *task);
int nbdt_sock_take_back(struct nbdt_sock *s, unsigned long deadline);
void nbdt_sock_bound(struct nbdt_sock *s);
void nbdt_sock_receive_begin(struct nbdt_sock *s);
void nbdt_sock_receive_end(struct nbdt_sock *s);
void nbdt_sock_release(struct nbdt_sock *s);
void nbdt_sock_cancel(struct nbdt_sock *s);
static inline bool nbdt_sock_cancelled(const struct nbdt_sock *s)
{
	return READ_ONCE(s->cancelled);
}

/* Wait until done or cancelled: */
int nbdt_sock_accept(struct nbdt_sock *s, struct socket **newsock);
int nbdt_sock_pause(struct nbdt_sock *s, unsigned long time);

/* Wait until done, cancelled or DEADLINE (in jiffies): */
int nbdt_sock_wait(struct nbdt_sock *s, const bool *flag,
		   unsigned long deadline);
void nbdt_sock_doze(struct nbdt_sock *s, unsigned long deadline,
		    bool cancelled);

/*
 * Where the next bytes are of what an iterator over bio_vecs is over: as many of
 * *LEN as are in one piece.  64-bit kernels have all memory mapped.
 */
static inline void *nbdt_sock_piece(const struct iov_iter *iter, size_t *len)
{
	struct bio_vec *bv = (struct bio_vec *)iter->bvec;

	*len = min(*len, bv->bv_len - iter->iov_offset);
	return bvec_virt(bv) + iter->iov_offset;
}

bool nbdt_sock_is_listening(const struct nbdt_sock *s);
struct socket *nbdt_sock_listen(struct net *net,
				const struct sockaddr_storage *addr,
				bool both_families);
void nbdt_sock_setup(struct socket *sock);
void nbdt_sock_refuse(struct socket *sock);
int nbdt_sock_addresses(struct socket *sock, struct sockaddr_storage *local,
			struct sockaddr_storage *peer);

#endif /* NBDT_SOCK_H */
