// SPDX-License-Identifier: GPL-2.0
/*
 * Which members of what `show` has a file has as well: those that somebody can set.
 * Their names and types are in the tables of object/; the ranges are those of
 * uapi/nbdtarget.yaml, and nbdtarget.schema.json has them once more.
 */
#include <string.h>

#include "config/members.h"
#include "object/bitmap.h"
#include "object/export.h"
#include "object/listener.h"
#include "object/rule.h"
#include "object/target.h"

#define HOUR		3600000
#define GRANULE_MIN	4096
#define GRANULE_MAX	67108864

#define TARGET(type_, min_, max_) {				\
	.type = NBDTARGET_A_TARGET_##type_, .min = min_, .max = max_ }
#define EXPORT(type_, ...) {					\
	.type = NBDTARGET_A_EXPORT_##type_, ##__VA_ARGS__ }
#define BITMAP(type_, ...) {					\
	.type = NBDTARGET_A_BITMAP_##type_, ##__VA_ARGS__ }
#define RULE(type_, ...) {					\
	.type = NBDTARGET_A_RULE_##type_, ##__VA_ARGS__ }

static const struct member of_target[] = {
	TARGET(MAX_CONNECTIONS, 1, 65536),
	TARGET(NEGOTIATION_TIMEOUT, 100, 600000),
	TARGET(STALL_TIMEOUT, 1000, HOUR),
	TARGET(PEER_TIMEOUT, 1000, HOUR),
	TARGET(MAX_IN_FLIGHT, 1, 4096),
	TARGET(MEMORY_LIMIT, 67108864, INT64_MAX),
	TARGET(TLS_KEY_POLICY, 0, 0),
	TARGET(TLS_KEY_RECORDS, 1, INT64_MAX),
	TARGET(POLL_TIME, 0, 10000),
	TARGET(LOG_CLIENTS, 0, 0),
	TARGET(PLACEMENT, 1, NBDTARGET_MAX_STRING),
};

const struct members members_target = {
	&target_attrs, of_target, ARRAY_SIZE(of_target)
};

/*
 * Not zeroed: that is said once, of a device as it is then, and would be wrong
 * whenever the file is read again.
 */
static const struct member of_export[] = {
	EXPORT(NAME, .required = true, .max = NBDTARGET_MAX_STRING),
	EXPORT(DEVICE, .required = true, .min = 1, .max = NBDTARGET_MAX_DEVICE),
	EXPORT(DESCRIPTION, .max = NBDTARGET_MAX_STRING),
	EXPORT(READ_ONLY),
	EXPORT(DEFAULT),
	EXPORT(MAX_CONNECTIONS, .max = UINT32_MAX),
	EXPORT(ALLOCATION_DEPTH),
	EXPORT(MAP),
	EXPORT(SHARED),
	EXPORT(MAP_GRANULARITY, .min = GRANULE_MIN, .max = GRANULE_MAX,
	       .power = true),
	EXPORT(TLS_REQUIRED),
	EXPORT(ON_RETURN),
	EXPORT(LISTENER),
	EXPORT(BITMAP_EXPORT, .max = NBDTARGET_MAX_STRING),
	EXPORT(BITMAP_NAME, .min = 1, .max = NBDTARGET_MAX_BITMAP_NAME),
	EXPORT(METADATA, .min = 1, .max = NBDTARGET_MAX_DEVICE),
	EXPORT(METADATA_CONTINUE),
};

const struct members members_export = {
	&export_attrs, of_export, ARRAY_SIZE(of_export)
};

static const struct member of_bitmap[] = {
	BITMAP(EXPORT_NAME, .required = true, .max = NBDTARGET_MAX_STRING),
	BITMAP(NAME, .required = true, .min = 1,
	       .max = NBDTARGET_MAX_BITMAP_NAME),
	BITMAP(RECORDING),
	BITMAP(GRANULARITY, .min = GRANULE_MIN, .max = GRANULE_MAX,
	       .power = true),
};

const struct members members_bitmap = {
	&bitmap_attrs, of_bitmap, ARRAY_SIZE(of_bitmap)
};

/* And its endpoint, which is no attribute. */
static const struct member of_listener[] = {
	{ .type = NBDTARGET_A_LISTENER_TLS },
};

const struct members members_listener = {
	&listener_attrs, of_listener, ARRAY_SIZE(of_listener)
};

static const struct member of_rule[] = {
	RULE(ACTION, .required = true),
	RULE(PEER_ADDRESS),
	RULE(PEER_PREFIX, .max = 128),
	RULE(DN, .min = 1, .max = NBDTARGET_MAX_PATTERN),
	RULE(ALT_NAME, .min = 1, .max = NBDTARGET_MAX_PATTERN),
	RULE(PSK, .min = 1, .max = NBDTARGET_MAX_PATTERN),
};

const struct members members_rule = {
	&rule_attrs, of_rule, ARRAY_SIZE(of_rule)
};

const struct attr_field *members_field(const struct members *all,
				       const struct member *m)
{
	const struct attr_field *f = all->set->fields;

	while (f->type != m->type)
		f++;
	return f;
}

const struct member *members_find(const struct members *all, const char *key,
				  const struct attr_field **field)
{
	size_t i;

	for (i = 0; i < all->n; i++) {
		*field = members_field(all, &all->list[i]);
		if (!strcmp((*field)->key, key))
			return &all->list[i];
	}
	return NULL;
}

/* A bit for each, as in an object's present. */
uint64_t members_mask(const struct members *all)
{
	uint64_t mask = 0;
	size_t i;

	for (i = 0; i < all->n; i++)
		mask |= 1ULL << all->list[i].type;
	return mask;
}

static bool same_endpoints(const struct endpoints *a, const struct endpoints *b)
{
	size_t i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (!endpoint_same(&a->at[i], &b->at[i]))
			return false;
	return true;
}

static bool same_value(const struct attr_field *f, const void *a, const void *b)
{
	switch (f->kind) {
	case ATTR_BOOL:
		return *(const bool *)a == *(const bool *)b;
	case ATTR_TEXT:
		return text_same(*(const struct text *)a,
				 *(const struct text *)b);
	case ATTR_ENDPOINTS:
		return same_endpoints(a, b);
	}
	return *(const uint64_t *)a == *(const uint64_t *)b;
}

/* Of two that the module told of, all that a file has; rules are compared by themselves. */
bool members_same(const struct members *all, const void *a, const void *b)
{
	const struct attr_field *f;
	size_t i;

	if ((*(const uint64_t *)a ^ *(const uint64_t *)b) & members_mask(all))
		return false;
	for (i = 0; i < all->n; i++) {
		f = members_field(all, &all->list[i]);
		if (!same_value(f, (const char *)a + f->offset,
				(const char *)b + f->offset))
			return false;
	}
	return true;
}
