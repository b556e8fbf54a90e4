// SPDX-License-Identifier: GPL-2.0
/*
 * Rules of access, as the module and as people have them. A rule is one word of
 * the command line: "allow" or "deny", and behind blanks what a client has to
 * be for it to fit; the pattern comes last, for it may have blanks itself.
 */
#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fail.h"
#include "base/mem.h"
#include "base/number.h"
#include "nbdtarget.h"
#include "object/dn_type.h"
#include "object/rule.h"

static const char *const action_names[] = {
	[NBDTARGET_ACCESS_ALLOW] = "allow",
	[NBDTARGET_ACCESS_DENY] = "deny",
};

const struct attr_names rule_actions = {
	action_names, ARRAY_SIZE(action_names)
};

#define FIELD(type_, kind_, key_, member_, ...) {		\
	.type = NBDTARGET_A_RULE_##type_, .kind = ATTR_##kind_,	\
	.key = key_, .offset = offsetof(struct rule, member_),	\
	##__VA_ARGS__ }

static const struct attr_field rule_fields[] = {
	FIELD(ACTION, ENUM, "action", action, .more = &rule_actions),
	FIELD(PEER_ADDRESS, ADDRESS, "peer-address", peer),
	FIELD(PEER_PREFIX, NUMBER, "peer-prefix", prefix),
	FIELD(DN, TEXT, "dn", dn),
	FIELD(ALT_NAME, TEXT, "alt-name", alt_name),
	FIELD(PSK, TEXT, "psk", psk),
};

const struct attr_set rule_attrs = {
	rule_fields, ARRAY_SIZE(rule_fields), sizeof(struct rule)
};

