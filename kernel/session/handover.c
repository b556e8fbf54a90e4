// SPDX-License-Identifier: GPL-2.0
/*
 * Connections that go on in another module: their sockets leave this one with what
 * was agreed on, and come to that one, by way of a program that doesn't look into it.
 *
 *	module				program			the next module
 *
 *	keeps all others from	     <- handover-claim
 *	changing anything		saves what is configured
 *	stops its listeners	     <- handover-begin
 *	each thread answers what it
 *	has taken, gives the socket a
 *	file, and ends		     <- handover-take
 *					saves bitmaps, unloads
 *					and loads
 *					handover-claim	     -> as above
 *					restores
 *					handover-give	     -> a new thread each
 *					closes its descriptor
 *							     -> goes on
 *					handover-end	     -> says who couldn't
 *
 * When it leaves.  Only between two requests, with none in flight and every reply in
 * the socket (nbdt_transmit_has_parted()): what is there of the next ones is what was
 * read ahead, and goes along as bytes.  No request begins once it is to leave, but one
 * that has begun comes to its end, which may be up to the client (its payload), to a
 * device or to whoever holds a checkpoint; so the program has a deadline, and closes
 * who isn't through by then.  What the socket itself holds needs nobody: what came and
 * wasn't received, what was sent and isn't acknowledged, keys and records of TLS.
 * Connections in negotiation, and handshakes, don't leave; they are ended in the
 * beginning.
 *
 * Who owns what.  What a connection was is a struct nbdt_handover, and that has its
 * file.  Its thread makes it, and puts it on the list; who takes it off, under the
 * mutex, has it: the program's command, the closing of its socket, or the end of the
 * module.  Given back, it belongs to the new connection, whose thread reads it and
 * frees it.  A file owns its socket, which keeps its namespace meanwhile, as while TLS
 * is agreed on (sock.c).
 *
 * Who else.  What an administrator changes after it was saved would be undone, and whom
 * he disconnects might be back.  So he is refused from the claim on, until the program
 * has ended (admin/nl.c).  The program is known by its process, since those that it
 * starts, to end exports side by side, belong to it.  What he began before is through
 * when the claim is answered, or the claim is refused; a checkpoint that he holds is
 * begun, too.
 *
 * What ends it.  It is all the doing of the one netlink socket that claimed it.  When
 * that is closed, those on the list are closed, and those that haven't left stay.  What
 * the program has taken is closed with it.  So whenever the program dies, each client
 * is served or finds its connection closed, and what it was told was done is done.
 *
 * What is believed.  The program may be one that changes anything (CAP_SYS_ADMIN), so
 * it is believed in who a client is, and that it may use the export: rules and limits
 * aren't asked anew, as they aren't when they change.  What the client knows of the
 * export has to be so still, and kTLS has to be on, with the keys that were said
 * (tls.c).
 *
 * Numbers of contexts.  Clients know them by the slots of bitmaps, which are others
 * when the bitmaps were made anew.  Then the connection has a table.
 */
#include <linux/atomic.h>
#include <linux/err.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/event.h"
#include "base/identity.h"
#include "base/target.h"
#include "block/export.h"
#include "session/conn.h"
#include "session/handover.h"
#include "session/tls.h"
#include "session/transmit.h"
#include "nbdtarget.h"

/* What a client is told again and again may differ in this. */
#define FLAGS_MAY_DIFFER	NBDT_FLAG_CAN_MULTI_CONN

/* Guards what follows. */
static DEFINE_MUTEX(handover_mutex);
static struct pid *program;		/* that has claimed it; NULL: none has */
static bool begun;
static const struct net *taker_net;	/* to compare; the socket ends before it */
static u32 taker;			/* its netlink port, unique there */
static LIST_HEAD(parted);		/* struct nbdt_handover.node */

/* Given, and not yet served or lost. */
static atomic_t arriving = ATOMIC_INIT(0);
static atomic_t lost = ATOMIC_INIT(0);

