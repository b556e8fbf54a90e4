/* SPDX-License-Identifier: GPL-2.0 */
/* What systemd is told of the state of the agent. */
#ifndef NBDTARGETCTL_NOTIFY_H
#define NBDTARGETCTL_NOTIFY_H

void notify(const char *state);
void notify_reloading(void);

#endif /* NBDTARGETCTL_NOTIFY_H */
