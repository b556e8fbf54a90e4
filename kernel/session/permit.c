// SPDX-License-Identifier: GPL-2.0
/*
 * What a client may see and use, by who it is and whether it is encrypted.
 *
 * Asked anew each time an export is looked up, by the connection's thread: TLS
 * begins during negotiation, and an administrator may change an export's rules
 * at any time.  What a client may not use, it can't tell from what isn't there.
 */
#include "base/access.h"
#include "base/event.h"
#include "block/export.h"
#include "session/conn.h"
#include "session/permit.h"
#include "nbdtarget.h"

bool nbdt_permit_is_encrypted(const struct nbdt_conn *conn)
{
	return conn->sock.tls;
}

static bool needs_tls(const struct nbdt_conn *conn,
		      const struct nbdt_export *export)
{
	return !nbdt_permit_is_encrypted(conn) &&
	       READ_ONCE(export->tls_required);
}

/* What keeps a client from an export, for the administrator; NULL for nothing. */
static const char *what_denies(const struct nbdt_conn *conn,
			       struct nbdt_export *export)
{
	const struct nbdt_identity *identity = conn->tls.identity;
	struct nbdt_access *access;
	const char *why = NULL;

	if (!nbdt_export_is_bound_to(export, &conn->place))
		return "it isn't offered by the listener";
	if (needs_tls(conn, export))
		return "it needs TLS";
	if (!nbdt_access_allows(conn->access, &conn->peer, identity))
		return "by the rules of the listener";
	access = nbdt_access_get(&export->access);
	if (!nbdt_access_allows(access, &conn->peer, identity))
		why = "by the rules of the export";
	nbdt_access_put(access);
	return why;
}

/* Once, however often it asks; and not if it may be about to begin TLS. */
static void tell(struct nbdt_conn *conn, struct nbdt_export *export,
		 const char *why, bool last)
{
	if (conn->denied == export->id ||
	    (!last && needs_tls(conn, export) &&
	     conn->tls_mode == NBDTARGET_TLS_MODE_OPTIONAL))
		return;
	conn->denied = export->id;
	nbdt_event_denied(conn, export, why);
}

/**
 * nbdt_permit_export - may a client know of an export, and use it?
 * @conn: the client's; the caller is its thread
 * @export: the caller has a reference
 *
 * Return: whether it may, as things are now.
 */
bool nbdt_permit_export(const struct nbdt_conn *conn,
			struct nbdt_export *export)
{
	return !what_denies(conn, export);
}

/**
 * nbdt_permit_find_export - the export of a name, if it is open to a client
 * @conn: the client's; the caller is its thread
 * @name: as nbdt_export_get() has it
 * @len: of @name
 * @last: it has no other question after this
 *
 * Return: the export with a reference; NULL when there is none for it.
 */
struct nbdt_export *nbdt_permit_find_export(struct nbdt_conn *conn,
					    const char *name, u32 len,
					    bool last)
{
	struct nbdt_export *export = nbdt_export_get(name, len);
	const char *why = export ? what_denies(conn, export) : NULL;

	if (!why)
		return export;
	tell(conn, export, why, last);
	nbdt_export_put(export);
	return NULL;
}