/* The text of an option, NULL when that wasn't given; 0, or it was said why. */
int rule_take_action(struct tool *t, const char *opt, const char *text,
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

/* --- As text --- */

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

/* Blanks as openssl writes them; names are compared without (RFC 4514). */
static bool has_blanks(struct text pattern)
{
	bool begins = true, in_type = true;
	size_t i;

	for (i = 0; i < pattern.len; i++) {
		char c = pattern.p[i];

		if (c == ' ' && (begins || (in_type && i + 1 < pattern.len &&
					    pattern.p[i + 1] == '=')))
			return true;
		begins = c == ',' || c == '+';
		in_type = begins || (in_type && c != '=');
		if (c == '\\')
			i++;
	}
	return false;
}

/* Of each attribute that the pattern names; one with an asterisk may be any. */
static const char *check_types(struct text pattern)
{
	struct text type = { .p = pattern.p };
	const char *wrong = NULL;
	size_t i;

	for (i = 0; i < pattern.len && !wrong; i++) {
		char c = pattern.p[i];

		if (c == ',' || c == '+') {
			type = (struct text) { .p = &pattern.p[i + 1] };
		} else if (c == '*' || c == '\\') {
			type.p = NULL;
			i += c == '\\';
		} else if (c == '=' && type.p) {
			type.len = &pattern.p[i] - type.p;
			wrong = dn_type_wrong(type);
			type.p = NULL;
		}
	}
	return wrong;
}

/* Also one that no name would ever fit. */
static const char *check_dn(struct text pattern)
{
	size_t n = 0;

	while (n < pattern.len && pattern.p[pattern.len - 1 - n] == '\\')
		n++;
	if (n % 2)
		return "the pattern ends in a backslash";
	if (has_blanks(pattern))
		return "no name has blanks around its parts, or before '='";
	return check_types(pattern);
}

/* One that is spelt in another way, as the certificate's is written as text. */
static const char *check_spelling(const char *address)
{
	static char wrong[128];
	int family = strchr(address, ':') ? AF_INET6 : AF_INET;
	char spelt[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (inet_pton(family, address, bytes) != 1)
		return "behind ip: there is a numeric address, or a pattern with an asterisk";
	inet_ntop(family, bytes, spelt, sizeof(spelt));
	if (!strcmp(spelt, address))
		return NULL;
	snprintf(wrong, sizeof(wrong),
		 "no client's address is spelt like that: it is ip:%s", spelt);
	return wrong;
}

static const char *check_ip(const char *address)
{
	if (!strchr(address, '*'))
		return check_spelling(address);
	if (address[strspn(address, "0123456789abcdef:.*")])
		return "no client's address has such characters: letters are a to f, small";
	return NULL;
}

/*
 * Behind a backslash: is there a byte that alternative names have so, as "\20", and that
 * begins as S does up to an asterisk?
 */
static bool begins_byte(const char *s)
{
	unsigned int c;
	char hex[3];

	/* A name with a NUL is no client's. */
	for (c = 1; c <= 0xff; c++) {
		snprintf(hex, sizeof(hex), "%02x", c);
		if (!text_is_plain(c) &&
		    (s[0] == '*' || (s[0] == hex[0] &&
				     (s[1] == '*' || s[1] == hex[1]))))
			return true;
	}
	return false;
}

static const char *check_bytes(const char *pattern)
{
	static const char no_byte[] =
		"a backslash is before two digits, a to f small, of what isn't printable ASCII";
	static const char not_printable[] =
		"in alternative names a blank is \\20, and so is what isn't printable ASCII";

	for (; *pattern; pattern++) {
		if (*pattern == '\\' && !begins_byte(pattern + 1))
			return no_byte;
		if (*pattern != '\\' && !text_is_plain(*pattern))
			return not_printable;
	}
	return NULL;
}

/* With an asterisk in the kind, or in front of it, all is compared as it is written. */
static const char *check_part_of_kind(const char *pattern)
{
	static const char *const kinds[] = { "DNS:", "URI:", "email:", "IP:" };
	size_t len = strcspn(pattern, "*"), i;

	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncmp(pattern, kinds[i], len))
			return NULL;
	return "with an asterisk in it the kind begins as DNS:, URI:, email: or IP:";
}

/* Another would never fit. */
static const char *check_kind(const char *pattern)
{
	static const char *const kinds[] = { "dns:", "uri:", "email:" };
	static const size_t ip = sizeof("ip:") - 1;
	size_t i;

	if (pattern[strcspn(pattern, ":*")] == '*')
		return check_part_of_kind(pattern);
	if (!strncasecmp(pattern, "ip:", ip))
		return check_ip(pattern + ip);
	for (i = 0; i < ARRAY_SIZE(kinds); i++)
		if (!strncasecmp(pattern, kinds[i], strlen(kinds[i])))
			return NULL;
	return "an alternative name is dns:, uri:, email: or ip: and a pattern";
}

static const char *check_alt_name(struct text pattern)
{
	char *copy = text_copy(pattern);
	const char *wrong = check_kind(copy);

	if (!wrong)
		wrong = check_bytes(copy);
	free(copy);
	return wrong;
}

/* Returns NULL, or what is wrong with a pattern, wherever the rule comes from. */
const char *rule_check(const struct rule *rule)
{
	const char *wrong = rule->dn.len ? check_dn(rule->dn) : NULL;

	if (!wrong && rule->alt_name.len)
		wrong = check_alt_name(rule->alt_name);
	return wrong;
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
	size_t i = 0;

	while (i < ARRAY_SIZE(kinds) && !value)
		value = value_of(s, kinds[i++].key);
	if (!value)
		return "only peer=, dn=, san= and psk= may follow, in this order";
	if (!*value)
		return "an empty pattern fits nobody";
	if (strlen(value) > NBDTARGET_MAX_PATTERN)
		return "the pattern is too long";
	i--;
	*kinds[i].to = text_of(value);
	return rule_check(rule);
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

static char *append(char *s, const char *key, struct text text,
		    unsigned int how)
{
	char *shown, *longer;

	if (!text.len)
		return s;
	shown = text_format(text, how);
	longer = mem_printf("%s %s=%s", s, key, shown);
	free(shown);
	free(s);
	return longer;
}

/* As rule_parse() takes it; the caller frees it. */
char *rule_format(const struct rule *rule)
{
	const char *action = attr_enum_name(&rule_actions, rule->action);
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
	s = append(s, "dn", rule->dn, TEXT_DN);
	s = append(s, "san", rule->alt_name, TEXT_DN);
	return append(s, "psk", rule->psk, TEXT_EXACT);
}

/* --- In a request --- */

static void put_text(struct nlmsghdr *nlh, uint16_t type, struct text text)
{
	if (text.len)
		mnl_attr_put_strz(nlh, type, text.p);
}

void rule_put(struct nlmsghdr *nlh, const struct rule *rule)
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
