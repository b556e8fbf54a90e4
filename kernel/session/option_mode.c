// SPDX-License-Identifier: GPL-2.0
/*
 * Options about how the two talk from then on: with which kind of replies, or
 * not at all.
 */
#include "base/proto.h"
#include "session/conn.h"
#include "session/option.h"
#include "session/option_mode.h"

/* SR1 to SR4. */
int nbdt_option_structured_reply(struct nbdt_negotiation *neg)
{
	if (neg->head.length)
		return nbdt_option_error_data(neg);
	switch (neg->conn->mode) {
	case NBDT_MODE_SIMPLE:
		WRITE_ONCE(neg->conn->mode, NBDT_MODE_STRUCTURED);
		return nbdt_option_ack(neg);
	case NBDT_MODE_STRUCTURED:
		return nbdt_option_error(neg, NBDT_REP_ERR_INVALID,
					 "structured replies were agreed before");
	default:
		return nbdt_option_error(neg, NBDT_REP_ERR_EXT_HEADER_REQD,
					 "extended headers were agreed before");
	}
}

/* EH1 to EH4: more than structured replies, which need not come first. */
int nbdt_option_extended_headers(struct nbdt_negotiation *neg)
{
	if (neg->head.length)
		return nbdt_option_error_data(neg);
	if (neg->conn->mode == NBDT_MODE_EXTENDED)
		return nbdt_option_error(neg, NBDT_REP_ERR_INVALID,
					 "extended headers were agreed before");
	WRITE_ONCE(neg->conn->mode, NBDT_MODE_EXTENDED);
	return nbdt_option_ack(neg);
}

/* AB1 to AB3: the answer need not arrive. */
int nbdt_option_abort(struct nbdt_negotiation *neg)
{
	nbdt_option_ack(neg);
	return nbdt_option_fail(neg, -ECANCELED, "client aborted negotiation");
}
