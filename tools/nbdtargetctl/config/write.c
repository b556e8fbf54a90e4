// SPDX-License-Identifier: GPL-2.0
/* What is configured as nbdtarget.json(5) has it: what can be set, and no more. */
#include <string.h>

#include "config/file.h"
#include "config/members.h"
#include "config/write.h"
#include "show/attr_json.h"
#include "show/json.h"

/* Those members of an object that a file has. */
static json_t *json_of(const struct members *all, const void *object)
{
	union {
		uint64_t present;
		struct target target;
		struct export export;
		struct bitmap bitmap;
		struct rule rule;
	} copy;

	memcpy(&copy, object, all->set->size);
	copy.present &= members_mask(all);
	return attr_json(all->set, &copy);
}

static json_t *json_listener(const struct listener *l)
{
	json_t *o = json_object();
	struct endpoint ep;

	listener_endpoint(l, &ep);
	json_put(o, "endpoint", json_take(endpoint_format(&ep)));
	json_put(o, "tls", json_string(listener_tls(l)));
	return o;
}

static json_t *json_rules(const struct rules *r)
{
	const char *action = attr_enum_name(&rule_actions, r->deny_default);
	json_t *o = json_object(), *array = json_array();
	size_t i;

	if (r->listener)
		json_put(o, "endpoint", json_take(endpoint_format(&r->ep)));
	else
		json_put_text(o, "export-name", r->export_name);
	json_put(o, "default", json_string(action ? action : "?"));
	for (i = 0; i < r->n; i++)
		json_add(array, json_of(&members_rule, &r->list[i]));
	json_put(o, "rules", array);
	return o;
}

json_t *config_json(const struct config *c)
{
	json_t *o = json_object(), *array;
	size_t i;

	json_put(o, "format", json_integer(FILE_FORMAT));
	if (c->target)
		json_put(o, "target", json_of(&members_target, c->target));
	json_put(o, "listeners", array = json_array());
	for (i = 0; i < c->listeners.n; i++)
		json_add(array, json_listener(c->listeners.at[i]));
	json_put(o, "exports", array = json_array());
	for (i = 0; i < c->exports.n; i++)
		json_add(array, json_of(&members_export, c->exports.at[i]));
	if (c->has[CONFIG_BITMAPS])
		json_put(o, "bitmaps", array = json_array());
	for (i = 0; i < c->bitmaps.n; i++)
		json_add(array, json_of(&members_bitmap, c->bitmaps.at[i]));
	json_put(o, "access", array = json_array());
	for (i = 0; i < c->access.n; i++)
		json_add(array, json_rules(c->access.at[i]));
	return o;
}