struct nbdt_handover *nbdt_handover_alloc(void)
{
	struct nbdt_handover *h = kzalloc(sizeof(*h), GFP_KERNEL);

	if (h)
		INIT_LIST_HEAD(&h->node);
	return h;
}

/* With its file, if it still has one. */
void nbdt_handover_free(struct nbdt_handover *h)
{
	u32 i;

	if (!h)
		return;
	if (h->file)
		fput(h->file);
	for (i = 0; i < h->nr_contexts; i++)
		kfree(h->contexts[i].name);
	kfree(h->unread);
	kfree(h->identity);
	kfree(h->export);
	/* There are secrets in it. */
	kfree_sensitive(h);
}

/* --- The program's side --- */

static bool is_taker(const struct net *net, u32 portid)
{
	lockdep_assert_held(&handover_mutex);
	return program && taker_net == net && taker == portid;
}

/* Is the current process the program, or started by it? */
static bool is_program(void)
{
	bool is;

	lockdep_assert_held(&handover_mutex);
	rcu_read_lock();
	is = task_tgid(current) == program ||
	     task_tgid(rcu_dereference(current->real_parent)) == program;
	rcu_read_unlock();
	return is;
}

static void tell_program(struct nbdt_handover_program *by)
{
	struct task_struct *task;

	lockdep_assert_held(&handover_mutex);
	by->pid = pid_vnr(program);
	rcu_read_lock();
	task = pid_task(program, PIDTYPE_TGID);
	/* It may have left its socket to another. */
	if (task)
		get_task_comm(by->name, task);
	else
		strscpy(by->name, "ended", sizeof(by->name));
	rcu_read_unlock();
}

/**
 * nbdt_handover_claim - be who replaces the module, from now on
 * @net: network namespace of the netlink socket
 * @portid: of that; nbdt_handover_closed() is called when it is closed
 * @by: set to who is already, when that is another
 *
 * Once more changes nothing.  The caller is in the program's process.
 *
 * Return: 0; -EBUSY when another is.
 */
int nbdt_handover_claim(const struct net *net, u32 portid,
			struct nbdt_handover_program *by)
{
	int err = 0;

	mutex_lock(&handover_mutex);
	if (!program) {
		taker_net = net;
		taker = portid;
		program = get_pid(task_tgid(current));
	} else if (!is_taker(net, portid)) {
		tell_program(by);
		err = -EBUSY;
	}
	mutex_unlock(&handover_mutex);
	return err;
}

/* Is the current process to leave all as it is, since another, BY, replaces the module? */
bool nbdt_handover_keeps_out(struct nbdt_handover_program *by)
{
	bool keeps_out;

	mutex_lock(&handover_mutex);
	keeps_out = program && !is_program();
	if (keeps_out)
		tell_program(by);
	mutex_unlock(&handover_mutex);
	return keeps_out;
}

/**
 * nbdt_handover_begin - have connections leave, from now on
 * @net: as for nbdt_handover_claim()
 * @portid: the same
 *
 * Return: 0; -EPERM when another has claimed it, or nobody.
 */
int nbdt_handover_begin(const struct net *net, u32 portid)
{
	int err = 0;

	mutex_lock(&handover_mutex);
	if (is_taker(net, portid))
		begun = true;
	else
		err = -EPERM;
	mutex_unlock(&handover_mutex);
	return err;
}

/* Some have yet to put themselves on the list. */
static bool is_awaited(void)
{
	const struct nbdt_conn_filter filter = { .transmitting = true };

	return nbdt_conn_count_matching(&filter);
}

/**
 * nbdt_handover_take - take one that has left
 * @net: as for nbdt_handover_claim()
 * @portid: the same
 * @h: set to it; the caller's
 *
 * Return: 0; -EAGAIN when some are about to; -ENODATA when none is; -EPERM when
 * another began it, or nobody.
 */
int nbdt_handover_take(const struct net *net, u32 portid,
		       struct nbdt_handover **h)
{
	/* Before the list is looked at: it is on that while it still counts. */
	bool awaited = is_awaited();
	int err = 0;

