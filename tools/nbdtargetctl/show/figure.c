// SPDX-License-Identifier: GPL-2.0
/* Figures as people read them. */
#include <inttypes.h>
#include <stdio.h>

#include "base/tool.h"
#include "show/figure.h"

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
