// SPDX-License-Identifier: GPL-2.0
/* Tracepoints of connections; see conn_trace.h. */
#include "session/conn.h"

#define CREATE_TRACE_POINTS
#include "session/conn_trace.h"
