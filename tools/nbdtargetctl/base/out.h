/* SPDX-License-Identifier: GPL-2.0 */
/* What goes to stdout. */
#ifndef NBDTARGETCTL_OUT_H
#define NBDTARGETCTL_OUT_H

void out_flush(void);
int out_error(void);
void out_end(int err);

#endif /* NBDTARGETCTL_OUT_H */
