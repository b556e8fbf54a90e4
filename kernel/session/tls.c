// SPDX-License-Identifier: GPL-2.0
/*
 * TLS handshakes: a connection's socket is lent to a program and comes back
 * encrypted.
 *
 * The handshake is done by an agent in user space (nbdtargetctl tls-agent),
 * which has the certificates and the library; records are the kernel's own
 * business afterwards (ktls.c).  It goes like this:
 *
 *	client's thread				agent
 *
 *	gives the socket a file
 *	puts the connection on a list
 *	tells the agents			TLS_ACCEPT: takes the first of the
 *	sleeps					list, and a descriptor for the file
 *						talks to the client
 *						sets the keys on the socket
 *						closes the descriptor
 *	wakes up				TLS_DONE: reports
 *	looks for itself
 *
 * Who owns what.  The file owns the socket, from the moment it is lent to the
 * end of the connection.  The thread has one reference to the file, the agent
 * another while it works.  The thread doesn't touch the socket until it has
 * taken back the only reference; when it gives up before that, it shuts the
 * socket down, and the agent may hold what is left for as long as it likes.
 * The connection's identity is the agent's word, freed with the connection, and
 * so are the secrets from which keys are made later on (transport/rekey.c).
 *
 * What ends it.  The thread sleeps until there is a report, the deadline of
 * negotiation has passed, or the connection is killed.  In any case it then
 * says that it is over, under the lock: whatever an agent still has to say
 * finds nothing.  So an agent that is slow, stuck, or dead costs this one
 * connection its deadline, and no other anything.  One that dies before it
 * accepted costs nothing: the list is still there for the next.  What it did accept
 * ends when the next announces itself, as does what one agreed on that has other
 * credentials now, if the client has no export yet: nobody whom those keep out is let
 * in by having been early.
 *
 * What is believed.  The agent may call itself done only for a handshake that
 * it has accepted, and once.  Then: nobody else has the socket any more;
 * kTLS is on in both directions, with a version and a cipher that the kernel
 * reads from its own state; secrets give the keys that are there.  Only who the
 * client is, and that it proved that, is the agent's word alone.  A program that
 * may be one needs CAP_SYS_ADMIN, and has to say that it is (agent.c).
 *
 * What bounds it.  A connection has at most one handshake, in the beginning,
 * so there are as many as there may be connections.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <net/net_namespace.h>

#include "base/event.h"
#include "base/target.h"
#include "compat/compat.h"
#include "session/agent.h"
#include "session/conn.h"
#include "session/conn_trace.h"
#include "session/tls.h"
#include "transport/ktls.h"
#include "transport/record.h"
#include "transport/rekey.h"
#include "nbdtarget.h"

/* Guards the list, and the fields of struct nbdt_tls that say so. */
static DEFINE_SPINLOCK(tls_lock);
static LIST_HEAD(waiting);		/* struct nbdt_conn.tls.node, by age */

/* --- The agent's side --- */

/**
 * nbdt_tls_accept - take the handshake that waits for the longest time
 * @net: of the agent
 * @agent: its netlink port
 * @file: set to the socket's file, with a reference
 *
 * Return: the connection, with a reference; NULL when none waits.
 */
struct nbdt_conn *nbdt_tls_accept(struct net *net, u32 agent,
				  struct file **file)
{
	struct nbdt_conn *conn, *found = NULL;

	spin_lock(&tls_lock);
	list_for_each_entry(conn, &waiting, tls.node) {
		/* cppcheck-suppress uninitvar ; it doesn't know the loop */
		if (net != nbdt_agent_home(conn->net))
			continue;
		found = conn;
		/* On the list means that its thread has yet to end. */
		kref_get(&conn->ref);
		*file = get_file(conn->sock.file);
		list_del_init(&conn->tls.node);
		WRITE_ONCE(conn->tls.state, NBDT_TLS_ACCEPTED);
		conn->tls.agent_net = net;
		conn->tls.agent = agent;
		break;
	}
	spin_unlock(&tls_lock);
	return found;
}

