// SPDX-License-Identifier: GPL-2.0
/*
 * Connections: how they begin, how they are found, and how they end.
 *
 * A connection is run by one kernel thread, which negotiates, serves requests
 * and in the end gives everything back: it waits until no request is in
 * flight (bios can't be recalled), says that this was all, detaches from the
 * export, waits for a while until the client has its last replies, releases
 * the socket, and buries itself.  Nobody else takes anything away from under
 * it.
 *
 * Anybody may kill a connection, at any time and more than once: that sets a
 * flag and wakes the thread, which can't be stuck anywhere but in the device.
 *
 * When a network namespace ends, its connections lose their sockets, wherever
 * their threads are, and go on to their end without.
 *
 * A buried connection is on nobody's list; the reaper waits until its thread
 * has really left the module's code, then drops the last reference.  The
 * memory of both goes after an RCU grace period: lookups, and whoever
 * completes the last request, need no reference of their own.
 *
 * What takes long to notice is looked for once in a while (tick): clients
 * that leave a request half sent or replies unread, or aren't heard of,
 * connections that have been idle and can give memory back, and CPUs on which
 * too many of them are.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/wait.h>
#include <linux/xarray.h>
#include <net/sock.h>

#include "base/access.h"
#include "base/identity.h"
#include "base/target.h"
#include "base/work.h"
#include "block/export.h"
#include "session/agent.h"
#include "session/conn.h"
#include "transport/listener.h"
#include "transport/rekey.h"
#include "transport/stream.h"
#include "nbdtarget.h"

#define TICK	HZ

/* Room: a quarter is a share, and a sixteenth is few; see has_room(). */
#define ROOM_SHARES	4
#define ROOM_FEW	16

static DEFINE_XARRAY_ALLOC1(conns);		/* by id */
static u32 next_id;
static atomic_t nr_conns = ATOMIC_INIT(0);	/* those of conns, and coming */
static DECLARE_WAIT_QUEUE_HEAD(buried);		/* woken when one left conns */

static DEFINE_SPINLOCK(export_lock);		/* guards conn->export */

static LLIST_HEAD(graves);

u32 nbdt_conn_count(void)
{
	return atomic_read(&nr_conns);
}

static void conn_free(struct rcu_head *rcu)
{
	struct nbdt_conn *conn = container_of(rcu, struct nbdt_conn, rcu);

	put_task_struct(conn->origin.task);
	kfree(conn->tls.reported);
	kfree(conn->tls.identity);
	nbdt_rekey_free(conn->tls.secrets);
	nbdt_access_put(conn->access);
	kfree(conn->context_ids);
	kfree(conn);
}

static void conn_release(struct kref *ref)
{
	struct nbdt_conn *conn = container_of(ref, struct nbdt_conn, ref);

	call_rcu(&conn->rcu, conn_free);
}

void nbdt_conn_put(struct nbdt_conn *conn)
{
	kref_put(&conn->ref, conn_release);
}

/* The first connection with an id of at least ID, with a reference; or NULL. */
struct nbdt_conn *nbdt_conn_get_from(u32 id)
{
	unsigned long index = id;
	struct nbdt_conn *conn;

	rcu_read_lock();
	conn = xa_find(&conns, &index, UINT_MAX, XA_PRESENT);
	/* One that is just being freed has left conns: the next find skips it. */
	while (conn && !kref_get_unless_zero(&conn->ref))
		conn = xa_find_after(&conns, &index, UINT_MAX, XA_PRESENT);
	rcu_read_unlock();
	return conn;
}

struct nbdt_conn *nbdt_conn_get(u32 id)
{
	struct nbdt_conn *conn = nbdt_conn_get_from(id);

	if (conn && conn->origin.id != id) {
		nbdt_conn_put(conn);
		conn = NULL;
	}
	return conn;
}

/* With a reference; NULL when it isn't attached to any. */
struct nbdt_export *nbdt_conn_get_export(struct nbdt_conn *conn)
{
	struct nbdt_export *export;

	spin_lock(&export_lock);
	export = conn->export;
	if (export)
		kref_get(&export->ref);
	spin_unlock(&export_lock);
	return export;
}

void nbdt_conn_set_export(struct nbdt_conn *conn, struct nbdt_export *export)
{
	spin_lock(&export_lock);
	WRITE_ONCE(conn->export, export);
	spin_unlock(&export_lock);
}

void nbdt_conn_set_state(struct nbdt_conn *conn, u32 state)
{
	WRITE_ONCE(conn->state, state);
}

