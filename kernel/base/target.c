// SPDX-License-Identifier: GPL-2.0
/*
 * The target as a whole: its limits and their defaults.
 */
#include "base/target.h"
#include "nbdtarget.h"

struct nbdt_target nbdt_target = {
	.max_connections	= 1024,
	.negotiation_timeout	= 10 * 1000,
	.stall_timeout		= 60 * 1000,
	.peer_timeout		= 120 * 1000,
	.max_in_flight		= 128,
	.poll_time		= 200,
	.tls_key_policy		= NBDTARGET_TLS_KEY_POLICY_WARN,
	/* RFC 9846, 5.5: AES-GCM is good for 2^24.5; some for the last second. */
	.tls_key_records	= 1ULL << 24,
};
