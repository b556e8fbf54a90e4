// SPDX-License-Identifier: GPL-2.0
/* Connections that go on in another module, to the program that carries them there. */
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/net.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/tcp.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>
#include <net/sock.h>
#include <net/tcp_states.h>

#include "admin/nl.h"
#include "admin/nl_handover.h"
#include "admin/nl_identity.h"
#include "admin/nl_job.h"
#include "admin/nl_place.h"
#include "admin/nl_secret.h"
#include "base/identity.h"
#include "block/arrival.h"
#include "block/checkpoint.h"
#include "block/export.h"
#include "compat/compat.h"
#include "session/conn.h"
#include "session/front.h"
#include "session/handover.h"
#include "nbdtarget.h"

/* They go where what is read ahead does, which is a page. */
static_assert(NBDTARGET_MAX_UNREAD <= PAGE_SIZE);

/* Which attributes each command takes; all others are refused. */
static const struct nla_policy
handover_begin_policy[NBDTARGET_A_HANDOVER_MAX + 1] = {
	[NBDTARGET_A_HANDOVER_FORMAT] = { .type = NLA_U32 },
};

static const struct nla_policy
handover_claim_policy[NBDTARGET_A_HANDOVER_MAX + 1];

static const struct nla_policy
handover_take_policy[NBDTARGET_A_HANDOVER_MAX + 1];

static const struct nla_policy
handover_end_policy[NBDTARGET_A_HANDOVER_MAX + 1];

static const struct nla_policy
context_policy[NBDTARGET_A_HANDOVER_CONTEXT_MAX + 1] = {
	[NBDTARGET_A_HANDOVER_CONTEXT_ID] =
		NLA_POLICY_MAX(NLA_U32, NBDT_NR_CONTEXTS - 1),
	[NBDTARGET_A_HANDOVER_CONTEXT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_STRING,
	},
};

static const struct nla_policy
handover_give_policy[NBDTARGET_A_HANDOVER_MAX + 1] = {
	[NBDTARGET_A_HANDOVER_FORMAT] = { .type = NLA_U32 },
	[NBDTARGET_A_HANDOVER_FD] = { .type = NLA_U32 },
	[NBDTARGET_A_HANDOVER_ID] = { .type = NLA_U32 },
	[NBDTARGET_A_HANDOVER_EXPORT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_STRING,
	},
	[NBDTARGET_A_HANDOVER_DEVICE_ID] = { .type = NLA_U32 },
	[NBDTARGET_A_HANDOVER_DISKSEQ] = { .type = NLA_U64 },
	[NBDTARGET_A_HANDOVER_DEVICE_START] = { .type = NLA_U64 },
	[NBDTARGET_A_HANDOVER_DEVICE_SERIAL] = {
		.type = NLA_BINARY,
		.len = NBDTARGET_MAX_DEVICE_SERIAL,
	},
	[NBDTARGET_A_HANDOVER_DEVICE_SERIAL_KIND] = { .type = NLA_U32 },
	[NBDTARGET_A_HANDOVER_SIZE] = { .type = NLA_U64 },
	[NBDTARGET_A_HANDOVER_TRANSMISSION_FLAGS] = { .type = NLA_U16 },
	[NBDTARGET_A_HANDOVER_REPLY_MODE] =
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_REPLY_MODE_EXTENDED),
	[NBDTARGET_A_HANDOVER_CONTEXT] = NLA_POLICY_NESTED(context_policy),
	[NBDTARGET_A_HANDOVER_UNREAD] = {
		.type = NLA_BINARY,
		.len = NBDTARGET_MAX_UNREAD,
	},
	[NBDTARGET_A_HANDOVER_LISTENER] =
		NLA_POLICY_NESTED(nbdt_nl_place_policy),
	[NBDTARGET_A_HANDOVER_AGE] = { .type = NLA_U64 },
	[NBDTARGET_A_HANDOVER_TLS_AUTH] =
		NLA_POLICY_MAX(NLA_U32, NBDTARGET_TLS_AUTH_PSK),
	[NBDTARGET_A_HANDOVER_IDENTITY] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_IDENTITY,
	},
	[NBDTARGET_A_HANDOVER_ALT_NAME] = {
		.type = NLA_NUL_STRING,
		.len = NBDTARGET_MAX_ALT_NAME,
	},
	[NBDTARGET_A_HANDOVER_RX_SECRET] = {
		.type = NLA_BINARY,
		.len = NBDTARGET_MAX_TLS_SECRET,
	},
	[NBDTARGET_A_HANDOVER_TX_SECRET] = {
		.type = NLA_BINARY,
		.len = NBDTARGET_MAX_TLS_SECRET,
	},
	[NBDTARGET_A_HANDOVER_RX_REKEYS] = { .type = NLA_U32 },
	[NBDTARGET_A_HANDOVER_TX_REKEYS] = { .type = NLA_U32 },
	[NBDTARGET_A_HANDOVER_REKEY_DUE] = { .type = NLA_FLAG },
	[NBDTARGET_A_HANDOVER_REKEY_SENT] = { .type = NLA_FLAG },
	[NBDTARGET_A_HANDOVER_REKEY_ASKS] = { .type = NLA_FLAG },
	[NBDTARGET_A_HANDOVER_REKEY_ASKED] = { .type = NLA_U64 },
};

