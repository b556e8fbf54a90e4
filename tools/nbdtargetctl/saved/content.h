/* SPDX-License-Identifier: GPL-2.0 */
/* What a dirty bitmap or an allocation map holds, out of the kernel and in. */
#ifndef NBDTARGETCTL_CONTENT_H
#define NBDTARGETCTL_CONTENT_H

#include <stdint.h>

#include "base/tool.h"

struct content {
	const char *export;
	const char *bitmap;		/* NULL: the map */
	/* Of the map, in bytes of the device; set when it is read. */
	uint64_t granularity;
	uint64_t size;
};

/*
 * Each returns 0, or a negative errno with the words for it in nl_last_error();
 * content_read() -EBADMSG without, when the content isn't of that many bytes.
 */
int content_read(struct tool *t, struct content *c, char *data, uint64_t bytes);
int content_try(struct tool *t, const struct content *c);
int content_load(struct tool *t, const struct content *c, const char *data,
		 uint64_t bytes);

#endif /* NBDTARGETCTL_CONTENT_H */
