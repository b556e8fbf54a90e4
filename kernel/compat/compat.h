/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What differs between the kernels that the module is built for.
 *
 * The rest of the code is written to the newest kernel's interfaces; here
 * they are made out of what an older kernel has.  NBDT_HAVE_* come from
 * compat/Kbuild.probe, which looks for the interface itself: versions say
 * little, as distributions carry changes back.
 */
#ifndef NBDT_COMPAT_H
#define NBDT_COMPAT_H

#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/uio.h>
#include <net/genetlink.h>
#include <net/sock.h>
/* sock_rps_record_flow() has had a header of its own since 6.9. */
#ifdef NBDT_HAVE_RPS_HEADER
#include <net/rps.h>
#endif

/*
 * nbdt_set_err_msg - tell the administrator why not
 *
 * Kernels before 6.2 can't format an extended ack: the text has to outlive
 * the handler, so it goes into one of a ring of static buffers.
 */
#ifdef NL_SET_ERR_MSG_FMT
#define nbdt_set_err_msg(extack, format, args...)			\
	NL_SET_ERR_MSG_FMT(extack, format, ##args)
#else
__printf(2, 3)
void nbdt_set_err_msg(struct netlink_ext_ack *extack, const char *format, ...);
#endif

/* What a family is asked about before each command is another since 6.2. */
#ifdef NBDT_HAVE_GENL_SPLIT_OPS
#define nbdt_compat_genl_op	genl_split_ops
#else
#define nbdt_compat_genl_op	genl_ops
#endif

/* Kernels without it ask who joins a group for the same by another flag. */
#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN	GENL_UNS_ADMIN_PERM
#endif
#ifndef GENL_MCAST_CAP_SYS_ADMIN
#define GENL_MCAST_CAP_SYS_ADMIN	GENL_UNS_ADMIN_PERM
#endif

/*
 * nbdt_compat_splice - give pages to a socket
 * @sock: TCP
 * @iter: over bio_vecs; advanced by what was taken
 * @flags: MSG_*
 *
 * MSG_SPLICE_PAGES replaced kernel_sendpage() in 6.5.  It is TCP that has to
 * know the one or the other: RHEL 9 has the names of both, and a TCP of before.
 */
#ifdef NBDT_HAVE_TCP_SENDPAGE
int nbdt_compat_splice(struct socket *sock, struct iov_iter *iter, int flags);
#else
static inline int nbdt_compat_splice(struct socket *sock,
				     struct iov_iter *iter, int flags)
{
	struct msghdr msg = {
		.msg_flags = flags | MSG_SPLICE_PAGES,
		.msg_iter = *iter,
	};
	int n = sock_sendmsg(sock, &msg);

	*iter = msg.msg_iter;
	return n;
}
#endif

/* Data is copied to pages of the socket; some 6.1 don't have to be told. */
static inline void nbdt_compat_own_frag(struct sock *sk)
{
#ifdef NBDT_HAVE_TASK_FRAG
	sk->sk_use_task_frag = false;
#endif
}

/* The page cache of a device is found by its inode before 6.11. */
static inline struct address_space *
nbdt_compat_mapping(const struct block_device *bdev)
{
#ifdef NBDT_HAVE_BD_MAPPING
	return bdev->bd_mapping;
#else
	return bdev->bd_inode->i_mapping;
#endif
}

/* Asked the other way around before 7.0. */
#ifndef NBDT_HAVE_BDEV_ROT
static inline bool bdev_rot(struct block_device *bdev)
{
	return !bdev_nonrot(bdev);
}
#endif

/* Addresses are sockaddr_unsized since 6.19. */
#ifdef NBDT_HAVE_SOCKADDR_UNSIZED
#define nbdt_compat_sockaddr(addr) ((struct sockaddr_unsized *)(addr))
#else
#define nbdt_compat_sockaddr(addr) ((struct sockaddr *)(addr))
#endif
#define nbdt_compat_bind(sock, addr, len)				\
	kernel_bind(sock, nbdt_compat_sockaddr(addr), len)
#define nbdt_compat_connect(sock, addr, len)				\
	kernel_connect(sock, nbdt_compat_sockaddr(addr), len, 0)

/*
 * nbdt_compat_pin_net - have a socket keep its network namespace
 * @sk: made by the kernel, which doesn't keep it; of one user
 *
 * A function of its own since 6.14, carried back to some.
 */
#ifdef NBDT_HAVE_NET_REFCNT_UPGRADE
static inline void nbdt_compat_pin_net(struct sock *sk)
{
	if (!sk->sk_net_refcnt)
		sk_net_refcnt_upgrade(sk);
}
#else
static inline void nbdt_compat_pin_net(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (sk->sk_net_refcnt)
		return;
#ifdef NBDT_HAVE_NETNS_TRACKER_FREE
	__netns_tracker_free(net, &sk->ns_tracker, false);
#endif
	sk->sk_net_refcnt = 1;
	get_net_track(net, &sk->ns_tracker, GFP_KERNEL);
	sock_inuse_add(net, 1);
}
#endif

/*
 * nbdt_compat_unpin_net - the other way round; the namespace may end at once
 * @sk: of nbdt_compat_pin_net(); nobody but the caller has it
 *
 * There is no function for it.  Since 6.14, carried back to some, a socket that
 * doesn't keep its namespace keeps the memory of that.
 */
static inline void nbdt_compat_unpin_net(struct sock *sk)
{
	struct net *net = sock_net(sk);

	if (!sk->sk_net_refcnt)
		return;
#ifdef NBDT_HAVE_NET_PASSIVE
	net_passive_inc(net);
#endif
	sock_inuse_add(net, -1);
	sk->sk_net_refcnt = 0;
	put_net_track(net, &sk->ns_tracker);
#ifdef NBDT_HAVE_NETNS_TRACKER_FREE
	__netns_tracker_alloc(net, &sk->ns_tracker, false, GFP_KERNEL);
#endif
}

/* Whether an epoll watches a file: it may get a reference at any time, for a moment. */
static inline bool nbdt_compat_file_is_watched(const struct file *file)
{
#ifdef CONFIG_EPOLL
	return READ_ONCE(file->f_ep);
#else
	return false;
#endif
}

#endif /* NBDT_COMPAT_H */
