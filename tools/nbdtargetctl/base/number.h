/* SPDX-License-Identifier: GPL-2.0 */
/* Numbers on the command line, taken strictly. */
#ifndef NBDTARGETCTL_NUMBER_H
#define NBDTARGETCTL_NUMBER_H

#include <stdint.h>

/* Each returns NULL, or what is wrong with the string. */
const char *number_parse(const char *s, uint64_t max, uint64_t *number);
const char *size_parse(const char *s, uint64_t max, uint64_t *bytes);
const char *seconds_parse(const char *s, uint64_t max, uint64_t *ms);

#endif /* NBDTARGETCTL_NUMBER_H */
