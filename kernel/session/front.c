// SPDX-License-Identifier: GPL-2.0
/*
 * The front: which listeners there are, and the connections that came by them.
 *
 * Every client that a listener accepts becomes a connection with a session.  It takes
 * along what the listener demands, so whoever changes that ends those that have no
 * export yet: they come again, and find what it is then.
 * Whoever removes a listener stops it, takes it off the list, ends its
 * connections and frees it; nobody else does.
 *
 * The namespace of a listener isn't pinned: when it goes away, its listeners and
 * the sockets of its connections go first.  So a listener stays on the list until
 * its socket is closed, all under the mutex: whoever ends a namespace finds it
 * there, or it is no more, also if somebody else is just ending it.  Nothing that
 * is waited for under the mutex, or by the end of a namespace, takes longer than it
 * takes to make a connection; I/O isn't among it.
 *
 * As long as there is a listener the module has a user.
 */
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/net.h>
#include <net/net_namespace.h>

#include "base/access.h"
#include "base/event.h"
#include "base/place.h"
#include "compat/compat.h"
#include "session/agent.h"
#include "session/conn.h"
#include "session/front.h"
#include "session/handover.h"
#include "session/session.h"
#include "transport/listener.h"

/* Why a connection ended. */
#define LISTENER_CHANGED	"its listener was changed"

/* Guards what follows. */
static DEFINE_MUTEX(listeners_mutex);
static LIST_HEAD(listeners);		/* by rising id */
static u32 last_id;
static u32 generation;

/* How many there are in a network namespace; in all, without one. */
u32 nbdt_front_count(struct net *net)
{
	struct nbdt_listener *listener;
	u32 n = 0;

	mutex_lock(&listeners_mutex);
	list_for_each_entry(listener, &listeners, node)
		n += !net || listener->net == net;
	mutex_unlock(&listeners_mutex);
	return n;
}

/* Changes whenever the list of listeners does. */
u32 nbdt_front_generation(void)
{
	return READ_ONCE(generation);
}

static bool is_at(const struct nbdt_listener *listener,
		  const struct nbdt_place *place)
{
	struct nbdt_place its;

	nbdt_listener_place(&listener->config, listener->net, &its);
	return nbdt_place_same(&its, place);
}

/**
 * nbdt_front_adopt - have a connection go on here that was served elsewhere
 * @arrival: what it was there, with its socket; taken over, unless there is an error
 *
 * It belongs to the listener that is where its own was; when there is none, to the next
 * one there (nbdt_front_add()).
 *
 * Return: as nbdt_conn_adopt().
 */
int nbdt_front_adopt(struct nbdt_handover *arrival)
{
	struct nbdt_listener *listener;
	u32 id = 0;
	int err;

	mutex_lock(&listeners_mutex);
	list_for_each_entry(listener, &listeners, node)
		if (is_at(listener, &arrival->place))
			id = listener->id;
	err = nbdt_conn_adopt(arrival, arrival->file, &arrival->place, id,
			      nbdt_session_run);
	mutex_unlock(&listeners_mutex);
	return err;
}

static int take(struct nbdt_listener *listener, struct socket *sock)
{
	return nbdt_conn_create(listener, sock, nbdt_session_run);
}

static struct nbdt_listener *
find_locked(struct net *net, const struct nbdt_listener_config *config)
{
	struct nbdt_listener *listener;

	lockdep_assert_held(&listeners_mutex);
	list_for_each_entry(listener, &listeners, node) {
		if (listener->net == net &&
		    nbdt_listener_same_address(&listener->config, config))
			return listener;
	}
	return NULL;
}

/* It may be us who has the address that isn't to be had. */
static void blame(struct net *net, const struct nbdt_listener_config *config,
		  struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;

	lockdep_assert_held(&listeners_mutex);
	list_for_each_entry(listener, &listeners, node) {
		if (listener->net == net &&
		    nbdt_listener_overlaps(&listener->config, config)) {
			nbdt_set_err_msg(extack,
					 "the target itself listens there, on listener %u",
					 listener->id);
			return;
		}
	}
}

/* Nobody is accepted by it any more, and it isn't found; its socket is closed. */
static void stop(struct nbdt_listener *listener)
{
	lockdep_assert_held(&listeners_mutex);
	nbdt_listener_stop(listener);
	list_del(&listener->node);
	generation++;
}

/* After stop(). */
static void destroy(struct nbdt_listener *listener)
{
	nbdt_event_listener(listener, NBDT_EVENT_DEL);
	nbdt_listener_free(listener);
	module_put(THIS_MODULE);
}

/**
 * nbdt_front_add - listen for clients
 * @net: network namespace
 * @config: where
 * @extack: told why not
 *
 * Return: 0, or an error as listener-add in the netlink contract.
 */
int nbdt_front_add(struct net *net, const struct nbdt_listener_config *config,
		   struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;
	struct nbdt_place place;
	int err = 0;

	mutex_lock(&listeners_mutex);
	if (find_locked(net, config)) {
		nbdt_set_err_msg(extack, "the target already listens there");
		err = -EEXIST;
		goto out;
	}
	if (!try_module_get(THIS_MODULE)) {
		err = -ENODEV;
		goto out;
	}
	listener = nbdt_listener_start(net, last_id + 1, config, take, extack);
	if (IS_ERR(listener)) {
		err = PTR_ERR(listener);
		if (err == -EADDRINUSE)
			blame(net, config, extack);
		module_put(THIS_MODULE);
		goto out;
	}
	last_id++;
	list_add_tail(&listener->node, &listeners);
	generation++;
	nbdt_listener_place(config, net, &place);
	nbdt_conn_claim(listener->id, &place);
	nbdt_event_listener(listener, NBDT_EVENT_ADD);
out:
	mutex_unlock(&listeners_mutex);
	return err;
}

