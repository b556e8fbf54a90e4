// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners: the sockets that clients connect to.
 *
 * Each has a thread that accepts and gives every client to a connection of
 * its own, so nothing that a client does holds up the next.  Whoever removes
 * the listener takes it off the list, stops the thread, waits for it and
 * frees everything; the thread itself never does.
 *
 * A listener belongs to the network namespace of the caller that made it.
 * The namespace isn't pinned by it: when it goes away, its listeners and
 * connections are ended first.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/kthread.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <net/ipv6.h>
#include <net/net_namespace.h>

#include "base/access.h"
#include "compat/compat.h"
#include "session/conn.h"
#include "transport/listener.h"
#include "base/event.h"
#include "nbdtarget.h"

/* How soon to accept again after that failed. */
#define RETRY	(HZ / 10)

/* Guards what follows. */
static DEFINE_MUTEX(listeners_mutex);
static LIST_HEAD(listeners);		/* by rising id */
static u32 last_id;
static u32 nr_listeners;
static u32 generation;

u32 nbdt_listener_count(void)
{
	return READ_ONCE(nr_listeners);
}

/* Changes whenever the list of listeners does. */
u32 nbdt_listener_generation(void)
{
	return READ_ONCE(generation);
}

static void accept_one(struct nbdt_listener *listener, struct socket *sock)
{
	if (nbdt_conn_create(listener, sock)) {
		WRITE_ONCE(listener->refused, listener->refused + 1);
		sock_release(sock);
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
	struct socket *sock;
	int err;

	while (!nbdt_sock_cancelled(&listener->sock)) {
		err = nbdt_sock_accept(&listener->sock, &sock);
		if (!err)
			accept_one(listener, sock);
		else if (err != -ECANCELED)
			wait_after_error(listener);
		cond_resched();
	}
	return 0;
}

static bool same_address(const struct nbdt_listener_config *a,
			 const struct nbdt_listener_config *b)
{
	const struct sockaddr_in *a4 = (void *)&a->addr, *b4 = (void *)&b->addr;
	const struct sockaddr_in6 *a6 = (void *)&a->addr,
				  *b6 = (void *)&b->addr;

	if (a->addr.ss_family != b->addr.ss_family ||
	    a->wildcard != b->wildcard)
		return false;
	if (a->addr.ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       a6->sin6_scope_id == b6->sin6_scope_id &&
	       ipv6_addr_equal(&a6->sin6_addr, &b6->sin6_addr);
}

static struct nbdt_listener *
find_locked(struct net *net, const struct nbdt_listener_config *config)
{
	struct nbdt_listener *listener;

	lockdep_assert_held(&listeners_mutex);
	list_for_each_entry(listener, &listeners, node) {
		if (listener->net == net &&
		    same_address(&listener->config, config))
			return listener;
	}
	return NULL;
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

static int listener_start(struct nbdt_listener *listener, struct socket *sock)
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

/* The listener is on no list any more. */
static void listener_destroy(struct nbdt_listener *listener, bool force)
{
	struct nbdt_conn_filter filter = {
		.listener_id = listener->id,
		.negotiating = !force,
	};

	nbdt_sock_cancel(&listener->sock);
	kthread_stop(listener->task);
	/* Until then, what comes in on the socket wakes the task. */
	nbdt_sock_release(&listener->sock);
	put_task_struct(listener->task);

	nbdt_conn_kill_matching(&filter, "listener was removed");
	/* Whoever is killed meanwhile need not see their end. */
	nbdt_conn_wait_killed(&filter);
	nbdt_event_listener(listener, NBDT_EVENT_DEL);
	nbdt_access_put(listener->access);
	kfree(listener);
}

/**
 * nbdt_listener_add - listen for clients
 * @net: network namespace
 * @config: where
 * @extack: told why not
 *
 * Return: 0, or an error as listener-add in the netlink contract.
 */
int nbdt_listener_add(struct net *net,
		      const struct nbdt_listener_config *config,
		      struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;
	struct socket *sock;
	int err;

	listener = kzalloc(sizeof(*listener), GFP_KERNEL);
	if (!listener)
		return -ENOMEM;
	listener->net = net;
	listener->config = *config;
	err = nbdt_access_create_default(config->deny, &listener->access);
	if (err)
		goto err_free;

	mutex_lock(&listeners_mutex);
	if (find_locked(net, config)) {
		nbdt_set_err_msg(extack, "the target already listens there");
		err = -EEXIST;
		goto err_unlock;
	}
	listener->id = ++last_id;
	sock = config->wildcard ? listen_wildcard(net, &listener->config) :
				  nbdt_sock_listen(net, &config->addr, false);
	if (IS_ERR(sock)) {
		err = listen_error(PTR_ERR(sock), extack);
		goto err_unlock;
	}
	err = listener_start(listener, sock);
	if (err)
		goto err_release;
	list_add_tail(&listener->node, &listeners);
	nr_listeners++;
	generation++;
	nbdt_event_listener(listener, NBDT_EVENT_ADD);
	mutex_unlock(&listeners_mutex);
	return 0;

err_release:
	sock_release(sock);
err_unlock:
	mutex_unlock(&listeners_mutex);
	nbdt_access_put(listener->access);
err_free:
	kfree(listener);
	return err;
}

/**
 * nbdt_listener_set_access - replace the rules about who may use what here
 * @net: network namespace
 * @config: where it listens
 * @access: the rules; the caller's, unless 0 is returned
 * @extack: told why not
 *
 * Connections keep those that they began with.
 *
 * Return: 0 or -ENOENT.
 */
int nbdt_listener_set_access(struct net *net,
			     const struct nbdt_listener_config *config,
			     struct nbdt_access *access,
			     struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;

	mutex_lock(&listeners_mutex);
	listener = find_locked(net, config);
	if (listener)
		nbdt_access_replace(&listener->access, access);
	else
		nbdt_set_err_msg(extack, "the target doesn't listen there");
	mutex_unlock(&listeners_mutex);
	return listener ? 0 : -ENOENT;
}

static void unlist(struct nbdt_listener *listener)
{
	lockdep_assert_held(&listeners_mutex);
	list_del(&listener->node);
	nr_listeners--;
	generation++;
}

/**
 * nbdt_listener_remove - stop listening
 * @net: network namespace
 * @config: where
 * @force: disconnect the clients in transmission, too
 * @extack: told why not
 *
 * Return: 0 when the listener and the connections that had to go are gone,
 * or the caller was killed while these were going; -ENOENT.
 */
int nbdt_listener_remove(struct net *net,
			 const struct nbdt_listener_config *config,
			 bool force, struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;

	mutex_lock(&listeners_mutex);
	listener = find_locked(net, config);
	if (listener)
		unlist(listener);
	mutex_unlock(&listeners_mutex);
	if (!listener) {
		nbdt_set_err_msg(extack, "the target doesn't listen there");
		return -ENOENT;
	}
	listener_destroy(listener, force);
	return 0;
}

/* Call VISIT for those with an id of at least FROM, until it returns not 0. */
int nbdt_listener_for_each(struct net *net, u32 from,
			   int (*visit)(struct nbdt_listener *listener,
					void *data),
			   void *data)
{
	struct nbdt_listener *listener;
	int ret = 0;

	mutex_lock(&listeners_mutex);
	list_for_each_entry(listener, &listeners, node) {
		if (listener->net != net || listener->id < from)
			continue;
		ret = visit(listener, data);
		if (ret)
			break;
	}
	mutex_unlock(&listeners_mutex);
	return ret;
}

/* End what belongs to a namespace, or to all of them. */
static void remove_all(struct net *net)
{
	struct nbdt_listener *listener, *next;
	LIST_HEAD(gone);

	mutex_lock(&listeners_mutex);
	list_for_each_entry_safe(listener, next, &listeners, node) {
		if (net && listener->net != net)
			continue;
		unlist(listener);
		list_add_tail(&listener->node, &gone);
	}
	mutex_unlock(&listeners_mutex);
	list_for_each_entry_safe(listener, next, &gone, node)
		listener_destroy(listener, true);
}

static void __net_exit net_pre_exit(struct net *net)
{
	struct nbdt_conn_filter filter = { .net = net };

	remove_all(net);
	/* Those whose listener had been removed before. */
	nbdt_conn_kill_matching(&filter, "network namespace was removed");
	nbdt_conn_wait_killed(&filter);
}

static struct pernet_operations net_ops = {
	.pre_exit = net_pre_exit,
};

int nbdt_listener_init(void)
{
	return register_pernet_subsys(&net_ops);
}

/* Nobody adds any more. */
void nbdt_listener_remove_all(void)
{
	remove_all(NULL);
}

/* No connection is left, for which the ends of namespaces would wait. */
void nbdt_listener_exit(void)
{
	unregister_pernet_subsys(&net_ops);
}
