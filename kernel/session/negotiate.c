// SPDX-License-Identifier: GPL-2.0
/*
 * Negotiation: from the greeting to the choice of an export.
 *
 * A conversation in straight lines: the connection's thread reads an option,
 * finds it in a table, answers it.  Nobody is trusted yet, so everything has
 * a bound: one deadline over all of it, which traffic doesn't extend, a
 * number of options, a size of each, and memory for a larger one out of the
 * same account as requests.
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

#include "base/access.h"
#include "compat/compat.h"
#include "session/conn.h"
#include "content/context.h"
#include "block/export.h"
#include "session/negotiate.h"
#include "admin/netlink.h"
#include "base/proto.h"
#include "transport/sock.h"
#include "base/target.h"
#include "session/trace.h"
#include "session/transmit.h"
#include "nbdtarget.h"

/* Options that one client may send; a well-meaning one sends a handful. */
#define MAX_OPTIONS	64

/* Data of most options fits into this, of which there is always one. */
#define SMALL_OPTION	(NBDT_MAX_STRING + 64)

/* Longest text that goes with an error, and longest piece of a name in it. */
#define MAX_TEXT	160
#define MAX_TEXT_NAME	80

/* What an option's handler returns when it is over, one way or the other. */
enum {
	NEXT_OPTION = 0,
	TRANSMISSION = 1,	/* the connection is attached to its export */
	/* or -errno: close; conn->reason says why */
};

struct negotiation {
	struct nbdt_conn *conn;
	unsigned long deadline;		/* jiffies */
	bool fixed;			/* fixed newstyle was agreed */
	bool no_zeroes;			/* so was this */
	u64 contexts;			/* mask of those selected */
	struct nbdt_export *contexts_export;	/* that they are of; or NULL */
	bool handed_over;		/* they are the connection's now */
	struct nbdt_option_head head;	/* the option being answered */
	u8 *data;			/* its data: small, or allocated */
	u8 small[SMALL_OPTION];
	char text[MAX_TEXT];
};

struct option {
	int (*run)(struct negotiation *neg);
};

static int fail(struct negotiation *neg, int err, const char *reason)
{
	cmpxchg(&neg->conn->reason, NULL, reason);
	return err;
}

static int io_result(struct negotiation *neg, int err)
{
	switch (err) {
	case 0:
		return 0;
	case -ETIMEDOUT:
		return fail(neg, err, "negotiation timed out");
	case -ECANCELED:
		return fail(neg, err, "disconnected");
	default:
		return fail(neg, err, nbdt_sock_error_text(err));
	}
}

static int receive(struct negotiation *neg, void *buf, size_t len)
{
	return io_result(neg, nbdt_sock_read(&neg->conn->sock, buf, len,
					     neg->deadline));
}

static int send(struct negotiation *neg, struct kvec *vec, unsigned int nr,
		bool more)
{
	size_t len = 0;
	unsigned int i;

	for (i = 0; i < nr; i++)
		len += vec[i].iov_len;
	return io_result(neg, nbdt_sock_write(&neg->conn->sock, vec, nr, len,
					      more, neg->deadline));
}

/* One reply to the option; its data is PARTS one after the other. */
static int reply(struct negotiation *neg, u32 type, const struct kvec *parts,
		 unsigned int nr)
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
	return send(neg, vec, nr + 1, !final);
}

static int reply_ack(struct negotiation *neg)
{
	return reply(neg, NBDT_REP_ACK, NULL, 0);
}

/* An error, with a text for people. */
static __printf(3, 4)
int reply_error(struct negotiation *neg, u32 type, const char *format, ...)
{
	struct kvec part = { .iov_base = neg->text };
	va_list args;

	va_start(args, format);
	part.iov_len = vscnprintf(neg->text, sizeof(neg->text), format, args);
	va_end(args);
	return reply(neg, type, &part, 1);
}

static int reply_no_data_wanted(struct negotiation *neg)
{
	return reply_error(neg, NBDT_REP_ERR_INVALID, "%s takes no data",
			   nbdt_proto_option_name(neg->head.option));
}

/* --- What may be seen --- */

static bool is_encrypted(const struct negotiation *neg)
{
	return neg->conn->sock.tls;
}

