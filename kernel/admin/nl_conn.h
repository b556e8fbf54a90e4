/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_CONN_H
#define NBDT_NL_CONN_H

#include "base/event.h"

struct nbdt_conn;
struct nbdt_export;
struct nbdt_nl_ops;

extern const struct nbdt_nl_ops nbdt_nl_conn;

void nbdt_nl_conn_event(struct nbdt_conn *conn, enum nbdt_event event);
void nbdt_nl_conn_denied(struct nbdt_conn *conn, struct nbdt_export *export,
			 const char *why);

#endif /* NBDT_NL_CONN_H */
