/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_TLS_H
#define NBDT_NL_TLS_H

#include <linux/types.h>

struct nbdt_conn;
struct nbdt_nl_ops;

extern const struct nbdt_nl_ops nbdt_nl_tls;

bool nbdt_nl_tls_event(struct nbdt_conn *conn);

#endif /* NBDT_NL_TLS_H */