/* Do the rules of its listener and of the export allow it? */
static bool may_use(const struct nbdt_conn *conn,
		    const struct nbdt_export *export)
{
	struct nbdt_access *access = nbdt_access_get(&export->access);
	bool allowed;

	allowed = nbdt_access_allows(conn->access, &conn->peer,
				     conn->tls.identity) &&
		  nbdt_access_allows(access, &conn->peer, conn->tls.identity);
	nbdt_access_put(access);
	return allowed;
}

/* May the client know of it, and use it, as things are? */
static bool is_open_to(const struct negotiation *neg,
		       const struct nbdt_export *export)
{
	if (!is_encrypted(neg) && READ_ONCE(export->tls_required))
		return false;
	return may_use(neg->conn, export);
}

/* The export of that name, if it is open to the client; with a reference. */
static struct nbdt_export *find_export(struct negotiation *neg,
				       const char *name, u32 len)
{
	struct nbdt_export *export = nbdt_export_get(name, len);

	if (!export || is_open_to(neg, export))
		return export;
	nbdt_export_put(export);
	return NULL;
}

/*
 * IG6, IG7: before TLS a client isn't told whether there is an export that
 * it could have with TLS.
 */
static bool may_help_with_tls(const struct negotiation *neg)
{
	return !is_encrypted(neg) &&
	       neg->conn->tls_mode == NBDTARGET_TLS_MODE_OPTIONAL;
}

static int reply_tls_required(struct negotiation *neg)
{
	return reply_error(neg, NBDT_REP_ERR_TLS_REQD, "TLS is needed first");
}

/* Why a client can't have an export, in the protocol's terms. */
static int reply_attach_error(struct negotiation *neg, int err)
{
	switch (err) {
	case -EUSERS:
		return reply_error(neg, NBDT_REP_ERR_POLICY,
				   "the export has all the clients it may have");
	case -ENOMEM:
		return reply_error(neg, NBDT_REP_ERR_PLATFORM,
				   "the server is short of memory");
	default:
		return reply_error(neg, NBDT_REP_ERR_SHUTDOWN,
				   "the export is being removed");
	}
}

/* SM7: what was selected counts for the export that it was selected on. */
static u64 contexts_on(const struct negotiation *neg,
		       const struct nbdt_export *export)
{
	return neg->contexts_export == export ? neg->contexts : 0;
}

static void deselect(struct negotiation *neg)
{
	if (!neg->contexts_export)
		return;
	if (!neg->handed_over)
		nbdt_context_deselect(neg->contexts_export, neg->contexts);
	nbdt_export_put(neg->contexts_export);
	neg->contexts = 0;
	neg->contexts_export = NULL;
}

/* The limits as this client gets to know them; IG9: with INFO as with GO. */
static void limits_on(const struct negotiation *neg,
		      struct nbdt_export *export,
		      struct nbdt_cmd_limits *limits)
{
	nbdt_export_limits(export, limits);
	limits->flags = nbdt_proto_flags(limits->flags, neg->conn->mode,
					 contexts_on(neg, export));
}

/*
 * Become a client of an export.  From here on the connection has to be
 * detached from it, which happens at its end.
 */
static int attach(struct negotiation *neg, struct nbdt_export *export)
{
	int err;

	err = nbdt_transmit_init(neg->conn);
	if (err)
		return err;
	err = nbdt_export_attach(export, neg->conn);
	if (err) {
		free_page((unsigned long)neg->conn->rx.buf);
		neg->conn->rx.buf = NULL;
		return err;
	}
	limits_on(neg, export, &neg->conn->limits);
	/* From here on they are deselected at the connection's end. */
	neg->conn->contexts = contexts_on(neg, export);
	neg->handed_over = neg->contexts_export == export;
	return 0;
}

/*
 * EN1 to EN6: no error can be told, so all of them close.  EN5: with extended
 * headers a client has to use GO.
 */
