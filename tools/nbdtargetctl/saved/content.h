/* SPDX-License-Identifier: GPL-2.0 */
/* What a dirty bitmap or an allocation map holds, out of the kernel and in. */
#ifndef NBDTARGETCTL_CONTENT_H
#define NBDTARGETCTL_CONTENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/tool.h"

struct content {
	const char *export;
	const char *bitmap;		/* NULL: the map */
	/* Of it, in bytes of the device; set when it is read, as the next. */
	uint64_t granularity;
	uint64_t size;
	/* Of a bitmap, while all of it was read. */
	uint64_t version;
	bool recording;
	bool consistent;
};

/*
 * Each returns 0, or a negative errno with the words for it in nl_last_error();
 * content_read() -EBADMSG without, when the content isn't of that many bytes, and
 * -ESTALE when what it is of changed while it was read.
 */
int content_read(struct tool *t, struct content *c, char *data, uint64_t bytes);
int content_try(struct tool *t, const struct content *c);
int content_load(struct tool *t, const struct content *c, const char *data,
		 uint64_t bytes);

#endif /* NBDTARGETCTL_CONTENT_H */