static int check_format(struct genl_info *info)
{
	struct nlattr *attr = info->attrs[NBDTARGET_A_HANDOVER_FORMAT];

	if (attr && nla_get_u32(attr) == NBDTARGET_HANDOVER_FORMAT)
		return 0;
	nbdt_set_err_msg(info->extack,
			 "this module hands connections over in format %u",
			 NBDTARGET_HANDOVER_FORMAT);
	return -EPROTONOSUPPORT;
}

/* --- Away --- */

static int claim(struct genl_info *info)
{
	struct nbdt_handover_program by;
	int err;

	if (nbdt_nl_job_is_any()) {
		nbdt_set_err_msg(info->extack,
				 "a command of somebody else is still under way");
		return -EAGAIN;
	}
	/* Either may take as long as a device does, and the module can't go before. */
	if (nbdt_export_closing_count()) {
		nbdt_set_err_msg(info->extack,
				 "an export that was removed is still being closed");
		return -EAGAIN;
	}
	if (nbdt_arrival_is_any()) {
		nbdt_set_err_msg(info->extack,
				 "a device that may be what an export waits for is still being opened");
		return -EAGAIN;
	}
	/* Who holds it couldn't end it any more. */
	if (nbdt_checkpoint_is_any_held()) {
		nbdt_set_err_msg(info->extack,
				 "a checkpoint is held by somebody else");
		return -EAGAIN;
	}
	err = nbdt_handover_claim(genl_info_net(info), info->snd_portid, &by);
	if (err)
		nbdt_set_err_msg(info->extack,
				 "process %d (%s) is replacing the module",
				 by.pid, by.name);
	return err;
}

static int handover_claim(struct sk_buff *skb, struct genl_info *info)
{
	int err;

	nbdt_nl_changes_stop();
	err = claim(info);
	nbdt_nl_changes_go_on();
	return err;
}

static int handover_begin(struct sk_buff *skb, struct genl_info *info)
{
	const struct nbdt_conn_filter fresh = { .negotiating = true };
	int err = check_format(info);

	if (err)
		return err;
	err = nbdt_handover_begin(genl_info_net(info), info->snd_portid);
	if (err) {
		nbdt_set_err_msg(info->extack,
				 "the module wasn't claimed by this socket");
		return err;
	}
	/* Nobody comes any more; who is through with negotiation leaves. */
	nbdt_front_remove_all();
	nbdt_conn_kill_matching(&fresh, "module is being replaced");
	nbdt_conn_part_all(true);
	return 0;
}

static size_t size_of(const struct nbdt_handover *h)
{
	const struct nbdt_identity *identity = h->identity;
	size_t size = 2048 + strlen(h->export) + h->unread_len;
	u32 i;

	for (i = 0; i < h->nr_contexts; i++)
		size += strlen(h->contexts[i].name) + 32;
	if (identity && identity->name)
		size += strlen(identity->name);
	for (i = 0; identity && i < identity->nr_alt_names; i++)
		size += strlen(identity->alt_names[i]) + 8;
	return size;
}

static int put_contexts(struct sk_buff *msg, const struct nbdt_handover *h)
{
	struct nlattr *nest;
	u32 i;

	for (i = 0; i < h->nr_contexts; i++) {
		nest = nla_nest_start(msg, NBDTARGET_A_HANDOVER_CONTEXT);
		if (!nest ||
		    nla_put_u32(msg, NBDTARGET_A_HANDOVER_CONTEXT_ID,
				h->contexts[i].id) ||
		    nla_put_string(msg, NBDTARGET_A_HANDOVER_CONTEXT_NAME,
				   h->contexts[i].name))
			return -EMSGSIZE;
		nla_nest_end(msg, nest);
	}
	return 0;
}