	mutex_lock(&handover_mutex);
	*h = list_first_entry_or_null(&parted, struct nbdt_handover, node);
	if (!begun || !is_taker(net, portid))
		err = -EPERM;
	else if (!*h)
		err = awaited ? -EAGAIN : -ENODATA;
	else
		list_del_init(&(*h)->node);
	mutex_unlock(&handover_mutex);
	return err;
}

static void give_up(void)
{
	struct nbdt_handover *h, *next;
	LIST_HEAD(gone);

	lockdep_assert_held(&handover_mutex);
	put_pid(program);
	program = NULL;
	begun = false;
	nbdt_conn_part_all(false);
	list_splice_init(&parted, &gone);
	list_for_each_entry_safe(h, next, &gone, node)
		nbdt_handover_free(h);
}

/* A netlink socket was closed, of who takes connections or not. */
void nbdt_handover_closed(const struct net *net, u32 portid)
{
	mutex_lock(&handover_mutex);
	if (is_taker(net, portid))
		give_up();
	mutex_unlock(&handover_mutex);
}

/* No command comes any more; connections may still leave. */
void nbdt_handover_exit(void)
{
	mutex_lock(&handover_mutex);
	give_up();
	mutex_unlock(&handover_mutex);
}

/* One is about to be given. */
void nbdt_handover_note_given(void)
{
	atomic_inc(&arriving);
}

/* And couldn't: who gave it was told. */
void nbdt_handover_note_refused(void)
{
	atomic_dec(&arriving);
}

/* Have all that were given gone on, or been lost?  LOST counts the latter anew. */
bool nbdt_handover_is_over(u32 *n_lost)
{
	if (atomic_read(&arriving))
		return false;
	*n_lost = atomic_xchg(&lost, 0);
	return true;
}

/* --- A thread's side: away --- */

static int save_contexts(const struct nbdt_conn *conn, struct nbdt_handover *h)
{
	u64 left = conn->contexts;
	unsigned int context;
	char *name;

	for (; left; left &= left - 1) {
		context = __ffs64(left);
		name = nbdt_context_name(&conn->export->disk.content, context);
		if (!name)
			return -ENOMEM;
		h->contexts[h->nr_contexts++] = (struct nbdt_handover_context) {
			.id = conn->context_ids ? conn->context_ids[context] :
						  context,
			.name = name,
		};
	}
	return 0;
}

static int save_unread(const struct nbdt_conn *conn, struct nbdt_handover *h)
{
	h->unread_len = conn->rx.end - conn->rx.start;
	if (!h->unread_len)
		return 0;
	/* Pages may be larger than that, but hardly ever hold as much. */
	if (h->unread_len > NBDTARGET_MAX_UNREAD)
		return -E2BIG;
	h->unread = kmemdup(conn->rx.buf + conn->rx.start, h->unread_len,
			    GFP_KERNEL);
	return h->unread ? 0 : -ENOMEM;
}

static int save_tls(const struct nbdt_conn *conn, struct nbdt_handover *h)
{
	const struct nbdt_identity *identity = conn->tls.identity;

	if (!identity)
		return 0;
	/* Others may be looking at that of the connection. */
	h->identity = nbdt_identity_create(identity->auth, identity->name,
					   identity->alt_names,
					   identity->nr_alt_names);
	nbdt_rekey_save(&conn->sock, &h->keys);
	return h->identity ? 0 : -ENOMEM;
}

static int save(const struct nbdt_conn *conn, struct nbdt_handover *h)
{
	h->id = conn->origin.id;
	h->age = jiffies_to_msecs(jiffies - conn->accepted);
	h->place = conn->place;
	h->device_id = conn->export->disk.device_id;
	h->diskseq = nbdt_disk_seq(&conn->export->disk);
	h->start = nbdt_disk_start(&conn->export->disk);
	h->serial = conn->export->disk.serial;
	h->size = conn->limits.size;
	h->flags = conn->limits.flags;
	h->mode = conn->mode;
	h->export = kstrdup(conn->export->name, GFP_KERNEL);
	if (!h->export)
		return -ENOMEM;
	return save_contexts(conn, h) ?: save_unread(conn, h) ?:
	       save_tls(conn, h);
}

