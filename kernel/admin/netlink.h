/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NETLINK_H
#define NBDT_NETLINK_H

#include <linux/types.h>

struct nbdt_conn;
struct nbdt_export;
struct nbdt_listener;

int nbdt_netlink_init(void);
void nbdt_netlink_exit(void);

/* Tell the monitor group; CMD is one of NBDTARGET_CMD_*_NTF. */
void nbdt_netlink_export_event(struct nbdt_export *export, u8 cmd);
void nbdt_netlink_bitmap_event(struct nbdt_export *export, const char *name,
			       u8 cmd);
void nbdt_netlink_listener_event(struct nbdt_listener *listener, u8 cmd);
void nbdt_netlink_conn_event(struct nbdt_conn *conn, u8 cmd);

/* Tell the agents that a TLS handshake waits; false when there are none. */
bool nbdt_netlink_tls_event(struct nbdt_conn *conn);

#endif /* NBDT_NETLINK_H */