/* As listener-add has it: the namespace is that of the socket. */
static int put_place(struct sk_buff *msg, const struct nbdt_place *place)
{
	const struct sockaddr_in6 *in6 = (const void *)&place->addr;
	struct nlattr *nest = nla_nest_start(msg, NBDTARGET_A_HANDOVER_LISTENER);

	if (!nest)
		return -EMSGSIZE;
	if (place->wildcard ?
	    nla_put_u16(msg, NBDTARGET_A_LISTENER_PORT,
			ntohs(in6->sin6_port)) :
	    nbdt_nl_put_address(msg, &place->addr, NBDTARGET_A_LISTENER_ADDRESS,
				NBDTARGET_A_LISTENER_PORT))
		return -EMSGSIZE;
	if (place->addr.ss_family == AF_INET6 && in6->sin6_scope_id &&
	    nla_put_u32(msg, NBDTARGET_A_LISTENER_IFINDEX,
			in6->sin6_scope_id))
		return -EMSGSIZE;
	nla_nest_end(msg, nest);
	return 0;
}

static int put_flag(struct sk_buff *msg, int attr, bool set)
{
	return set ? nla_put_flag(msg, attr) : 0;
}

static int put_keys(struct sk_buff *msg, const struct nbdt_rekey_state *keys)
{
	if (!keys->size)
		return 0;
	if (nla_put(msg, NBDTARGET_A_HANDOVER_RX_SECRET, keys->size,
		    keys->secret[false]) ||
	    nla_put(msg, NBDTARGET_A_HANDOVER_TX_SECRET, keys->size,
		    keys->secret[true]) ||
	    nla_put_u32(msg, NBDTARGET_A_HANDOVER_RX_REKEYS,
			keys->count[false]) ||
	    nla_put_u32(msg, NBDTARGET_A_HANDOVER_TX_REKEYS,
			keys->count[true]) ||
	    put_flag(msg, NBDTARGET_A_HANDOVER_REKEY_DUE, keys->is_due) ||
	    put_flag(msg, NBDTARGET_A_HANDOVER_REKEY_SENT, keys->is_sent) ||
	    put_flag(msg, NBDTARGET_A_HANDOVER_REKEY_ASKS, keys->asks) ||
	    (keys->has_asked &&
	     nla_put_u64_64bit(msg, NBDTARGET_A_HANDOVER_REKEY_ASKED,
			       keys->asked_at, NBDTARGET_A_HANDOVER_PAD)))
		return -EMSGSIZE;
	return 0;
}

static int put_tls(struct sk_buff *msg, const struct nbdt_handover *h)
{
	const struct nbdt_identity *identity = h->identity;
	u32 i;

	if (!identity)
		return 0;
	if (nla_put_u32(msg, NBDTARGET_A_HANDOVER_TLS_AUTH, identity->auth) ||
	    (identity->name &&
	     nla_put_string(msg, NBDTARGET_A_HANDOVER_IDENTITY,
			    identity->name)))
		return -EMSGSIZE;
	for (i = 0; i < identity->nr_alt_names; i++)
		if (nla_put_string(msg, NBDTARGET_A_HANDOVER_ALT_NAME,
				   identity->alt_names[i]))
			return -EMSGSIZE;
	return put_keys(msg, &h->keys);
}

/* What it is known by, if it is. */
static int put_serial(struct sk_buff *msg, const struct nbdt_serial *serial)
{
	if (!serial->len)
		return 0;
	if (nla_put(msg, NBDTARGET_A_HANDOVER_DEVICE_SERIAL, serial->len,
		    serial->id) ||
	    nla_put_u32(msg, NBDTARGET_A_HANDOVER_DEVICE_SERIAL_KIND,
			serial->kind))
		return -EMSGSIZE;
	return 0;
}

