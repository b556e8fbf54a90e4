// SPDX-License-Identifier: GPL-2.0
/*
 * Jobs: commands that may wait, for a device, for requests in flight, or for the
 * module of a driver.
 *
 * A command runs under a lock of generic netlink that a module takes to add a
 * family, and behind such a module everybody on the machine waits who uses generic
 * netlink.  So these commands only begin there: a thread does the rest, and sends
 * the answer in the end, to whoever waits for it outside of that lock.
 *
 * Who owns what.  The job is its thread's, and in the end the reaper's, which waits
 * until the thread has left the module's code, gives the module back, and then
 * answers: whoever hears that it is done may want the module to go.  It has a copy of
 * the message, and keeps the sender's socket and namespace, which it needs for the
 * answer; when nobody waits for that any more, only until it says that it is done with
 * the namespace (nbdt_nl_job_leave()).  The list of those under way is guarded by
 * the mutex, under which they are answered.
 *
 * What ends it.  When the sender's socket is closed, be it that he was killed, nobody
 * waits for the answer any more: the thread is sent a signal, which ends all that it
 * would have ended in the sender.  Numbers of sockets are used again, so there is no
 * answer then.  A thread in a device that hangs stays there, as the sender would have,
 * and its command comes to nothing when the device answers.
 *
 * What bounds it: there is one job for each socket.
 *
 * Credentials, root, and working directory are the kernel's there.  Who may is asked
 * before; the sender's root and credentials are kept for paths (nbdt_nl_job_find()),
 * until it is done with them, too.  The thread puts them back, as that may take long.
 */
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/workqueue.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "admin/nl_job.h"
#include "base/node.h"
#include "base/work.h"
#include "compat/compat.h"

struct job {
	struct list_head node;
	int (*run)(struct sk_buff *skb, struct genl_info *info);
	struct sk_buff *skb;		/* the message, for... */
	struct genl_info info;		/* ...this */
	struct netlink_ext_ack extack;
	struct nlattr **attrs;
	struct sock *by;		/* generic netlink's, of its net */
	int err;			/* what it came to; the thread's, then reap's */
	struct work_struct reap;
	struct nbdt_root root;		/* the sender's; the thread's */

	/* Guarded by jobs_mutex. */
	struct task_struct *task;	/* NULL when it has ended */
	struct net *net;		/* both with references, until nobody... */
	struct sock *asker;		/* ...waits, and it needs them no more */
	bool left_net;
	bool abandoned;
};

/* Guards what follows. */
static DEFINE_MUTEX(jobs_mutex);
static LIST_HEAD(jobs);

/* Nobody has the job, or under the mutex. */
static void put_asker(struct job *job)
{
	if (job->asker)
		sock_put(job->asker);
	if (job->net)
		put_net(job->net);
	job->asker = NULL;
	job->net = NULL;
}

static void job_free(struct job *job)
{
	put_asker(job);
	nbdt_root_put(&job->root);
	consume_skb(job->skb);
	kfree(job->attrs);
	kfree(job);
}

static bool is_abandoned(struct job *job)
{
	bool abandoned;

	mutex_lock(&jobs_mutex);
	abandoned = job->abandoned;
	mutex_unlock(&jobs_mutex);
	return abandoned;
}

/* As netlink does with the result of a command. */
static void answer(struct job *job)
{
	const struct nlmsghdr *nlh = job->info.nlhdr;

	mutex_lock(&jobs_mutex);
	list_del(&job->node);
	if (!job->abandoned && (job->err || nlh->nlmsg_flags & NLM_F_ACK)) {
		/* It is sent by the socket that the message came to. */
		job->skb->sk = job->by;
		netlink_ack(job->skb, nlmsg_hdr(job->skb), job->err,
			    &job->extack);
		job->skb->sk = NULL;
	}
	mutex_unlock(&jobs_mutex);
}

