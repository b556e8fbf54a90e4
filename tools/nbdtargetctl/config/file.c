// SPDX-License-Identifier: GPL-2.0
/*
 * Files that say what shall be, into the structures that `show` has (config.h): by
 * the same tables, so that a member is called the same and is of the same kind.
 *
 * Whoever reads a value knows the way to it from the root (struct place), by which
 * errors tell line and column. All of a file is read, and all errors are told, and
 * check.c goes over what is left only when there were none.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "base/mem.h"
#include "config/check.h"
#include "config/file.h"
#include "config/members.h"

/* Many times what 4096 exports with rules and descriptions take. */
#define SIZE_MAX_OF_FILE (64 << 20)

static const char *type_name(const json_t *value)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array",
		[JSON_STRING] = "a string", [JSON_INTEGER] = "a number",
		[JSON_REAL] = "a number with a fraction",
		[JSON_TRUE] = "true", [JSON_FALSE] = "false",
		[JSON_NULL] = "null",
	};

	return names[json_typeof(value)];
}

/* --- Values --- */

static void take_number(struct reader *r, const struct place *place,
			const struct member *m, const json_t *value,
			uint64_t *to)
{
	if (!json_is_integer(value)) {
		wrong_at(r, place, "%s has to be a number, not %s", place->key,
			 type_name(value));
		return;
	}
	*to = json_integer_value(value);
	if (json_integer_value(value) < 0 || *to < m->min || *to > m->max)
		wrong_at(r, place, "%s has to be from %llu to %llu", place->key,
			 (unsigned long long)m->min, (unsigned long long)m->max);
	else if (m->power && *to & (*to - 1))
		wrong_at(r, place, "%s has to be a power of two", place->key);
}

static void take_bool(struct reader *r, const struct place *place,
		      const json_t *value, bool *to)
{
	if (!json_is_boolean(value))
		wrong_at(r, place, "%s has to be true or false, not %s",
			 place->key, type_name(value));
	*to = json_is_true(value);
}

static const char *take_string(struct reader *r, const struct place *place,
			       const json_t *value)
{
	if (!json_is_string(value))
		wrong_at(r, place, "%s has to be a string, not %s", place->key,
			 type_name(value));
	return json_string_value(value);
}

static void take_enum(struct reader *r, const struct place *place,
		      const struct attr_names *names, const json_t *value,
		      uint64_t *to)
{
	const char *s = take_string(r, place, value);
	uint32_t number;
	char *known;
	size_t i;

	if (!s)
		return;
	if (attr_enum_value(names, s, &number)) {
		*to = number;
		return;
	}
	known = mem_copy(names->names[0]);
	for (i = 1; i < names->n; i++) {
		char *longer = mem_printf("%s, %s", known, names->names[i]);

		free(known);
		known = longer;
	}
	wrong_at(r, place, "%s is none of %s", place->key, known);
	free(known);
}

static void check_length(struct reader *r, const struct place *place,
			 const struct member *m, size_t len)
{
	if (len < m->min)
		wrong_at(r, place, "%s is empty", place->key);
	else if (len > m->max)
		wrong_at(r, place, "%s is longer than %llu bytes", place->key,
			 (unsigned long long)m->max);
}

static int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? at - digits : -1;
}

/* Bytes that no string of JSON can be. */
static void take_hex(struct reader *r, const struct place *place,
		     const struct member *m, const json_t *value,
		     struct text *to)
{
	const char *s = take_string(r, place, value);
	size_t i, len = s ? strlen(s) : 0;
	char *bytes = config_alloc(r->c, len / 2 + 1);

	for (i = 0; i < len / 2; i++) {
		int high = digit(s[2 * i]), low = digit(s[2 * i + 1]);

		if (high < 0 || low < 0 || !(high | low))
			break;
		bytes[i] = high << 4 | low;
	}
	if (i * 2 != len)
		wrong_at(r, place,
			 "%s has to be bytes other than 0 in hexadecimal, in lower case",
			 place->key);
	to->p = bytes;
	to->len = i;
	check_length(r, place, m, i);
}

static void take_text(struct reader *r, const struct place *place,
		      const struct member *m, const json_t *value,
		      struct text *to)
{
	const char *s = take_string(r, place, value);