/*
 * Those that a listener accepted, or of these who negotiates.  Under the mutex, so that
 * nobody finds the listener changed, or gone, and them not yet told.
 */
static void end_connections(u32 listener_id, bool negotiating,
			    const char *reason)
{
	const struct nbdt_conn_filter filter = {
		.listener_id = listener_id,
		.negotiating = negotiating,
	};

	lockdep_assert_held(&listeners_mutex);
	nbdt_conn_kill_matching(&filter, reason);
}

static void set_tls_mode(struct nbdt_listener *listener, u32 tls_mode)
{
	if (listener->config.tls_mode == tls_mode)
		return;
	WRITE_ONCE(listener->config.tls_mode, tls_mode);
	end_connections(listener->id, true, LISTENER_CHANGED);
}

/**
 * nbdt_front_set - change a listener
 * @net: network namespace
 * @config: where it listens
 * @change: what to change
 * @extack: told why not
 *
 * Clients that use an export go on; when TLS is another, those that negotiate are ended.
 *
 * Return: 0 or -ENOENT.
 */
int nbdt_front_set(struct net *net, const struct nbdt_listener_config *config,
		   const struct nbdt_listener_change *change,
		   struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;

	mutex_lock(&listeners_mutex);
	listener = find_locked(net, config);
	if (!listener) {
		nbdt_set_err_msg(extack, "the target doesn't listen there");
	} else {
		if (change->set_tls_mode)
			set_tls_mode(listener, change->tls_mode);
		generation++;
		nbdt_event_listener(listener, NBDT_EVENT_SET);
	}
	mutex_unlock(&listeners_mutex);
	return listener ? 0 : -ENOENT;
}

/**
 * nbdt_front_set_access - replace the rules about who may use what here
 * @net: network namespace
 * @config: where it listens
 * @access: the rules; the caller's, unless 0 is returned
 * @extack: told why not
 *
 * Clients that use an export go on; those that negotiate are ended.
 *
 * Return: 0 or -ENOENT.
 */
int nbdt_front_set_access(struct net *net,
			  const struct nbdt_listener_config *config,
			  struct nbdt_access *access,
			  struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;

	mutex_lock(&listeners_mutex);
	listener = find_locked(net, config);
	if (listener) {
		nbdt_access_replace(&listener->access, access);
		end_connections(listener->id, true, LISTENER_CHANGED);
		nbdt_event_listener(listener, NBDT_EVENT_SET);
	} else {
		nbdt_set_err_msg(extack, "the target doesn't listen there");
	}
	mutex_unlock(&listeners_mutex);
	return listener ? 0 : -ENOENT;
}

/*
 * Its number. Who asks once more for one that was removed, or is being, is told the
 * number as long as there are connections to wait for; 0 when there is nothing.
 */
static u32 number_to_end(const struct nbdt_listener *listener, const struct net *net,
			 const struct nbdt_listener_config *config)
{
	struct nbdt_place place;

	if (listener)
		return listener->id;
	nbdt_listener_place(config, net, &place);
	return nbdt_conn_ending_from(&place);
}

/**
 * nbdt_front_remove - stop listening
 * @net: network namespace
 * @config: where
 * @force: disconnect the clients in transmission, too
 * @id: set to the number of the listener
 * @extack: told why not
 *
 * Return: 0 when nobody is accepted any more, and the connections that have to go
 * were told to, now or before; -ENOENT.
 */
int nbdt_front_remove(struct net *net,
		      const struct nbdt_listener_config *config,
		      bool force, u32 *id, struct netlink_ext_ack *extack)
{
	struct nbdt_listener *listener;

	mutex_lock(&listeners_mutex);
	listener = find_locked(net, config);
	*id = number_to_end(listener, net, config);
	if (listener)
		stop(listener);
	/* Also of one that was removed before, but not by force. */
	if (*id)
		end_connections(*id, !force, "listener was removed");
	mutex_unlock(&listeners_mutex);
	if (listener)
		destroy(listener);
	else if (!*id)
		nbdt_set_err_msg(extack, "the target doesn't listen there");
	return *id ? 0 : -ENOENT;
}

/* Call VISIT for those with an id of at least FROM, until it returns not 0. */
int nbdt_front_for_each(struct net *net, u32 from,
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

static bool is_in(const struct nbdt_listener *listener, const struct net *net)
{
	return !net || listener->net == net;
}

/* All listeners of a namespace, or all there are: first none accepts any more. */
static void remove_all(const struct net *net)
{
	struct nbdt_listener *listener, *next;

	mutex_lock(&listeners_mutex);
	list_for_each_entry(listener, &listeners, node) {
		if (is_in(listener, net))
			nbdt_listener_cancel(listener);
	}
	list_for_each_entry_safe(listener, next, &listeners, node) {
		if (!is_in(listener, net))
			continue;
		stop(listener);
		destroy(listener);
	}
	mutex_unlock(&listeners_mutex);
}

static void __net_exit net_pre_exit(struct net *net)
{
	remove_all(net);
	nbdt_conn_leave_net(net);
	nbdt_agent_leave_net(net);
}

static struct pernet_operations net_ops = {
	.pre_exit = net_pre_exit,
};

int nbdt_front_init(void)
{
	return register_pernet_subsys(&net_ops);
}

/* Those of all namespaces.  Connections go on. */
void nbdt_front_remove_all(void)
{
	remove_all(NULL);
}

/* Nothing is left that a namespace could take along. */
void nbdt_front_exit(void)
{
	unregister_pernet_subsys(&net_ops);
	/* The end of a namespace may have had the last reference to a connection. */
	rcu_barrier();
}
