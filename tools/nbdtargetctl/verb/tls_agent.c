// SPDX-License-Identifier: GPL-2.0
/*
 * The verb tls-agent: its options.
 *
 * The library for TLS is larger than all else that is loaded with the tool, and
 * only the agent needs it.  So there are two programs of the same sources:
 * nbdtargetctl, in which the verb becomes the other (agent/launch.c), and
 * nbdtarget-tls-agent beside it, in which it is carried out (agent/agent.c).
 */
#include "agent/agent.h"
#include "verb/verbs.h"

static const struct opt agent_opts[] = {
	[AGENT_DIR] = { "--credentials", OPT_TEXT, "DIR",
		"folder of certificates and keys", 4095 },
	[AGENT_CERTIFICATES] = { "--client-certificates", OPT_TEXT, "HOW",
		"require, request or ignore them", 16 },
	[AGENT_CIPHERS] = { "--ciphers", OPT_TEXT, "LIST",
		"those to offer, the best first", 127 },
	[AGENT_MAX] = { "--max-handshakes", OPT_NUMBER, "N",
		"most handshakes at once", 1 << 20 },
	[AGENT_QUIET] = { "--quiet", OPT_FLAG, NULL,
		"say nothing of handshakes that fail", 0 },
	[AGENT_REQUIRE_CRL] = { "--require-crl", OPT_FLAG, NULL,
		"do nothing without ca-crl.pem", 0 },
	[AGENT_WEAK_PSK] = { "--weak-psk", OPT_FLAG, NULL,
		"take pre-shared keys of less than 128 bits", 0 },
	[AGENT_CHECK] = { "--check", OPT_FLAG, NULL,
		"only see whether the credentials are good", 0 },
	[AGENT_PRIORITY] = { "--priority", OPT_TEXT, "STRING",
		"what may be agreed on, as GnuTLS has it", 1023 },
	[AGENT_TICKETS] = { "--tickets", OPT_NUMBER, "SECONDS",
		"how long clients may come back with one", 86400 },
	{ .name = NULL }
};

const struct verb verb_tls_agent = {
	.name = "tls-agent",
	.args = "",
	.summary = "Does TLS handshakes for the target, until SIGINT or SIGTERM.",
	.details = "DIR, " AGENT_DEFAULT_DIR " unless given, has ca-cert.pem, ca-crl.pem,\n"
		   "server-cert.pem, server-key.pem and keys.psk. Changes there are\n"
		   "noticed, or on SIGHUP.",
	.opts = agent_opts,
	.no_batch = true,
	.run = agent_run,
};
