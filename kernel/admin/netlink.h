/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NETLINK_H
#define NBDT_NETLINK_H

int nbdt_netlink_init(void);
void nbdt_netlink_exit(void);

#endif /* NBDT_NETLINK_H */