/* Wait until it has left the module's code. */
static void end_thread(struct job *job)
{
	struct task_struct *task = job->task;

	kthread_stop(task);
	mutex_lock(&jobs_mutex);
	job->task = NULL;
	mutex_unlock(&jobs_mutex);
	put_task_struct(task);
}

static void reap(struct work_struct *work)
{
	struct job *job = container_of(work, struct job, reap);
	unsigned int noio = memalloc_noio_save();

	end_thread(job);
	/* Its end waits for this worker. */
	module_put(THIS_MODULE);
	answer(job);
	job_free(job);
	memalloc_noio_restore(noio);
}

static int job_thread(void *data)
{
	struct job *job = data;
	unsigned int noio;

	/* Whoever abandoned it before that couldn't send it. */
	allow_kernel_signal(SIGKILL);
	noio = memalloc_noio_save();	/* as in the command: nl.c */
	job->err = is_abandoned(job) ? -EINTR :
				       job->run(job->skb, &job->info);
	/* It may be the last, of a folder that is no more: that waits for its disk. */
	nbdt_root_put(&job->root);
	memalloc_noio_restore(noio);
	queue_work(nbdt_control_wq, &job->reap);
	return 0;
}

/* The attributes of ORIGINAL, in the copy of its message. */
static int copy_attrs(struct job *job, const struct genl_info *original,
		      unsigned int maxattr)
{
	const void *from = original->nlhdr;
	void *to = nlmsg_hdr(job->skb);
	unsigned int i;

	job->attrs = kcalloc(maxattr + 1, sizeof(*job->attrs), GFP_KERNEL);
	if (!job->attrs)
		return -ENOMEM;
	for (i = 0; i <= maxattr; i++) {
		if (original->attrs[i])
			job->attrs[i] = to + ((void *)original->attrs[i] - from);
	}
	return 0;
}

static struct job *job_create(struct sk_buff *skb, struct genl_info *info,
			      unsigned int maxattr)
{
	struct job *job = kzalloc(sizeof(*job), GFP_KERNEL);

	if (!job)
		return NULL;
	job->info = *info;
	job->net = get_net(genl_info_net(info));
	INIT_WORK(&job->reap, reap);
	job->by = skb->sk;
	/* It begins with this message, whatever others it came with. */
	job->skb = skb_copy(skb, GFP_KERNEL);
	if (!job->skb || copy_attrs(job, info, maxattr)) {
		job_free(job);
		return NULL;
	}
	nbdt_root_get(&job->root);
	job->asker = NETLINK_CB(skb).sk;
	sock_hold(job->asker);
	job->info.nlhdr = nlmsg_hdr(job->skb);
	job->info.genlhdr = nlmsg_data(nlmsg_hdr(job->skb));
	job->info.attrs = job->attrs;
	job->info.extack = &job->extack;
	return job;
}

static bool is_by(struct job *job, const struct net *net, u32 portid)
{
	return job->info.snd_portid == portid && job->net == net;
}

/* Unless there is one of the same socket. */
static bool list_job(struct job *job)
{
	struct job *other;

	mutex_lock(&jobs_mutex);
	list_for_each_entry(other, &jobs, node) {
		if (other->asker == job->asker) {
			mutex_unlock(&jobs_mutex);
			return false;
		}
	}
	list_add(&job->node, &jobs);
	mutex_unlock(&jobs_mutex);
	return true;
}

static void unlist_job(struct job *job)
{
	mutex_lock(&jobs_mutex);
	list_del(&job->node);
	mutex_unlock(&jobs_mutex);
}

static int start_job(struct job *job)
{
	struct task_struct *task = kthread_create(job_thread, job, "nbdt_job");

	if (IS_ERR(task))
		return PTR_ERR(task);
	job->task = get_task_struct(task);
	wake_up_process(task);
	return 0;
}