static int put_handover(struct sk_buff *msg, const struct nbdt_handover *h,
			int fd)
{
	const int pad = NBDTARGET_A_HANDOVER_PAD;

	if (nla_put_u32(msg, NBDTARGET_A_HANDOVER_FORMAT,
			NBDTARGET_HANDOVER_FORMAT) ||
	    nla_put_u32(msg, NBDTARGET_A_HANDOVER_FD, fd) ||
	    nla_put_u32(msg, NBDTARGET_A_HANDOVER_ID, h->id) ||
	    nla_put_string(msg, NBDTARGET_A_HANDOVER_EXPORT_NAME, h->export) ||
	    nla_put_u32(msg, NBDTARGET_A_HANDOVER_DEVICE_ID, h->device_id) ||
	    nla_put_u64_64bit(msg, NBDTARGET_A_HANDOVER_DISKSEQ, h->diskseq, pad) ||
	    nla_put_u64_64bit(msg, NBDTARGET_A_HANDOVER_DEVICE_START, h->start,
			      pad) ||
	    put_serial(msg, &h->serial) ||
	    nla_put_u64_64bit(msg, NBDTARGET_A_HANDOVER_SIZE, h->size, pad) ||
	    nla_put_u16(msg, NBDTARGET_A_HANDOVER_TRANSMISSION_FLAGS,
			h->flags) ||
	    nla_put_u32(msg, NBDTARGET_A_HANDOVER_REPLY_MODE, h->mode) ||
	    nla_put_u64_64bit(msg, NBDTARGET_A_HANDOVER_AGE, h->age, pad) ||
	    (h->unread_len && nla_put(msg, NBDTARGET_A_HANDOVER_UNREAD,
				      h->unread_len, h->unread)) ||
	    put_contexts(msg, h) || put_place(msg, &h->place) ||
	    put_tls(msg, h))
		return -EMSGSIZE;
	return 0;
}

static struct sk_buff *take_reply(struct genl_info *info,
				  const struct nbdt_handover *h, int fd)
{
	struct sk_buff *msg = genlmsg_new(size_of(h), GFP_NOIO);
	void *head;

	if (!msg)
		return NULL;
	head = genlmsg_put_reply(msg, info, &nbdt_nl_family, 0,
				 NBDTARGET_CMD_HANDOVER_TAKE);
	if (!head || put_handover(msg, h, fd)) {
		nbdt_nl_secret_free(msg);
		return NULL;
	}
	genlmsg_end(msg, head);
	return nbdt_nl_secret_fit(msg);
}

static int take_error(struct genl_info *info, int err)
{
	nbdt_set_err_msg(info->extack, "%s",
			 err == -EAGAIN ? "none has left yet" :
			 err == -ENODATA ? "none is there any more" :
			 "another hands connections over, or nobody");
	return err;
}

/* One that was taken and can't be given to the program is closed. */
static int handover_take(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_handover *h;
	struct sk_buff *msg;
	int fd, err;

	nbdt_nl_secret_forget();
	fd = get_unused_fd_flags(O_CLOEXEC);
	if (fd < 0)
		return fd;
	err = nbdt_handover_take(genl_info_net(info), info->snd_portid, &h);
	if (err) {
		put_unused_fd(fd);
		return take_error(info, err);
	}
	msg = take_reply(info, h, fd);
	if (msg) {
		fd_install(fd, h->file);
		h->file = NULL;
		err = nbdt_nl_secret_reply(msg, info);
		/* The program doesn't know of it. */
		if (err)
			close_fd(fd);
	} else {
		put_unused_fd(fd);
		err = -ENOMEM;
	}
	nbdt_handover_free(h);
	return err;
}

/* --- Here --- */

static int is_needed(struct genl_info *info, const char *what)
{
	nbdt_set_err_msg(info->extack, "%s is missing", what);
	return -EINVAL;
}

static bool is_tcp(const struct sock *sk)
{
	return sk->sk_type == SOCK_STREAM && sk->sk_protocol == IPPROTO_TCP &&
	       (sk->sk_family == AF_INET || sk->sk_family == AF_INET6);
}

/* The file of a descriptor of the caller, if it is a connection by TCP. */
static int get_file_of(struct genl_info *info, struct nbdt_handover *h)
{
	struct nlattr *attr = info->attrs[NBDTARGET_A_HANDOVER_FD];
	struct socket *sock;

	if (!attr)
		return is_needed(info, "the socket");
	h->file = fget(nla_get_u32(attr));
	if (!h->file) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr,
				    "there is no such descriptor");
		return -EBADF;
	}
	sock = sock_from_file(h->file);
	if (!sock || !is_tcp(sock->sk)) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "it isn't a TCP socket");
		return -ENOTSOCK;
	}
	if (!((1 << READ_ONCE(sock->sk->sk_state)) &
	      (TCPF_ESTABLISHED | TCPF_CLOSE_WAIT))) {
		NL_SET_ERR_MSG_ATTR(info->extack, attr, "it isn't connected");
		return -ENOTCONN;
	}
	return 0;
}