static int option_export_name(struct negotiation *neg)
{
	size_t pad = neg->no_zeroes ? NBDT_EXPORT_NAME_PAD : 0;
	struct nbdt_wire_export_name wire = {};
	struct kvec vec = { &wire, sizeof(wire) - pad };
	const struct nbdt_cmd_limits *limits;
	struct nbdt_export *export;
	int err;

	if (neg->conn->mode == NBDT_MODE_EXTENDED)
		return fail(neg, -EPROTO, "EXPORT_NAME after EXTENDED_HEADERS");
	if (!nbdt_proto_name_valid(neg->data, neg->head.length))
		return fail(neg, -EINVAL, "export name is not valid");
	export = find_export(neg, neg->data, neg->head.length);
	if (!export)
		return fail(neg, -ENOENT, "no such export");
	err = attach(neg, export);
	nbdt_export_put(export);
	if (err)
		return fail(neg, err, "export can't be used");

	limits = &neg->conn->limits;
	wire.size = cpu_to_be64(limits->size);
	wire.flags = cpu_to_be16(limits->flags);
	err = send(neg, &vec, 1, false);
	return err ?: TRANSMISSION;
}

/* AB1 to AB3: the answer need not arrive. */
static int option_abort(struct negotiation *neg)
{
	reply_ack(neg);
	return fail(neg, -ECANCELED, "client aborted negotiation");
}

static int list_one(struct negotiation *neg, struct nbdt_export *export)
{
	__be32 name_len = cpu_to_be32(export->name_len);
	char *description = nbdt_export_description(export);
	struct kvec parts[] = {
		{ &name_len, sizeof(name_len) },
		{ export->name, export->name_len },
		{ description, description ? strlen(description) : 0 },
	};
	int err;

	err = reply(neg, NBDT_REP_SERVER, parts, ARRAY_SIZE(parts));
	kfree(description);
	return err;
}

/* LI1 to LI6. */
static int option_list(struct negotiation *neg)
{
	struct nbdt_export *export;
	u32 id = 0;
	int err;

	if (neg->head.length)
		return reply_no_data_wanted(neg);
	while ((export = nbdt_export_get_from(id))) {
		id = export->id + 1;
		err = is_open_to(neg, export) ? list_one(neg, export) : 0;
		nbdt_export_put(export);
		if (err)
			return err;
	}
	return reply_ack(neg);
}

static int reply_info_text(struct negotiation *neg, u16 info, const char *text,
			   size_t len)
{
	__be16 type = cpu_to_be16(info);
	struct kvec parts[] = {
		{ &type, sizeof(type) },
		{ (char *)text, len },
	};

	return reply(neg, NBDT_REP_INFO, parts, ARRAY_SIZE(parts));
}

static int reply_info_description(struct negotiation *neg,
				  struct nbdt_export *export)
{
	char *description = nbdt_export_description(export);
	int err;

	if (!description)
		return 0;
	err = reply_info_text(neg, NBDT_INFO_DESCRIPTION, description,
			      strlen(description));
	kfree(description);
	return err;
}

static int reply_info_block_size(struct negotiation *neg,
				 struct nbdt_export *export)
{
	struct nbdt_wire_info_block_size wire = {
		.type = cpu_to_be16(NBDT_INFO_BLOCK_SIZE),
		.minimum = cpu_to_be32(export->min_block),
		.preferred = cpu_to_be32(export->preferred_block),
		.maximum = cpu_to_be32(NBDT_MAX_PAYLOAD),
	};
	struct kvec part = { &wire, sizeof(wire) };

	return reply(neg, NBDT_REP_INFO, &part, 1);
}

static int reply_info_export(struct negotiation *neg,
			     const struct nbdt_cmd_limits *limits)
{
	struct nbdt_wire_info_export wire = {
		.type = cpu_to_be16(NBDT_INFO_EXPORT),
		.size = cpu_to_be64(limits->size),
		.flags = cpu_to_be16(limits->flags),
	};
	struct kvec part = { &wire, sizeof(wire) };

	return reply(neg, NBDT_REP_INFO, &part, 1);
}

/*
 * IG2 to IG4, IG12: the name when it was asked for or isn't what was asked
 * for; the description when there is one; the rest always.
 */
static int reply_infos(struct negotiation *neg, struct nbdt_export *export,
		       const struct nbdt_go *go)
{
	struct nbdt_cmd_limits limits;
	int err = 0;

	limits_on(neg, export, &limits);
	if ((go->infos & BIT(NBDT_INFO_NAME)) ||
	    go->name_len != export->name_len)
		err = reply_info_text(neg, NBDT_INFO_NAME, export->name,
				      export->name_len);
	if (!err)
		err = reply_info_description(neg, export);
	if (!err)
		err = reply_info_block_size(neg, export);
	if (!err)
		err = reply_info_export(neg, &limits);
	return err;
}

