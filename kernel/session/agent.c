// SPDX-License-Identifier: GPL-2.0
/*
 * Who is a TLS agent.
 *
 * That somebody is in the group says little: a program that shows what is going on
 * is, too, and a client that was told to begin TLS would wait for it in vain.  So
 * agents say that they are.  One ends with its socket, whatever becomes of its
 * program; there are no more of them than sockets of programs that may do anything.
 *
 * It is asked under the lock of tls.c, so nothing that is done under the one here
 * takes that.
 */
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "session/agent.h"

struct agent {
	struct list_head node;		/* guarded by agents_lock */
	const struct net *net;		/* to compare; the socket ends before it */
	u32 portid;			/* unique there */
};

static DEFINE_SPINLOCK(agents_lock);
static LIST_HEAD(agents);

/* PORTID 0 is any. */
static struct agent *find_agent(const struct net *net, u32 portid)
{
	struct agent *agent;

	lockdep_assert_held(&agents_lock);
	list_for_each_entry(agent, &agents, node)
		if (agent->net == net && (!portid || agent->portid == portid))
			return agent;
	return NULL;
}

/* Is there one in a network namespace? */
bool nbdt_agent_is_in(const struct net *net)
{
	bool is;

	spin_lock(&agents_lock);
	is = find_agent(net, 0);
	spin_unlock(&agents_lock);
	return is;
}

/**
 * nbdt_agent_announce - be one from now on
 * @net: network namespace of its netlink socket
 * @portid: of that; nbdt_agent_closed() is called when it is closed
 *
 * Once more changes nothing.
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
	if (!find_agent(net, portid)) {
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
	agent = portid ? find_agent(net, portid) : NULL;
	if (agent)
		list_del(&agent->node);
	spin_unlock(&agents_lock);
	kfree(agent);
}

/* Nobody announces any more; connections may still look for one. */
void nbdt_agent_exit(void)
{
	struct agent *agent, *next;
	LIST_HEAD(gone);

	spin_lock(&agents_lock);
	list_splice_init(&agents, &gone);
	spin_unlock(&agents_lock);
	list_for_each_entry_safe(agent, next, &gone, node)
		kfree(agent);
}