/* Who takes it may have ended, or somebody disconnected it before it was claimed. */
static bool leave(struct nbdt_conn *conn, struct nbdt_handover *h)
{
	bool left;

	mutex_lock(&handover_mutex);
	left = begun && !nbdt_sock_cancelled(&conn->sock);
	if (left)
		list_add_tail(&h->node, &parted);
	mutex_unlock(&handover_mutex);
	return left;
}

static const char *depart(struct nbdt_conn *conn)
{
	struct nbdt_handover *h = nbdt_handover_alloc();
	int err = h ? save(conn, h) : -ENOMEM;

	if (err) {
		nbdt_handover_free(h);
		return err == -ENOMEM ? "out of memory" :
		       "it was in the middle of too much to be handed over";
	}
	h->file = nbdt_sock_give_away(&conn->sock);
	if (IS_ERR(h->file)) {
		h->file = NULL;
		nbdt_handover_free(h);
		return "it couldn't be handed over";
	}
	if (leave(conn, h))
		return "handed over";
	nbdt_handover_free(h);
	return "it was to be handed over, to somebody who ended";
}

/**
 * nbdt_handover_depart - have a connection go on elsewhere
 * @conn: nbdt_transmit_has_parted(); the caller is its thread, and ends it here
 *
 * Its socket isn't there any more, unless this fails.
 */
void nbdt_handover_depart(struct nbdt_conn *conn)
{
	cmpxchg(&conn->reason, NULL, depart(conn));
}

/* --- A thread's side: here --- */

static int fail(struct nbdt_conn *conn, int err, const char *reason)
{
	cmpxchg(&conn->reason, NULL, reason);
	return err;
}

static int take_socket(struct nbdt_conn *conn)
{
	unsigned long deadline =
		jiffies + msecs_to_jiffies(nbdt_target_negotiation_timeout());
	int err = nbdt_sock_take_back(&conn->sock, deadline);

	return err ? fail(conn, err, err == -ECANCELED ? "disconnected" :
			  "who handed it over kept the socket") : 0;
}

static int resume_tls(struct nbdt_conn *conn, struct nbdt_handover *h)
{
	struct nbdt_rekey *secrets = NULL;
	struct nbdt_identity *identity = h->identity;
	int err;

	if (!identity)
		return 0;
	if (h->keys.size) {
		secrets = nbdt_rekey_resume(&h->keys);
		if (IS_ERR(secrets))
			return fail(conn, PTR_ERR(secrets),
				    "the kernel can't make keys from secrets");
	}
	h->identity = NULL;
	err = nbdt_tls_resume(conn, identity, secrets);
	if (!err)
		conn->sock.rekey_due = secrets && h->keys.is_due;
	return err;
}

/*
 * A path may lead elsewhere by now, a number be another disk's, a partition be another
 * part of it, and the disk have become another volume.
 */
static int check_device(struct nbdt_conn *conn, const struct nbdt_handover *h)
{
	const struct nbdt_disk *disk = &conn->export->disk;

	if (disk->device_id == h->device_id &&
	    nbdt_disk_seq(disk) == h->diskseq &&
	    nbdt_disk_start(disk) == h->start &&
	    !nbdt_disk_is_other(disk, &h->serial))
		return 0;
	return fail(conn, -ESTALE, "its export has another device now");
}

/* A client can't be told that something isn't as it was. */
static int check_limits(struct nbdt_conn *conn, const struct nbdt_handover *h)
{
	struct nbdt_cmd_limits *limits = &conn->limits;

	nbdt_export_limits(conn->export, limits);
	limits->flags = nbdt_proto_flags(limits->flags, conn->mode,
					 h->nr_contexts);
	if (limits->size < h->size ||
	    (limits->flags ^ h->flags) & ~FLAGS_MAY_DIFFER)
		return fail(conn, -ESTALE,
			    "its export isn't what the client was told");
	limits->size = h->size;
	limits->flags = h->flags;
	return 0;
}

