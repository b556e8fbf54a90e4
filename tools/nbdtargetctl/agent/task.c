// SPDX-License-Identifier: GPL-2.0
/* What the module asks the agent for, and is told: a handshake, and its end. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/log.h"
#include "agent/task.h"
#include "nbdtarget.h"
#include "nl/attr.h"
#include "nl/nl.h"

#define FIELD(type_, kind_, key_, member_) {			\
	.type = NBDTARGET_A_TLS_##type_, .kind = ATTR_##kind_,	\
	.key = key_, .offset = offsetof(struct task, member_) }

static const struct attr_field fields[] = {
	FIELD(CONN_ID, NUMBER, "conn-id", conn),
	FIELD(FD, NUMBER, "fd", fd),
	FIELD(PEER_ADDRESS, ADDRESS, "peer-address", peer),
	FIELD(PEER_PORT, NUMBER, "peer-port", peer_port),
	FIELD(TIMEOUT, NUMBER, "timeout", timeout),
};

static const struct attr_set task_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct task)
};

/*
 * Takes one from the kernel; 0 or a negative errno: EAGAIN when it has none,
 * ENOPKG when there is no kernel module any more.
 */
int task_accept(struct tool *t, struct task *task)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_TLS_ACCEPT);
	struct nl_reply reply = { 0 };
	int ret = nl_do(t->nl, nlh, &reply);

	memset(task, 0, sizeof(*task));
	nlh = nl_reply_next(&reply, NULL);
	if (!ret && nlh) {
		attr_parse(&task_attrs, nlh, task);
		task->family = nlh->nlmsg_type;
	}
	nl_reply_free(&reply);
	return ret;
}

static void put_proof(struct nlmsghdr *nlh, const struct proof *proof)
{
	size_t i;

	mnl_attr_put_u32(nlh, NBDTARGET_A_TLS_AUTH, proof->auth);
	if (proof->name)
		mnl_attr_put_strz(nlh, NBDTARGET_A_TLS_IDENTITY, proof->name);
	for (i = 0; i < proof->n_alt_names; i++)
		mnl_attr_put_strz(nlh, NBDTARGET_A_TLS_ALT_NAME,
				  proof->alt_names[i]);
}

/* What keys can be made of later on; with TLS 1.2 there is nothing. */
static void put_secrets(struct nlmsghdr *nlh, const struct secrets *secrets)
{
	if (!secrets->rx_size || !secrets->tx_size)
		return;
	mnl_attr_put(nlh, NBDTARGET_A_TLS_RX_SECRET, secrets->rx_size,
		     secrets->rx);
	mnl_attr_put(nlh, NBDTARGET_A_TLS_TX_SECRET, secrets->tx_size,
		     secrets->tx);
}

/* 0 or a negative errno. */
static int report(struct tool *t, const struct handshake *h, const char *text,
		  const struct secrets *secrets)
{
	struct nlmsghdr *nlh = nl_request(t->nl, NBDTARGET_CMD_TLS_DONE);
	char copy[NBDTARGET_MAX_REASON + 1];
	int ret;

	mnl_attr_put_u32(nlh, NBDTARGET_A_TLS_CONN_ID, h->conn);
	mnl_attr_put_u32(nlh, NBDTARGET_A_TLS_STATUS, text ? EPROTO : 0);
	if (text) {
		snprintf(copy, sizeof(copy), "%s", text);
		mnl_attr_put_strz(nlh, NBDTARGET_A_TLS_TEXT, copy);
	} else {
		put_proof(nlh, &h->proof);
		put_secrets(nlh, secrets);
	}
	ret = nl_do_at(t->nl, h->family, nlh);
	gnutls_memset(nlh, 0, nlh->nlmsg_len);
	return ret;
}

/*
 * text: why it failed, or NULL. 0 or a negative errno; a connection that is gone
 * doesn't matter, nor does it with the module, or when there is another now. A kernel that
 * can't use the secrets does without: then the connection ends when the client changes its
 * key.
 */
int task_report(struct tool *t, const struct handshake *h, const char *text)
{
	static const struct secrets none;
	static bool told;
	int ret = report(t, h, text, &h->secrets);

	if (ret == -EOPNOTSUPP) {
		if (!told)
			log_warning(t, "the kernel",
				    "it can't make keys from secrets: a connection ends when its client changes its key");
		told = true;
		ret = report(t, h, text, &none);
	}
	return ret == -ENOENT || ret == -ENOPKG || ret == -ESTALE ? 0 : ret;
}
