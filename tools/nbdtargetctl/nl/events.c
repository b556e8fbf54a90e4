// SPDX-License-Identifier: GPL-2.0
/*
 * The module's events, through its coming and going. Each time that it is loaded its
 * family and groups have other numbers. The controller of generic netlink tells them,
 * but what comes faster than it is read is lost, and then so may that be: whoever is in
 * the group of a module that is no more, or waits for the number of one, hears nothing
 * for ever. So after a loss the kernel is asked which there is.
 *
 * Not at once. While anything is still in the queue the kernel drops what comes, and
 * doesn't say so again: only once nothing is left is all heard that comes after. What
 * was told of before that, and is heard after the question, is known by its number.
 *
 * Asking never loads the module: whoever has unloaded it wouldn't see why it is back.
 */
#include <errno.h>
#include <linux/genetlink.h>
#include <sys/socket.h>

#include "nl/events.h"

static int join(struct nl_events *e, uint32_t group)
{
	return mnl_socket_setsockopt(e->socket, NETLINK_ADD_MEMBERSHIP,
				     &group, sizeof(group));
}

/* There is this module now.  One that goes again before it is joined isn't there. */
static unsigned int follow(struct nl_events *e, const struct nl_family *now)
{
	unsigned int changes = e->family ? NL_WENT : 0;

	if (now->id == e->family)
		return 0;
	e->family = 0;
	if (!now->id || join(e, now->groups[e->group]))
		return changes;
	e->family = now->id;
	return changes | NL_CAME;
}

/* What a message of the controller says of the module. */
unsigned int nl_events_controller(struct nl_events *e, const struct nlmsghdr *nlh)
{
	const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
	static const struct nl_family none;
	struct nl_family family;

	if (!nl_family_parse(nlh, &family))
		return 0;
	if (genl->cmd == CTRL_CMD_NEWFAMILY)
		return follow(e, &family);
	if (genl->cmd == CTRL_CMD_DELFAMILY && family.id == e->family)
		return follow(e, &none);
	return 0;
}

/* Again, when the kernel can't say it now. */
static unsigned int catch_up(struct nl_events *e)
{
	struct nl_family family;

	if (nl_look(e->nl, &family))
		return 0;
	e->lost = false;
	return follow(e, &family);
}

/*
 * How much came, in BUF, of NL_BUFFER_SIZE; 0 for nothing; less: errno. What else there
 * is to know is in NEWS. As long as something was lost this is to be asked again and
 * again, whether or not there is anything.
 */
ssize_t nl_events_receive(struct nl_events *e, char *buf, unsigned int *news)
{
	ssize_t n = mnl_socket_recvfrom(e->socket, buf, NL_BUFFER_SIZE);

	*news = 0;
	if (n < 0 && errno == ENOBUFS) {
		e->lost = true;
		*news = NL_LOST;
		return 0;
	}
	if (n >= 0 || (errno != EAGAIN && errno != EINTR))
		return n;
	if (errno == EAGAIN && e->lost)
		*news = catch_up(e);
	return 0;
}

/*
 * 0, or -1 and errno.  The controller is heard before it is asked, so that nothing is
 * missed between; its own group has the number of its family.
 */
int nl_events_open(struct nl_events *e, struct nl *nl, enum nl_group group)
{
	struct nl_family family;
	int on = 1;

	e->nl = nl;
	e->group = group;
	nl_keep_out(nl);
	e->socket = mnl_socket_open2(NETLINK_GENERIC,
				     SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!e->socket ||
	    mnl_socket_bind(e->socket, 0, MNL_SOCKET_AUTOPID) < 0 ||
	    join(e, GENL_ID_CTRL) || nl_look(nl, &family))
		return -1;
	/* What is lost here the module else takes for told to nobody. */
	mnl_socket_setsockopt(e->socket, NETLINK_BROADCAST_ERROR, &on, sizeof(on));
	follow(e, &family);
	return family.id && !e->family && errno == EPERM ? -1 : 0;
}

void nl_events_close(struct nl_events *e)
{
	if (e->socket)
		mnl_socket_close(e->socket);
	e->socket = NULL;
}