static void get_serial(struct genl_info *info, struct nbdt_serial *serial)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_HANDOVER_DEVICE_SERIAL];
	struct nlattr *kind =
		info->attrs[NBDTARGET_A_HANDOVER_DEVICE_SERIAL_KIND];

	if (!id || !kind)
		return;
	serial->kind = nla_get_u32(kind);
	serial->len = nla_len(id);
	memcpy(serial->id, nla_data(id), serial->len);
}

static int get_disk(struct genl_info *info, struct nbdt_handover *h)
{
	struct nlattr *id = info->attrs[NBDTARGET_A_HANDOVER_DEVICE_ID];
	struct nlattr *seq = info->attrs[NBDTARGET_A_HANDOVER_DISKSEQ];
	struct nlattr *start = info->attrs[NBDTARGET_A_HANDOVER_DEVICE_START];

	if (!id || !seq || !start)
		return is_needed(info, "the export's device");
	h->device_id = nla_get_u32(id);
	h->diskseq = nla_get_u64(seq);
	h->start = nla_get_u64(start);
	get_serial(info, &h->serial);
	return 0;
}

static int get_export(struct genl_info *info, struct nbdt_handover *h)
{
	struct nlattr *size = info->attrs[NBDTARGET_A_HANDOVER_SIZE];
	struct nlattr *flags =
		info->attrs[NBDTARGET_A_HANDOVER_TRANSMISSION_FLAGS];
	struct nlattr *mode = info->attrs[NBDTARGET_A_HANDOVER_REPLY_MODE];
	const char *name = nbdt_nl_string(info, NBDTARGET_A_HANDOVER_EXPORT_NAME);

	if (!name || !size || !flags || !mode)
		return is_needed(info, "what was agreed on");
	h->size = nla_get_u64(size);
	h->flags = nla_get_u16(flags);
	h->mode = nla_get_u32(mode);
	h->export = kstrdup(name, GFP_KERNEL);
	return h->export ? 0 : -ENOMEM;
}

static int get_unread(struct genl_info *info, struct nbdt_handover *h)
{
	struct nlattr *attr = info->attrs[NBDTARGET_A_HANDOVER_UNREAD];

	if (!attr || !nla_len(attr))
		return 0;
	h->unread = nla_memdup(attr, GFP_KERNEL);
	h->unread_len = nla_len(attr);
	return h->unread ? 0 : -ENOMEM;
}

static int get_context(struct genl_info *info, struct nlattr *nest,
		       struct nbdt_handover *h)
{
	struct nlattr *attrs[NBDTARGET_A_HANDOVER_CONTEXT_MAX + 1];
	struct nlattr *id, *name;
	char *copy;
	int err;

	err = nbdt_nl_parse_nest(attrs, NBDTARGET_A_HANDOVER_CONTEXT_MAX, nest,
				 context_policy, info->extack);
	if (err)
		return err;
	id = attrs[NBDTARGET_A_HANDOVER_CONTEXT_ID];
	name = attrs[NBDTARGET_A_HANDOVER_CONTEXT_NAME];
	if (!id || !name)
		return is_needed(info, "a context's number or name");
	if (h->nr_contexts == NBDT_NR_CONTEXTS) {
		NL_SET_ERR_MSG_ATTR(info->extack, nest, "too many contexts");
		return -E2BIG;
	}
	copy = kstrdup(nla_data(name), GFP_KERNEL);
	if (!copy)
		return -ENOMEM;
	h->contexts[h->nr_contexts++] = (struct nbdt_handover_context) {
		.id = nla_get_u32(id),
		.name = copy,
	};
	return 0;
}

static int get_contexts(struct genl_info *info, struct nbdt_handover *h)
{
	struct nlattr *attr;
	int rem, err = 0;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) == NBDTARGET_A_HANDOVER_CONTEXT)
			err = get_context(info, attr, h);
		if (err)
			return err;
	}
	return 0;
}

static int get_place(struct genl_info *info, struct nbdt_handover *h)
{
	struct nlattr *nest = info->attrs[NBDTARGET_A_HANDOVER_LISTENER];
	struct nlattr *age = info->attrs[NBDTARGET_A_HANDOVER_AGE];
	int err;

	if (!nest)
		return is_needed(info, "the listener's place");
	err = nbdt_nl_get_place(info, nest, &h->place);
	h->place.net = sock_net(sock_from_file(h->file)->sk)->net_cookie;
	h->age = age ? nla_get_u64(age) : 0;
	return err;
}

