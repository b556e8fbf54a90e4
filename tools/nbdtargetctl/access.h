/* SPDX-License-Identifier: GPL-2.0 */
/* Who may use what: rules, as people and the module have them. */
#ifndef NBDTARGETCTL_ACCESS_H
#define NBDTARGETCTL_ACCESS_H

#include "address.h"
#include "attr.h"
#include "text.h"
#include "tool.h"

struct rule {
	uint64_t present;
	uint64_t action;		/* NBDTARGET_ACCESS_* */
	struct address peer;
	uint64_t prefix;
	struct text dn;
	struct text alt_name;
	struct text psk;
};

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

int access_take_action(struct tool *t, const char *opt, const char *text,
		       uint32_t *action);
const char *rule_parse(const char *s, struct rule *rule);
char *rule_format(const struct rule *rule);
void access_print_all(const struct attr_list *list, const char *indent);

#endif /* NBDTARGETCTL_ACCESS_H */
