/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_PERMIT_H
#define NBDT_PERMIT_H

#include <linux/types.h>

struct nbdt_conn;
struct nbdt_export;

bool nbdt_permit_is_encrypted(const struct nbdt_conn *conn);
bool nbdt_permit_export(const struct nbdt_conn *conn,
			struct nbdt_export *export);
struct nbdt_export *nbdt_permit_find_export(struct nbdt_conn *conn,
					    const char *name, u32 len,
					    bool last);

#endif /* NBDT_PERMIT_H */
