// SPDX-License-Identifier: GPL-2.0
/*
 * How an option of negotiation is answered.
 *
 * A reply is sent by the connection's thread before the next option is read,
 * waiting for the socket as long as negotiation may last.  Whatever goes wrong
 * with that ends the connection: an option's function hands on what it got.
 *
 * Errors that the protocol has go to the client, with a text for people.  All
 * others are the connection's reason to end; the first one counts.
 */
#include <linux/kernel.h>

#include "base/proto.h"
#include "base/text.h"
#include "session/conn.h"
#include "session/conn_trace.h"
#include "session/option.h"
#include "transport/stream.h"

/* Room for a name in the text that goes with an error; most are shown whole. */
#define MAX_TEXT_NAME	256

/**
 * nbdt_option_fail - end the connection for a reason
 * @neg: the client's negotiation
 * @err: -errno
 * @reason: for the administrator; of static lifetime
 *
 * A reason that was given before stays.
 *
 * Return: @err, for the option's function to return.
 */
int nbdt_option_fail(struct nbdt_negotiation *neg, int err, const char *reason)
{
	cmpxchg(&neg->conn->reason, NULL, reason);
	return err;
}

/* The same for what a call of the socket returned; 0 is no failure. */
int nbdt_option_io_result(struct nbdt_negotiation *neg, int err)
{
	switch (err) {
	case 0:
		return 0;
	case -ETIMEDOUT:
		return nbdt_option_fail(neg, err, "negotiation timed out");
	case -ECANCELED:
		return nbdt_option_fail(neg, err, "disconnected");
	default:
		return nbdt_option_fail(neg, err, nbdt_stream_error_text(err));
	}
}

/**
 * nbdt_option_send - send bytes during negotiation
 * @neg: the client's
 * @vec: where they are; used up by the call
 * @nr: elements of @vec
 * @more: more follows at once
 *
 * Return: 0, or -errno with the connection's reason set.
 */
int nbdt_option_send(struct nbdt_negotiation *neg, struct kvec *vec,
		     unsigned int nr, bool more)
{
	size_t len = 0;
	unsigned int i;
	int err;

	for (i = 0; i < nr; i++)
		len += vec[i].iov_len;
	err = nbdt_stream_write(&neg->conn->sock, vec, nr, len, more,
				neg->deadline);
	return nbdt_option_io_result(neg, err);
}

/**
 * nbdt_option_reply - send one reply to the option
 * @neg: the client's negotiation
 * @type: NBDT_REP_*; an acknowledgment or an error is the last one
 * @parts: its data, one after the other
 * @nr: elements of @parts, at most 3
 *
 * Return: 0, or -errno with the connection's reason set.
 */
int nbdt_option_reply(struct nbdt_negotiation *neg, u32 type,
		      const struct kvec *parts, unsigned int nr)
{
	struct nbdt_wire_option_reply wire;
	struct kvec vec[4] = { { &wire, sizeof(wire) } };
	bool final = type == NBDT_REP_ACK || (type & NBDT_REP_ERROR(0));
	size_t len = 0;
	unsigned int i;

	if (WARN_ON_ONCE(nr >= ARRAY_SIZE(vec)))
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		vec[i + 1] = parts[i];
		len += parts[i].iov_len;
	}
	nbdt_proto_option_reply(&wire, neg->head.option, type, len);
	trace_nbdt_option_reply(neg->conn, neg->head.option, type);
	return nbdt_option_send(neg, vec, nr + 1, !final);
}

int nbdt_option_ack(struct nbdt_negotiation *neg)
{
	return nbdt_option_reply(neg, NBDT_REP_ACK, NULL, 0);
}

/**
 * nbdt_option_error - answer the option with an error
 * @neg: the client's negotiation
 * @type: NBDT_REP_ERR_*
 * @format: of a text for people, cut at NBDT_OPTION_MAX_TEXT bytes
 *
 * Return: as nbdt_option_reply(): 0 when it was sent, and the next option may
 * come.
 */
int nbdt_option_error(struct nbdt_negotiation *neg, u32 type,
		      const char *format, ...)
{
	struct kvec part = { .iov_base = neg->text };
	va_list args;

	va_start(args, format);
	part.iov_len = vscnprintf(neg->text, sizeof(neg->text), format, args);
	va_end(args);
	return nbdt_option_reply(neg, type, &part, 1);
}

/* For options without data. */
int nbdt_option_error_data(struct nbdt_negotiation *neg)
{
	return nbdt_option_error(neg, NBDT_REP_ERR_INVALID, "%s takes no data",
				 nbdt_proto_option_name(neg->head.option));
}

int nbdt_option_error_unknown(struct nbdt_negotiation *neg, const char *name,
			      u32 len)
{
	char shown[MAX_TEXT_NAME];

	return nbdt_option_error(neg, NBDT_REP_ERR_UNKNOWN,
				 "no export '%s' here",
				 nbdt_text_show(shown, sizeof(shown), name,
						len));
}

int nbdt_option_error_tls(struct nbdt_negotiation *neg)
{
	return nbdt_option_error(neg, NBDT_REP_ERR_TLS_REQD,
				 "TLS is needed first");
}
