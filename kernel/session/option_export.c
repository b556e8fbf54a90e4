// SPDX-License-Identifier: GPL-2.0
/*
 * Options about exports: which there are, what one is like, and becoming a
 * client of it.
 *
 * A client sees and gets those that it may use as things are (permit.c); it
 * can't tell one that it may not from one that isn't there.
 */
#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/slab.h>

#include "base/event.h"
#include "base/proto.h"
#include "block/export.h"
#include "session/conn.h"
#include "session/option.h"
#include "session/option_export.h"
#include "session/permit.h"
#include "session/selection.h"
#include "session/transmit.h"
#include "nbdtarget.h"

/* The limits as this client gets to know them; IG9: with INFO as with GO. */
static int limits_on(const struct nbdt_negotiation *neg,
		     struct nbdt_export *export,
		     struct nbdt_cmd_limits *limits)
{
	int err = nbdt_export_limits(export, limits);

	limits->flags = nbdt_proto_flags(limits->flags, neg->conn->mode,
					 nbdt_selection_on(&neg->selection,
							   export));
	return err;
}

/* For the administrator. */
static const char *why_not(int err)
{
	switch (err) {
	case -EUSERS:
		return "it has all the clients it may have";
	case -ENOMEM:
		return "out of memory";
	default:
		return "it is being removed, or its device is gone or has no size";
	}
}

/*
 * Become a client of an export.  From here on the connection has to be
 * detached from it, which happens at its end.
 */
static int attach(struct nbdt_negotiation *neg, struct nbdt_export *export)
{
	int err;

	err = nbdt_transmit_init(neg->conn);
	if (err)
		return err;
	err = nbdt_export_attach(export, &neg->conn->origin, false);
	if (err) {
		nbdt_event_trouble(neg->conn, export, why_not(err));
		nbdt_transmit_free_buffer(neg->conn);
		return err;
	}
	nbdt_conn_set_export(neg->conn, export);
	limits_on(neg, export, &neg->conn->limits);
	/* From here on they are deselected at the connection's end. */
	neg->conn->contexts = nbdt_selection_hand_over(&neg->selection, export);
	return 0;
}

/*
 * An administrator who has changed the rules disconnects whoever is attached.  Who
 * was asked before that, and was attached behind it, would be a client for good: so
 * it is asked once more.
 */
static int confirm(struct nbdt_negotiation *neg, struct nbdt_export *export)
{
	/*
	 * It sees the change, or who disconnects sees that it is attached.  Pairs with
	 * the barrier in nbdt_conn_kill_matching().
	 */
	smp_mb();
	if (nbdt_permit_export(neg->conn, export))
		return 0;
	return nbdt_option_fail(neg, -EACCES,
				"the export was denied to it in this moment");
}

/* Why a client can't have an export, in the protocol's terms. */
static int reply_attach_error(struct nbdt_negotiation *neg, int err)
{
	switch (err) {
	case -EUSERS:
		return nbdt_option_error(neg, NBDT_REP_ERR_POLICY,
					 "the export has all the clients it may have");
	case -ENOMEM:
		return nbdt_option_error(neg, NBDT_REP_ERR_PLATFORM,
					 "the server is short of memory");
	default:
		return nbdt_option_error(neg, NBDT_REP_ERR_SHUTDOWN,
					 "the export is being removed, or its device isn't there");
	}
}

/*
 * EN1 to EN6: no error can be told, so all of them close.  EN5: with extended
 * headers a client has to use GO.
 */
int nbdt_option_export_name(struct nbdt_negotiation *neg)
{
	size_t pad = neg->no_zeroes ? NBDT_EXPORT_NAME_PAD : 0;
	struct nbdt_wire_export_name wire = {};
	struct kvec vec = { &wire, sizeof(wire) - pad };
	const struct nbdt_cmd_limits *limits;
	struct nbdt_export *export;
	int err;

	if (neg->conn->mode == NBDT_MODE_EXTENDED)
		return nbdt_option_fail(neg, -EPROTO,
					"EXPORT_NAME after EXTENDED_HEADERS");
	if (!nbdt_proto_name_valid(neg->data, neg->head.length))
		return nbdt_option_fail(neg, -EINVAL,
					"export name is not valid");
	export = nbdt_permit_find_export(neg->conn, neg->data,
					 neg->head.length, true);
	if (!export)
		return nbdt_option_fail(neg, -ENOENT, "no such export");
	err = attach(neg, export);
	if (!err)
		err = confirm(neg, export);
	nbdt_export_put(export);
	if (err)
		return nbdt_option_fail(neg, err, "export can't be used");

	limits = &neg->conn->limits;
	wire.size = cpu_to_be64(limits->size);
	wire.flags = cpu_to_be16(limits->flags);
	err = nbdt_option_send(neg, &vec, 1, false);
	return err ?: NBDT_OPTION_TRANSMISSION;
}

/* For kfree(); NULL when there is none, or no memory for it: clients can do without. */
static char *description_of(struct nbdt_export *export)
{
	char *description = nbdt_export_description(export);

	return IS_ERR(description) ? NULL : description;
}

static int list_one(struct nbdt_negotiation *neg, struct nbdt_export *export)
{
	__be32 name_len = cpu_to_be32(export->name_len);
	char *description = description_of(export);
	struct kvec parts[] = {
		{ &name_len, sizeof(name_len) },
		{ export->name, export->name_len },
		{ description, description ? strlen(description) : 0 },
	};
	int err;

	err = nbdt_option_reply(neg, NBDT_REP_SERVER, parts, ARRAY_SIZE(parts));
	kfree(description);
	return err;
}