static int select_context(struct nbdt_conn *conn,
			  const struct nbdt_handover_context *context)
{
	struct nbdt_query query = {
		.text = context->name,
		.len = strlen(context->name),
	};
	u64 before = conn->contexts, found;

	conn->contexts = nbdt_context_select(&conn->export->disk.content,
					     &query, before);
	found = conn->contexts & ~before;
	if (!found)
		return fail(conn, -ENOENT,
			    "its export lacks a metadata context that the client selected");
	conn->context_ids[__ffs64(found)] = context->id;
	return 0;
}

static int select_contexts(struct nbdt_conn *conn,
			   const struct nbdt_handover *h)
{
	int err = 0;
	u32 i;

	if (!h->nr_contexts)
		return 0;
	conn->context_ids = kcalloc(NBDT_NR_CONTEXTS,
				    sizeof(*conn->context_ids), GFP_KERNEL);
	if (!conn->context_ids)
		return fail(conn, -ENOMEM, "out of memory");
	for (i = 0; i < h->nr_contexts && !err; i++)
		err = select_context(conn, &h->contexts[i]);
	return err;
}

static int attach(struct nbdt_conn *conn, const struct nbdt_handover *h)
{
	struct nbdt_export *export = nbdt_export_get(h->export,
						     strlen(h->export));
	int err;

	if (!export)
		return fail(conn, -ENOENT, "its export isn't there");
	err = nbdt_export_attach(export, &conn->origin, true);
	if (!err)
		nbdt_conn_set_export(conn, export);
	nbdt_export_put(export);
	if (!err)
		return 0;
	return fail(conn, err, err == -ENOMEM ? "out of memory" :
		    "its export is being removed, or its device is gone");
}

static int prepare(struct nbdt_conn *conn, const struct nbdt_handover *h)
{
	WRITE_ONCE(conn->mode, h->mode);
	conn->accepted = jiffies - h->age * HZ / MSEC_PER_SEC;
	if (nbdt_transmit_init(conn))
		return fail(conn, -ENOMEM, "out of memory");
	if (h->unread_len)
		memcpy(conn->rx.buf, h->unread, h->unread_len);
	conn->rx.end = h->unread_len;
	return 0;
}

/* It was read, or won't be. */
static void be_through(struct nbdt_conn *conn)
{
	struct nbdt_handover *h = conn->arrival;

	/* Its state came before: pairs with is_negotiating() in conn.c. */
	smp_store_release(&conn->arrival, NULL);
	/* That is the connection's. */
	h->file = NULL;
	nbdt_handover_free(h);
	atomic_dec(&arriving);
}

/* At the connection's end: it may never have gone on. */
void nbdt_handover_forget(struct nbdt_conn *conn)
{
	if (!conn->arrival)
		return;
	atomic_inc(&lost);
	be_through(conn);
}

/**
 * nbdt_handover_arrive - have a connection go on here
 * @conn: of nbdt_conn_adopt(); the caller is its thread
 *
 * Return: 0 when it is attached to its export and transmission can go on.  An error when
 * it is to be closed; it may be attached even so.  conn->reason says why.
 */
int nbdt_handover_arrive(struct nbdt_conn *conn)
{
	struct nbdt_handover *h = conn->arrival;

	return take_socket(conn) ?: resume_tls(conn, h) ?: prepare(conn, h) ?:
	       attach(conn, h) ?: check_device(conn, h) ?:
	       check_limits(conn, h) ?: select_contexts(conn, h);
}

/* It is in transmission, which who waits for the last one is to find. */
void nbdt_handover_arrived(struct nbdt_conn *conn)
{
	if (conn->arrival)
		be_through(conn);
}