/**
 * nbdt_conn_kill - have a connection end
 * @conn: the caller has a reference, or the connection is on a list
 * @reason: a literal, unless there is one already
 *
 * Any context.  Doesn't wait.
 */
void nbdt_conn_kill(struct nbdt_conn *conn, const char *reason)
{
	cmpxchg(&conn->reason, NULL, reason);
	WRITE_ONCE(conn->origin.killed, true);
	nbdt_sock_cancel(&conn->sock);
}

static void kill_origin(struct nbdt_origin *origin, const char *reason)
{
	nbdt_conn_kill(container_of(origin, struct nbdt_conn, origin), reason);
}

static void resume_mem(struct nbdt_mem *mem)
{
	nbdt_origin_resume(&container_of(mem, struct nbdt_conn, mem)->origin);
}

/* Not one that was served elsewhere, and is about to go on here. */
static bool is_negotiating(const struct nbdt_conn *conn)
{
	/* Of those the state changes before that: see handover.c. */
	return !smp_load_acquire(&conn->arrival) &&
	       READ_ONCE(conn->state) == NBDTARGET_CONN_STATE_NEGOTIATING;
}

/* Not while it waits for one: who takes it has the credentials of then. */
static bool is_up_to(const struct nbdt_conn *conn, const struct net *agents)
{
	return READ_ONCE(conn->tls.state) > NBDT_TLS_WAITING &&
	       nbdt_agent_home(READ_ONCE(conn->net)) == agents;
}

static bool matches(const struct nbdt_conn *conn,
		    const struct nbdt_conn_filter *filter)
{
	if (filter->id && conn->origin.id != filter->id)
		return false;
	if (filter->listener_id && conn->listener_id != filter->listener_id)
		return false;
	if (filter->export && READ_ONCE(conn->export) != filter->export)
		return false;
	if (filter->agents && !is_up_to(conn, filter->agents))
		return false;
	if (filter->transmitting &&
	    READ_ONCE(conn->state) != NBDTARGET_CONN_STATE_TRANSMISSION)
		return false;
	return !filter->negotiating || is_negotiating(conn);
}

/* Returns how many there were. */
unsigned int nbdt_conn_kill_matching(const struct nbdt_conn_filter *filter,
				     const char *reason)
{
	struct nbdt_conn *conn;
	unsigned int n = 0;
	unsigned long id;

	/*
	 * What was changed before this is seen by who is attached behind it: see
	 * confirm() in option_export.c.
	 */
	smp_mb();
	rcu_read_lock();
	xa_for_each(&conns, id, conn) {
		if (matches(conn, filter)) {
			nbdt_conn_kill(conn, reason);
			n++;
		}
	}
	rcu_read_unlock();
	return n;
}

u32 nbdt_conn_count_matching(const struct nbdt_conn_filter *filter)
{
	struct nbdt_conn *conn;
	unsigned long id;
	u32 n = 0;

	rcu_read_lock();
	xa_for_each(&conns, id, conn)
		n += matches(conn, filter);
	rcu_read_unlock();
	return n;
}

/*
 * Of the listeners that were there, the number of the last whose connections are
 * ending; or 0.
 */
u32 nbdt_conn_ending_from(const struct nbdt_place *place)
{
	struct nbdt_conn *conn;
	unsigned long index;
	u32 id = 0;

	rcu_read_lock();
	xa_for_each(&conns, index, conn)
		if (READ_ONCE(conn->origin.killed) &&
		    nbdt_place_same(&conn->place, place))
			id = max(id, READ_ONCE(conn->listener_id));
	rcu_read_unlock();
	return id;
}

/**
 * nbdt_conn_part_all - have connections in transmission leave, or stay after all
 * @part: leave
 *
 * Doesn't wait: handover.c.
 *
 * Return: how many there are.
 */
u32 nbdt_conn_part_all(bool part)
{
	const struct nbdt_conn_filter filter = { .transmitting = true };
	struct nbdt_conn *conn;
	unsigned long id;
	u32 n = 0;

	rcu_read_lock();
	xa_for_each(&conns, id, conn) {
		if (!matches(conn, &filter))
			continue;
		WRITE_ONCE(conn->parting, part);
		nbdt_origin_resume(&conn->origin);
		n++;
	}
	rcu_read_unlock();
	return n;
}

/* Connections that came before their listener, which is there now. */
void nbdt_conn_claim(u32 listener_id, const struct nbdt_place *place)
{
	struct nbdt_conn *conn;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&conns, id, conn)
		if (!conn->listener_id && nbdt_place_same(&conn->place, place))
			WRITE_ONCE(conn->listener_id, listener_id);
	rcu_read_unlock();
}

