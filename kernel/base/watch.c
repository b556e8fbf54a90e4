// SPDX-License-Identifier: GPL-2.0
/*
 * Watching disks: whether one has become another, with another size, another
 * table, another medium.
 *
 * The kernel has no call for that, but tells of it: by uevents, from within
 * whatever changes the disk, before that returns.  So we listen to these as udev
 * does, by a socket, but look at each at once, in the context of who sends it:
 * there is no moment in which a disk has changed for who changed it and not for
 * us.  An event that was lost, for want of memory, may have been about any disk.
 *
 * What user space makes up by writing to a file "uevent", as udev does when a
 * program has closed a device, says nothing of the disk and carries a mark.
 *
 * The socket belongs to the module, from its beginning to its end.  Events come in
 * any task's context, under locks of netlink's; a spin lock guards the list of those
 * who watch.
 */
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/netlink.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <net/net_namespace.h>
#include <net/sock.h>

#include "base/watch.h"
#include "compat/compat.h"

/* Of the events of the kernel itself. */
#define KERNEL_GROUP	1

/* Guards what follows, but the flags in it. */
static DEFINE_SPINLOCK(lock);
static LIST_HEAD(watches);

static struct socket *uevents;
static void (*arrived)(dev_t dev);
static void (*changed)(void);

/* What an event says that matters. */
struct event {
	bool block;
	bool add;
	bool change;
	bool made_up;
	unsigned int major;
	unsigned int minor;
};

static void read_line(const char *line, struct event *event)
{
	if (!strcmp(line, "SUBSYSTEM=block"))
		event->block = true;
	else if (!strcmp(line, "ACTION=add"))
		event->add = true;
	else if (!strcmp(line, "ACTION=change"))
		event->change = true;
	else if (strstarts(line, "SYNTH_UUID="))
		event->made_up = true;
	else if (sscanf(line, "MAJOR=%u", &event->major) != 1)
		sscanf(line, "MINOR=%u", &event->minor);
}

/* Lines that end with a NUL each. */
static struct event read_event(const char *data, unsigned int len)
{
	struct event event = {};
	const char *end = data + len;
	size_t line;

	for (; data < end; data += line + 1) {
		line = strnlen(data, end - data);
		if (line == end - data)
			break;
		read_line(data, &event);
	}
	return event;
}

/* DEV has changed; 0: any may have. */
static void tell(dev_t dev)
{
	struct nbdt_watch *watch;
	bool watched = false;

	spin_lock_bh(&lock);
	list_for_each_entry(watch, &watches, node) {
		if (!dev || watch->dev == dev) {
			WRITE_ONCE(watch->changed, true);
			watched = true;
		}
	}
	spin_unlock_bh(&lock);
	if (watched)
		changed();
}

static void event_came(struct sock *sk)
{
	struct sk_buff *skb;
	struct event event;

	while ((skb = skb_dequeue(&sk->sk_receive_queue))) {
		event = read_event(skb->data, skb_headlen(skb));
		if (event.block && event.change && !event.made_up)
			tell(MKDEV(event.major, event.minor));
		if (event.block && event.add && !event.made_up)
			arrived(MKDEV(event.major, event.minor));
		consume_skb(skb);
	}
}

/*
 * In this order: until somebody has read that something was lost, nothing more
 * comes, and what was lost before may have been anything.
 */
static void event_lost(struct sock *sk)
{
	struct msghdr msg = {};

	kernel_recvmsg(uevents, &msg, NULL, 0, 0, MSG_DONTWAIT);
	tell(0);
	arrived(0);
}

/**
 * nbdt_watch_begin - be told of changes of a disk
 * @watch: the caller's, until nbdt_watch_end()
 * @dev: the disk as a whole, which is open
 */
void nbdt_watch_begin(struct nbdt_watch *watch, dev_t dev)
{
	watch->dev = dev;
	watch->changed = false;
	spin_lock_bh(&lock);
	list_add(&watch->node, &watches);
	spin_unlock_bh(&lock);
}

void nbdt_watch_end(struct nbdt_watch *watch)
{
	spin_lock_bh(&lock);
	list_del(&watch->node);
	spin_unlock_bh(&lock);
}

/**
 * nbdt_watch_init - begin to listen
 * @device_arrived: called for each block device that comes, and with 0 when some
 *	may have unseen; in the context of whoever makes it come; mustn't wait
 * @disk_changed: called when a disk that somebody watches has, or may have; the same
 *
 * Return: 0 or -errno.
 */
int nbdt_watch_init(void (*device_arrived)(dev_t dev),
		    void (*disk_changed)(void))
{
	struct sockaddr_nl addr = {
		.nl_family = AF_NETLINK,
		.nl_groups = KERNEL_GROUP,
	};
	int err;

	arrived = device_arrived;
	changed = disk_changed;
	err = sock_create_kern(&init_net, PF_NETLINK, SOCK_RAW,
			       NETLINK_KOBJECT_UEVENT, &uevents);
	if (err)
		return err;
	lock_sock(uevents->sk);
	uevents->sk->sk_data_ready = event_came;
	uevents->sk->sk_error_report = event_lost;
	release_sock(uevents->sk);
	err = nbdt_compat_bind(uevents, &addr, sizeof(addr));
	/* To the kernel: what programs send to this socket alone is refused. */
	addr.nl_groups = 0;
	if (!err)
		err = nbdt_compat_connect(uevents, &addr, sizeof(addr));
	if (err)
		sock_release(uevents);
	return err;
}

/* Nobody watches any more. */
void nbdt_watch_exit(void)
{
	/* Waits for those who are sending events. */
	sock_release(uevents);
}
