/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints: the life of requests.
 *
 * A request is received, then done for at once (refused), or submitted to
 * the device, perhaps by a slow worker, then done, then replied to.  All of
 * its events carry the connection's id and the client's cookie.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM nbdtarget

#if !defined(NBDT_REQUEST_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define NBDT_REQUEST_TRACE_H

#include <linux/tracepoint.h>

#include "base/proto.h"
#include "block/origin.h"
#include "block/request.h"

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
		__entry->conn = req->origin->id;
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
		__entry->conn = req->origin->id;
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

#endif /* NBDT_REQUEST_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE request_trace
#include <trace/define_trace.h>
