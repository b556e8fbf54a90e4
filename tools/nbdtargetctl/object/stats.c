// SPDX-License-Identifier: GPL-2.0
/* Counters of an export or a connection. */
#include "base/tool.h"
#include "nbdtarget.h"
#include "object/stats.h"

#define FIELD(type_, key_, member_) {				\
	.type = NBDTARGET_A_STATS_##type_, .kind = ATTR_NUMBER,	\
	.key = key_, .offset = offsetof(struct stats, member_) }

static const struct attr_field fields[] = {
	FIELD(REQUESTS, "requests", requests),
	FIELD(ERRORS, "errors", errors),
	FIELD(READS, "reads", reads),
	FIELD(READ_BYTES, "read-bytes", read_bytes),
	FIELD(WRITES, "writes", writes),
	FIELD(WRITTEN_BYTES, "written-bytes", written_bytes),
	FIELD(UNALIGNED, "unaligned", unaligned),
};

const struct attr_set stats_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct stats)
};