/**
 * nbdt_nl_job_begin - have a command go on where it may wait
 * @skb: of the command
 * @info: the same
 * @maxattr: how many attributes the command knows
 * @run: does it, in a thread of its own; it isn't told before that extack or
 *	attributes of @info are copies.  In a sender who is killed, or has gone, it is
 *	killed
 *
 * Return: what the command is to return: -EINTR, which is no answer, when the thread
 * has begun; -EBUSY when the last of the same socket isn't done; -ENOMEM and such.
 */
int nbdt_nl_job_begin(struct sk_buff *skb, struct genl_info *info,
		      unsigned int maxattr,
		      int (*run)(struct sk_buff *skb, struct genl_info *info))
{
	struct job *job;
	int err;

	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = -ENOMEM;
	job = job_create(skb, info, maxattr);
	if (!job)
		goto err_module;
	job->run = run;
	err = -EBUSY;
	if (!list_job(job)) {
		nbdt_set_err_msg(info->extack,
				 "the last command of this socket isn't answered yet");
		goto err_free;
	}
	err = start_job(job);
	if (err)
		goto err_unlist;
	return -EINTR;

err_unlist:
	unlist_job(job);
err_free:
	job_free(job);
err_module:
	module_put(THIS_MODULE);
	return err;
}

/**
 * nbdt_nl_job_reply - send a reply from within a job, before its end is answered
 * @info: what the job was run with
 * @msg: the reply
 *
 * Return: 0; -ESHUTDOWN when nobody waits for it any more, -errno when it can't be
 * sent.
 */
int nbdt_nl_job_reply(struct genl_info *info, struct sk_buff *msg)
{
	struct job *job = container_of(info, struct job, info);
	int err = -ESHUTDOWN;

	mutex_lock(&jobs_mutex);
	if (!job->abandoned)
		err = genlmsg_reply(msg, info);
	else
		nlmsg_free(msg);
	mutex_unlock(&jobs_mutex);
	return err;
}

/**
 * nbdt_nl_job_find - look up a path as its sender would
 * @info: what the job was run with
 * @path: of a block device, beginning with '/'
 *
 * Before nbdt_nl_job_leave().
 *
 * Return: what there is.
 */
struct nbdt_node nbdt_nl_job_find(struct genl_info *info, const char *path)
{
	struct job *job = container_of(info, struct job, info);

	return nbdt_node_find(&job->root, path);
}

/**
 * nbdt_nl_job_leave - the rest of a job has nothing to do with who sent it
 * @info: what the job was run with
 *
 * Before it waits for a device that may hang: the file system of the sender's root
 * goes without it, and so does his namespace, once he has gone.
 */
void nbdt_nl_job_leave(struct genl_info *info)
{
	struct job *job = container_of(info, struct job, info);

	nbdt_root_put(&job->root);
	mutex_lock(&jobs_mutex);
	job->left_net = true;
	if (job->abandoned)
		put_asker(job);
	mutex_unlock(&jobs_mutex);
}

/* Is one under way?  Abandoned ones count: they may come to something. */
bool nbdt_nl_job_is_any(void)
{
	bool is_any;

	mutex_lock(&jobs_mutex);
	is_any = !list_empty(&jobs);
	mutex_unlock(&jobs_mutex);
	return is_any;
}

/* The socket of that number is closed: whatever it waits for comes to its end. */
void nbdt_nl_job_abandon(const struct net *net, u32 portid)
{
	struct job *job;

	mutex_lock(&jobs_mutex);
	list_for_each_entry(job, &jobs, node) {
		if (!is_by(job, net, portid) || job->abandoned)
			continue;
		/* It may be of the next socket of that number. */
		if (!sock_flag(job->asker, SOCK_DEAD))
			continue;
		job->abandoned = true;
		if (job->task)
			send_sig(SIGKILL, job->task, 1);
		if (job->left_net)
			put_asker(job);
	}
	mutex_unlock(&jobs_mutex);
}