/* LI1 to LI6. */
int nbdt_option_list(struct nbdt_negotiation *neg)
{
	struct nbdt_export *export;
	u32 id = 0, told = 0;
	int err;

	if (neg->head.length)
		return nbdt_option_error_data(neg);
	while ((export = nbdt_export_get_from(id))) {
		id = export->id + 1;
		err = 0;
		if (nbdt_permit_export(neg->conn, export)) {
			err = list_one(neg, export);
			told++;
		}
		nbdt_export_put(export);
		if (err)
			return err;
	}
	neg->told = max(neg->told, told);
	return nbdt_option_ack(neg);
}

static int reply_info_text(struct nbdt_negotiation *neg, u16 info,
			   const char *text, size_t len)
{
	__be16 type = cpu_to_be16(info);
	struct kvec parts[] = {
		{ &type, sizeof(type) },
		{ (char *)text, len },
	};

	return nbdt_option_reply(neg, NBDT_REP_INFO, parts, ARRAY_SIZE(parts));
}

static int reply_info_description(struct nbdt_negotiation *neg,
				  struct nbdt_export *export)
{
	char *description = description_of(export);
	int err;

	if (!description)
		return 0;
	err = reply_info_text(neg, NBDT_INFO_DESCRIPTION, description,
			      strlen(description));
	kfree(description);
	return err;
}

static int reply_info_block_size(struct nbdt_negotiation *neg,
				 struct nbdt_export *export)
{
	struct nbdt_wire_info_block_size wire = {
		.type = cpu_to_be16(NBDT_INFO_BLOCK_SIZE),
		.minimum = cpu_to_be32(export->disk.min_block),
		.preferred = cpu_to_be32(export->disk.preferred_block),
		.maximum = cpu_to_be32(NBDT_MAX_PAYLOAD),
	};
	struct kvec part = { &wire, sizeof(wire) };

	return nbdt_option_reply(neg, NBDT_REP_INFO, &part, 1);
}

static int reply_info_export(struct nbdt_negotiation *neg,
			     const struct nbdt_cmd_limits *limits)
{
	struct nbdt_wire_info_export wire = {
		.type = cpu_to_be16(NBDT_INFO_EXPORT),
		.size = cpu_to_be64(limits->size),
		.flags = cpu_to_be16(limits->flags),
	};
	struct kvec part = { &wire, sizeof(wire) };

	return nbdt_option_reply(neg, NBDT_REP_INFO, &part, 1);
}

/*
 * IG2 to IG4, IG12: the name when it was asked for or isn't what was asked
 * for; the description when there is one; the rest always.
 */
static int reply_infos(struct nbdt_negotiation *neg, struct nbdt_export *export,
		       const struct nbdt_go *go,
		       const struct nbdt_cmd_limits *limits)
{
	int err = 0;

	if ((go->infos & BIT(NBDT_INFO_NAME)) ||
	    go->name_len != export->name_len)
		err = reply_info_text(neg, NBDT_INFO_NAME, export->name,
				      export->name_len);
	if (!err)
		err = reply_info_description(neg, export);
	if (!err)
		err = reply_info_block_size(neg, export);
	if (!err)
		err = reply_info_export(neg, limits);
	return err;
}

/* INFO and GO differ in what follows (IG9, IG16). */
static int info_or_go(struct nbdt_negotiation *neg, struct nbdt_export *export,
		      const struct nbdt_go *go)
{
	bool is_go = neg->head.option == NBDT_OPT_GO;
	struct nbdt_cmd_limits limits;
	int err;

	err = is_go ? attach(neg, export) : limits_on(neg, export, &limits);
	if (err)
		return reply_attach_error(neg, err);
	if (is_go)
		err = confirm(neg, export);
	if (!err)
		err = reply_infos(neg, export, go,
				  is_go ? &neg->conn->limits : &limits);
	if (!err)
		err = nbdt_option_ack(neg);
	if (!err && is_go)
		return NBDT_OPTION_TRANSMISSION;
	return err;
}

/*
 * IG6, IG7: before TLS a client isn't told whether there is an export that
 * it could have with TLS.
 */
static bool may_help_with_tls(const struct nbdt_negotiation *neg)
{
	return !nbdt_permit_is_encrypted(neg->conn) &&
	       neg->conn->tls_mode == NBDTARGET_TLS_MODE_OPTIONAL;
}

/* IG1 to IG16. */
int nbdt_option_info(struct nbdt_negotiation *neg)
{
	struct nbdt_export *export;
	struct nbdt_go go;
	int err;

	err = nbdt_proto_go(neg->data, neg->head.length, &go);
	if (err)
		return nbdt_option_error(neg, NBDT_REP_ERR_INVALID,
					 "%s is malformed",
					 nbdt_proto_option_name(neg->head.option));
	export = nbdt_permit_find_export(neg->conn, go.name, go.name_len,
					 false);
	if (!export && may_help_with_tls(neg))
		return nbdt_option_error_tls(neg);
	if (!export)
		return nbdt_option_error_unknown(neg, go.name, go.name_len);
	err = info_or_go(neg, export, &go);
	nbdt_export_put(export);
	return err;
}
