/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_TEXT_H
#define NBDT_TEXT_H

#include <linux/types.h>

/* Of a name or a path, in the log; what is longer is cut. */
#define NBDT_NAME_SHOWN	128

const char *nbdt_text_show_name(char to[NBDT_NAME_SHOWN], const char *name);
const char *nbdt_text_show(char *to, size_t size, const char *bytes,
			   size_t len);

#endif /* NBDT_TEXT_H */
