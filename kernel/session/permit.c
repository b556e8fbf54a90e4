// SPDX-License-Identifier: GPL-2.0
/*
 * What a client may see and use, by who it is and whether it is encrypted.
 *
 * Asked anew each time an export is looked up, by the connection's thread: TLS
 * begins during negotiation, and an administrator may change an export's rules
 * at any time.  What a client may not use, it can't tell from what isn't there.
 */
#include "base/access.h"
#include "block/export.h"
#include "session/conn.h"
#include "session/permit.h"

bool nbdt_permit_is_encrypted(const struct nbdt_conn *conn)
{
	return conn->sock.tls;
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

/**
 * nbdt_permit_export - may a client know of an export, and use it?
 * @conn: the client's; the caller is its thread
 * @export: the caller has a reference
 *
 * Return: whether it may, as things are now.
 */
bool nbdt_permit_export(const struct nbdt_conn *conn,
			const struct nbdt_export *export)
{
	if (!nbdt_permit_is_encrypted(conn) && READ_ONCE(export->tls_required))
		return false;
	return may_use(conn, export);
}

/**
 * nbdt_permit_find_export - the export of a name, if it is open to a client
 * @conn: the client's; the caller is its thread
 * @name: as nbdt_export_get() has it
 * @len: of @name
 *
 * Return: the export with a reference; NULL when there is none for it.
 */
struct nbdt_export *nbdt_permit_find_export(const struct nbdt_conn *conn,
					    const char *name, u32 len)
{
	struct nbdt_export *export = nbdt_export_get(name, len);

	if (!export || nbdt_permit_export(conn, export))
		return export;
	nbdt_export_put(export);
	return NULL;
}
