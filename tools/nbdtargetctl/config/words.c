// SPDX-License-Identifier: GPL-2.0
/*
 * What is configured as the options and arguments of verbs: all of it that isn't as it
 * would be without them, or that differs from what is there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "config/words.h"
#include "show/figure.h"

static char *words_number(uint64_t n)
{
	return mem_printf("%" PRIu64, n);
}

static char *seconds(uint64_t ms)
{
	char buf[FIGURE_MAX];

	return mem_copy(seconds_format(buf, ms));
}

static char *key_policy(uint64_t policy)
{
	const char *name = attr_enum_name(&target_key_policies, policy);

	return mem_copy(name ? name : "?");
}

static char *on_off(uint64_t on)
{
	return mem_copy(on ? "on" : "off");
}

/* --- The target --- */

#define SETTING(type_, member_, option_, format_) {		\
	.type = NBDTARGET_A_TARGET_##type_, .option = option_,	\
	.format = format_, .offset = offsetof(struct target, member_) }

static const struct {
	uint16_t type;
	const char *option;
	char *(*format)(uint64_t value);
	size_t offset;
} settings[] = {
	SETTING(MAX_CONNECTIONS, max_connections, "--max-connections",
		words_number),
	SETTING(NEGOTIATION_TIMEOUT, negotiation_timeout,
		"--negotiation-timeout", seconds),
	SETTING(STALL_TIMEOUT, stall_timeout, "--stall-timeout", seconds),
	SETTING(PEER_TIMEOUT, peer_timeout, "--peer-timeout", seconds),
	SETTING(MAX_IN_FLIGHT, max_in_flight, "--max-in-flight", words_number),
	SETTING(MEMORY_LIMIT, memory_limit, "--memory-limit", words_number),
	SETTING(TLS_KEY_POLICY, tls_key_policy, "--tls-key-policy",
		key_policy),
	SETTING(TLS_KEY_RECORDS, tls_key_records, "--tls-key-records",
		words_number),
	SETTING(POLL_TIME, poll_time, "--poll-time", words_number),
	SETTING(LOG_CLIENTS, log_clients, "--log-clients", on_off),
};

static uint64_t setting_of(const struct target *tg, size_t i)
{
	const void *at = (const char *)tg + settings[i].offset;

	if (settings[i].type == NBDTARGET_A_TARGET_LOG_CLIENTS)
		return *(const bool *)at;
	return *(const uint64_t *)at;
}

/* The same list of CPUs in other words is another: the kernel knows what it means. */
static bool put_placement(struct step *s, const struct target *want,
			  const struct target *now)
{
	if (!attr_has(want, NBDTARGET_A_TARGET_PLACEMENT) ||
	    (now && text_same(want->placement, now->placement)))
		return false;
	step_option(s, "--placement", text_copy(want->placement));
	return true;
}

/* Of what is wanted, what there isn't; false when there is nothing. */
bool words_target(struct step *s, const struct target *want,
		  const struct target *now)
{
	bool any = false;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		if (!attr_has(want, settings[i].type) ||
		    (now && setting_of(want, i) == setting_of(now, i)))
			continue;
		step_option(s, settings[i].option,
			    settings[i].format(setting_of(want, i)));
		any = true;
	}
	return put_placement(s, want, now) || any;
}

/* --- Exports --- */

static char *lent_bitmap(const struct export *e)
{
	return mem_printf("%.*s:%.*s", (int)e->bitmap_export.len,
			  e->bitmap_export.p, (int)e->bitmap_name.len,
			  e->bitmap_name.p);
}

static void put_content(struct step *s, const struct export *e)
{
	if (e->allocation_depth)
		step_option(s, "--allocation-depth", NULL);
	if (e->shared)
		step_option(s, "--shared", NULL);
	else if (e->map == NBDTARGET_MAP_OFF)
		step_option(s, "--map", mem_copy("off"));
	if (attr_has(e, NBDTARGET_A_EXPORT_MAP_GRANULARITY))
		step_option(s, "--map-granularity",
			    words_number(e->map_granularity));
	if (attr_has(e, NBDTARGET_A_EXPORT_BITMAP_NAME))
		step_option(s, "--bitmap-from", lent_bitmap(e));
}

static void put_metadata(struct step *s, const struct export *e)
{
	if (!attr_has(e, NBDTARGET_A_EXPORT_METADATA))
		return;
	step_option(s, "--metadata", text_copy(e->metadata));
	if (e->metadata_continue)
		step_option(s, "--on-metadata-error", mem_copy("continue"));
}

/*
 * All of add-export, but what becomes of it when its device returns. is_moved: it becomes
 * the default by another step.
 */
void words_export(struct step *s, const struct export *e, bool is_moved)
{
	if (e->read_only)
		step_option(s, "--read-only", NULL);
	if (e->description.len)
		step_option(s, "--description", text_copy(e->description));
	if (e->is_default && !is_moved)
		step_option(s, "--default", NULL);
	if (e->max_connections)
		step_option(s, "--max-connections",
			    words_number(e->max_connections));
	put_content(s, e);
	put_metadata(s, e);
	if (e->tls_required)
		step_option(s, "--tls", mem_copy("required"));
	if (e->listeners.n)
		step_option(s, "--listeners",
			    export_format_listeners(&e->listeners));
}

