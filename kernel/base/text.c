// SPDX-License-Identifier: GPL-2.0
/*
 * Bytes that others chose, as people may read them: UTF-8, in which nothing moves a
 * terminal, ends a line, or hides.  What isn't so is shown as a number, "\x0a".
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "base/text.h"

/* What stands for all that is left out. */
#define MORE	"..."

/* How many bytes a character takes by its first; 0 when none begins so. */
static unsigned int length_of(u8 first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	if (first >= 0xf0 && first <= 0xf4)
		return 4;
	return 0;
}

/* The character at P, of N bytes; 0 when these aren't one, or there are fewer. */
static u32 decode(const u8 *p, unsigned int n, size_t len)
{
	static const u32 least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	u32 c = n > 1 ? p[0] & (0x7f >> n) : p[0];
	unsigned int i;

	if (!n || n > len)
		return 0;
	for (i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[n] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	return c;
}

/* It controls nothing, and can be seen; of those that are too new, who knows. */
static bool is_seen(u32 c)
{
	if (c < 0x20 || (c >= 0x7f && c <= 0xa0) || c == 0xad)
		return false;
	if ((c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202f) ||
	    (c >= 0x2060 && c <= 0x206f))
		return false;
	return c != 0x61c && c != 0xfeff && c < 0xe0000;
}

/* One character, or a byte that is none, at BYTES; how many were taken. */
static unsigned int show_one(char *to, size_t size, const u8 *bytes, size_t len)
{
	unsigned int n = length_of(*bytes), i;
	u32 c = decode(bytes, n, len);

	if (c && is_seen(c) && c != '\\') {
		scnprintf(to, size, "%.*s", n, bytes);
		return n;
	}
	n = c ? n : 1;
	for (i = 0; i < n; i++)
		scnprintf(to + 4 * i, size, "\\x%02x", bytes[i]);
	return n;
}

/**
 * nbdt_text_show - make bytes readable
 * @to: where to
 * @size: of it; 4 at least
 * @bytes: any, not terminated
 * @len: how many
 *
 * What doesn't fit is left out, whole characters of it, and that is shown.
 *
 * Return: @to, terminated.
 */
const char *nbdt_text_show(char *to, size_t size, const char *bytes,
			   size_t len)
{
	/* The longest: four bytes, each as a number. */
	char one[4 * 4 + 1];
	size_t at = 0, n;

	while (len) {
		unsigned int taken = show_one(one, sizeof(one),
					      (const u8 *)bytes, len);
		bool last = taken == len;

		n = strlen(one);
		if (at + n + (last ? 0 : strlen(MORE)) >= size) {
			at += scnprintf(to + at, size - at, MORE);
			break;
		}
		memcpy(to + at, one, n);
		at += n;
		bytes += taken;
		len -= taken;
	}
	to[at] = '\0';
	return to;
}

/* The same of a name, as long as it is shown in the log. */
const char *nbdt_text_show_name(char to[NBDT_NAME_SHOWN], const char *name)
{
	return nbdt_text_show(to, NBDT_NAME_SHOWN, name, strlen(name));
}
