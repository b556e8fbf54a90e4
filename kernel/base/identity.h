/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_IDENTITY_H
#define NBDT_IDENTITY_H

#include <linux/types.h>

/* Who a client proved to be.  One piece of memory, never changed. */
struct nbdt_identity {
	u32 auth;			/* NBDTARGET_TLS_AUTH_* */
	const char *name;		/* terminated, or NULL */
	u32 nr_alt_names;
	const char *alt_names[];	/* terminated */
};

struct nbdt_identity *nbdt_identity_create(u32 auth, const char *name,
					   const char *const *alt_names,
					   u32 nr_alt_names);

#endif /* NBDT_IDENTITY_H */