static bool same_listeners(const struct export *a, const struct export *b)
{
	size_t i;

	if (a->listeners.n != b->listeners.n)
		return false;
	for (i = 0; i < a->listeners.n; i++)
		if (!endpoint_same(&a->listeners.at[i], &b->listeners.at[i]))
			return false;
	return true;
}

static bool is_bound_to(const struct export *e, const struct endpoint *ep)
{
	size_t i;

	for (i = 0; i < e->listeners.n; i++)
		if (endpoint_same(&e->listeners.at[i], ep))
			return true;
	return false;
}

/* Nobody reaches it by a listener by which nobody did; none is by all. */
static bool has_fewer_listeners(const struct export *want,
				const struct export *now)
{
	size_t i;

	if (!want->listeners.n || same_listeners(want, now))
		return false;
	for (i = 0; now->listeners.n && i < want->listeners.n; i++)
		if (!is_bound_to(now, &want->listeners.at[i]))
			return false;
	return true;
}

enum change words_listeners_change(const struct export *want,
				   const struct export *now)
{
	if (same_listeners(want, now))
		return CHANGE_NONE;
	if (has_fewer_listeners(want, now))
		return CHANGE_NARROWS;
	return has_fewer_listeners(now, want) ? CHANGE_WIDENS : CHANGE_SHIFTS;
}

static enum change tls_change(const struct export *want,
			      const struct export *now)
{
	if (want->tls_required == now->tls_required)
		return CHANGE_NONE;
	return want->tls_required ? CHANGE_NARROWS : CHANGE_WIDENS;
}

/* Of set-export, that by which who comes in changes in this way; false when nothing does. */
bool words_export_who(struct step *s, const struct export *want,
		      const struct export *now, enum change change)
{
	int n = s->n;

	if (tls_change(want, now) == change)
		step_option(s, "--tls", mem_copy(want->tls_required ?
						 "required" : "optional"));
	if (words_listeners_change(want, now) == change)
		step_option(s, "--listeners",
			    export_format_listeners(&want->listeners));
	return s->n > n;
}

/*
 * Of set-export, what else differs; false when nothing does. is_moved: by another step it
 * becomes the default, or another, which takes it from any that was.
 */
bool words_export_set(struct step *s, const struct export *want,
		      const struct export *now, bool is_moved)
{
	int n = s->n;

	if (!text_same(want->description, now->description))
		step_option(s, "--description", want->description.len ?
			    text_copy(want->description) : mem_copy(""));
	if (want->is_default != now->is_default && !is_moved)
		step_option(s, want->is_default ? "--default" : "--no-default",
			    NULL);
	if (want->max_connections != now->max_connections)
		step_option(s, "--max-connections",
			    words_number(want->max_connections));
	return s->n > n;
}

/*
 * The same of what a device may not be fit for, which is no reason not to do the rest;
 * NOW: NULL for one that is added.
 */
bool words_export_on_return(struct step *s, const struct export *want,
			    const struct export *now)
{
	uint64_t is = now ? now->on_return : NBDTARGET_ON_RETURN_STAY;

	if (want->on_return == is)
		return false;
	step_option(s, "--on-return",
		    mem_copy(want->on_return == NBDTARGET_ON_RETURN_REOPEN ?
			     "reopen" : "stay"));
	return true;
}

/* All of add-bitmap. What it missed, and what it had, isn't known. */
void words_bitmap(struct step *s, const struct bitmap *b)
{
	if (attr_has(b, NBDTARGET_A_BITMAP_GRANULARITY))
		step_option(s, "--granularity", words_number(b->granularity));
	if (!b->recording)
		step_option(s, "--disabled", NULL);
	step_option(s, "--inconsistent", NULL);
}

/* --- Rules --- */

static void put_pattern(FILE *f, const char *key, struct text pattern)
{
	if (!pattern.len)
		return;
	fprintf(f, " %s=", key);
	fwrite(pattern.p, 1, pattern.len, f);
}

/* As rule_parse() takes it, byte by byte: not for people, as rule_format() is. */
static char *rule_word(const struct rule *rule)
{
	const char *action = attr_enum_name(&rule_actions, rule->action);
	char address[ADDRESS_MAX], *out = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&out, &len);

	if (!f)
		return mem_copy("");
	fputs(action ? action : "?", f);
	if (rule->peer.len) {
		address_format(&rule->peer, address);
		fprintf(f, " peer=%s/%" PRIu64, address, rule->prefix);
	}
	put_pattern(f, "dn", rule->dn);
	put_pattern(f, "san", rule->alt_name);
	put_pattern(f, "psk", rule->psk);
	fclose(f);
	return out ? out : mem_copy("");
}

/* The default and the rules of set-access; NULL for none. */
void words_rules(struct step *s, const struct rules *r)
{
	char *word;
	size_t i;

	if (!r)
		return;
	if (r->deny_default == NBDTARGET_ACCESS_DENY)
		step_option(s, "--default", mem_copy("deny"));
	for (i = 0; i < r->n; i++) {
		word = rule_word(&r->list[i]);
		step_word(s, word);
		free(word);
	}
}
