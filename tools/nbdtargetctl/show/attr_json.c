// SPDX-License-Identifier: GPL-2.0
/* What attributes became in C structures as JSON, by the same tables. */
#include "base/address.h"
#include "show/attr_json.h"
#include "show/json.h"

static json_t *json_number(uint64_t n)
{
	return json_integer(n > INT64_MAX ? INT64_MAX : (json_int_t)n);
}

static json_t *json_enum(const struct attr_names *names, uint64_t value)
{
	const char *name = attr_enum_name(names, value);

	return name ? json_string(name) : json_number(value);
}

static json_t *json_address(const struct address *address)
{
	char buf[ADDRESS_MAX];

	address_format(address, buf);
	return json_string(buf);
}

static json_t *json_endpoints(const struct endpoints *all)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < all->n; i++)
		json_add(array, json_take(endpoint_format(&all->at[i])));
	return array;
}

static void json_field(json_t *o, const struct attr_field *f,
		       const void *value)
{
	switch (f->kind) {
	case ATTR_NUMBER:
		json_put(o, f->key, json_number(*(const uint64_t *)value));
		break;
	case ATTR_ENUM:
		json_put(o, f->key,
			 json_enum(f->more, *(const uint64_t *)value));
		break;
	case ATTR_BOOL:
	case ATTR_FLAG:
	case ATTR_MARK:
		json_put(o, f->key, json_boolean(*(const bool *)value));
		break;
	case ATTR_TEXT:
		json_put_text(o, f->key, *(const struct text *)value);
		break;
	case ATTR_ADDRESS:
		json_put(o, f->key, json_address(value));
		break;
	case ATTR_ENDPOINTS:
		json_put(o, f->key, json_endpoints(value));
		break;
	case ATTR_NEST:
		json_put(o, f->key, attr_json(f->more, value));
		break;
	}
}

/* An object with a member for each attribute that is there. */
json_t *attr_json(const struct attr_set *set, const void *object)
{
	const struct attr_field *f;
	json_t *o = json_object();

	for (f = set->fields; f < set->fields + set->n; f++)
		if (f->kind == ATTR_FLAG || attr_has(object, f->type))
			json_field(o, f, (const char *)object + f->offset);
	return o;
}

json_t *attr_json_all(const struct attr_list *list)
{
	json_t *array = json_array();
	size_t i;

	for (i = 0; i < list->n; i++)
		json_add(array, attr_json(list->set, attr_list_item(list, i)));
	return array;
}