	if (!s)
		return;
	*to = text_of(s);
	check_length(r, place, m, to->len);
}

static void take_address(struct reader *r, const struct place *place,
			 const json_t *value, struct address *to)
{
	const char *s = take_string(r, place, value);

	if (!s)
		return;
	to->len = strchr(s, ':') ? 16 : 4;
	if (inet_pton(to->len == 4 ? AF_INET : AF_INET6, s, to->bytes) != 1)
		wrong_at(r, place, "%s is no numeric IPv4 or IPv6 address",
			 place->key);
}

/* What is behind the '%' that there is. */
static const char *zone_of(struct reader *r, const char *s)
{
	const char *at = strchr(s, '%') + 1;
	size_t len = strcspn(at, "]");

	return memcpy(config_alloc(r->c, len + 1), at, len);
}

/* One for each, so that two of them aren't one. */
static uint32_t zone_number(struct reader *r, const char *zone)
{
	size_t i;

	for (i = 0; i < r->n_zones; i++)
		if (!strcmp(r->zones[i], zone))
			return zone_stand_in(i);
	r->zones = mem_resize(r->zones, (i + 1) * sizeof(*r->zones));
	r->zones[i] = zone;
	r->n_zones++;
	return zone_stand_in(i);
}

/*
 * An interface that isn't there, or not yet, has a number here that none has: what is on
 * it fails by itself, and an export that is bound to it alone is open to nobody, where
 * one without an address would be to all. Nobody else makes such a binding, so by that
 * export_waits() knows it.
 */
static const char *stand_in(struct reader *r, const struct place *place,
			    const char *s, struct endpoint *to)
{
	const char *at = strchr(s, '%') + 1, *zone = zone_of(r, s), *problem;
	char *known = mem_printf("%.*s%u%s", (int)(at - s), s,
				 zone_number(r, zone), at + strlen(zone));

	problem = endpoint_parse(known, to);
	free(known);
	if (!problem)
		warn_at(r, place,
			"warning: '%s': there is no interface '%s', so nobody comes by that",
			s, zone);
	return problem;
}

/*
 * When the machine has started anew, a number may be that of another interface. What stands
 * for one that isn't there is none's at any time: upgrade has it in its file.
 */
static bool is_by_number(struct reader *r, const char *s,
			 const struct endpoint *ep)
{
	return ep->ifindex && !endpoint_is_stand_in(ep) &&
	       !if_nametoindex(zone_of(r, s));
}

static void take_endpoint(struct reader *r, const struct place *place,
			  const json_t *value, struct endpoint *to)
{
	const char *s = json_string_value(value), *problem;

	if (!s) {
		wrong_at(r, place, "an address is a string, not %s",
			 type_name(value));
		return;
	}
	problem = endpoint_parse(s, to);
	if (problem == endpoint_no_interface ||
	    (!problem && is_by_number(r, s, to)))
		problem = stand_in(r, place, s, to);
	if (problem)
		wrong_at(r, place, "'%s': %s", s, problem);
}

static bool is_array(struct reader *r, const struct place *place,
		     const json_t *value)
{
	if (json_is_array(value))
		return true;
	wrong_at(r, place, "%s has to be an array, not %s", place->key,
		 type_name(value));
	return false;
}

static void take_endpoints(struct reader *r, const struct place *place,
			   const json_t *value, struct endpoints *to)
{
	size_t i;

	if (!is_array(r, place, value))
		return;
	if (json_array_size(value) > ARRAY_SIZE(to->at)) {
		wrong_at(r, place, "%s has more than %zu addresses", place->key,
			 ARRAY_SIZE(to->at));
		return;
	}
	for (i = 0; i < json_array_size(value); i++) {
		struct place at = { place, NULL, i };

		take_endpoint(r, &at, json_array_get(value, i),
			      &to->at[to->n++]);
	}
}

static void take_value(struct reader *r, const struct place *place,
		       const struct member *m, const struct attr_field *f,
		       const json_t *value, void *to)
{
	switch (f->kind) {
	case ATTR_NUMBER:
		take_number(r, place, m, value, to);
		break;
	case ATTR_BOOL:
		take_bool(r, place, value, to);
		break;
	case ATTR_TEXT:
		take_text(r, place, m, value, to);
		break;
	case ATTR_ADDRESS:
		take_address(r, place, value, to);
		break;
	case ATTR_ENUM:
		take_enum(r, place, f->more, value, to);
		break;
	case ATTR_ENDPOINTS:
		take_endpoints(r, place, value, to);
		break;
	}
}

