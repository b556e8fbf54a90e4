/* SPDX-License-Identifier: GPL-2.0 */
/* Bytes that others chose, as people read them. */
#ifndef NBDTARGETCTL_TEXT_H
#define NBDTARGETCTL_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* Bytes of a string attribute: any but NUL, not always UTF-8. */
struct text {
	const char *p;
	size_t len;
};

enum {
	TEXT_EXACT = 1,		/* double the backslash: can be undone */
	TEXT_NAME = 3,		/* and quote what has blanks or nothing */
};

struct text text_of(const char *s);
bool text_same(struct text a, struct text b);
bool text_is(struct text text, const char *s);
char *text_copy(struct text text);
size_t utf8_decode(const char *p, size_t len, uint32_t *cp);
bool text_is_utf8(struct text s);
void text_print(FILE *f, struct text s, unsigned int how);
char *text_format(struct text s, unsigned int how);
unsigned int text_width(const char *s);

#endif /* NBDTARGETCTL_TEXT_H */
