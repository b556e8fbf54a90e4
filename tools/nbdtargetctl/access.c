// SPDX-License-Identifier: GPL-2.0
/*
 * Access: set-access, and how rules are read and shown. A rule is one word of
 * the command line: "allow" or "deny", and behind blanks what a client has to
 * be for it to fit; the pattern comes last, for it may have blanks itself.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "access.h"
#include "nbdtarget.h"
#include "number.h"
#include "options.h"
#include "table.h"

static const char *const action_names[] = {
	[NBDTARGET_ACCESS_ALLOW] = "allow",
	[NBDTARGET_ACCESS_DENY] = "deny",
};

static const struct attr_names actions = {
	action_names, ARRAY_SIZE(action_names)
};

#define RULE(type_, kind_, key_, member_, ...) {		\
	.type = NBDTARGET_A_RULE_##type_, .kind = ATTR_##kind_,	\
	.key = key_, .offset = offsetof(struct rule, member_),	\
	##__VA_ARGS__ }

static const struct attr_field rule_fields[] = {
	RULE(ACTION, ENUM, "action", action, .more = &actions),
	RULE(PEER_ADDRESS, ADDRESS, "peer-address", peer),
	RULE(PEER_PREFIX, NUMBER, "peer-prefix", prefix),
	RULE(DN, TEXT, "dn", dn),
	RULE(ALT_NAME, TEXT, "alt-name", alt_name),
	RULE(PSK, TEXT, "psk", psk),
};

static const struct attr_set rule_attrs = {
	rule_fields, ARRAY_SIZE(rule_fields), sizeof(struct rule)
};

#define FIELD(type_, kind_, key_, member_, ...) {		\
	.type = NBDTARGET_A_ACCESS_##type_, .kind = ATTR_##kind_, \
	.key = key_, .offset = offsetof(struct access, member_), \
	##__VA_ARGS__ }

static const struct attr_field fields[] = {
	FIELD(EXPORT_NAME, TEXT, "export-name", export_name),
	FIELD(LISTENER, FLAG, "listener", listener),
	FIELD(ADDRESS, ADDRESS, "address", address),
	FIELD(PORT, NUMBER, "port", port),
	FIELD(IFINDEX, NUMBER, "ifindex", ifindex),
	FIELD(DEFAULT, ENUM, "default", deny_default, .more = &actions),
	FIELD(INDEX, NUMBER, "index", index),
	FIELD(RULE, NEST, "rule", rule, .more = &rule_attrs),
};

const struct attr_set access_attrs = {
	fields, ARRAY_SIZE(fields), sizeof(struct access)
};

/* --- Rules as text --- */

/* The word at *s up to a blank, and *s moves behind it. */
static struct text take_word(const char **s)
{
	struct text word = { .p = *s };

	word.len = strcspn(*s, " \t");
	*s += word.len;
	*s += strspn(*s, " \t");
	return word;
}

/* The value of "KEY=VALUE", or NULL when the key is another one. */
static const char *value_of(const char *s, const char *key)
{
	size_t len = strlen(key);

	return !strncmp(s, key, len) && s[len] == '=' ? s + len + 1 : NULL;
}

/* ADDRESS[/BITS] */
static const char *parse_network(const char *s, size_t len, struct rule *rule)
{
	static const char wrong[] =
		"peer= takes an address, or a network like 192.0.2.0/24";
	char copy[ADDRESS_MAX], *slash;

	if (len >= sizeof(copy))
		return wrong;
	memcpy(copy, s, len);
	copy[len] = '\0';
	slash = strchr(copy, '/');
	if (slash)
		*slash++ = '\0';
	rule->peer.len = strchr(copy, ':') ? 16 : 4;
	if (inet_pton(rule->peer.len == 4 ? AF_INET : AF_INET6, copy,
		      rule->peer.bytes) != 1)
		return wrong;
	rule->prefix = 8 * rule->peer.len;
	if (slash && (number_parse(slash, 8 * rule->peer.len, &rule->prefix)))
		return wrong;
	return NULL;
}

static const char *parse_pattern(const char *s, struct rule *rule)
{
	const struct {
		const char *key;
		struct text *to;
	} kinds[] = {
		{ "dn", &rule->dn },
		{ "san", &rule->alt_name },
		{ "psk", &rule->psk },
	};
	const char *value = NULL;
	struct text *to = NULL;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(kinds) && !value; i++) {
		value = value_of(s, kinds[i].key);
		to = kinds[i].to;
	}
	if (!value)
		return "only peer=, dn=, san= and psk= may follow, in this order";
	if (!*value)
		return "an empty pattern fits nobody";
	if (strlen(value) > NBDTARGET_MAX_PATTERN)
		return "the pattern is too long";
	*to = text_of(value);
	return NULL;
}

