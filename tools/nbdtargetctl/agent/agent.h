/* SPDX-License-Identifier: GPL-2.0 */
/* The TLS agent, which is a program of its own. */
#ifndef NBDTARGETCTL_AGENT_H
#define NBDTARGETCTL_AGENT_H

#include "base/options.h"

#define AGENT_DEFAULT_DIR "/etc/nbdtarget/tls"

/* Its options, in the order of the verb's table (verb/tls_agent.c). */
enum {
	AGENT_DIR, AGENT_CERTIFICATES, AGENT_CIPHERS, AGENT_MAX, AGENT_QUIET,
	AGENT_REQUIRE_CRL, AGENT_WEAK_PSK, AGENT_CHECK, AGENT_PRIORITY,
	AGENT_TICKETS
};

/* Does handshakes (agent.c), or becomes the program that does (launch.c). */
int agent_run(struct tool *t, const struct args *args);

#endif /* NBDTARGETCTL_AGENT_H */
