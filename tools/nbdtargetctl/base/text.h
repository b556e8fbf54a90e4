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
	TEXT_QUOTE = 2,		/* what has blanks, or nothing */
	TEXT_NAME = TEXT_EXACT | TEXT_QUOTE,
	TEXT_DN = 4,		/* what isn't seen as RFC 4514 has it: "\0a" */
};

struct text text_of(const char *s);
bool text_same(struct text a, struct text b);
bool text_is(struct text text, const char *s);
char *text_copy(struct text text);
size_t utf8_decode(const char *p, size_t len, uint32_t *cp);
bool text_is_utf8(struct text s);
bool text_is_seen(uint32_t cp);
bool text_is_plain(unsigned char c);
void text_print(FILE *f, struct text s, unsigned int how);
char *text_format(struct text s, unsigned int how);
unsigned int text_width(const char *s);

#endif /* NBDTARGETCTL_TEXT_H */
