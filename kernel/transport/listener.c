// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners: the sockets that clients connect to.
 *
 * Each has a thread that accepts and gives every client away, so nothing that a
 * client does holds up the next.  Whoever made the listener stops it, which
 * waits for the thread, and frees it; the thread itself never does.
 *
 * A listener belongs to the network namespace of the caller that made it, which
 * isn't pinned by it: who made it ends it before the namespace goes.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/kthread.h>
#include <linux/net.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <net/ipv6.h>

#include "base/access.h"
#include "base/event.h"
#include "base/place.h"
#include "compat/compat.h"
#include "transport/listener.h"
#include "transport/sock.h"

/* How soon to accept again after that failed. */
#define RETRY	(HZ / 10)

static void accept_one(struct nbdt_listener *listener, struct socket *sock)
{
	int err = listener->take(listener, sock);

	/* One that has gone already wasn't refused. */
	if (err && err != -ENOTCONN)
		nbdt_event_refused(listener, err);
	if (err) {
		WRITE_ONCE(listener->refused, listener->refused + 1);
		nbdt_sock_refuse(sock);
		return;
	}
	WRITE_ONCE(listener->accepted, listener->accepted + 1);
}

/* Nobody can be accepted, now or, when the socket is dead, ever. */
static void wait_after_error(struct nbdt_listener *listener)
{
	if (nbdt_sock_is_listening(&listener->sock)) {
		/* Clients wait in the backlog. */
		nbdt_sock_pause(&listener->sock, RETRY);
		return;
	}
	pr_warn("nbdtarget: the socket of listener %u was closed by somebody else\n",
		listener->id);
	nbdt_sock_pause(&listener->sock, MAX_JIFFY_OFFSET);
}

static int listener_thread(void *data)
{
	struct nbdt_listener *listener = data;
	unsigned int noio = memalloc_noio_save();
	struct socket *sock;
	int err;

	/* Memory may wait for what a client writes who has to connect again first. */
	nbdt_sock_hold(&listener->sock);
	while (!nbdt_sock_cancelled(&listener->sock)) {
		err = nbdt_sock_accept(&listener->sock, &sock);
		if (!err)
			accept_one(listener, sock);
		else if (err != -ECANCELED)
			wait_after_error(listener);
		cond_resched();
	}
	nbdt_sock_let_go(&listener->sock);
	memalloc_noio_restore(noio);
	return 0;
}

/* Do both listen in the same place? */
bool nbdt_listener_same_address(const struct nbdt_listener_config *a,
				const struct nbdt_listener_config *b)
{
	const struct nbdt_place place_a = {
		.addr = a->addr,
		.wildcard = a->wildcard,
	};
	const struct nbdt_place place_b = {
		.addr = b->addr,
		.wildcard = b->wildcard,
	};

	return nbdt_place_same(&place_a, &place_b);
}

/* Where it is, for who has to know it later. */
void nbdt_listener_place(const struct nbdt_listener_config *config,
			 const struct net *net, struct nbdt_place *place)
{
	place->addr = config->addr;
	place->wildcard = config->wildcard;
	place->net = net->net_cookie;
}

static bool is_any(const struct nbdt_listener_config *config)
{
	const struct sockaddr_in *in4 = (void *)&config->addr;
	const struct sockaddr_in6 *in6 = (void *)&config->addr;

	if (config->addr.ss_family == AF_INET)
		return in4->sin_addr.s_addr == htonl(INADDR_ANY);
	return ipv6_addr_any(&in6->sin6_addr);
}

/* Can't there be both? */
bool nbdt_listener_overlaps(const struct nbdt_listener_config *a,
			    const struct nbdt_listener_config *b)
{
	/* In the same place for both families. */
	if (((struct sockaddr_in *)&a->addr)->sin_port !=
	    ((struct sockaddr_in *)&b->addr)->sin_port)
		return false;
	if (a->wildcard || b->wildcard)
		return true;
	if (a->addr.ss_family != b->addr.ss_family)
		return false;
	return is_any(a) || is_any(b) || nbdt_listener_same_address(a, b);
}