/* Returns NULL, or what is wrong; the rule points into the string. */
const char *rule_parse(const char *s, struct rule *rule)
{
	struct text word = take_word(&s);
	const char *value, *wrong = NULL;

	memset(rule, 0, sizeof(*rule));
	if (text_is(word, "deny"))
		rule->action = NBDTARGET_ACCESS_DENY;
	else if (!text_is(word, "allow"))
		return "a rule begins with allow or deny";
	value = value_of(s, "peer");
	if (value) {
		word = take_word(&s);
		wrong = parse_network(value, word.p + word.len - value, rule);
	}
	if (!wrong && *s)
		wrong = parse_pattern(s, rule);
	return wrong;
}

static char *append(char *s, const char *key, struct text text)
{
	char *shown, *longer;

	if (!text.len)
		return s;
	shown = text_format(text, TEXT_EXACT);
	longer = mem_printf("%s %s=%s", s, key, shown);
	free(shown);
	free(s);
	return longer;
}

/* As rule_parse() takes it; the caller frees it. */
char *rule_format(const struct rule *rule)
{
	const char *action = attr_enum_name(&actions, rule->action);
	char address[ADDRESS_MAX];
	char *s, *longer;

	s = mem_copy(action ? action : "?");
	if (rule->peer.len) {
		address_format(&rule->peer, address);
		longer = mem_printf("%s peer=%s/%" PRIu64, s, address,
				    rule->prefix);
		free(s);
		s = longer;
	}
	s = append(s, "dn", rule->dn);
	s = append(s, "san", rule->alt_name);
	return append(s, "psk", rule->psk);
}

/* --- set-access --- */

enum { SET_EXPORT, SET_LISTENER, SET_DEFAULT };

static const struct opt set_opts[] = {
	[SET_EXPORT] = { "--export", OPT_TEXT, "NAME",
		"the rules are those of this export", NBDTARGET_MAX_STRING },
	[SET_LISTENER] = { "--listener", OPT_TEXT, "ADDRESS",
		"the rules are those of this listener", ADDRESS_MAX },
	[SET_DEFAULT] = { "--default", OPT_TEXT, "ACTION",
		"allow or deny those that no rule fits", 8 },
	{ .name = NULL }
};

static void put_text(struct nlmsghdr *nlh, uint16_t type, struct text text)
{
	if (text.len)
		mnl_attr_put_strz(nlh, type, text.p);
}

static void put_rule(struct nlmsghdr *nlh, const struct rule *rule)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh,
						  NBDTARGET_A_ACCESS_RULE);

	mnl_attr_put_u32(nlh, NBDTARGET_A_RULE_ACTION, rule->action);
	if (rule->peer.len) {
		mnl_attr_put(nlh, NBDTARGET_A_RULE_PEER_ADDRESS,
			     rule->peer.len, rule->peer.bytes);
		mnl_attr_put_u8(nlh, NBDTARGET_A_RULE_PEER_PREFIX,
				rule->prefix);
	}
	put_text(nlh, NBDTARGET_A_RULE_DN, rule->dn);
	put_text(nlh, NBDTARGET_A_RULE_ALT_NAME, rule->alt_name);
	put_text(nlh, NBDTARGET_A_RULE_PSK, rule->psk);
	mnl_attr_nest_end(nlh, nest);
}

/* What the command line has, before there is a request to put it in. */
struct change {
	const char *thing;
	struct endpoint listener;
	uint32_t deny_default;
	struct rule rules[ARGS_MAX];
};

/* The text of an option, NULL when that wasn't given; 0, or it was said why. */
int access_take_action(struct tool *t, const char *opt, const char *text,
		       uint32_t *action)
{
	*action = NBDTARGET_ACCESS_ALLOW;
	if (!text || !strcmp(text, "allow"))
		return 0;
	*action = NBDTARGET_ACCESS_DENY;
	if (!strcmp(text, "deny"))
		return 0;
	return fail_usage(t, "%s: '%s' is neither allow nor deny", opt, text);
}

static int take_change(struct tool *t, const struct args *a,
		       struct change *c)
{
	const struct opt_value *o = a->opt;
	const char *wrong;
	int i, ret;

