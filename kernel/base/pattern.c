// SPDX-License-Identifier: GPL-2.0
/*
 * Patterns for names, of the rules about who may use what.
 *
 * An asterisk is anything, all else is itself.  A distinguished name isn't just
 * a string, though: it has parts, written as in RFC 4514, and what is in a part
 * may look like a boundary between two.  So both it and its patterns are read as
 * rows of symbols: a boundary is one, and never the same as the character that is
 * written with a backslash in front; a character is the same whichever way it is
 * written.  An asterisk takes in characters and no boundary between parts.  One
 * that begins or ends a pattern takes in whole parts as well, as nothing is said
 * about these.
 *
 * All places of the pattern that the name up to here leads to are followed at the
 * same time, so that no name makes it take longer than another of its length.
 */
#include <linux/bitmap.h>
#include <linux/string.h>

#include "base/pattern.h"
#include "nbdtarget.h"

/* Symbols are bytes, and these. */
enum symbol {
	NEXT_PART = 256,	/* "," */
	SAME_PART,		/* "+": another attribute of the same part */
	VALUE,			/* "=" behind the type of an attribute */
	ANY,			/* "*", of a pattern */
	ANY_PARTS,		/* the same at an end of it */
};

/* A name or a pattern that is being read. */
struct reader {
	const char *at;
	bool in_value;		/* behind the "=" of an attribute */
};

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Behind a backslash: a byte in hexadecimal, or a character. */
static u16 read_escaped(struct reader *r)
{
	int high = hex_value(r->at[0]);
	int low = high < 0 ? -1 : hex_value(r->at[1]);

	if (low >= 0) {
		r->at += 2;
		return high << 4 | low;
	}
	/* One that ends it is itself. */
	return *r->at ? (u8)*r->at++ : '\\';
}

/* Not at the end. */
static u16 read_symbol(struct reader *r)
{
	char c = *r->at++;

	if (c == '\\')
		return read_escaped(r);
	if (c == ',' || c == '+') {
		r->in_value = false;
		return c == ',' ? NEXT_PART : SAME_PART;
	}
	if (c == '=' && !r->in_value) {
		r->in_value = true;
		return VALUE;
	}
	return (u8)c;
}

/* How many symbols there are; asterisks in a row are one. */
static unsigned int read_pattern(const char *pattern, u16 *symbols)
{
	struct reader r = { .at = pattern };
	unsigned int n = 0;

	while (*r.at && n < NBDTARGET_MAX_PATTERN) {
		if (*r.at != '*') {
			symbols[n++] = read_symbol(&r);
			continue;
		}
		while (*r.at == '*')
			r.at++;
		symbols[n] = n && *r.at ? ANY : ANY_PARTS;
		n++;
	}
	return n;
}

static bool takes(u16 wanted, u16 symbol)
{
	if (wanted == ANY)
		return symbol != NEXT_PART && symbol != SAME_PART;
	return wanted == ANY_PARTS;
}

/* The pattern's place I is reached: so is what follows it, if it may be nothing. */
static void reach(unsigned long *places, const u16 *symbols, unsigned int n,
		  unsigned int i)
{
	__set_bit(i, places);
	if (i < n && (symbols[i] == ANY || symbols[i] == ANY_PARTS))
		__set_bit(i + 1, places);
}

/**
 * nbdt_pattern_fits_dn - does a distinguished name look like a pattern?
 * @pattern: terminated
 * @name: terminated, as in RFC 4514
 */
bool nbdt_pattern_fits_dn(const char *pattern, const char *name)
{
	DECLARE_BITMAP(places, NBDTARGET_MAX_PATTERN + 2);
	DECLARE_BITMAP(next, NBDTARGET_MAX_PATTERN + 2);
	u16 symbols[NBDTARGET_MAX_PATTERN];
	unsigned int n = read_pattern(pattern, symbols), i;
	struct reader r = { .at = name };

	bitmap_zero(places, NBDTARGET_MAX_PATTERN + 2);
	reach(places, symbols, n, 0);
	while (*r.at) {
		u16 symbol = read_symbol(&r);

		bitmap_zero(next, NBDTARGET_MAX_PATTERN + 2);
		for_each_set_bit(i, places, n) {
			if (takes(symbols[i], symbol))
				reach(next, symbols, n, i);
			else if (symbols[i] == symbol)
				reach(next, symbols, n, i + 1);
		}
		bitmap_copy(places, next, NBDTARGET_MAX_PATTERN + 2);
	}
	return test_bit(n, places);
}

/**
 * nbdt_pattern_fits - does a string look like a pattern?
 * @pattern: terminated; an asterisk is anything
 * @string: terminated
 *
 * When the rest doesn't fit, the last asterisk takes in one character more: it
 * need never be an earlier one.
 */
bool nbdt_pattern_fits(const char *pattern, const char *string)
{
	const char *asterisk = NULL, *again = NULL;

	while (*string) {
		if (*pattern == '*') {
			asterisk = pattern++;
			again = string;
		} else if (*pattern == *string) {
			pattern++;
			string++;
		} else if (asterisk) {
			pattern = asterisk + 1;
			string = ++again;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/**
 * nbdt_pattern_fits_alt_name - does an alternative name look like a pattern?
 * @pattern: terminated
 * @name: terminated, with its kind in front, which may be in upper or lower case
 */
bool nbdt_pattern_fits_alt_name(const char *pattern, const char *name)
{
	size_t kind = strcspn(name, ":") + 1;

	if (name[kind - 1] && !strncasecmp(pattern, name, kind))
		return nbdt_pattern_fits(pattern + kind, name + kind);
	return nbdt_pattern_fits(pattern, name);
}
