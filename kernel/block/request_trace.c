// SPDX-License-Identifier: GPL-2.0
/* Tracepoints of requests; see request_trace.h. */
#include "block/origin.h"
#include "block/request.h"

#define CREATE_TRACE_POINTS
#include "block/request_trace.h"