static void lose_socket(struct nbdt_conn *conn)
{
	nbdt_conn_kill(conn, "network namespace was removed");
	if (nbdt_sock_hold(&conn->sock))
		nbdt_sock_release(&conn->sock);
	/* Nobody in it has to be told any more. */
	WRITE_ONCE(conn->net, NULL);
	nbdt_sock_let_go(&conn->sock);
}

/**
 * nbdt_conn_leave_net - have no socket in a network namespace
 * @net: on its way out; nobody is accepted there any more
 *
 * Doesn't wait for I/O.  Sockets that are lent keep their namespace, so there are
 * none here.
 */
void nbdt_conn_leave_net(const struct net *net)
{
	struct nbdt_conn *conn;
	u32 id = 0;

	while ((conn = nbdt_conn_get_from(id))) {
		id = conn->origin.id + 1;
		if (READ_ONCE(conn->net) == net)
			lose_socket(conn);
		nbdt_conn_put(conn);
	}
}

/* --- The end --- */

static void reap(struct work_struct *work)
{
	struct llist_node *dead = llist_del_all(&graves);
	struct nbdt_conn *conn, *next;

	llist_for_each_entry_safe(conn, next, dead, grave) {
		kthread_stop(conn->origin.task);
		nbdt_conn_put(conn);
	}
}

static DECLARE_WORK(reap_work, reap);

/*
 * The last that the thread does.  It is in a grave before it leaves conns,
 * so whoever finds conns empty can flush the reaper and knows that no thread
 * is left.
 */
static void bury(struct nbdt_conn *conn)
{
	llist_add(&conn->grave, &graves);
	queue_work(nbdt_control_wq, &reap_work);
	xa_erase(&conns, conn->origin.id);
	atomic_dec(&nr_conns);
	wake_up_all(&buried);
}

static int conn_thread(void *data)
{
	struct nbdt_conn *conn = data;

	conn->run(conn);
	bury(conn);
	return 0;
}

/* --- Housekeeping --- */

static bool overdue(unsigned long since, u32 ms)
{
	return since && time_after(jiffies, since + msecs_to_jiffies(ms));
}

/* Does a client that should say something say it? */
static void tick_silence(struct nbdt_conn *conn)
{
	bool asking;
	u32 heard;

	/* Its thread is at work: then there is something to be heard. */
	if (!nbdt_sock_try_hold(&conn->sock))
		return;
	asking = nbdt_stream_is_asking(&conn->sock, &heard);
	nbdt_sock_let_go(&conn->sock);
	if (!asking) {
		conn->quiet_since = 0;
	} else if (!conn->quiet_since || heard != conn->tick_heard) {
		conn->quiet_since = jiffies | 1;
		conn->tick_heard = heard;
	} else if (overdue(conn->quiet_since, nbdt_target_peer_timeout())) {
		nbdt_conn_kill(conn, "client is gone");
	}
}

/*
 * While others wait for memory, nobody keeps more than what everybody may have for
 * a client that is in debt and has got nothing done for a while: one that trickles
 * pays for its progress with the time of others.
 */
static void tick_memory(struct nbdt_conn *conn, u64 requests)
{
	bool in_debt = READ_ONCE(conn->rx_since) || READ_ONCE(conn->tx_since);

	if (requests != conn->tick_requests || !in_debt ||
	    READ_ONCE(conn->mem.used) <= NBDT_MEM_FLOOR || !nbdt_mem_wanted())
		conn->hoards_since = 0;
	else if (!conn->hoards_since)
		conn->hoards_since = jiffies | 1;
	else if (overdue(conn->hoards_since, nbdt_target_stall_timeout()))
		nbdt_conn_kill(conn, "request took too long while others waited for its memory");
}

static void tick_one(struct nbdt_conn *conn)
{
	u64 requests = READ_ONCE(conn->origin.stats.requests);
	bool many;

	/* Once the socket is ready again, it is up to us, not to the client. */
	if (overdue(READ_ONCE(conn->rx_since), nbdt_target_stall_timeout()) &&
	    !READ_ONCE(conn->sock.readable))
		nbdt_conn_kill(conn, "request was not finished in time");
	tick_silence(conn);

	tick_memory(conn, requests);

	many = READ_ONCE(conn->nice.value) == NBDT_NICE_MANY;
	if (nbdt_placement_tick(&conn->placement, conn->origin.task,
				&conn->origin.stats, many))
		nbdt_origin_resume(&conn->origin);

	/* Whether replies are read, or known to be, is for the thread to see... */
	if (READ_ONCE(conn->tx_since) || READ_ONCE(conn->told.loss))
		nbdt_origin_resume(&conn->origin);

	/* ...and so is how much its keys are worn. */
	if (requests != conn->tick_requests && READ_ONCE(conn->tls.on))
		nbdt_origin_resume(&conn->origin);

	/* Idle since the last tick, but not before: it can give memory back. */
	if (requests == conn->tick_requests) {
		if (conn->tick_busy && !READ_ONCE(conn->in_flight))
			nbdt_origin_resume(&conn->origin);
		conn->tick_busy = false;
	} else {
		conn->tick_busy = true;
		conn->tick_requests = requests;
	}
}

