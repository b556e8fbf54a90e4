// SPDX-License-Identifier: GPL-2.0
/* Tracepoints; see trace.h. */
#include "conn.h"
#include "export.h"
#include "request.h"

#define CREATE_TRACE_POINTS
#include "trace.h"
