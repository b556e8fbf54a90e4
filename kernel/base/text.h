/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_TEXT_H
#define NBDT_TEXT_H

#include <linux/types.h>

const char *nbdt_text_show(char *to, size_t size, const char *bytes,
			   size_t len);

#endif /* NBDT_TEXT_H */
