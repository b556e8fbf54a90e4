/* SPDX-License-Identifier: GPL-2.0 */
/* One TLS handshake, from the kernel's socket to the kernel's keys. */
#ifndef NBDTARGETCTL_HANDSHAKE_H
#define NBDTARGETCTL_HANDSHAKE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/cred.h"
#include "nbdtarget.h"

#define HANDSHAKE_TEXT 128

/* Who the client is; what is there is to be freed by handshake_free(). */
struct proof {
	unsigned int auth;	/* NBDTARGET_TLS_AUTH_* */
	char *name;		/* or NULL */
	char **alt_names;
	size_t n_alt_names;
};

/*
 * What TLS 1.3 made its keys of, and will make the next ones of: the kernel's, once
 * it has the keys. Wiped by handshake_free().
 */
struct secrets {
	unsigned char rx[NBDTARGET_MAX_TLS_SECRET];
	unsigned char tx[NBDTARGET_MAX_TLS_SECRET];
	size_t rx_size, tx_size;	/* 0 while there is none */
};

struct handshake {
	uint64_t conn;		/* the kernel's number of the connection */
	uint16_t family;	/* of the module that gave it */
	int64_t deadline;	/* of the monotonic clock, in ms */
	char *peer;
	int fd;			/* -1 once it is closed */
	int epoll;		/* that watches it, or -1 */
	gnutls_session_t session;
	struct cred_use use;
	struct proof proof;
	bool proved;		/* who it is; what is left is to hand over */
	bool owes_ticket;	/* to be sent before; once begun it has to be */
	struct secrets secrets;
	char text[HANDSHAKE_TEXT];	/* why it failed */
	struct handshake *prev, *next;	/* the agent's */
};

enum handshake_end {
	HANDSHAKE_READS,	/* goes on when the socket has something */
	HANDSHAKE_WRITES,	/* goes on when the socket has room */
	HANDSHAKE_DONE,		/* the kernel has the keys, fd is closed */
	HANDSHAKE_FAILED,	/* text says why, fd is closed */
};

struct handshake *handshake_new(struct cred *cred, uint64_t conn, int fd);
enum handshake_end handshake_step(struct handshake *h);
void handshake_fail(struct handshake *h, const char *text);
void handshake_free(struct handshake *h);

#endif /* NBDTARGETCTL_HANDSHAKE_H */
