/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: the life of connections, options and requests.
 *
 * A request is received, then done for at once (refused), or submitted to
 * the device, perhaps by a slow worker, then done, then replied to.  All of
 * its events carry the connection's id and the client's cookie.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nbdtarget

#if !defined(NBDT_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NBDT_TRACE_H

#include <linux/in6.h>
#include <linux/tracepoint.h>

#include "session/conn.h"
#include "base/proto.h"
#include "session/request.h"
#include "nbdtarget.h"

#define show_option(option)						\
	__print_symbolic(option,					\
		{ NBDT_OPT_EXPORT_NAME,		"EXPORT_NAME" },	\
		{ NBDT_OPT_ABORT,		"ABORT" },		\
		{ NBDT_OPT_LIST,		"LIST" },		\
		{ NBDT_OPT_PEEK_EXPORT,		"PEEK_EXPORT" },	\
		{ NBDT_OPT_STARTTLS,		"STARTTLS" },		\
		{ NBDT_OPT_INFO,		"INFO" },		\
		{ NBDT_OPT_GO,			"GO" },			\
		{ NBDT_OPT_STRUCTURED_REPLY,	"STRUCTURED_REPLY" },	\
		{ NBDT_OPT_LIST_META_CONTEXT,	"LIST_META_CONTEXT" },	\
		{ NBDT_OPT_SET_META_CONTEXT,	"SET_META_CONTEXT" },	\
		{ NBDT_OPT_EXTENDED_HEADERS,	"EXTENDED_HEADERS" })

#define show_auth(auth)							\
	__print_symbolic(auth,						\
		{ NBDTARGET_TLS_AUTH_NONE,	"none" },		\
		{ NBDTARGET_TLS_AUTH_X509,	"x509" },		\
		{ NBDTARGET_TLS_AUTH_PSK,	"psk" })

#define show_cmd(type)							\
	__print_symbolic(type,						\
		{ NBDT_CMD_READ,		"READ" },		\
		{ NBDT_CMD_WRITE,		"WRITE" },		\
		{ NBDT_CMD_DISC,		"DISC" },		\
		{ NBDT_CMD_FLUSH,		"FLUSH" },		\
		{ NBDT_CMD_TRIM,		"TRIM" },		\
		{ NBDT_CMD_CACHE,		"CACHE" },		\
		{ NBDT_CMD_WRITE_ZEROES,	"WRITE_ZEROES" },	\
		{ NBDT_CMD_BLOCK_STATUS,	"BLOCK_STATUS" })

#define show_cmd_flags(flags)						\
	__print_flags(flags, "|",					\
		{ NBDT_CMD_FUA,			"FUA" },		\
		{ NBDT_CMD_NO_HOLE,		"NO_HOLE" },		\
		{ NBDT_CMD_DF,			"DF" },			\
		{ NBDT_CMD_REQ_ONE,		"REQ_ONE" },		\
		{ NBDT_CMD_FAST_ZERO,		"FAST_ZERO" },		\
		{ NBDT_CMD_PAYLOAD_LEN,		"PAYLOAD_LEN" })

