/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_PATTERN_H
#define NBDT_PATTERN_H

#include <linux/types.h>

bool nbdt_pattern_fits(const char *pattern, const char *string);
bool nbdt_pattern_fits_alt_name(const char *pattern, const char *name);
bool nbdt_pattern_fits_dn(const char *pattern, const char *name);

#endif /* NBDT_PATTERN_H */
