/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_LOG_H
#define NBDT_LOG_H

#include "base/event.h"

struct nbdt_conn;
struct nbdt_export;
struct nbdt_listener;
struct nbdt_request;

void nbdt_log_export(struct nbdt_export *export, enum nbdt_event event);
void nbdt_log_conn(struct nbdt_conn *conn, enum nbdt_event event);
void nbdt_log_denied(struct nbdt_conn *conn, struct nbdt_export *export,
		     const char *why);
void nbdt_log_trouble(struct nbdt_conn *conn, struct nbdt_export *export,
		      const char *why);
void nbdt_log_io_error(struct nbdt_export *export,
		       const struct nbdt_request *req);
void nbdt_log_refused(struct nbdt_listener *listener, int err);

#endif /* NBDT_LOG_H */