TRACE_EVENT(nbdt_conn_open,
	TP_PROTO(const struct nbdt_conn *conn),
	TP_ARGS(conn),
	TP_STRUCT__entry(
		__field(u32, conn)
		__field(u32, listener)
		__array(u8, peer, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->conn = conn->id;
		__entry->listener = conn->listener_id;
		memcpy(__entry->peer, &conn->peer, sizeof(__entry->peer));
	),
	TP_printk("conn=%u listener=%u peer=%pISpc",
		  __entry->conn, __entry->listener, __entry->peer)
);

TRACE_EVENT(nbdt_conn_close,
	TP_PROTO(const struct nbdt_conn *conn),
	TP_ARGS(conn),
	TP_STRUCT__entry(
		__field(u32, conn)
		__field(u64, requests)
		__field(u64, errors)
		__array(char, reason, 48)
	),
	TP_fast_assign(
		__entry->conn = conn->id;
		__entry->requests = conn->stats.requests;
		__entry->errors = conn->stats.errors;
		strscpy(__entry->reason, conn->reason ?: "",
			sizeof(__entry->reason));
	),
	TP_printk("conn=%u requests=%llu errors=%llu reason='%s'",
		  __entry->conn, __entry->requests, __entry->errors,
		  __entry->reason)
);

/* TLS is on. */
TRACE_EVENT(nbdt_tls,
	TP_PROTO(const struct nbdt_conn *conn),
	TP_ARGS(conn),
	TP_STRUCT__entry(
		__field(u32, conn)
		__field(u16, version)
		__field(u16, cipher)
		__field(u32, auth)
		__array(char, identity, 64)
	),
	TP_fast_assign(
		const struct nbdt_identity *identity = conn->tls.identity;

		__entry->conn = conn->id;
		__entry->version = conn->tls.version;
		__entry->cipher = conn->tls.cipher;
		__entry->auth = identity ? identity->auth : 0;
		strscpy(__entry->identity,
			identity && identity->name ? identity->name : "",
			sizeof(__entry->identity));
	),
	TP_printk("conn=%u version=0x%x cipher=%u auth=%s identity='%s'",
		  __entry->conn, __entry->version, __entry->cipher,
		  show_auth(__entry->auth), __entry->identity)
);

TRACE_EVENT(nbdt_option,
	TP_PROTO(const struct nbdt_conn *conn, u32 option, u32 length),
	TP_ARGS(conn, option, length),
	TP_STRUCT__entry(
		__field(u32, conn)
		__field(u32, option)
		__field(u32, length)
	),
	TP_fast_assign(
		__entry->conn = conn->id;
		__entry->option = option;
		__entry->length = length;
	),
	TP_printk("conn=%u option=%s length=%u", __entry->conn,
		  show_option(__entry->option), __entry->length)
);

TRACE_EVENT(nbdt_option_reply,
	TP_PROTO(const struct nbdt_conn *conn, u32 option, u32 type),
	TP_ARGS(conn, option, type),
	TP_STRUCT__entry(
		__field(u32, conn)
		__field(u32, option)
		__field(u32, type)
	),
	TP_fast_assign(
		__entry->conn = conn->id;
		__entry->option = option;
		__entry->type = type;
	),
	TP_printk("conn=%u option=%s type=0x%x", __entry->conn,
		  show_option(__entry->option), __entry->type)
);

TRACE_EVENT(nbdt_request_receive,
	TP_PROTO(const struct nbdt_request *req),
	TP_ARGS(req),
	TP_STRUCT__entry(
		__field(u32, conn)
		__field(u16, type)
		__field(u16, flags)
		__field(u64, cookie)
		__field(u64, offset)
		__field(u64, length)
	),
	TP_fast_assign(
		__entry->conn = req->conn->id;
		__entry->type = req->cmd.type;
		__entry->flags = req->cmd.flags;
		__entry->cookie = be64_to_cpu(req->cmd.cookie);
		__entry->offset = req->cmd.offset;
		__entry->length = req->cmd.length;
	),
	TP_printk("conn=%u cookie=0x%llx %s flags=%s offset=%llu length=%llu",
		  __entry->conn, __entry->cookie, show_cmd(__entry->type),
		  show_cmd_flags(__entry->flags), __entry->offset,
		  __entry->length)
);

DECLARE_EVENT_CLASS(nbdt_request,
	TP_PROTO(const struct nbdt_request *req),
	TP_ARGS(req),
	TP_STRUCT__entry(
		__field(u32, conn)
		__field(u16, type)
		__field(u64, cookie)
		__field(int, status)
		__field(u32, error)
	),
	TP_fast_assign(
		__entry->conn = req->conn->id;
		__entry->type = req->cmd.type;
		__entry->cookie = be64_to_cpu(req->cmd.cookie);
		__entry->status = req->status;
		__entry->error = req->error;
	),
	TP_printk("conn=%u cookie=0x%llx %s status=%d error=%u",
		  __entry->conn, __entry->cookie, show_cmd(__entry->type),
		  __entry->status, __entry->error)
);

/* On its way to the device. */
DEFINE_EVENT(nbdt_request, nbdt_request_submit,
	TP_PROTO(const struct nbdt_request *req), TP_ARGS(req));
/* In the hands of a slow worker. */
DEFINE_EVENT(nbdt_request, nbdt_request_slow,
	TP_PROTO(const struct nbdt_request *req), TP_ARGS(req));
/* Carried out; on its way back to the connection. */
DEFINE_EVENT(nbdt_request, nbdt_request_done,
	TP_PROTO(const struct nbdt_request *req), TP_ARGS(req));
/* Its whole reply is in the socket. */
DEFINE_EVENT(nbdt_request, nbdt_reply,
	TP_PROTO(const struct nbdt_request *req), TP_ARGS(req));

#endif /* NBDT_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