/* --- Objects --- */

/* A member "KEY-hex" of a text KEY; KEY itself is for people then. */
static const struct member *find_hex(const struct members *all, const char *key,
				     const struct attr_field **f)
{
	size_t len = strlen(key);
	const struct member *m;
	char *base;

	if (len < 4 || strcmp(key + len - 4, "-hex"))
		return NULL;
	base = mem_printf("%.*s", (int)len - 4, key);
	m = members_find(all, base, f);
	free(base);
	return m && (*f)->kind == ATTR_TEXT ? m : NULL;
}

static bool has_hex(const json_t *object, const char *key)
{
	char *hex = mem_printf("%s-hex", key);
	bool has = json_object_get(object, hex);

	free(hex);
	return has;
}

static const char zeroed_said[] =
	"zeroed is said once, of a device as it is when it is exported, by 'add-export --zeroed'";

/* false when there is no such member. */
static bool take_member(struct reader *r, const struct place *place,
			const struct members *all, const json_t *object,
			const json_t *value, void *to)
{
	const struct attr_field *f;
	const struct member *m = members_find(all, place->key, &f);
	uint64_t *present = to;

	if (m && f->kind == ATTR_TEXT && has_hex(object, place->key))
		return true;
	if (m) {
		take_value(r, place, m, f, value, (char *)to + f->offset);
	} else {
		m = find_hex(all, place->key, &f);
		if (!m)
			return false;
		take_hex(r, place, m, value, (void *)((char *)to + f->offset));
	}
	*present |= 1ULL << f->type;
	return true;
}

static void check_required(struct reader *r, const struct place *place,
			   const struct members *all, const void *object)
{
	size_t i;

	for (i = 0; i < all->n; i++)
		if (all->list[i].required && !attr_has(object, all->list[i].type))
			wrong_at(r, place, "%s is missing",
				 members_field(all, &all->list[i])->key);
}

/* Keys that are no members; NULL ends them. */
static bool is_known(const char *const *more, const char *key)
{
	for (; *more; more++)
		if (!strcmp(*more, key))
			return true;
	return false;
}

/* false when it is no object. */
static bool take_object(struct reader *r, const struct place *place,
			const struct members *all, json_t *object,
			const char *const *more, void *to)
{
	const char *key;
	json_t *value;

	if (!json_is_object(object)) {
		wrong_at(r, place, "this has to be an object, not %s",
			 type_name(object));
		return false;
	}
	json_object_foreach(object, key, value) {
		struct place at = { place, key, 0 };

		if (is_known(more, key) ||
		    (all && take_member(r, &at, all, object, value, to)))
			continue;
		if (all == &members_export && !strcmp(key, "zeroed"))
			wrong_key(r, &at, "%s", zeroed_said);
		else
			wrong_key(r, &at, "there is no member '%s' here", key);
	}
	if (all)
		check_required(r, place, all, to);
	return true;
}

static const char *const no_more[] = { NULL };

/* --- Sections --- */

static void take_target(struct reader *r, const struct place *place,
			json_t *value)
{
	struct target *tg = config_alloc(r->c, sizeof(*tg));

	if (take_object(r, place, &members_target, value, no_more, tg))
		r->c->target = tg;
}

static void take_export(struct reader *r, const struct place *place,
			json_t *value)
{
	struct export *e = config_alloc(r->c, sizeof(*e));

	if (!take_object(r, place, &members_export, value, no_more, e))
		return;
	if (e->shared && !attr_has(e, NBDTARGET_A_EXPORT_MAP))
		e->map = NBDTARGET_MAP_OFF;
	items_add(&r->c->exports, e);
}

static void take_bitmap(struct reader *r, const struct place *place,
			json_t *value)
{
	struct bitmap *b = config_alloc(r->c, sizeof(*b));

	b->recording = true;
	if (take_object(r, place, &members_bitmap, value, no_more, b))
		items_add(&r->c->bitmaps, b);
}

