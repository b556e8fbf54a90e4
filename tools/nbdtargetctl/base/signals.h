/* SPDX-License-Identifier: GPL-2.0 */
/* Signals by which somebody wants this program to end. */
#ifndef NBDTARGETCTL_SIGNALS_H
#define NBDTARGETCTL_SIGNALS_H

#include <signal.h>

void signals_fill(sigset_t *set);

#endif /* NBDTARGETCTL_SIGNALS_H */