/* INFO and GO differ in what follows (IG9, IG16). */
static int info_or_go(struct negotiation *neg, struct nbdt_export *export,
		      const struct nbdt_go *go)
{
	int err;

	if (neg->head.option == NBDT_OPT_GO) {
		err = attach(neg, export);
		if (err)
			return reply_attach_error(neg, err);
	}
	err = reply_infos(neg, export, go);
	if (!err)
		err = reply_ack(neg);
	if (!err && neg->head.option == NBDT_OPT_GO)
		return TRANSMISSION;
	return err;
}

static int reply_unknown_export(struct negotiation *neg, const char *name,
				u32 len)
{
	return reply_error(neg, NBDT_REP_ERR_UNKNOWN, "no export '%*pE' here",
			   min_t(int, len, MAX_TEXT_NAME / 4), name);
}

static int option_info(struct negotiation *neg)
{
	struct nbdt_export *export;
	struct nbdt_go go;
	int err;

	err = nbdt_proto_go(neg->data, neg->head.length, &go);
	if (err)
		return reply_error(neg, NBDT_REP_ERR_INVALID,
				   "%s is malformed",
				   nbdt_proto_option_name(neg->head.option));
	export = find_export(neg, go.name, go.name_len);
	if (!export && may_help_with_tls(neg))
		return reply_tls_required(neg);
	if (!export)
		return reply_unknown_export(neg, go.name, go.name_len);
	err = info_or_go(neg, export, &go);
	nbdt_export_put(export);
	return err;
}

/* SR1 to SR4. */
static int option_structured_reply(struct negotiation *neg)
{
	if (neg->head.length)
		return reply_no_data_wanted(neg);
	switch (neg->conn->mode) {
	case NBDT_MODE_SIMPLE:
		WRITE_ONCE(neg->conn->mode, NBDT_MODE_STRUCTURED);
		return reply_ack(neg);
	case NBDT_MODE_STRUCTURED:
		return reply_error(neg, NBDT_REP_ERR_INVALID,
				   "structured replies were agreed before");
	default:
		return reply_error(neg, NBDT_REP_ERR_EXT_HEADER_REQD,
				   "extended headers were agreed before");
	}
}

/* EH1 to EH4: more than structured replies, which need not come first. */
static int option_extended_headers(struct negotiation *neg)
{
	if (neg->head.length)
		return reply_no_data_wanted(neg);
	if (neg->conn->mode == NBDT_MODE_EXTENDED)
		return reply_error(neg, NBDT_REP_ERR_INVALID,
				   "extended headers were agreed before");
	WRITE_ONCE(neg->conn->mode, NBDT_MODE_EXTENDED);
	return reply_ack(neg);
}

/* LM6: all that there is, without a query; SM3: then nothing is selected. */
static u64 match_queries(struct negotiation *neg, struct nbdt_export *export,
			 struct nbdt_meta *meta)
{
	bool list = neg->head.option == NBDT_OPT_LIST_META_CONTEXT;
	u64 all = nbdt_context_list_all(export), found = 0;
	struct nbdt_query query;
	u32 i;

	if (list && !meta->count)
		return all;
	for (i = 0; i < meta->count && (found & all) != all; i++) {
		nbdt_proto_query(meta, &query);
		if (list)
			found |= nbdt_context_list(export, &query);
		else
			found = nbdt_context_select(export, &query, found);
	}
	return found;
}

/* LM7, SM4: each of CONTEXTS; LM8: in a list they have no ids. */
static int reply_context(struct negotiation *neg, u32 id, const char *name)
{
	__be32 wire = cpu_to_be32(id);
	struct kvec parts[] = {
		{ &wire, sizeof(wire) },
		{ (char *)name, strlen(name) },
	};

	return reply(neg, NBDT_REP_META_CONTEXT, parts, ARRAY_SIZE(parts));
}

