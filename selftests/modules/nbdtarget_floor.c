// SPDX-License-Identifier: GPL-2.0
/*
 * The floor of the benchmark: an NBD server that does nothing.  It serves a
 * disk of 512 MiB that isn't there at 127.0.0.1, to anybody: reads give
 * whatever is in one buffer, writes go into another.  No device, no checks,
 * no limits, no accounting: one kernel thread for each client that receives a
 * request and answers it, so that what is left is TCP, the scheduler and the
 * client.  A server that is written for the kernel can't cost much less.
 *
 * It shares no code with nbdtarget's I/O path on purpose: what both had in
 * common would be in the floor.
 *
 * Never load it anywhere but in the VM.
 */
#include <linux/in.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/nbd.h>
#include <linux/net.h>
#include <linux/tcp.h>
#include <net/sock.h>
#include <net/tcp.h>

#include "compat/compat.h"
#include "compat/unaligned.h"
/* Too little to be linked into two modules. */
#include "compat/compat.c"

#define SIZE		(512ULL << 20)
#define BUFFER_ORDER	8		/* 1 MiB, the largest request */
#define BUFFER_SIZE	(PAGE_SIZE << BUFFER_ORDER)
#define COPY_MAX	PAGE_SIZE
#define CLIENTS_MAX	16

#define OPTION_MAGIC	0x49484156454f5054ULL
#define REPLY_MAGIC	0x3e889045565a9ULL
#define OPT_ABORT	2
#define OPT_GO		7
#define REP_ACK		1
#define REP_INFO	3
#define REP_ERR_UNSUP	0x80000001U

static ushort port = 10809;
module_param(port, ushort, 0);
MODULE_PARM_DESC(port, "TCP port at 127.0.0.1");

static struct socket *listening;
static struct task_struct *acceptor;
static struct {
	struct socket *sock;
	struct task_struct *task;
} clients[CLIENTS_MAX];

static struct page *data;		/* what is read */
static struct page *sink;		/* what is written */

static int receive(struct socket *sock, void *buf, size_t len)
{
	struct msghdr msg = { .msg_flags = MSG_WAITALL };
	struct kvec vec = { .iov_base = buf, .iov_len = len };
	int n = kernel_recvmsg(sock, &msg, &vec, 1, len, msg.msg_flags);

	return n == len ? 0 : -ESHUTDOWN;
}

static int transmit(struct socket *sock, void *head, size_t head_len,
		    void *body, size_t body_len, int flags)
{
	struct msghdr msg = { .msg_flags = flags };
	struct kvec vec[] = {
		{ .iov_base = head, .iov_len = head_len },
		{ .iov_base = body, .iov_len = body_len },
	};
	size_t len = head_len + body_len;
	int n = kernel_sendmsg(sock, &msg, vec, body_len ? 2 : 1, len);

	return n == len ? 0 : -ESHUTDOWN;
}

/* --- Negotiation: whatever is asked for, in the fewest words. --- */

static int reply(struct socket *sock, u32 option, u32 type, void *body,
		 u32 len)
{
	u8 head[20];

	put_unaligned_be64(REPLY_MAGIC, head);
	put_unaligned_be32(option, head + 8);
	put_unaligned_be32(type, head + 12);
	put_unaligned_be32(len, head + 16);
	return transmit(sock, head, sizeof(head), body, len, 0);
}

static int go(struct socket *sock)
{
	u8 info[12];
	int err;

	put_unaligned_be16(0, info);
	put_unaligned_be64(SIZE, info + 2);
	put_unaligned_be16(NBD_FLAG_HAS_FLAGS | NBD_FLAG_SEND_FLUSH |
			   NBD_FLAG_SEND_FUA | NBD_FLAG_CAN_MULTI_CONN,
			   info + 10);
	err = reply(sock, OPT_GO, REP_INFO, info, sizeof(info));
	return err ?: reply(sock, OPT_GO, REP_ACK, NULL, 0);
}

static int negotiate(struct socket *sock)
{
	u8 greeting[18] = "NBDMAGICIHAVEOPT";
	u8 option[16];
	u32 type, len;
	int err;

	greeting[17] = 3;	/* fixed newstyle, no zeroes */
	err = transmit(sock, greeting, sizeof(greeting), NULL, 0, 0);
	err = err ?: receive(sock, option, 4);
	while (!err) {
		err = receive(sock, option, sizeof(option));
		if (err)
			break;
		type = get_unaligned_be32(option + 8);
		len = get_unaligned_be32(option + 12);
		if (get_unaligned_be64(option) != OPTION_MAGIC ||
		    type == OPT_ABORT || len > BUFFER_SIZE)
			return -EPROTO;
		if (len)
			err = receive(sock, page_address(sink), len);
		if (err)
			break;
		if (type == OPT_GO)
			return go(sock);
		err = reply(sock, type, REP_ERR_UNSUP, NULL, 0);
	}
	return err;
}

