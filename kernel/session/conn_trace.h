/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: the life of connections, and the options of negotiation. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nbdtarget

#if !defined(NBDT_CONN_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NBDT_CONN_TRACE_H

#include <linux/in6.h>
#include <linux/tracepoint.h>

#include "base/identity.h"
#include "base/proto.h"
#include "session/conn.h"
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

TRACE_EVENT(nbdt_conn_open,
	TP_PROTO(const struct nbdt_conn *conn),
	TP_ARGS(conn),
	TP_STRUCT__entry(
		__field(u32, conn)
		__field(u32, listener)
		__array(u8, peer, sizeof(struct sockaddr_in6))
	),
	TP_fast_assign(
		__entry->conn = conn->origin.id;
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
		__entry->conn = conn->origin.id;
		__entry->requests = conn->origin.stats.requests;
		__entry->errors = conn->origin.stats.errors;
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

		__entry->conn = conn->origin.id;
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
		__entry->conn = conn->origin.id;
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
		__entry->conn = conn->origin.id;
		__entry->option = option;
		__entry->type = type;
	),
	TP_printk("conn=%u option=%s type=0x%x", __entry->conn,
		  show_option(__entry->option), __entry->type)
);

#endif /* NBDT_CONN_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE conn_trace
#include <trace/define_trace.h>
