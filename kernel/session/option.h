/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_OPTION_H
#define NBDT_OPTION_H

#include <linux/compiler.h>
#include <linux/types.h>
#include <linux/uio.h>

#include "base/proto.h"
#include "session/selection.h"

struct nbdt_conn;

/* Data of most options fits into this, of which there is always one. */
#define NBDT_OPTION_SMALL	(NBDT_MAX_STRING + 64)

/* Longest text that goes with an error. */
#define NBDT_OPTION_MAX_TEXT	320

/* What an option's function returns when it is over, one way or the other. */
enum {
	NBDT_OPTION_NEXT = 0,
	NBDT_OPTION_TRANSMISSION = 1,	/* attached to its export */
	/* or -errno: close; conn->reason says why */
};

/*
 * A client's negotiation.  It belongs to the connection's thread and is gone
 * before transmission begins.
 */
struct nbdt_negotiation {
	/* Set by negotiate.c at its beginning, then read-only. */
	struct nbdt_conn *conn;
	unsigned long deadline;		/* jiffies */
	bool fixed;			/* fixed newstyle was agreed */
	bool no_zeroes;			/* so was this */

	/* Set by negotiate.c for each option; its function reads them. */
	struct nbdt_option_head head;
	u8 *data;			/* head.length bytes */
	u8 small[NBDT_OPTION_SMALL];	/* where DATA is, when it fits */

	/* Changed by options' functions. */
	struct nbdt_selection selection;
	u32 told;			/* most exports that one LIST told of */

	/* Of option.c: the text of the error that is being sent. */
	char text[NBDT_OPTION_MAX_TEXT];
};

/* To the client: 0, which is NBDT_OPTION_NEXT, or -errno, and it is over. */
int nbdt_option_send(struct nbdt_negotiation *neg, struct kvec *vec,
		     unsigned int nr, bool more);
int nbdt_option_reply(struct nbdt_negotiation *neg, u32 type,
		      const struct kvec *parts, unsigned int nr);
int nbdt_option_ack(struct nbdt_negotiation *neg);
__printf(3, 4)
int nbdt_option_error(struct nbdt_negotiation *neg, u32 type,
		      const char *format, ...);
int nbdt_option_error_data(struct nbdt_negotiation *neg);
int nbdt_option_error_unknown(struct nbdt_negotiation *neg, const char *name,
			      u32 len);
int nbdt_option_error_tls(struct nbdt_negotiation *neg);

/* The connection's end. */
int nbdt_option_fail(struct nbdt_negotiation *neg, int err, const char *reason);
int nbdt_option_io_result(struct nbdt_negotiation *neg, int err);

#endif /* NBDT_OPTION_H */
