// SPDX-License-Identifier: GPL-2.0
/*
 * Replies that carry secrets.  The message is the kernel's own copy, which stays in the
 * receiver's queue until he reads it, and is then freed as it is, for others to get its
 * memory.  So it is kept here beyond that: once nobody else has it, it was read, and is
 * wiped.  That is looked for when the next is asked for, and when the receiver's socket is
 * closed, where nobody reads any more.  Of who asks for the next before he has read this
 * one, it goes unwiped.
 *
 * Netlink makes a smaller copy of a message that is much larger than what is in it.  One
 * that fits is sent as it is, so that there is no other.
 */
#include <linux/mutex.h>
#include <linux/netlink.h>
#include <linux/refcount.h>
#include <linux/skbuff.h>
#include <linux/string.h>
#include <net/genetlink.h>

#include "admin/nl_secret.h"

static DEFINE_MUTEX(secret_mutex);	/* guards all of these: */
static struct sk_buff *sent;		/* the last one, or NULL */
static const struct net *receiver_net;	/* only compared */
static u32 receiver;

static void wipe(struct sk_buff *msg)
{
	memzero_explicit(msg->data, msg->len);
}

/* One that wasn't sent. */
void nbdt_nl_secret_free(struct sk_buff *msg)
{
	wipe(msg);
	nlmsg_free(msg);
}

/* The same without room behind it, or NULL; the other is freed in any case. */
struct sk_buff *nbdt_nl_secret_fit(struct sk_buff *msg)
{
	struct sk_buff *fit = alloc_skb(msg->len, GFP_NOIO);

	if (fit)
		skb_put_data(fit, msg->data, msg->len);
	nbdt_nl_secret_free(msg);
	return fit;
}

static void forget_locked(bool closed)
{
	if (!sent)
		return;
	if (closed || refcount_read(&sent->users) == 1)
		wipe(sent);
	kfree_skb(sent);
	sent = NULL;
}

/* Before the next is asked for, and when nothing is sent any more. */
void nbdt_nl_secret_forget(void)
{
	mutex_lock(&secret_mutex);
	forget_locked(false);
	mutex_unlock(&secret_mutex);
}

/**
 * nbdt_nl_secret_reply - send what is wiped when it was read
 * @msg: of nbdt_nl_secret_fit(); it isn't the caller's any more
 * @info: what it answers
 *
 * It counts against the receiver's buffer for as long, which has to end before his
 * socket does: see nbdt_nl_secret_closed().
 *
 * Return: as genlmsg_reply().
 */
int nbdt_nl_secret_reply(struct sk_buff *msg, struct genl_info *info)
{
	int err;

	mutex_lock(&secret_mutex);
	forget_locked(false);
	sent = skb_get(msg);
	receiver_net = genl_info_net(info);
	receiver = info->snd_portid;
	err = genlmsg_reply(msg, info);
	if (err)
		forget_locked(false);
	mutex_unlock(&secret_mutex);
	return err;
}

void nbdt_nl_secret_closed(const struct net *net, u32 portid)
{
	mutex_lock(&secret_mutex);
	if (receiver_net == net && receiver == portid)
		forget_locked(true);
	mutex_unlock(&secret_mutex);
}