static void tick(struct work_struct *work);
static DECLARE_DELAYED_WORK(tick_work, tick);

static void tick(struct work_struct *work)
{
	struct nbdt_conn *conn;
	unsigned long id;

	nbdt_placement_look();
	rcu_read_lock();
	xa_for_each(&conns, id, conn)
		tick_one(conn);
	rcu_read_unlock();
	nbdt_export_tick();
	if (nbdt_conn_count())
		queue_delayed_work(nbdt_control_wq, &tick_work, TICK);
}

/* --- The beginning --- */

/* IPv6 addresses are had by the 2^64. */
static bool same_address(const struct sockaddr_storage *a,
			 const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (void *)a, *b4 = (void *)b;
	const struct sockaddr_in6 *a6 = (void *)a, *b6 = (void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(u64));
}

/* Room that is taken: of all, and of those with the same address. */
struct room {
	u32 all;
	u32 negotiating;
	u32 mine;
	u32 mine_negotiating;
};

static void count_room(const struct nbdt_conn *mine, struct room *taken)
{
	const struct nbdt_conn *conn;
	unsigned long id;

	rcu_read_lock();
	xa_for_each(&conns, id, conn) {
		bool same = same_address(&conn->peer, &mine->peer);
		bool negotiating = READ_ONCE(conn->state) ==
				   NBDTARGET_CONN_STATE_NEGOTIATING;

		taken->all++;
		taken->negotiating += negotiating;
		taken->mine += same;
		taken->mine_negotiating += same && negotiating;
	}
	rcu_read_unlock();
}

/*
 * One address could take all the room there is, in every namespace.  So the last
 * quarter of it, and all but a quarter for those that negotiate yet, is for
 * addresses that have little.  Room that is too small to be shared is not.
 */
static bool has_room(const struct nbdt_conn *conn, u32 all)
{
	u32 max = nbdt_target_max_connections();
	u32 share = max / ROOM_SHARES, few = max / ROOM_FEW;
	struct room taken = {};

	/* Who was served elsewhere had his room there. */
	if (conn->arrival)
		return true;
	if (all > max)
		return false;
	if (!few || all <= share)
		return true;
	count_room(conn, &taken);
	if (taken.all >= max - share && taken.mine >= few)
		return false;
	return taken.negotiating < share || taken.mine_negotiating < few;
}

static struct nbdt_conn *conn_alloc(void (*run)(struct nbdt_conn *conn))
{
	struct nbdt_conn *conn = kzalloc(sizeof(*conn), GFP_KERNEL);

	if (!conn)
		return NULL;
	conn->run = run;
	conn->accepted = jiffies;
	conn->max_in_flight = nbdt_target_max_in_flight();
	conn->state = NBDTARGET_CONN_STATE_NEGOTIATING;
	init_llist_head(&conn->origin.here);
	init_llist_head(&conn->origin.done);
	conn->origin.kill = kill_origin;
	INIT_LIST_HEAD(&conn->tx.queue);
	INIT_HLIST_HEAD(&conn->free);
	nbdt_mem_init(&conn->mem, resume_mem);
	INIT_LIST_HEAD(&conn->tls.node);
	kref_init(&conn->ref);
	return conn;
}

static void come_by(struct nbdt_conn *conn, struct nbdt_listener *listener)
{
	conn->listener_id = listener->id;
	conn->tls_mode = READ_ONCE(listener->config.tls_mode);
	conn->access = nbdt_access_get(&listener->access);
	nbdt_listener_place(&listener->config, listener->net, &conn->place);
	conn->net = listener->net;
}

/* A number and a thread, which doesn't run yet. */
static int prepare(struct nbdt_conn *conn)
{
	int err;

	/* Only the number, for now. */
	err = xa_alloc_cyclic(&conns, &conn->origin.id, NULL, NBDT_TARGET_IDS,
			      &next_id, GFP_KERNEL);
	if (err < 0)
		return err;
	conn->origin.task = kthread_create(conn_thread, conn, "nbdt/%u", conn->origin.id);
	if (IS_ERR(conn->origin.task)) {
		xa_erase(&conns, conn->origin.id);
		return PTR_ERR(conn->origin.task);
	}
	get_task_struct(conn->origin.task);
	return 0;
}