static u32 get_count(struct genl_info *info, int attr)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : 0;
}

static int get_keys(struct genl_info *info, struct nbdt_rekey_state *keys)
{
	struct nlattr *rx = info->attrs[NBDTARGET_A_HANDOVER_RX_SECRET];
	struct nlattr *tx = info->attrs[NBDTARGET_A_HANDOVER_TX_SECRET];
	struct nlattr *asked = info->attrs[NBDTARGET_A_HANDOVER_REKEY_ASKED];

	if (!rx && !tx)
		return 0;
	if (!rx || !tx || nla_len(rx) != nla_len(tx) || !nla_len(rx)) {
		nbdt_set_err_msg(info->extack,
				 "secrets come for both directions, of one length");
		return -EINVAL;
	}
	keys->size = nla_len(rx);
	memcpy(keys->secret[false], nla_data(rx), keys->size);
	memcpy(keys->secret[true], nla_data(tx), keys->size);
	keys->count[false] = get_count(info, NBDTARGET_A_HANDOVER_RX_REKEYS);
	keys->count[true] = get_count(info, NBDTARGET_A_HANDOVER_TX_REKEYS);
	keys->is_due = info->attrs[NBDTARGET_A_HANDOVER_REKEY_DUE];
	keys->is_sent = info->attrs[NBDTARGET_A_HANDOVER_REKEY_SENT];
	keys->asks = info->attrs[NBDTARGET_A_HANDOVER_REKEY_ASKS];
	keys->has_asked = asked;
	keys->asked_at = asked ? nla_get_u64(asked) : 0;
	return 0;
}

static int get_tls(struct genl_info *info, struct nbdt_handover *h)
{
	struct nlattr *auth = info->attrs[NBDTARGET_A_HANDOVER_TLS_AUTH];

	if (!auth)
		return 0;
	return nbdt_nl_get_identity(info, nla_get_u32(auth),
				    NBDTARGET_A_HANDOVER_IDENTITY,
				    NBDTARGET_A_HANDOVER_ALT_NAME,
				    &h->identity) ?:
	       get_keys(info, &h->keys);
}

static int get_all(struct genl_info *info, struct nbdt_handover *h)
{
	return get_file_of(info, h) ?: get_export(info, h) ?:
	       get_disk(info, h) ?:
	       get_unread(info, h) ?: get_contexts(info, h) ?:
	       get_place(info, h) ?: get_tls(info, h);
}

static int give(struct genl_info *info, struct nbdt_handover *h)
{
	int err = get_all(info, h);

	if (err)
		return err;
	nbdt_handover_note_given();
	err = nbdt_front_adopt(h);
	if (err)
		nbdt_handover_note_refused();
	return err;
}

static int handover_give(struct sk_buff *skb, struct genl_info *info)
{
	struct nbdt_handover *h;
	int err = check_format(info);

	if (!err) {
		h = nbdt_handover_alloc();
		err = h ? give(info, h) : -ENOMEM;
		if (err)
			nbdt_handover_free(h);
	}
	nbdt_nl_wipe(info->attrs[NBDTARGET_A_HANDOVER_RX_SECRET]);
	nbdt_nl_wipe(info->attrs[NBDTARGET_A_HANDOVER_TX_SECRET]);
	return err;
}

static int handover_end(struct sk_buff *skb, struct genl_info *info)
{
	u32 lost;

	if (!nbdt_handover_is_over(&lost)) {
		nbdt_set_err_msg(info->extack, "some have yet to go on");
		return -EAGAIN;
	}
	return nbdt_nl_reply_number(info, NBDTARGET_CMD_HANDOVER_END,
				    NBDTARGET_A_HANDOVER_LOST, lost);
}

static const struct genl_ops ops[] = {
	{ NBDT_NL_ANYTIME_OP(HANDOVER_CLAIM, HANDOVER, handover_claim),
	  .doit = handover_claim },
	{ NBDT_NL_OP(HANDOVER_BEGIN, HANDOVER, handover_begin),
	  .doit = handover_begin },
	{ NBDT_NL_OP(HANDOVER_TAKE, HANDOVER, handover_take),
	  .doit = handover_take },
	{ NBDT_NL_OP(HANDOVER_GIVE, HANDOVER, handover_give),
	  .doit = handover_give },
	{ NBDT_NL_OP(HANDOVER_END, HANDOVER, handover_end),
	  .doit = handover_end },
};

const struct nbdt_nl_ops nbdt_nl_handover = { ops, ARRAY_SIZE(ops) };