	if (o[SET_EXPORT].given == o[SET_LISTENER].given)
		return fail_usage(t, "give one of --export and --listener");
	c->thing = o[o[SET_EXPORT].given ? SET_EXPORT : SET_LISTENER].text;
	if (o[SET_LISTENER].given) {
		wrong = endpoint_parse(c->thing, &c->listener);
		if (wrong)
			return fail_usage(t, "'%s': %s", c->thing, wrong);
	}
	ret = access_take_action(t, "--default", o[SET_DEFAULT].text,
				 &c->deny_default);
	for (i = 0; i < a->n && !ret; i++) {
		wrong = rule_parse(a->pos[i], &c->rules[i]);
		if (wrong)
			ret = fail_usage(t, "rule '%s': %s", a->pos[i],
					 wrong);
	}
	return ret;
}

static void put_listener(struct nlmsghdr *nlh, const struct endpoint *ep)
{
	mnl_attr_put(nlh, NBDTARGET_A_ACCESS_LISTENER, 0, NULL);
	if (ep->address.len)
		mnl_attr_put(nlh, NBDTARGET_A_ACCESS_ADDRESS,
			     ep->address.len, ep->address.bytes);
	mnl_attr_put_u16(nlh, NBDTARGET_A_ACCESS_PORT, ep->port);
	if (ep->ifindex)
		mnl_attr_put_u32(nlh, NBDTARGET_A_ACCESS_IFINDEX,
				 ep->ifindex);
}

static int set_access(struct tool *t, const struct args *a)
{
	struct change c = { 0 };
	struct nlmsghdr *nlh;
	int i, ret;

	ret = take_change(t, a, &c);
	if (!ret)
		ret = tool_connect(t, c.thing);
	if (ret)
		return ret;
	nlh = nl_request(t->nl, NBDTARGET_CMD_ACCESS_SET);
	if (a->opt[SET_EXPORT].given)
		mnl_attr_put_strz(nlh, NBDTARGET_A_ACCESS_EXPORT_NAME,
				  c.thing);
	else
		put_listener(nlh, &c.listener);
	mnl_attr_put_u32(nlh, NBDTARGET_A_ACCESS_DEFAULT, c.deny_default);
	for (i = 0; i < a->n; i++)
		put_rule(nlh, &c.rules[i]);
	if (nl_do(t->nl, nlh, NULL))
		return fail_kernel(t, c.thing, NULL);
	warn_kernel(t, c.thing);
	return TOOL_OK;
}

const struct verb verb_set_access = {
	.name = "set-access",
	.args = "--export NAME | --listener ADDRESS [RULE]...",
	.summary = "Says who may use an export, or come through a listener.",
	.details = "RULE is one word: 'allow' or 'deny', and behind blanks, if it isn't to\n"
		   "fit everybody, peer=ADDRESS[/BITS], and dn=, san= or psk=PATTERN. The\n"
		   "first that fits a client decides. All earlier rules are replaced.",
	.opts = set_opts,
	.max_args = ARGS_MAX,
	.run = set_access,
};

/* --- show access --- */

static void add_owner(struct table *tb, const struct access *a)
{
	struct endpoint ep = {
		.address = a->address,
		.ifindex = a->ifindex,
		.port = a->port,
	};

	if (a->listener) {
		table_cell(tb, "listener");
		table_take(tb, endpoint_format(&ep));
	} else {
		table_cell(tb, "export");
		table_text(tb, a->export_name, TEXT_NAME);
	}
}

/* The default comes behind the rules of each, as one that fits everybody. */
static void add_row(struct table *tb, const struct access *a,
		    const struct access *next)
{
	bool last = !next || !attr_has(next, NBDTARGET_A_ACCESS_INDEX) ||
		    !next->index;

	if (attr_has(a, NBDTARGET_A_ACCESS_INDEX)) {
		add_owner(tb, a);
		table_take(tb, rule_format(&a->rule));
	}
	if (last) {
		const char *action = attr_enum_name(&actions,
						    a->deny_default);

		add_owner(tb, a);
		table_cell(tb, "otherwise %s", action ? action : "?");
	}
}

void access_print_all(const struct attr_list *list, const char *indent)
{
	static const struct table_column columns[] = {
		{ "OF", false }, { "NAME", false }, { "RULE", false },
	};
	struct table tb = {
		.columns = columns,
		.width = ARRAY_SIZE(columns),
	};
	size_t i;

	for (i = 0; i < list->n; i++)
		add_row(&tb, attr_list_item(list, i), i + 1 < list->n ?
			attr_list_item(list, i + 1) : NULL);
	table_print(&tb, indent);
}