static void check_rules(struct nbdt_conn *conn,
			const struct nbdt_listener *listener)
{
	/*
	 * Who changes a listener, and then ends those that negotiate, sees it, or it
	 * sees the change.  Pairs with the barrier in nbdt_conn_kill_matching().
	 */
	smp_mb();
	if (READ_ONCE(listener->access) != conn->access ||
	    READ_ONCE(listener->config.tls_mode) != conn->tls_mode)
		nbdt_conn_kill(conn, "its listener was changed in this moment");
}

/*
 * From here on it is found, and being killed starts it: it may be at its end before
 * we are.
 */
static void start(struct nbdt_conn *conn, const struct nbdt_listener *listener)
{
	kref_get(&conn->ref);
	xa_store(&conns, conn->origin.id, conn, GFP_KERNEL);
	if (listener)
		check_rules(conn, listener);
	queue_delayed_work(nbdt_control_wq, &tick_work, TICK);
	wake_up_process(conn->origin.task);
	nbdt_conn_put(conn);
}

/*
 * With what is known of it, or NULL when there was no memory for it; from here on it is
 * its thread's, or it is freed. FILE owns the socket, or is NULL when nobody else has it.
 */
static int run_conn(struct nbdt_conn *conn, struct socket *sock,
		    struct file *file, const struct nbdt_listener *listener)
{
	u32 all = atomic_inc_return(&nr_conns);
	int err = -ENOMEM;

	if (!conn)
		goto err_count;
	err = nbdt_sock_addresses(sock, &conn->local, &conn->peer);
	if (err)
		goto err_free;
	err = -EUSERS;
	if (!has_room(conn, all))
		goto err_free;
	nbdt_sock_setup(sock);
	err = prepare(conn);
	if (err)
		goto err_free;
	if (file)
		nbdt_sock_init_given(&conn->sock, file, conn->origin.task);
	else
		nbdt_sock_init(&conn->sock, sock, conn->origin.task);
	start(conn, listener);
	return 0;

err_free:
	nbdt_access_put(conn->access);
	kfree(conn);
err_count:
	atomic_dec(&nr_conns);
	return err;
}

/**
 * nbdt_conn_create - run a connection
 * @listener: that accepted it
 * @sock: of the client
 * @run: what its thread is to do; on return the connection is over, with
 *	nothing in flight, and holds neither socket nor export
 *
 * Return: 0 when a thread has @sock now.  Otherwise it still is the caller's:
 * -EUSERS when there are as many connections as there may be, of all or of the
 * client's address; -ENOMEM and such.
 */
int nbdt_conn_create(struct nbdt_listener *listener, struct socket *sock,
		     void (*run)(struct nbdt_conn *conn))
{
	struct nbdt_conn *conn = conn_alloc(run);

	if (conn)
		come_by(conn, listener);
	return run_conn(conn, sock, NULL, listener);
}

/**
 * nbdt_conn_adopt - run a connection that was served elsewhere
 * @arrival: what it was there, for its thread; taken over, unless there is an error
 * @file: that owns its socket, which others may have yet; the same
 * @place: of the listener that it came by
 * @listener_id: of that, or 0
 * @run: as for nbdt_conn_create()
 *
 * It had its room there, and nobody loses it when a limit is lowered.
 *
 * Return: 0; -ENOTCONN; -ENOMEM and such.
 */
int nbdt_conn_adopt(struct nbdt_handover *arrival, struct file *file,
		    const struct nbdt_place *place, u32 listener_id,
		    void (*run)(struct nbdt_conn *conn))
{
	struct socket *sock = sock_from_file(file);
	struct nbdt_conn *conn = conn_alloc(run);

	if (conn) {
		conn->listener_id = listener_id;
		conn->place = *place;
		conn->net = sock_net(sock->sk);
		conn->arrival = arrival;
	}
	return run_conn(conn, sock, file, NULL);
}

/* Nobody creates connections any more; all of them end. */
void nbdt_conn_exit(void)
{
	struct nbdt_conn_filter all = {};

	nbdt_conn_kill_matching(&all, "module is being unloaded");
	wait_event(buried, xa_empty(&conns));
	flush_work(&reap_work);
	cancel_delayed_work_sync(&tick_work);
	rcu_barrier();
	xa_destroy(&conns);
}