static const char *const endpoint_key[] = { "endpoint", NULL };

/* The member "endpoint"; false when there is none. */
static bool take_place(struct reader *r, const struct place *place,
		       const json_t *object, struct endpoint *ep)
{
	struct place at = { place, endpoint_key[0], 0 };
	const json_t *value = json_object_get(object, at.key);

	if (value)
		take_endpoint(r, &at, value, ep);
	return value;
}

static void take_listener(struct reader *r, const struct place *place,
			  json_t *value)
{
	struct listener *l = config_alloc(r->c, sizeof(*l));
	struct endpoint ep = { 0 };

	if (!take_object(r, place, &members_listener, value, endpoint_key, l))
		return;
	if (!take_place(r, place, value, &ep))
		wrong_at(r, place, "endpoint is missing");
	l->address = ep.address;
	l->port = ep.port;
	l->ifindex = ep.ifindex;
	l->wildcard = !ep.address.len;
	items_add(&r->c->listeners, l);
}

static void check_rule(struct reader *r, const struct place *place,
		       const struct rule *rule)
{
	bool prefix = attr_has(rule, NBDTARGET_A_RULE_PEER_PREFIX);
	const char *wrong = rule_check(rule);

	if (wrong)
		wrong_at(r, place, "%s", wrong);
	if (prefix && !rule->peer.len)
		wrong_at(r, place, "peer-prefix goes with peer-address");
	else if (prefix && rule->prefix > 8U * rule->peer.len)
		wrong_at(r, place, "peer-prefix is longer than the address");
	if (!!rule->dn.len + !!rule->alt_name.len + !!rule->psk.len > 1)
		wrong_at(r, place, "only one of dn, alt-name and psk can be here");
}

/* As the module has it: IPv4 in IPv6 is IPv4. */
static void unmap(struct rule *rule)
{
	struct address peer = rule->peer;

	address_unmap(&peer);
	if (peer.len == rule->peer.len || rule->prefix < 96)
		return;
	rule->peer = peer;
	rule->prefix -= 96;
}

static void take_rule(struct reader *r, const struct place *place,
		      json_t *value, struct rule *rule)
{
	if (!take_object(r, place, &members_rule, value, no_more, rule))
		return;
	check_rule(r, place, rule);
	if (!attr_has(rule, NBDTARGET_A_RULE_PEER_PREFIX))
		rule->prefix = 8 * rule->peer.len;
	unmap(rule);
}

static void take_rules(struct reader *r, const struct place *place,
		       const json_t *object, struct rules *rules)
{
	struct place at = { place, "rules", 0 };
	const json_t *array = json_object_get(object, at.key);
	size_t i, n = json_array_size(array);

	if (!array || !is_array(r, &at, array))
		return;
	if (n > NBDTARGET_MAX_RULES) {
		wrong_at(r, &at, "there are more than %d rules",
			 NBDTARGET_MAX_RULES);
		return;
	}
	rules->list = config_alloc(r->c, n * sizeof(*rules->list));
	rules->n = n;
	for (i = 0; i < n; i++) {
		struct place one = { &at, NULL, i };

		take_rule(r, &one, json_array_get(array, i), &rules->list[i]);
	}
}

static void take_default(struct reader *r, const struct place *place,
			 const json_t *object, struct rules *rules)
{
	struct place at = { place, "default", 0 };
	const json_t *value = json_object_get(object, at.key);

	if (value)
		take_enum(r, &at, &rule_actions, value, &rules->deny_default);
}

/* The export that they are of; false when it isn't named. */
static bool take_owner(struct reader *r, const struct place *place,
		       const json_t *object, struct rules *rules)
{
	static const struct member name = { .max = NBDTARGET_MAX_STRING };
	struct place at = { place, "export-name", 0 };
	struct place hex = { place, "export-name-hex", 0 };
	const json_t *value = json_object_get(object, hex.key);

	if (value) {
		take_hex(r, &hex, &name, value, &rules->export_name);
		return true;
	}
	value = json_object_get(object, at.key);
	if (value)
		take_text(r, &at, &name, value, &rules->export_name);
	return value;
}