/* --- Transmission. --- */

static int answer_read(struct socket *sock, struct nbd_reply *head, u32 len)
{
	struct bio_vec bvec = { .bv_page = data, .bv_len = len };
	struct iov_iter iter;
	int n;

	if (len <= COPY_MAX)
		return transmit(sock, head, sizeof(*head), page_address(data),
				len, 0);
	n = transmit(sock, head, sizeof(*head), NULL, 0, MSG_MORE);
	if (n)
		return n;
	iov_iter_bvec(&iter, ITER_SOURCE, &bvec, 1, len);
	while (iov_iter_count(&iter)) {
		n = nbdt_compat_splice(sock, &iter, 0);
		if (n < 0)
			return n;
	}
	return 0;
}

static int serve_one(struct socket *sock)
{
	struct nbd_reply head = { .magic = cpu_to_be32(NBD_REPLY_MAGIC) };
	struct nbd_request request;
	u32 type, len;
	int err;

	err = receive(sock, &request, sizeof(request));
	if (err)
		return err;
	memcpy(head.handle, request.handle, sizeof(head.handle));
	type = be32_to_cpu(request.type) & 0xffff;
	len = be32_to_cpu(request.len);
	if (type == NBD_CMD_DISC || len > BUFFER_SIZE)
		return -ESHUTDOWN;
	if (type == NBD_CMD_READ)
		return answer_read(sock, &head, len);
	if (type == NBD_CMD_WRITE)
		err = receive(sock, page_address(sink), len);
	return err ?: transmit(sock, &head, sizeof(head), NULL, 0, 0);
}

static int serve(void *data)
{
	struct socket *sock = data;
	int err;

	err = negotiate(sock);
	while (!err)
		err = serve_one(sock);
	kernel_sock_shutdown(sock, SHUT_RDWR);
	while (!kthread_should_stop())
		schedule_timeout_idle(HZ);
	return 0;
}

static int accept_clients(void *unused)
{
	struct socket *sock;
	unsigned int nr = 0;

	while (!kernel_accept(listening, &sock, 0)) {
		struct task_struct *task = ERR_PTR(-EUSERS);

		tcp_sock_set_nodelay(sock->sk);
		if (nr < CLIENTS_MAX)
			task = kthread_run(serve, sock, "nbdt_floor/%u", nr);
		if (IS_ERR(task)) {
			sock_release(sock);
			continue;
		}
		clients[nr].sock = sock;
		clients[nr++].task = task;
	}
	while (!kthread_should_stop())
		schedule_timeout_idle(HZ);
	return 0;
}

static int floor_listen(void)
{
	struct sockaddr_in addr = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int err;

	err = sock_create_kern(&init_net, AF_INET, SOCK_STREAM, IPPROTO_TCP,
			       &listening);
	if (err)
		return err;
	sock_set_reuseaddr(listening->sk);
	err = nbdt_compat_bind(listening, &addr, sizeof(addr));
	err = err ?: kernel_listen(listening, CLIENTS_MAX);
	if (err)
		sock_release(listening);
	return err;
}

static void floor_free(void)
{
	if (data)
		__free_pages(data, BUFFER_ORDER);
	if (sink)
		__free_pages(sink, BUFFER_ORDER);
}

static int __init floor_init(void)
{
	int err = -ENOMEM;

	data = alloc_pages(GFP_KERNEL | __GFP_COMP | __GFP_ZERO, BUFFER_ORDER);
	sink = alloc_pages(GFP_KERNEL | __GFP_COMP, BUFFER_ORDER);
	if (!data || !sink)
		goto err_pages;
	err = floor_listen();
	if (err)
		goto err_pages;
	acceptor = kthread_run(accept_clients, NULL, "nbdt_floor");
	if (!IS_ERR(acceptor))
		return 0;
	err = PTR_ERR(acceptor);
	sock_release(listening);
err_pages:
	floor_free();
	return err;
}

static void __exit floor_exit(void)
{
	unsigned int i;

	kernel_sock_shutdown(listening, SHUT_RDWR);
	kthread_stop(acceptor);
	for (i = 0; i < CLIENTS_MAX && clients[i].task; i++) {
		kernel_sock_shutdown(clients[i].sock, SHUT_RDWR);
		kthread_stop(clients[i].task);
		sock_release(clients[i].sock);
	}
	sock_release(listening);
	floor_free();
}

module_init(floor_init);
module_exit(floor_exit);

MODULE_DESCRIPTION("NBD server that does nothing, to compare with");
MODULE_LICENSE("GPL");
