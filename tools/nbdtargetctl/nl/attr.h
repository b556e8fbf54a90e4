/* SPDX-License-Identifier: GPL-2.0 */
/* Netlink attributes into C structures, by tables. */
#ifndef NBDTARGETCTL_ATTR_H
#define NBDTARGETCTL_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tool.h"
#include "base/address.h"
#include "nbdtarget.h"
#include "nl/nl.h"

/* What an attribute is, and the type of the member it goes to. */
enum attr_kind {
	ATTR_NUMBER,	/* uint64_t, from an integer of any width */
	ATTR_BOOL,	/* bool, from an integer */
	ATTR_FLAG,	/* bool, true when present */
	ATTR_MARK,	/* the same, but absent from JSON when it isn't */
	ATTR_TEXT,	/* struct text, in the message */
	ATTR_ADDRESS,	/* struct address */
	ATTR_ENUM,	/* uint64_t, named by struct attr_names */
	ATTR_NEST,	/* a structure with an attr_set of its own */
	ATTR_ENDPOINTS,	/* struct endpoints, one more for each attribute */
};

/* Places of listeners. */
struct endpoints {
	size_t n;
	struct endpoint at[NBDTARGET_MAX_LISTENERS];
};

struct attr_names {
	const char *const *names;
	size_t n;
};

struct attr_field {
	uint16_t type;
	uint8_t kind;
	const char *key;	/* what it is called in JSON */
	size_t offset;		/* in the structure */
	const void *more;	/* attr_names of ENUM, attr_set of NEST */
};

/* The structure's first member is "uint64_t present", a bit per type. */
struct attr_set {
	const struct attr_field *fields;
	size_t n;
	size_t size;
};

struct attr_list {
	struct nl_reply reply;	/* that the items point into */
	const struct attr_set *set;
	char *items;
	size_t n;
};

void attr_parse(const struct attr_set *set, const struct nlmsghdr *nlh,
		void *object);
bool attr_has(const void *object, uint16_t type);
const char *attr_enum_name(const struct attr_names *names, uint64_t value);
bool attr_enum_value(const struct attr_names *names, const char *name,
		     uint32_t *value);
int attr_list_get(struct tool *t, uint8_t cmd, const struct attr_set *set,
		  struct attr_list *list);
void attr_list_take(const struct attr_set *set, struct attr_list *list);
void *attr_list_item(const struct attr_list *list, size_t i);
void attr_list_free(struct attr_list *list);

#endif /* NBDTARGETCTL_ATTR_H */
