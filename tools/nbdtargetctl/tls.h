/* SPDX-License-Identifier: GPL-2.0 */
/* The verb tls-agent, which is carried out by a program of its own. */
#ifndef NBDTARGETCTL_TLS_H
#define NBDTARGETCTL_TLS_H

#include "options.h"

#define TLS_DEFAULT_DIR "/etc/nbdtarget/tls"

enum {
	AGENT_DIR, AGENT_CERTIFICATES, AGENT_CIPHERS, AGENT_MAX, AGENT_QUIET
};

/* Does handshakes (agent.c), or becomes the program that does (launch.c). */
int tls_agent_run(struct tool *t, const struct args *args);

#endif /* NBDTARGETCTL_TLS_H */
