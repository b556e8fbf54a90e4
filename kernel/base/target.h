/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_TARGET_H
#define NBDT_TARGET_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/xarray.h>

#define NBDT_VERSION	"0.1.0"

/* Numbers of exports and connections: behind the last there is another, and 0 is none. */
#define NBDT_TARGET_IDS	XA_LIMIT(1, U32_MAX - 1)

/*
 * Limits of the target as a whole.  Each is read where it applies, without a
 * lock, so changing one affects what happens next.
 */
struct nbdt_target {
	u32 max_connections;
	u32 negotiation_timeout;	/* ms */
	u32 stall_timeout;		/* ms */
	u32 max_in_flight;		/* of each connection */
	u32 peer_timeout;		/* ms */
	u32 poll_time;			/* us; 0: threads sleep at once */
	u32 tls_key_policy;		/* NBDTARGET_TLS_KEY_POLICY_* */
	u64 tls_key_records;		/* of one key, in one direction */
	bool log_clients;		/* that they come and go */
};

extern struct nbdt_target nbdt_target;

static inline u32 nbdt_target_max_connections(void)
{
	return READ_ONCE(nbdt_target.max_connections);
}

static inline u32 nbdt_target_negotiation_timeout(void)
{
	return READ_ONCE(nbdt_target.negotiation_timeout);
}

static inline u32 nbdt_target_stall_timeout(void)
{
	return READ_ONCE(nbdt_target.stall_timeout);
}

static inline u32 nbdt_target_peer_timeout(void)
{
	return READ_ONCE(nbdt_target.peer_timeout);
}

static inline u32 nbdt_target_max_in_flight(void)
{
	return READ_ONCE(nbdt_target.max_in_flight);
}

static inline u32 nbdt_target_poll_time(void)
{
	return READ_ONCE(nbdt_target.poll_time);
}

static inline u32 nbdt_target_tls_key_policy(void)
{
	return READ_ONCE(nbdt_target.tls_key_policy);
}

static inline u64 nbdt_target_tls_key_records(void)
{
	return READ_ONCE(nbdt_target.tls_key_records);
}

static inline bool nbdt_target_log_clients(void)
{
	return READ_ONCE(nbdt_target.log_clients);
}

#endif /* NBDT_TARGET_H */
