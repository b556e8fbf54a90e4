// SPDX-License-Identifier: GPL-2.0
/*
 * Netlink attributes into C structures, by tables. What is unknown or malformed
 * counts as absent, so tool and module may differ in age.
 */
#include <linux/genetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/address.h"
#include "base/mem.h"
#include "base/text.h"
#include "nl/attr.h"

static bool take_number(const struct nlattr *attr, uint64_t *number)
{
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		*number = mnl_attr_get_u8(attr);
		return true;
	case 2:
		*number = mnl_attr_get_u16(attr);
		return true;
	case 4:
		*number = mnl_attr_get_u32(attr);
		return true;
	case 8:
		*number = mnl_attr_get_u64(attr);
		return true;
	}
	return false;
}

static bool take_bool(const struct nlattr *attr, bool *value)
{
	uint64_t number;

	if (!take_number(attr, &number))
		return false;
	*value = number;
	return true;
}

static bool take_text(const struct nlattr *attr, struct text *text)
{
	text->p = mnl_attr_get_payload(attr);
	text->len = strnlen(text->p, mnl_attr_get_payload_len(attr));
	return true;
}

static bool take_address(const struct nlattr *attr, struct address *address)
{
	uint16_t len = mnl_attr_get_payload_len(attr);

	if (len != 4 && len != 16)
		return false;
	address->len = len;
	memcpy(address->bytes, mnl_attr_get_payload(attr), len);
	return true;
}

static void take(const struct attr_set *set, const struct nlattr *attr,
		 void *object);

static bool take_nest(const struct nlattr *nest, const struct attr_set *set,
		      void *object)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
		take(set, attr, object);
	return true;
}

/* That of this process; 0 if the kernel doesn't say. */
static uint64_t own_netns(void)
{
	static uint64_t cookie;
	socklen_t size = sizeof(cookie);
	int fd;

	if (cookie)
		return cookie;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size))
		cookie = 0;
	close(fd);
	return cookie;
}

static void take_place(const struct nlattr *attr, struct endpoint *ep)
{
	uint64_t number = 0;

	switch (mnl_attr_get_type(attr)) {
	case NBDTARGET_A_LISTENER_ADDRESS:
		take_address(attr, &ep->address);
		break;
	case NBDTARGET_A_LISTENER_PORT:
		take_number(attr, &number);
		ep->port = number;
		break;
	case NBDTARGET_A_LISTENER_IFINDEX:
		take_number(attr, &number);
		ep->ifindex = number;
		break;
	case NBDTARGET_A_LISTENER_NETNS:
		take_number(attr, &number);
		ep->netns = number == own_netns() ? 0 : number;
		break;
	}
}

static bool take_endpoint(const struct nlattr *nest, struct endpoints *all)
{
	const struct nlattr *attr;

	if (all->n == ARRAY_SIZE(all->at))
		return false;
	mnl_attr_for_each_nested(attr, nest)
		take_place(attr, &all->at[all->n]);
	all->n++;
	return true;
}

static bool take_value(const struct attr_field *f, const struct nlattr *attr,
		       void *value)
{
	switch (f->kind) {
	case ATTR_NUMBER:
	case ATTR_ENUM:
		return take_number(attr, value);
	case ATTR_BOOL:
		return take_bool(attr, value);
	case ATTR_FLAG:
	case ATTR_MARK:
		*(bool *)value = true;
		return true;
	case ATTR_TEXT:
		return take_text(attr, value);
	case ATTR_ADDRESS:
		return take_address(attr, value);
	case ATTR_NEST:
		return take_nest(attr, f->more, value);
	case ATTR_ENDPOINTS:
		return take_endpoint(attr, value);
	}
	return false;
}

static void take(const struct attr_set *set, const struct nlattr *attr,
		 void *object)
{
	uint16_t type = mnl_attr_get_type(attr);
	const struct attr_field *f;
	uint64_t *present = object;

	for (f = set->fields; f < set->fields + set->n; f++)
		if (f->type == type &&
		    take_value(f, attr, (char *)object + f->offset))
			*present |= 1ULL << type;
}

/* Fills a structure, whose strings then point into the message. */
void attr_parse(const struct attr_set *set, const struct nlmsghdr *nlh,
		void *object)
{
	struct nlattr *attr;

	memset(object, 0, set->size);
	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
		take(set, attr, object);
}

bool attr_has(const void *object, uint16_t type)
{
	const uint64_t *present = object;

	return *present >> type & 1;
}

/* NULL for one that is newer than this tool. */
const char *attr_enum_name(const struct attr_names *names, uint64_t value)
{
	return value < names->n ? names->names[value] : NULL;
}

/* The value by its name; false when none is called so. */
bool attr_enum_value(const struct attr_names *names, const char *name,
		     uint32_t *value)
{
	for (*value = 0; *value < names->n; ++*value)
		if (!strcmp(name, names->names[*value]))
			return true;
	return false;
}

/* Makes items of the messages in list->reply. */
void attr_list_take(const struct attr_set *set, struct attr_list *list)
{
	struct nlmsghdr *nlh = NULL;

	list->set = set;
	list->items = NULL;
	list->n = 0;
	while ((nlh = nl_reply_next(&list->reply, nlh))) {
		list->items = mem_resize(list->items,
					 (list->n + 1) * set->size);
		attr_parse(set, nlh, list->items + list->n++ * set->size);
	}
}

/* All objects of a kind; 0 or a negative errno, see nl_last_error(). */
int attr_list_get(struct tool *t, uint8_t cmd, const struct attr_set *set,
		  struct attr_list *list)
{
	int ret;

	memset(list, 0, sizeof(*list));
	ret = nl_dump(t->nl, cmd, &list->reply);
	attr_list_take(set, list);
	return ret;
}

void *attr_list_item(const struct attr_list *list, size_t i)
{
	return list->items + i * list->set->size;
}

void attr_list_free(struct attr_list *list)
{
	nl_reply_free(&list->reply);
	free(list->items);
	list->items = NULL;
	list->n = 0;
}
