/* SPDX-License-Identifier: GPL-2.0 */
/* Who may use what: rules and whose they are, as the module reports them. */
#ifndef NBDTARGETCTL_ACCESS_H
#define NBDTARGETCTL_ACCESS_H

#include "base/address.h"
#include "base/text.h"
#include "nl/attr.h"
#include "object/rule.h"

/* A rule and whose it is, or a default alone. */
struct access {
	uint64_t present;
	struct text export_name;
	bool listener;
	struct address address;
	uint64_t port;
	uint64_t ifindex;
	uint64_t deny_default;		/* NBDTARGET_ACCESS_* */
	uint64_t index;
	struct rule rule;
};

extern const struct attr_set access_attrs;

void access_put_listener(struct nlmsghdr *nlh, const struct endpoint *ep);
int access_of_export(struct tool *t, const char *name);
int access_of_listener(struct tool *t, const struct endpoint *ep);
void access_print_all(const struct attr_list *list, const char *indent);

#endif /* NBDTARGETCTL_ACCESS_H */
