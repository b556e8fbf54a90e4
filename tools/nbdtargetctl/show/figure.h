/* SPDX-License-Identifier: GPL-2.0 */
/* Figures as people read them. */
#ifndef NBDTARGETCTL_FIGURE_H
#define NBDTARGETCTL_FIGURE_H

#include <stdint.h>

#define FIGURE_MAX 48

const char *size_format(char buf[FIGURE_MAX], uint64_t bytes);
const char *age_format(char buf[FIGURE_MAX], uint64_t ms);
const char *seconds_format(char buf[FIGURE_MAX], uint64_t ms);

#endif /* NBDTARGETCTL_FIGURE_H */
