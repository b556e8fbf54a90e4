// SPDX-License-Identifier: GPL-2.0
/*
 * Negotiation: from the greeting to the choice of an export.
 *
 * A conversation in straight lines: the connection's thread reads an option,
 * finds it in a table, has it answered.  Nobody is trusted yet, so everything
 * has a bound: one deadline over all of it, which traffic doesn't extend, a
 * number of options, a size of each, and memory for a larger one out of the same
 * account as requests.  The deadline and the number grow with the exports that the
 * client was told of: by so many options for each, and by a little time for each of
 * these that is done, so that who asks nothing has no more time.
 *
 * An option's data is consumed before it is looked at, so that whatever is
 * wrong with it, the next option is found (HS8).
 *
 * TLS begins in the middle of it (1.6 of the rules): what the listener demands
 * is asked of every option before that, what the export demands and whom it
 * is for, whenever one is looked up.  What was said in clear is forgotten.
 */
#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "base/proto.h"
#include "base/target.h"
#include "session/conn.h"
#include "session/conn_trace.h"
#include "session/mem.h"
#include "session/negotiate.h"
#include "session/option.h"
#include "session/option_context.h"
#include "session/option_export.h"
#include "session/option_mode.h"
#include "session/option_tls.h"
#include "session/permit.h"
#include "session/selection.h"
#include "transport/stream.h"
#include "nbdtarget.h"

/* Options that one client may send; a well-meaning one sends a handful. */
#define MAX_OPTIONS	64
/* And for each export that it was told of: one that lists asks about all. */
#define OPTIONS_OF_EXPORT	4
/*
 * Each of these takes 0.2 s with clients that say more will follow (MSG_MORE) when
 * nothing does, as libnbd 1.14: their own system keeps it for so long.
 */
#define OPTION_TIME	(HZ / 2)

static int receive(struct nbdt_negotiation *neg, void *buf, size_t len)
{
	int err = nbdt_stream_read(&neg->conn->sock, buf, len, neg->deadline);

	return nbdt_option_io_result(neg, err);
}

static int option_unsupported(struct nbdt_negotiation *neg)
{
	const char *name = nbdt_proto_option_name(neg->head.option);

	if (!name)
		return nbdt_option_error(neg, NBDT_REP_ERR_UNSUP,
					 "unknown option %u", neg->head.option);
	return nbdt_option_error(neg, NBDT_REP_ERR_UNSUP, "%s is not supported",
				 name);
}

/* All options there are; those without a function aren't supported. */
static int (*const options[])(struct nbdt_negotiation *neg) = {
	[NBDT_OPT_EXPORT_NAME]		= nbdt_option_export_name,
	[NBDT_OPT_ABORT]		= nbdt_option_abort,
	[NBDT_OPT_LIST]			= nbdt_option_list,
	[NBDT_OPT_PEEK_EXPORT]		= NULL,
	[NBDT_OPT_STARTTLS]		= nbdt_option_starttls,
	[NBDT_OPT_INFO]			= nbdt_option_info,
	[NBDT_OPT_GO]			= nbdt_option_info,
	[NBDT_OPT_STRUCTURED_REPLY]	= nbdt_option_structured_reply,
	[NBDT_OPT_LIST_META_CONTEXT]	= nbdt_option_meta_context,
	[NBDT_OPT_SET_META_CONTEXT]	= nbdt_option_meta_context,
	[NBDT_OPT_EXTENDED_HEADERS]	= nbdt_option_extended_headers,
};

/* All that there is before TLS, where TLS is required. */
static int run_option_in_clear(struct nbdt_negotiation *neg)
{
	switch (neg->head.option) {
	case NBDT_OPT_STARTTLS:
		return nbdt_option_starttls(neg);
	case NBDT_OPT_ABORT:
		return nbdt_option_abort(neg);
	case NBDT_OPT_EXPORT_NAME:
		return nbdt_option_fail(neg, -EPERM, "EXPORT_NAME before TLS");
	default:
		return nbdt_option_error_tls(neg);
	}
}

static int run_option(struct nbdt_negotiation *neg)
{
	u32 option = neg->head.option;

	if (neg->conn->tls_mode == NBDTARGET_TLS_MODE_REQUIRED &&
	    !nbdt_permit_is_encrypted(neg->conn))
		return run_option_in_clear(neg);
	if (option < ARRAY_SIZE(options) && options[option])
		return options[option](neg);
	return option_unsupported(neg);
}

static int receive_head(struct nbdt_negotiation *neg)
{
	struct nbdt_wire_option wire;
	int err;

	err = receive(neg, &wire, sizeof(wire));
	if (err)
		return err;
	if (nbdt_proto_option_head(&wire, &neg->head))
		return nbdt_option_fail(neg, -EBADMSG,
					"option without the magic number");
	trace_nbdt_option(neg->conn, neg->head.option, neg->head.length);
	if (neg->head.length > NBDT_MAX_OPTION)
		return nbdt_option_fail(neg, -EMSGSIZE,
					"option data above the maximum");
	return 0;
}

