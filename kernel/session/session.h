/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_SESSION_H
#define NBDT_SESSION_H

struct nbdt_conn;

void nbdt_session_run(struct nbdt_conn *conn);

#endif /* NBDT_SESSION_H */
