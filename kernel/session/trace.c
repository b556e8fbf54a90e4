// SPDX-License-Identifier: GPL-2.0
/* Tracepoints; see trace.h. */
#include "session/conn.h"
#include "block/export.h"
#include "session/request.h"

#define CREATE_TRACE_POINTS
#include "session/trace.h"
