// SPDX-License-Identifier: GPL-2.0
/*
 * How bytes that others chose are shown on a terminal. Nothing that
 * text_print() lets through moves the cursor, switches colours or reorders a
 * line.
 */
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "base/mem.h"
#include "base/text.h"

struct text text_of(const char *s)
{
	struct text text = { s, strlen(s) };

	return text;
}

bool text_same(struct text a, struct text b)
{
	return a.len == b.len && (!a.len || !memcmp(a.p, b.p, a.len));
}

bool text_is(struct text text, const char *s)
{
	return text_same(text, text_of(s));
}

/* With a NUL behind it, for free(). */
char *text_copy(struct text text)
{
	return mem_printf("%.*s", (int)text.len, text.p);
}

/* Length of a sequence by its first byte; 0 when none starts so. */
static size_t utf8_length(unsigned char c)
{
	if (c < 0x80)
		return 1;
	if (c >= 0xc2 && c <= 0xdf)
		return 2;
	if (c >= 0xe0 && c <= 0xef)
		return 3;
	if (c >= 0xf0 && c <= 0xf4)
		return 4;
	return 0;
}

/* Bytes that the first character takes; 0 when it isn't valid UTF-8. */
size_t utf8_decode(const char *p, size_t len, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t need, i;
	uint32_t c;

	if (!len)
		return 0;
	c = (unsigned char)p[0];
	need = utf8_length(c);
	if (!need || need > len)
		return 0;
	if (need > 1)
		c &= 0x7f >> need;
	for (i = 1; i < need; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[need] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*cp = c;
	return need;
}

bool text_is_utf8(struct text s)
{
	uint32_t cp;
	size_t n;

	while (s.len) {
		n = utf8_decode(s.p, s.len, &cp);
		if (!n)
			return false;
		s.p += n;
		s.len -= n;
	}
	return true;
}

/*
 * Not so are valid characters that control a terminal, are there but not seen, look
 * like a blank, or change the one before, which may be there in one piece.
 */
bool text_is_seen(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x00, 0x1f },		/* C0 */
		{ 0x7f, 0x9f },		/* DEL, C1 */
		{ 0xa0, 0xa0 },		/* blanks, here and below */
		{ 0xad, 0xad },		/* soft hyphen */
		{ 0x300, 0x36f },	/* accents for the one before */
		{ 0x61c, 0x61c },	/* direction of writing */
		{ 0x115f, 0x1160 },	/* fillers */
		{ 0x1680, 0x1680 },
		{ 0x17b4, 0x17b5 },
		{ 0x180b, 0x180f },
		{ 0x2000, 0x200f },	/* zero width, direction */
		{ 0x2028, 0x202f },	/* line separators, direction */
		{ 0x205f, 0x206f },
		{ 0x2800, 0x2800 },
		{ 0x3000, 0x3000 },
		{ 0x3164, 0x3164 },
		{ 0xfe00, 0xfe0f },	/* variants of the one before */
		{ 0xfeff, 0xfeff },
		{ 0xffa0, 0xffa0 },
		{ 0xfff0, 0xfffb },
		{ 0xfffe, 0xffff },
		{ 0x1d173, 0x1d17a },
		{ 0xe0000, 0xe0fff },	/* tags */
		{ 0xf0000, 0x10ffff },	/* private planes */
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		if (cp >= hidden[i].first && cp <= hidden[i].last)
			return false;
	return true;
}

/* In an alternative name it is itself, and all else is written as "\20". */
bool text_is_plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '\\';
}

static void print_hex(FILE *f, const char *p, size_t n, unsigned int how)
{
	while (n--)
		fprintf(f, how & TEXT_DN ? "\\%02x" : "\\x%02x",
			(unsigned char)*p++);
}

static void print_escaped(FILE *f, struct text s, unsigned int how)
{
	uint32_t cp;
	size_t n;

	while (s.len) {
		n = utf8_decode(s.p, s.len, &cp);
		if (!n || !text_is_seen(cp)) {
			n = n ? n : 1;
			print_hex(f, s.p, n, how);
		} else {
			if (how & TEXT_EXACT && cp == '\\')
				fputc('\\', f);
			fwrite(s.p, 1, n, f);
		}
		s.p += n;
		s.len -= n;
	}
}

void text_print(FILE *f, struct text s, unsigned int how)
{
	bool quote = how & TEXT_QUOTE && (!s.len || memchr(s.p, ' ', s.len));

	if (quote)
		fputc('"', f);
	print_escaped(f, s, how);
	if (quote)
		fputc('"', f);
}

/* The same as a string that the caller frees. */
char *text_format(struct text s, unsigned int how)
{
	char *out = NULL;
	size_t size;
	FILE *f = open_memstream(&out, &size);

	if (f) {
		text_print(f, s, how);
		fclose(f);
	}
	return out ? out : mem_copy("");
}

/* Columns that a printable string takes on a terminal. */
unsigned int text_width(const char *s)
{
	size_t len = strlen(s), n;
	unsigned int width = 0;
	uint32_t cp;
	int w;

	for (; len; s += n, len -= n) {
		n = utf8_decode(s, len, &cp);
		if (!n) {
			n = 1;
			cp = '?';
		}
		w = wcwidth((wchar_t)cp);
		width += w < 0 ? 1 : w;
	}
	return width;
}