static void take_access(struct reader *r, const struct place *place,
			json_t *value)
{
	static const char *const keys[] = {
		"export-name", "export-name-hex", "endpoint", "default",
		"rules", NULL
	};
	struct rules *rules = config_alloc(r->c, sizeof(*rules));

	if (!take_object(r, place, NULL, value, keys, NULL))
		return;
	rules->listener = take_place(r, place, value, &rules->ep);
	if (take_owner(r, place, value, rules) == rules->listener)
		wrong_at(r, place, "one of export-name and endpoint has to be here");
	take_default(r, place, value, rules);
	take_rules(r, place, value, rules);
	items_add(&r->c->access, rules);
}

static void take_array(struct reader *r, const struct place *place,
		       json_t *value,
		       void (*take)(struct reader *r, const struct place *place,
				    json_t *value))
{
	size_t i;

	if (!is_array(r, place, value))
		return;
	for (i = 0; i < json_array_size(value); i++) {
		struct place at = { place, NULL, i };

		take(r, &at, json_array_get(value, i));
	}
}

static void take_section(struct reader *r, enum config_section section,
			 json_t *value)
{
	static void (*const take[])(struct reader *r, const struct place *place,
				    json_t *value) = {
		[CONFIG_LISTENERS] = take_listener,
		[CONFIG_EXPORTS] = take_export,
		[CONFIG_BITMAPS] = take_bitmap,
		[CONFIG_ACCESS] = take_access,
	};
	const struct place *place = &r->sections[section];

	r->c->has[section] = true;
	if (section == CONFIG_TARGET)
		take_target(r, place, value);
	else
		take_array(r, place, value, take[section]);
}

static void take_format(struct reader *r)
{
	struct place at = { NULL, "format", 0 };
	const json_t *format = json_object_get(r->c->doc, at.key);

	if (!format)
		wrong_at(r, NULL, "format is missing; this is format %d",
			 FILE_FORMAT);
	else if (json_integer_value(format) != FILE_FORMAT)
		wrong_at(r, &at, "this reads format %d only", FILE_FORMAT);
}

static void take_root(struct reader *r)
{
	const char *keys[CONFIG_N_SECTIONS + 2] = { "format" };
	size_t i;

	for (i = 0; i < CONFIG_N_SECTIONS; i++)
		keys[i + 1] = config_section_names[i];
	if (!take_object(r, NULL, NULL, r->c->doc, keys, NULL))
		return;
	take_format(r);
	for (i = 0; i < CONFIG_N_SECTIONS; i++) {
		json_t *value;

		r->sections[i].key = config_section_names[i];
		value = json_object_get(r->c->doc, config_section_names[i]);
		if (value)
			take_section(r, i, value);
	}
	if (!r->wrong)
		check_all(r);
}

/* --- The file --- */

/* All of it, or NULL as errno says. */
static char *read_text(const char *path, size_t *size)
{
	FILE *f = strcmp(path, "-") ? fopen(path, "re") : stdin;
	struct stat st;
	char *text = NULL;
	size_t n;

	*size = 0;
	if (!f)
		return NULL;
	errno = EISDIR;
	if (fstat(fileno(f), &st) || S_ISDIR(st.st_mode))
		goto out;
	do {
		text = mem_resize(text, *size + BUFSIZ + 1);
		n = fread(text + *size, 1, BUFSIZ, f);
		*size += n;
	} while (n && *size <= SIZE_MAX_OF_FILE);
	text[*size] = '\0';
	errno = *size > SIZE_MAX_OF_FILE ? EFBIG : EIO;
	if (ferror(f) || *size > SIZE_MAX_OF_FILE) {
		free(text);
		text = NULL;
	}
out:
	if (f != stdin)
		fclose(f);
	return text;
}

int file_read(struct tool *t, const char *path, struct config *c)
{
	struct reader r = { .t = t, .path = path, .c = c };
	json_error_t error;
	size_t size;
	char *text = read_text(path, &size);

	if (!text)
		return fail(t, NULL, "%s: %s", path, strerror(errno));
	r.text = text;
	c->doc = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (c->doc) {
		take_root(&r);
	} else {
		r.wrong = 1;
		fail(t, NULL, "%s:%d:%d: %s", path, error.line,
		     error.column > 0 ? error.column : 1, error.text);
	}
	free(text);
	free(r.zones);
	return r.wrong ? TOOL_REFUSED : 0;
}
