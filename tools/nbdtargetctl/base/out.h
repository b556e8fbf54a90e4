/* SPDX-License-Identifier: GPL-2.0 */
/* What goes to stdout. */
#ifndef NBDTARGETCTL_OUT_H
#define NBDTARGETCTL_OUT_H

void out_begin(void);
void out_flush(void);
int out_error(void);
void out_end(int err);

/* SIGPIPE as it was at the beginning: for who is run by this. */
void out_restore_signal(void);

#endif /* NBDTARGETCTL_OUT_H */