/* Data that there is no memory for has to go by all the same. */
static int refuse_large(struct nbdt_negotiation *neg)
{
	u32 left = neg->head.length;
	int err;

	while (left) {
		u32 len = min_t(u32, left, sizeof(neg->small));

		err = receive(neg, neg->small, len);
		if (err)
			return err;
		left -= len;
	}
	if (neg->head.option == NBDT_OPT_EXPORT_NAME)
		return nbdt_option_fail(neg, -EINVAL,
					"export name is not valid");
	return nbdt_option_error(neg, NBDT_REP_ERR_TOO_BIG, "too much data");
}

static int large_option(struct nbdt_negotiation *neg)
{
	u32 len = neg->head.length;
	int ret;

	if (!nbdt_mem_charge(&neg->conn->mem, len)) {
		nbdt_mem_stop_waiting(&neg->conn->mem);
		return refuse_large(neg);
	}
	neg->data = kvmalloc(len, GFP_KERNEL | __GFP_NOWARN);
	if (neg->data) {
		ret = receive(neg, neg->data, len);
		if (!ret)
			ret = run_option(neg);
		kvfree(neg->data);
	} else {
		ret = refuse_large(neg);
	}
	nbdt_mem_uncharge(&neg->conn->mem, len);
	return ret;
}

static int small_option(struct nbdt_negotiation *neg)
{
	int err;

	neg->data = neg->small;
	err = receive(neg, neg->data, neg->head.length);
	return err ?: run_option(neg);
}

static int one_option(struct nbdt_negotiation *neg)
{
	int err;

	err = receive_head(neg);
	if (err)
		return err;
	/* HS6: all that a plain newstyle client may ask for. */
	if (!neg->fixed && neg->head.option != NBDT_OPT_EXPORT_NAME)
		return nbdt_option_fail(neg, -EPROTO,
					"option of fixed newstyle, which was not agreed");
	if (neg->head.length > sizeof(neg->small))
		return large_option(neg);
	return small_option(neg);
}

/* HS1 to HS5. */
static int greet(struct nbdt_negotiation *neg)
{
	struct nbdt_wire_greeting greeting;
	struct kvec vec = { &greeting, sizeof(greeting) };
	__be32 wire;
	u32 flags;
	int err;

	nbdt_proto_greeting(&greeting);
	err = nbdt_option_send(neg, &vec, 1, false);
	if (err)
		return err;
	err = receive(neg, &wire, sizeof(wire));
	if (err)
		return err;
	flags = be32_to_cpu(wire);
	if (flags & ~NBDT_HANDSHAKE_FLAGS)
		return nbdt_option_fail(neg, -EPROTO, "unknown client flags");
	neg->fixed = flags & NBDT_FIXED_NEWSTYLE;
	neg->no_zeroes = flags & NBDT_NO_ZEROES;
	return 0;
}

/* A client that has always sent the next has nobody look at the clock. */
static int check_end(struct nbdt_negotiation *neg, unsigned int options)
{
	if (nbdt_sock_cancelled(&neg->conn->sock))
		return nbdt_option_io_result(neg, -ECANCELED);
	if (time_after_eq(jiffies, neg->deadline))
		return nbdt_option_io_result(neg, -ETIMEDOUT);
	if (options >= MAX_OPTIONS + (u64)OPTIONS_OF_EXPORT * neg->told)
		return nbdt_option_fail(neg, -E2BIG, "too many options");
	return 0;
}

static int haggle(struct nbdt_negotiation *neg)
{
	unsigned int options = 0;
	int ret;

	ret = greet(neg);
	while (!ret) {
		ret = check_end(neg, options++) ?: one_option(neg);
		if (options <= OPTIONS_OF_EXPORT * (u64)neg->told)
			neg->deadline += OPTION_TIME;
	}
	return ret == NBDT_OPTION_TRANSMISSION ? 0 : ret;
}

/**
 * nbdt_negotiate - agree with a client on an export
 * @conn: just accepted; the caller is its thread
 *
 * Return: 0 when the connection is attached to an export and transmission
 * begins.  An error when it is to be closed; it may be attached even so.
 * conn->reason says why.
 */
int nbdt_negotiate(struct nbdt_conn *conn)
{
	struct nbdt_negotiation *neg;
	int err;

	neg = kzalloc(sizeof(*neg), GFP_KERNEL);
	if (!neg) {
		cmpxchg(&conn->reason, NULL, "out of memory");
		return -ENOMEM;
	}
	neg->conn = conn;
	neg->deadline = conn->accepted +
			msecs_to_jiffies(nbdt_target_negotiation_timeout());
	err = haggle(neg);
	nbdt_selection_drop(&neg->selection);
	kfree(neg);
	return err;
}
