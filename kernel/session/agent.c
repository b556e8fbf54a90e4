// SPDX-License-Identifier: GPL-2.0
/*
 * Who is a TLS agent.
 *
 * That somebody is in the group says little: a program that shows what is going on
 * is, too, and a client that was told to begin TLS would wait for it in vain.  So
 * agents say that they are.  One ends with its socket, whatever becomes of its
 * program; there are no more of them than sockets of programs that may do anything.
 *
 * One serves its own network namespace, and in the initial one those that never had any.
 * Where one was, its credentials say who gets in, and not the host's while it is started
 * anew: of each namespace one is remembered until that ends.
 *
 * It is asked under the lock of tls.c, so nothing that is done under the one here
 * takes that.
 */
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/net_namespace.h>

#include "session/agent.h"

struct agent {
	struct list_head node;		/* guarded by agents_lock */
	const struct net *net;		/* to compare; it ends after this */
	u32 portid;			/* unique there */
};

static DEFINE_SPINLOCK(agents_lock);
static LIST_HEAD(agents);
static LIST_HEAD(gone);			/* the first of a namespace; others add nothing */

/* PORTID 0 is any. */
static struct agent *find_agent(const struct list_head *list,
				const struct net *net, u32 portid)
{
	struct agent *agent;

	lockdep_assert_held(&agents_lock);
	list_for_each_entry(agent, list, node)
		if (agent->net == net && (!portid || agent->portid == portid))
			return agent;
	return NULL;
}

/* Is there one in a network namespace? */
bool nbdt_agent_is_in(const struct net *net)
{
	bool is;

	spin_lock(&agents_lock);
	is = find_agent(&agents, net, 0);
	spin_unlock(&agents_lock);
	return is;
}

/* The network namespace whose agents serve NET, whether or not there is one now. */
struct net *nbdt_agent_home(struct net *net)
{
	bool has, had;

	spin_lock(&agents_lock);
	has = find_agent(&agents, net, 0);
	had = find_agent(&gone, net, 0);
	spin_unlock(&agents_lock);
	return has || had ? net : &init_net;
}

/**
 * nbdt_agent_announce - be one from now on
 * @net: network namespace of its netlink socket
 * @portid: of that; nbdt_agent_closed() is called when it is closed
 *
 * Once more changes nothing here; see nbdt_tls_renew().
 *
 * Return: 0 or -ENOMEM.
 */
int nbdt_agent_announce(const struct net *net, u32 portid)
{
	struct agent *agent = kmalloc(sizeof(*agent), GFP_KERNEL);

	if (!agent)
		return -ENOMEM;
	agent->net = net;
	agent->portid = portid;
	spin_lock(&agents_lock);
	if (!find_agent(&agents, net, portid)) {
		list_add_tail(&agent->node, &agents);
		agent = NULL;
	}
	spin_unlock(&agents_lock);
	kfree(agent);
	return 0;
}

/* A netlink socket was closed, of an agent or not. */
void nbdt_agent_closed(const struct net *net, u32 portid)
{
	struct agent *agent;

	spin_lock(&agents_lock);
	agent = portid ? find_agent(&agents, net, portid) : NULL;
	if (agent)
		list_del(&agent->node);
	if (agent && !find_agent(&gone, net, 0)) {
		list_add(&agent->node, &gone);
		agent = NULL;
	}
	spin_unlock(&agents_lock);
	kfree(agent);
}

/* A network namespace ends, and what is remembered of it; no socket is in it any more. */
void nbdt_agent_leave_net(const struct net *net)
{
	struct agent *agent;

	spin_lock(&agents_lock);
	agent = find_agent(&gone, net, 0);
	if (agent)
		list_del(&agent->node);
	spin_unlock(&agents_lock);
	kfree(agent);
}

/* Nobody announces any more; connections may still look for one. */
void nbdt_agent_exit(void)
{
	struct agent *agent, *next;
	LIST_HEAD(all);

	spin_lock(&agents_lock);
	list_splice_init(&agents, &all);
	list_splice_init(&gone, &all);
	spin_unlock(&agents_lock);
	list_for_each_entry_safe(agent, next, &all, node)
		kfree(agent);
}