static int check_reporter(const struct nbdt_conn *conn, const struct net *net,
			  u32 agent, struct netlink_ext_ack *extack)
{
	const struct nbdt_tls *tls = &conn->tls;

	lockdep_assert_held(&tls_lock);
	if (tls->state != NBDT_TLS_ACCEPTED &&
	    tls->state != NBDT_TLS_REPORTED) {
		nbdt_set_err_msg(extack,
				 "connection %u has no handshake under way",
				 conn->origin.id);
		return -ENOENT;
	}
	if (tls->agent != agent || tls->agent_net != net) {
		nbdt_set_err_msg(extack,
				 "the handshake of connection %u was accepted by another",
				 conn->origin.id);
		return -EPERM;
	}
	if (tls->state == NBDT_TLS_REPORTED) {
		nbdt_set_err_msg(extack,
				 "the handshake of connection %u was reported before",
				 conn->origin.id);
		return -EALREADY;
	}
	return 0;
}

/**
 * nbdt_tls_report - what became of a handshake
 * @id: of the connection
 * @net: network namespace of who says so
 * @agent: its netlink port
 * @status: 0 or -errno
 * @text: why it failed, or NULL
 * @identity: who the client is; the caller's, unless 0 is returned
 * @secrets: what its keys were made of, or NULL; the same
 * @extack: told why not
 *
 * Return: 0; or an error as tls-done in the netlink contract.
 */
int nbdt_tls_report(u32 id, const struct net *net, u32 agent, int status,
		    const char *text, struct nbdt_identity *identity,
		    struct nbdt_rekey *secrets, struct netlink_ext_ack *extack)
{
	struct nbdt_conn *conn = nbdt_conn_get(id);
	struct nbdt_tls *tls;
	int err;

	if (!conn) {
		nbdt_set_err_msg(extack, "there is no connection %u", id);
		return -ENOENT;
	}
	tls = &conn->tls;
	spin_lock(&tls_lock);
	err = check_reporter(conn, net, agent, extack);
	if (!err) {
		WRITE_ONCE(tls->state, NBDT_TLS_REPORTED);
		tls->status = status;
		tls->reported = identity;
		tls->secrets = secrets;
		snprintf(tls->text, sizeof(tls->text),
			 "TLS handshake failed%s%s", text ? ": " : "",
			 text ?: "");
		WRITE_ONCE(tls->over, true);
		wake_up_process(conn->origin.task);
	}
	spin_unlock(&tls_lock);
	if (err == -EALREADY)
		nbdt_conn_kill(conn, "TLS agent reported twice");
	nbdt_conn_put(conn);
	return err;
}

/**
 * nbdt_tls_renew - other credentials say from now on who gets in
 * @net: of the agents that have them
 *
 * Clients that use an export go on; of those that negotiate, who has TLS by the
 * credentials before, or is about to, is ended.
 */
void nbdt_tls_renew(const struct net *net)
{
	const struct nbdt_conn_filter filter = {
		.agents = net,
		.negotiating = true,
	};

	nbdt_conn_kill_matching(&filter, "credentials of TLS were changed");
}

/* --- The thread's side --- */

static void wait_on_list(struct nbdt_conn *conn, unsigned long deadline)
{
	struct nbdt_tls *tls = &conn->tls;

	spin_lock(&tls_lock);
	WRITE_ONCE(tls->state, NBDT_TLS_WAITING);
	tls->deadline = deadline;
	list_add_tail(&tls->node, &waiting);
	spin_unlock(&tls_lock);
}

/* From here on no agent gets the file, and no report is taken. */
static int end_handshake(struct nbdt_conn *conn, int waited)
{
	struct nbdt_tls *tls = &conn->tls;
	int err;

	spin_lock(&tls_lock);
	list_del_init(&tls->node);
	if (tls->state == NBDT_TLS_REPORTED) {
		err = tls->status;
	} else {
		err = waited;
		WRITE_ONCE(tls->state, NBDT_TLS_OVER);
	}
	spin_unlock(&tls_lock);
	return err;
}

static int fail(struct nbdt_conn *conn, int err, const char *reason)
{
	cmpxchg(&conn->reason, NULL, reason);
	return err;
}

static int wait_for_agent(struct nbdt_conn *conn, unsigned long deadline)
{
	struct nbdt_tls *tls = &conn->tls;
	int err;

	wait_on_list(conn, deadline);
	nbdt_event_tls(conn);
	err = nbdt_sock_wait(&conn->sock, &tls->over, deadline);
	err = end_handshake(conn, err);
	switch (err) {
	case 0:
		return 0;
	case -ETIMEDOUT:
		return fail(conn, err, tls->agent ?
			    "TLS handshake timed out" :
			    "no TLS agent took the handshake in time");
	case -ECANCELED:
		return fail(conn, err, "disconnected");
	default:
		return fail(conn, err, tls->text);
	}
}

