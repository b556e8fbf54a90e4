/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_TLS_H
#define NBDT_TLS_H

#include <linux/types.h>

struct file;
struct net;
struct nbdt_conn;
struct nbdt_identity;
struct nbdt_rekey;
struct netlink_ext_ack;

int nbdt_tls_handshake(struct nbdt_conn *conn, unsigned long deadline);
int nbdt_tls_resume(struct nbdt_conn *conn, struct nbdt_identity *identity,
		    struct nbdt_rekey *secrets);
void nbdt_tls_audit(struct nbdt_conn *conn);

/* For the agent, through netlink. */
void nbdt_tls_renew(const struct net *net);
struct nbdt_conn *nbdt_tls_accept(struct net *net, u32 agent,
				  struct file **file);
int nbdt_tls_report(u32 id, const struct net *net, u32 agent, int status,
		    const char *text, struct nbdt_identity *identity,
		    struct nbdt_rekey *secrets, struct netlink_ext_ack *extack);

#endif /* NBDT_TLS_H */