static int reply_contexts(struct negotiation *neg, struct nbdt_export *export,
			  u64 contexts, bool list)
{
	int err = 0;

	for (; contexts && !err; contexts &= contexts - 1) {
		u32 id = __ffs64(contexts);
		char *name = nbdt_context_name(export, id);

		if (name)
			err = reply_context(neg, list ? 0 : id, name);
		else if (!list)
			err = fail(neg, -ENOMEM, "out of memory");
		kfree(name);
	}
	return err ?: reply_ack(neg);
}

/* LM1 to LM10, SM1 to SM9. */
static int option_meta_context(struct negotiation *neg)
{
	bool list = neg->head.option == NBDT_OPT_LIST_META_CONTEXT;
	const char *option = nbdt_proto_option_name(neg->head.option);
	struct nbdt_export *export;
	struct nbdt_meta meta;
	u64 contexts;
	int err;

	/* SM1: whatever comes of it, the old selection is gone. */
	if (!list)
		deselect(neg);
	if (!list && neg->conn->mode < NBDT_MODE_STRUCTURED)
		return reply_error(neg, NBDT_REP_ERR_INVALID,
				   "%s needs structured replies", option);
	if (nbdt_proto_meta(neg->data, neg->head.length, &meta))
		return reply_error(neg, NBDT_REP_ERR_INVALID,
				   "%s is malformed", option);
	export = find_export(neg, meta.name, meta.name_len);
	if (!export)
		return reply_unknown_export(neg, meta.name, meta.name_len);
	contexts = match_queries(neg, export, &meta);
	err = reply_contexts(neg, export, contexts, list);
	if (list) {
		nbdt_export_put(export);
	} else {
		neg->contexts = contexts;
		neg->contexts_export = export;
	}
	return err;
}

/* ST5: nothing that was agreed in clear counts. */
static void forget(struct negotiation *neg)
{
	WRITE_ONCE(neg->conn->mode, NBDT_MODE_SIMPLE);
	deselect(neg);
}

/* The client was told to begin; from here on there is no way back (ST6). */
static int start_tls(struct negotiation *neg)
{
	int err;

	err = nbdt_tls_handshake(neg->conn, neg->deadline);
	if (!err)
		forget(neg);
	return err;
}

/* ST1 to ST6. */
static int option_starttls(struct negotiation *neg)
{
	struct nbdt_conn *conn = neg->conn;
	int n;

	if (neg->head.length)
		return reply_no_data_wanted(neg);
	if (is_encrypted(neg))
		return reply_error(neg, NBDT_REP_ERR_INVALID,
				   "TLS is on already");
	if (conn->tls_mode == NBDTARGET_TLS_MODE_OFF)
		return reply_error(neg, NBDT_REP_ERR_POLICY,
				   "TLS is off here");
	/* The kernel has TLS over TCP only. */
	if (conn->peer.ss_family != AF_INET && conn->peer.ss_family != AF_INET6)
		return reply_error(neg, NBDT_REP_ERR_POLICY,
				   "no TLS without TCP");
	/* There isn't one yet, but whoever hears that will be there for it. */
	if (!nbdt_netlink_tls_event(conn))
		return reply_error(neg, NBDT_REP_ERR_POLICY,
				   "TLS is not ready on the server");
	/*
	 * What is here now was sent in clear before the client was told to
	 * begin: somebody may have put it there for us to take for encrypted.
	 */
	n = nbdt_sock_peek(&conn->sock);
	if (n > 0)
		return fail(neg, -EPROTO, "data in clear behind STARTTLS");
	if (n != -EAGAIN)
		return io_result(neg, n);
	return reply_ack(neg) ?: start_tls(neg);
}

static int option_unsupported(struct negotiation *neg)
{
	const char *name = nbdt_proto_option_name(neg->head.option);

	if (!name)
		return reply_error(neg, NBDT_REP_ERR_UNSUP,
				   "unknown option %u", neg->head.option);
	return reply_error(neg, NBDT_REP_ERR_UNSUP, "%s is not supported",
			   name);
}

