// SPDX-License-Identifier: GPL-2.0
/* Who clients are, from those who have it proved: agents, and a module before. */
#include <linux/slab.h>
#include <net/genetlink.h>

#include "admin/nl.h"
#include "admin/nl_identity.h"
#include "base/identity.h"
#include "compat/compat.h"
#include "nbdtarget.h"

/* All attributes of TYPE; how many there are, or an error. */
static int get_alt_names(struct genl_info *info, int type,
			 const char *names[NBDTARGET_MAX_ALT_NAMES])
{
	struct nlattr *attr;
	int rem, n = 0;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != type)
			continue;
		if (n == NBDTARGET_MAX_ALT_NAMES) {
			NL_SET_ERR_MSG_ATTR(info->extack, attr,
					    "too many alternative names");
			return -E2BIG;
		}
		names[n++] = nla_data(attr);
	}
	return n;
}

/**
 * nbdt_nl_get_identity - who somebody is, by attributes of a command
 * @info: of that
 * @kind: what proved it, NBDTARGET_TLS_AUTH_*
 * @name_attr: the name, a string
 * @alt_attr: alternative names, which may be there many times
 * @identity: set to it, for kfree()
 *
 * Return: 0; -EINVAL when they don't go with each other; -E2BIG; -ENOMEM.
 */
int nbdt_nl_get_identity(struct genl_info *info, u32 kind, int name_attr,
			 int alt_attr, struct nbdt_identity **identity)
{
	const char *name = nbdt_nl_string(info, name_attr);
	const char **alt_names;
	int n;

	if (kind == NBDTARGET_TLS_AUTH_NONE ? !!name : name && !*name) {
		nbdt_set_err_msg(info->extack,
				 "an identity goes with what proved it");
		return -EINVAL;
	}
	alt_names = kcalloc(NBDTARGET_MAX_ALT_NAMES, sizeof(*alt_names),
			    GFP_KERNEL);
	if (!alt_names)
		return -ENOMEM;
	n = get_alt_names(info, alt_attr, alt_names);
	if (n > 0 && kind != NBDTARGET_TLS_AUTH_X509) {
		nbdt_set_err_msg(info->extack,
				 "alternative names go with a certificate");
		n = -EINVAL;
	}
	/* A certificate may have no name but these. */
	if (!n && !name && kind != NBDTARGET_TLS_AUTH_NONE) {
		nbdt_set_err_msg(info->extack,
				 "what was proved goes with an identity");
		n = -EINVAL;
	}
	if (n >= 0) {
		*identity = nbdt_identity_create(kind, name, alt_names, n);
		n = *identity ? 0 : -ENOMEM;
	}
	kfree(alt_names);
	return n;
}
