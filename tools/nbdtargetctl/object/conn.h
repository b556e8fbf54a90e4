/* SPDX-License-Identifier: GPL-2.0 */
/* Connections, as the module reports them. */
#ifndef NBDTARGETCTL_CONN_H
#define NBDTARGETCTL_CONN_H

#include "base/address.h"
#include "base/text.h"
#include "base/tool.h"
#include "nl/attr.h"
#include "object/stats.h"

struct conn {
	uint64_t present;
	uint64_t id;
	struct text export_name;
	uint64_t listener_id;
	struct address peer;
	uint64_t peer_port;
	struct address local;
	uint64_t local_port;
	uint64_t state;
	uint64_t reply_mode;
	uint64_t in_flight;
	uint64_t memory;
	uint64_t age;
	uint64_t pid;
	struct stats stats;
	bool ending;
	struct text reason;
	struct text tls_version;	/* as the rest: only with TLS */
	struct text tls_cipher;
	uint64_t tls_auth;		/* NBDTARGET_TLS_AUTH_* */
	struct text identity;
	struct text alt_name;
	uint64_t tls_rx_records;
	uint64_t tls_tx_records;
	uint64_t tls_rx_rekeys;
	uint64_t tls_tx_rekeys;
	uint64_t cpu;
};

extern const struct attr_set conn_attrs;

void conn_parse(const struct nlmsghdr *nlh, struct conn *c);
int conn_list_get(struct tool *t, struct attr_list *list);
char *conn_identity_format(const struct conn *c);
char *conn_peer_format(const struct conn *c);
void conn_print_all(const struct attr_list *list, const char *indent);

#endif /* NBDTARGETCTL_CONN_H */
