/* SPDX-License-Identifier: GPL-2.0 */
/* Dirty bitmaps, as the module reports them. */
#ifndef NBDTARGETCTL_BITMAP_H
#define NBDTARGETCTL_BITMAP_H

#include "base/text.h"
#include "base/tool.h"
#include "nl/attr.h"

struct bitmap {
	uint64_t present;
	struct text export_name;
	struct text name;
	uint64_t granularity;
	bool recording;
	bool consistent;
	uint64_t id;
	uint64_t size;
	uint64_t dirty_count;
	uint64_t dirty_bytes;
	uint64_t memory;
	uint64_t users;
	bool borrowed;
	bool stored;			/* in metadata */
	uint64_t checkpoint;		/* its export's last; 0: none */
	struct text checkpoint_name;
	uint64_t version;		/* of what it holds */
};

extern const struct attr_set bitmap_attrs;

struct nlmsghdr *bitmap_request(struct tool *t, uint8_t cmd,
				const char *export, const char *bitmap);
void bitmap_print_all(const struct attr_list *list, const char *indent);

#endif /* NBDTARGETCTL_BITMAP_H */
