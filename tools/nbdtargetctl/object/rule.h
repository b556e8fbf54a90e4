/* SPDX-License-Identifier: GPL-2.0 */
/* Rules of access: whom they are about, and what becomes of him. */
#ifndef NBDTARGETCTL_RULE_H
#define NBDTARGETCTL_RULE_H

#include "base/address.h"
#include "base/text.h"
#include "base/tool.h"
#include "nl/attr.h"

struct rule {
	uint64_t present;
	uint64_t action;		/* NBDTARGET_ACCESS_* */
	struct address peer;
	uint64_t prefix;
	struct text dn;
	struct text alt_name;
	struct text psk;
};

extern const struct attr_set rule_attrs;
extern const struct attr_names rule_actions;

int rule_take_action(struct tool *t, const char *opt, const char *text,
		     uint32_t *action);
const char *rule_parse(const char *s, struct rule *rule);
const char *rule_check(const struct rule *rule);
char *rule_format(const struct rule *rule);
void rule_put(struct nlmsghdr *nlh, const struct rule *rule);

#endif /* NBDTARGETCTL_RULE_H */
