// SPDX-License-Identifier: GPL-2.0
/*
 * Numbers, sizes and seconds on the command line: decimal digits only, the
 * whole string, nothing that overflows.
 */
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/number.h"

static const char too_large[] = "is too large";

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads the digits at *s, of which there must be one, and goes past them. */
static const char *take_digits(const char **s, uint64_t *number)
{
	uint64_t n = 0;

	if (!is_digit(**s))
		return "is not a number";
	for (; is_digit(**s); (*s)++)
		if (__builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, (uint64_t)(**s - '0'), &n))
			return too_large;
	*number = n;
	return NULL;
}

const char *number_parse(const char *s, uint64_t max, uint64_t *number)
{
	const char *wrong = take_digits(&s, number);

	if (wrong)
		return wrong;
	if (*s)
		return "is not a number";
	return *number > max ? too_large : NULL;
}

/* A number with K, M, G or T, which count in steps of 1024, or KiB and so on. */
const char *size_parse(const char *s, uint64_t max, uint64_t *bytes)
{
	static const char suffixes[] = "KkMmGgTt";
	const char *wrong = take_digits(&s, bytes);
	const char *suffix;
	unsigned int shift;

	if (wrong)
		return wrong;
	if (*s) {
		suffix = strchr(suffixes, *s);
		if (!suffix || (s[1] && strcasecmp(s + 1, "iB")))
			return "is not a size (bytes, or with K, M, G or T)";
		shift = 10 * (1 + (suffix - suffixes) / 2);
		if (*bytes > UINT64_MAX >> shift)
			return too_large;
		*bytes <<= shift;
	}
	return *bytes > max ? too_large : NULL;
}

/* The digits after the point as thousandths. */
static const char *take_fraction(const char **s, uint64_t *ms)
{
	unsigned int worth = 100;

	*ms = 0;
	if (!is_digit(**s))
		return "is not a number of seconds";
	for (; is_digit(**s); (*s)++, worth /= 10) {
		if (!worth && **s != '0')
			return "is finer than a millisecond";
		*ms += worth * (**s - '0');
	}
	return NULL;
}

/* Seconds with or without a decimal fraction; max is in milliseconds. */
const char *seconds_parse(const char *s, uint64_t max, uint64_t *ms)
{
	uint64_t whole, fraction = 0;
	const char *wrong = take_digits(&s, &whole);

	if (!wrong && *s == '.') {
		s++;
		wrong = take_fraction(&s, &fraction);
	}
	if (wrong)
		return wrong;
	if (*s)
		return "is not a number of seconds";
	if (__builtin_mul_overflow(whole, 1000, ms) ||
	    __builtin_add_overflow(*ms, fraction, ms) || *ms > max)
		return too_large;
	return NULL;
}