/* What the agent said keys are made of, if it did. */
static int believe_secrets(struct nbdt_conn *conn)
{
	struct nbdt_tls *tls = &conn->tls;
	int err;

	if (!tls->secrets)
		return 0;
	err = nbdt_rekey_check(tls->secrets, conn->sock.sock);
	if (err)
		return err;
	conn->sock.rekey = tls->secrets;
	tls->rekey = tls->secrets;
	return 0;
}

/* Nothing of what was said about the socket, which is back, is taken for granted. */
static int believe(struct nbdt_conn *conn, const char *no_tls,
		   const char *no_keys)
{
	struct nbdt_tls *tls = &conn->tls;
	int err;

	err = nbdt_ktls_check(conn->sock.sock, &tls->version, &tls->cipher);
	if (err)
		return fail(conn, err, no_tls);
	err = believe_secrets(conn);
	if (err)
		return fail(conn, err, no_keys);
	tls->identity = tls->reported;
	tls->reported = NULL;
	conn->sock.tls = true;
	nbdt_sock_bound(&conn->sock);
	nbdt_record_count(conn->sock.sock, &tls->rx_records, &tls->tx_records);
	/* Pairs with readers that look at it before the rest. */
	smp_store_release(&tls->on, true);
	trace_nbdt_tls(conn);
	return 0;
}

/**
 * nbdt_tls_handshake - have TLS on a connection from here on
 * @conn: the caller is its thread; the client was told to begin
 * @deadline: until when, in jiffies
 *
 * Return: 0 when the socket is encrypted and conn->tls says by whom; an error
 * when the connection is to be closed, and conn->reason says why.
 */
int nbdt_tls_handshake(struct nbdt_conn *conn, unsigned long deadline)
{
	int err;

	err = nbdt_sock_lend(&conn->sock);
	if (err)
		return fail(conn, err, err == -ESHUTDOWN ?
			    "network namespace was removed" : "out of memory");
	err = wait_for_agent(conn, deadline);
	if (err)
		return err;
	err = nbdt_sock_take_back(&conn->sock, deadline);
	if (err)
		return fail(conn, err, "TLS agent kept the socket");
	return believe(conn, "TLS agent reported TLS, but the socket has none",
		       "TLS agent reported secrets that don't give the keys");
}

/**
 * nbdt_tls_resume - go on with TLS that another module had on a connection
 * @conn: the caller is its thread, and has its socket
 * @identity: who the client is; taken over
 * @secrets: what its keys were made of, or NULL; the same
 *
 * Return: as nbdt_tls_handshake().
 */
int nbdt_tls_resume(struct nbdt_conn *conn, struct nbdt_identity *identity,
		    struct nbdt_rekey *secrets)
{
	conn->tls.reported = identity;
	conn->tls.secrets = secrets;
	return believe(conn, "it was handed over with TLS, which its socket hasn't",
		       "it was handed over with secrets that don't give its keys");
}

static void apply_policy(struct nbdt_conn *conn)
{
	switch (nbdt_target_tls_key_policy()) {
	case NBDTARGET_TLS_KEY_POLICY_CLOSE:
		nbdt_conn_kill(conn, "TLS key was used to its limit");
		break;
	case NBDTARGET_TLS_KEY_POLICY_WARN:
		if (!conn->tls.warned)
			pr_warn_ratelimited("connection %u has used a TLS key to its limit\n",
					    conn->origin.id);
		conn->tls.warned = true;
		break;
	}
}

/**
 * nbdt_tls_audit - see how much the keys were used
 * @conn: the caller is its thread
 *
 * Those that were used a lot are changed; when they can't be, the policy says
 * what becomes of it.
 */
void nbdt_tls_audit(struct nbdt_conn *conn)
{
	u64 limit = nbdt_target_tls_key_records();
	struct nbdt_tls *tls = &conn->tls;
	u64 rx, tx;

	if (!tls->on || !conn->sock.sock)
		return;
	nbdt_record_count(conn->sock.sock, &rx, &tx);
	WRITE_ONCE(tls->rx_records, rx);
	WRITE_ONCE(tls->tx_records, tx);
	if (max(rx, tx) < limit || !nbdt_ktls_cipher_wears_out(tls->cipher))
		return;
	if (!nbdt_rekey_begin(&conn->sock, rx, tx, limit))
		apply_policy(conn);
}
