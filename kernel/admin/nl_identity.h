/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_IDENTITY_H
#define NBDT_NL_IDENTITY_H

#include <linux/types.h>

struct genl_info;
struct nbdt_identity;

int nbdt_nl_get_identity(struct genl_info *info, u32 kind, int name_attr,
			 int alt_attr, struct nbdt_identity **identity);

#endif /* NBDT_NL_IDENTITY_H */