/* All options there are; those without a function aren't supported. */
static const struct option options[] = {
	[NBDT_OPT_EXPORT_NAME]		= { .run = option_export_name },
	[NBDT_OPT_ABORT]		= { .run = option_abort },
	[NBDT_OPT_LIST]			= { .run = option_list },
	[NBDT_OPT_PEEK_EXPORT]		= { },
	[NBDT_OPT_STARTTLS]		= { .run = option_starttls },
	[NBDT_OPT_INFO]			= { .run = option_info },
	[NBDT_OPT_GO]			= { .run = option_info },
	[NBDT_OPT_STRUCTURED_REPLY]	= { .run = option_structured_reply },
	[NBDT_OPT_LIST_META_CONTEXT]	= { .run = option_meta_context },
	[NBDT_OPT_SET_META_CONTEXT]	= { .run = option_meta_context },
	[NBDT_OPT_EXTENDED_HEADERS]	= { .run = option_extended_headers },
};

/* All that there is before TLS, where TLS is required. */
static int run_option_in_clear(struct negotiation *neg)
{
	switch (neg->head.option) {
	case NBDT_OPT_STARTTLS:
		return option_starttls(neg);
	case NBDT_OPT_ABORT:
		return option_abort(neg);
	case NBDT_OPT_EXPORT_NAME:
		return fail(neg, -EPERM, "EXPORT_NAME before TLS");
	default:
		return reply_tls_required(neg);
	}
}

static int run_option(struct negotiation *neg)
{
	u32 option = neg->head.option;

	if (neg->conn->tls_mode == NBDTARGET_TLS_MODE_REQUIRED &&
	    !is_encrypted(neg))
		return run_option_in_clear(neg);
	if (option < ARRAY_SIZE(options) && options[option].run)
		return options[option].run(neg);
	return option_unsupported(neg);
}

static int receive_head(struct negotiation *neg)
{
	struct nbdt_wire_option wire;
	int err;

	err = receive(neg, &wire, sizeof(wire));
	if (err)
		return err;
	if (nbdt_proto_option_head(&wire, &neg->head))
		return fail(neg, -EBADMSG, "option without the magic number");
	trace_nbdt_option(neg->conn, neg->head.option, neg->head.length);
	if (neg->head.length > NBDT_MAX_OPTION)
		return fail(neg, -EMSGSIZE, "option data above the maximum");
	return 0;
}

/* Data that there is no memory for has to go by all the same. */
static int refuse_large(struct negotiation *neg)
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
		return fail(neg, -EINVAL, "export name is not valid");
	return reply_error(neg, NBDT_REP_ERR_TOO_BIG, "too much data");
}

static int large_option(struct negotiation *neg)
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

static int small_option(struct negotiation *neg)
{
	int err;

	neg->data = neg->small;
	err = receive(neg, neg->data, neg->head.length);
	return err ?: run_option(neg);
}

static int one_option(struct negotiation *neg)
{
	int err;

	err = receive_head(neg);
	if (err)
		return err;
	/* HS6: all that a plain newstyle client may ask for. */
	if (!neg->fixed && neg->head.option != NBDT_OPT_EXPORT_NAME)
		return fail(neg, -EPROTO,
			    "option of fixed newstyle, which was not agreed");
	if (neg->head.length > sizeof(neg->small))
		return large_option(neg);
	return small_option(neg);
}

/* HS1 to HS5. */
static int greet(struct negotiation *neg)
{
	struct nbdt_wire_greeting greeting;
	struct kvec vec = { &greeting, sizeof(greeting) };
	__be32 wire;
	u32 flags;
	int err;

	nbdt_proto_greeting(&greeting);
	err = send(neg, &vec, 1, false);
	if (err)
		return err;
	err = receive(neg, &wire, sizeof(wire));
	if (err)
		return err;
	flags = be32_to_cpu(wire);
	if (flags & ~NBDT_HANDSHAKE_FLAGS)
		return fail(neg, -EPROTO, "unknown client flags");
	neg->fixed = flags & NBDT_FIXED_NEWSTYLE;
	neg->no_zeroes = flags & NBDT_NO_ZEROES;
	return 0;
}

static int haggle(struct negotiation *neg)
{
	unsigned int i;
	int ret;

	ret = greet(neg);
	for (i = 0; !ret && i < MAX_OPTIONS; i++)
		ret = one_option(neg);
	if (!ret)
		return fail(neg, -E2BIG, "too many options");
	return ret == TRANSMISSION ? 0 : ret;
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
	struct negotiation *neg;
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
	deselect(neg);
	kfree(neg);
	return err;
}
