// SPDX-License-Identifier: GPL-2.0
/*
 * How bytes that others chose are shown on a terminal, and figures to people.
 * Nothing that text_print() lets through moves the cursor, switches colours
 * or reorders a line.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "text.h"
#include "tool.h"

struct text text_of(const char *s)
{
	struct text text = { s, strlen(s) };

	return text;
}

bool text_same(struct text a, struct text b)
{
	return a.len == b.len && !memcmp(a.p, b.p, a.len);
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

/* Valid characters that control a terminal, or are there but not seen. */
static bool is_printable(uint32_t cp)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x00, 0x1f },		/* C0 */
		{ 0x7f, 0x9f },		/* DEL, C1 */
		{ 0xad, 0xad },		/* soft hyphen */
		{ 0x61c, 0x61c },	/* direction of writing */
		{ 0x180e, 0x180e },
		{ 0x200b, 0x200f },	/* zero width, direction */
		{ 0x2028, 0x202e },	/* line separators, direction */
		{ 0x2060, 0x206f },
		{ 0xfeff, 0xfeff },
		{ 0xfff0, 0xfffb },
		{ 0xfffe, 0xffff },
		{ 0xe0000, 0xe0fff },	/* tags */
		{ 0xf0000, 0x10ffff },	/* private planes */
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(hidden); i++)
		if (cp >= hidden[i].first && cp <= hidden[i].last)
			return false;
	return true;
}

static void print_hex(FILE *f, const char *p, size_t n)
{
	while (n--)
		fprintf(f, "\\x%02x", (unsigned char)*p++);
}

static void print_escaped(FILE *f, struct text s, unsigned int how)
{
	uint32_t cp;
	size_t n;

	while (s.len) {
		n = utf8_decode(s.p, s.len, &cp);
		if (!n || !is_printable(cp)) {
			n = n ? n : 1;
			print_hex(f, s.p, n);
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
	bool quote = (how & TEXT_NAME) == TEXT_NAME &&
		     (!s.len || memchr(s.p, ' ', s.len));

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

/* 512 B, 1.5 GiB: at most one decimal. */
const char *size_format(char buf[FIGURE_MAX], uint64_t bytes)
{
	static const char units[][4] = {
		"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"
	};
	unsigned int unit = 0, tenth = 0;

	/* In tenths of the next unit, rounded, while that is worth one. */
	while (unit + 1 < ARRAY_SIZE(units) && bytes >= 1024) {
		tenth = (bytes % 1024 * 10 + 512) / 1024;
		bytes = bytes / 1024 + tenth / 10;
		tenth %= 10;
		unit++;
	}
	if (tenth)
		snprintf(buf, FIGURE_MAX, "%" PRIu64 ".%u %s", bytes, tenth,
			 units[unit]);
	else
		snprintf(buf, FIGURE_MAX, "%" PRIu64 " %s", bytes,
			 units[unit]);
	return buf;
}

/* The two largest parts of a time. */
const char *age_format(char buf[FIGURE_MAX], uint64_t ms)
{
	uint64_t s = ms / 1000;

	if (s < 60)
		snprintf(buf, FIGURE_MAX, "%" PRIu64 "s", s);
	else if (s < 3600)
		snprintf(buf, FIGURE_MAX, "%" PRIu64 "m%02" PRIu64 "s",
			 s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, FIGURE_MAX, "%" PRIu64 "h%02" PRIu64 "m",
			 s / 3600, s / 60 % 60);
	else
		snprintf(buf, FIGURE_MAX, "%" PRIu64 "d%02" PRIu64 "h",
			 s / 86400, s / 3600 % 24);
	return buf;
}

/* As the options take it: 10, 0.5. */
const char *seconds_format(char buf[FIGURE_MAX], uint64_t ms)
{
	int n = snprintf(buf, FIGURE_MAX, "%" PRIu64 ".%03u", ms / 1000,
			 (unsigned int)(ms % 1000));

	while (buf[n - 1] == '0')
		buf[--n] = '\0';
	if (buf[n - 1] == '.')
		buf[--n] = '\0';
	return buf;
}