static int listen_error(int err, struct netlink_ext_ack *extack)
{
	switch (err) {
	case -EADDRINUSE:
		nbdt_set_err_msg(extack,
				 "the address is in use by another program");
		break;
	case -EADDRNOTAVAIL:
		nbdt_set_err_msg(extack, "the address isn't one of this host's");
		break;
	case -EAFNOSUPPORT:
		nbdt_set_err_msg(extack, "this host has no IPv6");
		break;
	case -EINVAL:
		nbdt_set_err_msg(extack,
				 "the address can't be listened on; a link-local one needs its interface");
		break;
	default:
		nbdt_set_err_msg(extack, "can't listen there");
	}
	return err;
}

/* A host without IPv6 listens on all addresses that it has. */
static struct socket *listen_wildcard(struct net *net,
				      struct nbdt_listener_config *config)
{
	const struct sockaddr_in6 *in6 = (void *)&config->addr;
	struct sockaddr_in in4 = {
		.sin_family = AF_INET,
		.sin_port = in6->sin6_port,
		.sin_addr.s_addr = htonl(INADDR_ANY),
	};
	struct sockaddr_storage addr = {};
	struct socket *sock;

	sock = nbdt_sock_listen(net, &config->addr, true);
	if (PTR_ERR(sock) != -EAFNOSUPPORT)
		return sock;
	memcpy(&addr, &in4, sizeof(in4));
	return nbdt_sock_listen(net, &addr, true);
}

static struct socket *listen(struct nbdt_listener *listener)
{
	struct nbdt_listener_config *config = &listener->config;

	if (config->wildcard)
		return listen_wildcard(listener->net, config);
	return nbdt_sock_listen(listener->net, &config->addr, false);
}

static int create_thread(struct nbdt_listener *listener, struct socket *sock)
{
	struct task_struct *task;

	task = kthread_create(listener_thread, listener, "nbdt_listen/%u",
			      listener->id);
	if (IS_ERR(task))
		return PTR_ERR(task);
	listener->task = get_task_struct(task);
	nbdt_sock_init(&listener->sock, sock, task);
	/* Here and not in the thread, which may be stopped before it runs. */
	nbdt_sock_attach(&listener->sock);
	wake_up_process(task);
	return 0;
}

/**
 * nbdt_listener_start - listen for clients
 * @net: network namespace
 * @id: of the listener
 * @config: where
 * @take: given each client's socket; 0 when it has taken it
 * @extack: told why not
 *
 * Return: the listener, or an error as listener-add in the netlink contract.
 */
struct nbdt_listener *
nbdt_listener_start(struct net *net, u32 id,
		    const struct nbdt_listener_config *config,
		    int (*take)(struct nbdt_listener *listener,
				struct socket *sock),
		    struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;
	struct socket *sock;
	int err = -ENOMEM;

	listener = kzalloc(sizeof(*listener), GFP_KERNEL);
	if (!listener)
		return ERR_PTR(err);
	listener->net = net;
	listener->id = id;
	listener->config = *config;
	listener->take = take;
	err = nbdt_access_create_default(config->deny, &listener->access);
	if (err)
		goto err_free;
	sock = listen(listener);
	if (IS_ERR(sock)) {
		err = listen_error(PTR_ERR(sock), extack);
		goto err_access;
	}
	err = create_thread(listener, sock);
	if (err)
		goto err_release;
	return listener;

err_release:
	sock_release(sock);
err_access:
	nbdt_access_put(listener->access);
err_free:
	kfree(listener);
	return ERR_PTR(err);
}

/* Soon nobody is accepted any more.  Doesn't wait for that. */
void nbdt_listener_cancel(struct nbdt_listener *listener)
{
	nbdt_sock_cancel(&listener->sock);
}

/*
 * On return, nobody is accepted any more, and the address is free.  Waits for no
 * longer than it takes to make a connection.
 */
void nbdt_listener_stop(struct nbdt_listener *listener)
{
	nbdt_sock_cancel(&listener->sock);
	kthread_stop(listener->task);
	/* Until then, what comes in on the socket wakes the task. */
	nbdt_sock_release(&listener->sock);
	put_task_struct(listener->task);
}

/* After nbdt_listener_stop(). */
void nbdt_listener_free(struct nbdt_listener *listener)
{
	nbdt_access_put(listener->access);
	kfree(listener);
}
