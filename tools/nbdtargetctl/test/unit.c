// SPDX-License-Identifier: GPL-2.0
/* Tables of what the parsers and formatters must make of their input. */
#include <gnutls/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/dn.h"
#include "base/address.h"
#include "base/mem.h"
#include "base/number.h"
#include "base/text.h"
#include "batch.h"
#include "config/place.h"
#include "config/plan.h"
#include "object/dn_type.h"
#include "object/rule.h"
#include "show/figure.h"
#include "show/json.h"
#include "show/uri.h"

static void report(bool ok, const char *what, const char *input,
		   const char *got)
{
	printf("%sok - %s ", ok ? "" : "not ", what);
	text_print(stdout, text_of(input), TEXT_NAME);
	putchar('\n');
	if (!ok)
		printf("# got %s\n", got);
}

/* Of { "a": [ x, { "b": y } ] }: a, its elements, b; of a key or a value. */
static void test_places(void)
{
	static const struct place a = { NULL, "a", 0 };
	static const struct place first = { &a, NULL, 0 };
	static const struct place second = { &a, NULL, 1 };
	static const struct place b = { &second, "b", 0 };
	static const struct {
		const char *text;
		const struct place *place;
		bool of_key;
		unsigned int line, column;
	} t[] = {
		{ " {}", NULL, false, 1, 2 },
		{ "{\"a\":1}", &a, false, 1, 6 },
		{ "{\"a\":1}", &a, true, 1, 2 },
		{ "{\"\\u0061\":1}", &a, true, 1, 2 },
		{ "{\n\"x\": {\"a\": [2, {}]},\n\t\"a\" :\n1}", &a, false, 4, 1 },
		{ "{\"}]\\\\\\\"\":[\"{\"],\"a\":[1]}", &first, false, 1, 22 },
		{ "{\"a\": [ [[1,2],[3]] , {\"b\":2}]}", &first, false, 1, 9 },
		{ "{\"a\": [ [[1,2],[3]] , {\"b\":2}]}", &second, false, 1, 23 },
		{ "{\"a\":[{\"b\":0},{\"c\":null,\n\"b\":-2.5e3}]}", &b, false, 2, 5 },
		{ "{\"\u00e9\u20ac\":1, \"a\":1}", &a, true, 1, 10 },
	};
	struct position at;
	char got[64];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		at = place_find(t[i].text, t[i].place, t[i].of_key);
		snprintf(got, sizeof(got), "%u:%u", at.line, at.column);
		report(at.line == t[i].line && at.column == t[i].column,
		       "place in", t[i].text, got);
	}
}

/* What a step is written as, a batch file reads as the same words. */
static void test_lines(void)
{
	static const char *const words[] = {
		"plain", "", " ", "'", "\"", "it's \"so\"", "#", "\\", "$x", "*:1",
		"a=b", "=\u201cx\u201d", "\u201cx", "\t", "\xff\x01",
	};
	struct plan plan = { 0 };
	struct step *s;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		static const struct verb verb = { .name = "verb" };
		struct text line;
		char **argv = NULL;
		const char *wrong;
		int argc;
		bool ok;

		s = plan_add(&plan, PHASE_SET, &verb);
		step_word(s, words[i]);
		line = step_line(s);
		wrong = batch_split((char *)line.p, &argv, &argc);
		ok = !wrong && argc == 2 && !strcmp(argv[1], words[i]);
		report(ok, "line of", words[i], wrong ? wrong : line.p);
		free(argv);
		free((char *)line.p);
		plan_drop_last(&plan);
	}
	plan_free(&plan);
}

static void test_endpoints(void)
{
	/* NULL for what must be refused */
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "*:10809" },
		{ ":1", "*:1" },
		{ "*", "*:10809" },
		{ "*:65535", "*:65535" },
		{ "127.0.0.1", "127.0.0.1:10809" },
		{ "127.0.0.1:80", "127.0.0.1:80" },
		{ "0.0.0.0:80", "0.0.0.0:80" },
		{ "[::]:10809", "[::]:10809" },
		{ "[::]", "[::]:10809" },
		{ "::", "[::]:10809" },
		{ "::1", "[::1]:10809" },
		{ "[::1]:1", "[::1]:1" },
		{ "2001:DB8::1", "[2001:db8::1]:10809" },
		{ "[2001:db8:0:0:0:0:0:1]:7", "[2001:db8::1]:7" },
		{ "::ffff:1.2.3.4", "[::ffff:1.2.3.4]:10809" },
		{ "[fe80::1%lo]:10809", "[fe80::1%lo]:10809" },
		{ "fe80::1%lo", "[fe80::1%lo]:10809" },
		{ "[fe80::1%1]:2", "[fe80::1%lo]:2" },
		{ "[fe80::1]:10809", NULL },
		{ "fe80::1%", NULL },
		{ "fe80::1%nosuchif", NULL },
		{ "fe80::1%0", NULL },
		{ "[::1%lo]", NULL },
		{ ":", NULL },
		{ ":0", NULL },
		{ ":65536", NULL },
		{ ":-1", NULL },
		{ ":+1", NULL },
		{ ": 1", NULL },
		{ ":1 ", NULL },
		{ ":0x10", NULL },
		{ ":99999999999999999999", NULL },
		{ "127.0.0.1:", NULL },
		{ "127.0.0.1:nbd", NULL },
		{ "127.0.0", NULL },
		{ "127.1:1", NULL },
		{ "256.0.0.1", NULL },
		{ "localhost", NULL },
		{ "::1:10809", NULL },
		{ "1::2::3", NULL },
		{ "[::1", NULL },
		{ "[::1]10809", NULL },
		{ "[::1]:", NULL },
		{ "[127.0.0.1]:80", NULL },
		{ "[]", NULL },
		{ "[", NULL },
		{ "]", NULL },
		{ "**", NULL },
		{ "10809", NULL },
		{ " ", NULL },
	};
	struct endpoint ep;
	const char *wrong;
	char *got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		wrong = endpoint_parse(t[i].in, &ep);
		got = wrong ? NULL : endpoint_format(&ep);
		report(got && t[i].out ? !strcmp(got, t[i].out) :
		       got == t[i].out, "address", t[i].in,
		       got ? got : wrong);
		free(got);
	}
}

static void test_long_endpoint(void)
{
	char s[5000];
	struct endpoint ep;

	memset(s, ':', sizeof(s) - 1);
	s[sizeof(s) - 1] = '\0';
	report(endpoint_parse(s, &ep), "address", "of 4999 colons", "taken");
}

enum { REFUSED = -1 };

static void test_numbers(void)
{
	static const struct {
		const char *(*parse)(const char *s, uint64_t max,
				     uint64_t *n);
		const char *name, *in;
		uint64_t max;
		int64_t out;
	} t[] = {
		{ number_parse, "number", "0", 10, 0 },
		{ number_parse, "number", "10", 10, 10 },
		{ number_parse, "number", "010", 10, 10 },
		{ number_parse, "number", "11", 10, REFUSED },
		{ number_parse, "number", "", 10, REFUSED },
		{ number_parse, "number", "-1", 10, REFUSED },
		{ number_parse, "number", "+1", 10, REFUSED },
		{ number_parse, "number", " 1", 10, REFUSED },
		{ number_parse, "number", "1 ", 10, REFUSED },
		{ number_parse, "number", "1k", 10, REFUSED },
		{ number_parse, "number", "0x1", 10, REFUSED },
		{ number_parse, "number", "4294967295", UINT32_MAX,
		  UINT32_MAX },
		{ number_parse, "number", "4294967296", UINT32_MAX, REFUSED },
		{ number_parse, "number", "18446744073709551616", UINT64_MAX,
		  REFUSED },
		{ number_parse, "number", "99999999999999999999999",
		  UINT64_MAX, REFUSED },
		{ size_parse, "size", "512", UINT64_MAX, 512 },
		{ size_parse, "size", "1K", UINT64_MAX, 1024 },
		{ size_parse, "size", "1k", UINT64_MAX, 1024 },
		{ size_parse, "size", "64M", UINT64_MAX, 64 << 20 },
		{ size_parse, "size", "3G", UINT64_MAX, 3LL << 30 },
		{ size_parse, "size", "2T", UINT64_MAX, 2LL << 40 },
		{ size_parse, "size", "1P", UINT64_MAX, REFUSED },
		{ size_parse, "size", "64KiB", UINT64_MAX, 64 << 10 },
		{ size_parse, "size", "64MiB", UINT64_MAX, 64 << 20 },
		{ size_parse, "size", "1GiB", UINT64_MAX, 1 << 30 },
		{ size_parse, "size", "1tib", UINT64_MAX, 1LL << 40 },
		{ size_parse, "size", "1Gi", UINT64_MAX, REFUSED },
		{ size_parse, "size", "1GiBs", UINT64_MAX, REFUSED },
		{ size_parse, "size", "1iB", UINT64_MAX, REFUSED },
		{ size_parse, "size", "1GB", UINT64_MAX, REFUSED },
		{ size_parse, "size", "1KB", UINT64_MAX, REFUSED },
		{ size_parse, "size", "K", UINT64_MAX, REFUSED },
		{ size_parse, "size", "1.5G", UINT64_MAX, REFUSED },
		{ size_parse, "size", "16777216T", UINT64_MAX, REFUSED },
		{ size_parse, "size", "2K", 2047, REFUSED },
		{ seconds_parse, "seconds", "10", UINT32_MAX, 10000 },
		{ seconds_parse, "seconds", "0.5", UINT32_MAX, 500 },
		{ seconds_parse, "seconds", "1.25", UINT32_MAX, 1250 },
		{ seconds_parse, "seconds", "0.001", UINT32_MAX, 1 },
		{ seconds_parse, "seconds", "0.0010", UINT32_MAX, 1 },
		{ seconds_parse, "seconds", "0.0001", UINT32_MAX, REFUSED },
		{ seconds_parse, "seconds", "4294967.295", UINT32_MAX,
		  UINT32_MAX },
		{ seconds_parse, "seconds", "4294967.296", UINT32_MAX,
		  REFUSED },
		{ seconds_parse, "seconds", "18446744073709551", UINT32_MAX,
		  REFUSED },
		{ seconds_parse, "seconds", "1.", UINT32_MAX, REFUSED },
		{ seconds_parse, "seconds", ".5", UINT32_MAX, REFUSED },
		{ seconds_parse, "seconds", "1,5", UINT32_MAX, REFUSED },
		{ seconds_parse, "seconds", "1s", UINT32_MAX, REFUSED },
		{ seconds_parse, "seconds", "1e3", UINT32_MAX, REFUSED },
		{ seconds_parse, "seconds", "inf", UINT32_MAX, REFUSED },
	};
	const char *wrong;
	uint64_t n;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		wrong = t[i].parse(t[i].in, t[i].max, &n);
		report(t[i].out == REFUSED ? !!wrong :
		       !wrong && n == (uint64_t)t[i].out, t[i].name, t[i].in,
		       wrong ? wrong : "another number");
	}
}

static void test_text(void)
{
	static const struct {
		const char *in, *plain, *name;
	} t[] = {
		{ "disk0", "disk0", "disk0" },
		{ "", "", "\"\"" },
		{ "a b", "a b", "\"a b\"" },
		{ "a\\x41", "a\\x41", "a\\\\x41" },
		{ "\33[31m", "\\x1b[31m", "\\x1b[31m" },
		{ "a\nb\tc", "a\\x0ab\\x09c", "a\\x0ab\\x09c" },
		{ "\x7f", "\\x7f", "\\x7f" },
		{ "\xff", "\\xff", "\\xff" },
		{ "f\xc3\xbcr", "f\xc3\xbcr", "f\xc3\xbcr" },
		{ "\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80",
		  "\xf0\x9f\x98\x80" },
		/* C1 control, cut short, overlong, surrogate, too large */
		{ "\xc2\x9b", "\\xc2\\x9b", "\\xc2\\x9b" },
		{ "\xc3", "\\xc3", "\\xc3" },
		{ "\xe2\x82", "\\xe2\\x82", "\\xe2\\x82" },
		{ "\xc0\x80", "\\xc0\\x80", "\\xc0\\x80" },
		{ "\xe0\x80\xaf", "\\xe0\\x80\\xaf", "\\xe0\\x80\\xaf" },
		{ "\xed\xa0\x80", "\\xed\\xa0\\x80", "\\xed\\xa0\\x80" },
		{ "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80",
		  "\\xf4\\x90\\x80\\x80" },
		/* right-to-left override, zero width space */
		{ "a\xe2\x80\xae", "a\\xe2\\x80\\xae", "a\\xe2\\x80\\xae" },
		{ "a\xe2\x80\x8b", "a\\xe2\\x80\\x8b", "a\\xe2\\x80\\x8b" },
		/* what looks like a blank, or like another character */
		{ "a\xc2\xa0", "a\\xc2\\xa0", "a\\xc2\\xa0" },
		{ "e\xcc\x81", "e\\xcc\\x81", "e\\xcc\\x81" },
		{ "a\xef\xb8\x8f", "a\\xef\\xb8\\x8f", "a\\xef\\xb8\\x8f" },
	};
	char *got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		got = text_format(text_of(t[i].in), 0);
		report(!strcmp(got, t[i].plain), "shown", t[i].in, got);
		free(got);
		got = text_format(text_of(t[i].in), TEXT_NAME);
		report(!strcmp(got, t[i].name), "shown as name", t[i].in, got);
		free(got);
	}
}

static void test_json(void)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "disk0", "{\"name\":\"disk0\"}" },
		{ "a\"b\\", "{\"name\":\"a\\\"b\\\\\"}" },
		{ "\xc3\xbc", "{\"name\":\"\\u00FC\"}" },
		{ "\xc2\x9b", "{\"name\":\"\\u009B\"}" },
		{ "a\xff\n",
		  "{\"name\":\"a\\\\xff\\\\x0a\",\"name-hex\":\"61ff0a\"}" },
		{ "\xed\xa0\x80",
		  "{\"name\":\"\\\\xed\\\\xa0\\\\x80\",\"name-hex\":\"eda080\"}"
		},
	};
	char *got;
	json_t *o;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		o = json_object();
		json_put_text(o, "name", text_of(t[i].in));
		got = json_dumps(o, JSON_COMPACT | JSON_ENSURE_ASCII);
		report(!strcmp(got, t[i].out), "json", t[i].in, got);
		free(got);
		json_decref(o);
	}
}

static void test_uris(void)
{
	static const struct {
		const char *address, *name, *out;
	} t[] = {
		{ "", "disk0", "nbd://localhost:10809/disk0" },
		{ "0.0.0.0", "disk0", "nbd://127.0.0.1:10809/disk0" },
		{ "[::]:1", "disk0", "nbd://[::1]:1/disk0" },
		{ "192.0.2.1", "", "nbd://192.0.2.1:10809/" },
		{ "2001:db8::1", "a b",
		  "nbd://[2001:db8::1]:10809/a%20b" },
		{ "fe80::1%lo", "x", "nbd://[fe80::1%25lo]:10809/x" },
		{ "", "/a/b", "nbd://localhost:10809//a/b" },
		{ "", "a%b?c#d&e", "nbd://localhost:10809/a%25b%3Fc%23d%26e" },
		{ "", "\xff\n", "nbd://localhost:10809/%FF%0A" },
		{ "", "-._~", "nbd://localhost:10809/-._~" },
		{ "", "a:@!$'()*+,;=",
		  "nbd://localhost:10809/a%3A%40%21%24%27%28%29%2A%2B%2C%3B%3D"
		},
	};
	struct endpoint ep;
	char *got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		endpoint_parse(t[i].address, &ep);
		got = uri_format(&ep, text_of(t[i].name), false);
		report(!strcmp(got, t[i].out), "uri", t[i].out, got);
		free(got);
	}
}

static void test_rules(void)
{
#define NOT_PRINTABLE \
	"in alternative names a blank is \\20, and so is what isn't printable ASCII"
#define NO_BYTE \
	"a backslash is before two digits, a to f small, of what isn't printable ASCII"
#define NO_TYPE(type) "no name has an attribute '" type \
	"': nbdtargetctl(8) has those that there are, and others are numbers"
#define NO_KIND \
	"with an asterisk in it the kind begins as DNS:, URI:, email: or IP:"
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "allow", "allow" },
		{ "deny ", "deny" },
		{ "allow peer=192.0.2.1", "allow peer=192.0.2.1/32" },
		{ "allow peer=::/0 psk=a", "allow peer=::/0 psk=a" },
		{ "deny \tdn=CN=a b,O=*", "deny dn=CN=a b,O=*" },
		{ "deny dn=CN=a = b,O=\\20x", "deny dn=CN=a = b,O=\\20x" },
		{ "deny dn=CN=bob, O=Example",
		  "no name has blanks around its parts, or before '='" },
		{ "deny dn=O = Example",
		  "no name has blanks around its parts, or before '='" },
		{ "deny san=DNS:*.x", "deny san=DNS:*.x" },
		{ "allow san=uri:spiffe://x/*", "allow san=uri:spiffe://x/*" },
		{ "allow san=*:x", "allow san=*:x" },
		/* As the agent writes names that aren't printable. */
		{ "deny san=uri:a\\20b\\5c\\ff", "deny san=uri:a\\20b\\5c\\ff" },
		{ "deny san=dns:\\*", "deny san=dns:\\*" },
		{ "deny san=dns:\\7*", "deny san=dns:\\7*" },
		{ "deny san=uri:a b", NOT_PRINTABLE },
		{ "deny san=uri:\n", NOT_PRINTABLE },
		{ "deny san=dns:x\x7f", NOT_PRINTABLE },
		{ "deny san=dns:\xff*", NOT_PRINTABLE },
		{ "deny san=email:\xc3\xa9", NOT_PRINTABLE },
		{ "deny san=*\x1b", NOT_PRINTABLE },
		{ "deny san=dns:x\\", NO_BYTE },
		{ "deny san=dns:\\\\", NO_BYTE },
		{ "deny san=dns:\\2", NO_BYTE },
		{ "deny san=dns:\\C3", NO_BYTE },
		{ "deny san=dns:\\41", NO_BYTE },
		{ "deny san=dns:\\4*", NO_BYTE },
		{ "deny san=dns:\\00", NO_BYTE },
		{ "deny san=U*:x", "deny san=U*:x" },
		{ "deny san=em*", "deny san=em*" },
		{ "deny san=dns*:x", NO_KIND },
		{ "deny san=x*", NO_KIND },
		{ "allow san=x.example",
		  "an alternative name is dns:, uri:, email: or ip: and a pattern" },
		{ "deny san=ip:2001:db8::1", "deny san=ip:2001:db8::1" },
		{ "deny san=IP:192.0.2.7", "deny san=IP:192.0.2.7" },
		{ "deny san=ip:2001:db8:*", "deny san=ip:2001:db8:*" },
		{ "deny san=ip:2001:DB8:*",
		  "no client's address has such characters: letters are a to f, small" },
		{ "deny san=ip:2001:DB8::1",
		  "no client's address is spelt like that: it is ip:2001:db8::1" },
		{ "deny san=ip:2001:db8:0:0::1",
		  "no client's address is spelt like that: it is ip:2001:db8::1" },
		{ "deny san=ip:192.0.2.7/32",
		  "behind ip: there is a numeric address, or a pattern with an asterisk" },
		{ "deny san=ip:192.0.2.007",
		  "behind ip: there is a numeric address, or a pattern with an asterisk" },
		{ "deny san=ip:",
		  "behind ip: there is a numeric address, or a pattern with an asterisk" },
		/* Types that are in names, and spellings of others. */
		{ "deny dn=*,EMAIL=*,1.2.3.4=#0c*", "deny dn=*,EMAIL=*,1.2.3.4=#0c*" },
		{ "deny dn=CN=cn=x+UID=y", "deny dn=CN=cn=x+UID=y" },
		{ "deny dn=CN=a\\,cn=b", "deny dn=CN=a\\,cn=b" },
		{ "deny dn=*mail=eve", "deny dn=*mail=eve" },
		{ "deny dn=x", "deny dn=x" },
		{ "deny dn=*,emailAddress=eve@x,*",
		  "in names the attribute 'emailAddress' is called EMAIL" },
		{ "deny dn=cn=bob", "in names the attribute 'cn' is called CN" },
		{ "deny dn=CN=bob+uid=7", "in names the attribute 'uid' is called UID" },
		{ "deny dn=commonName=bob", NO_TYPE("commonName") },
		{ "deny dn==bob", NO_TYPE("") },
		{ "allow dn=CN=x\\,y", "allow dn=CN=x\\,y" },
		{ "allow dn=CN=x\n", "allow dn=CN=x\\0a" },
		{ "allow dn=CN=x\\", "the pattern ends in a backslash" },
		{ "allow dn=CN=x\\\\", "allow dn=CN=x\\\\" },
		{ "deny psk=\x1b", "deny psk=\\x1b" },
		{ "", "a rule begins with allow or deny" },
		{ "allowed", "a rule begins with allow or deny" },
		{ "allow psk=", "an empty pattern fits nobody" },
		{ "allow peer=10.0.0.0/33",
		  "peer= takes an address, or a network like 192.0.2.0/24" },
		{ "allow peer=",
		  "peer= takes an address, or a network like 192.0.2.0/24" },
		{ "allow psk=a peer=::1", "allow psk=a peer=::1" },
		{ "allow cn=a",
		  "only peer=, dn=, san= and psk= may follow, in this order" },
	};
	const char *wrong;
	struct rule rule;
	char *got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		wrong = rule_parse(t[i].in, &rule);
		got = wrong ? mem_copy(wrong) : rule_format(&rule);
		report(!strcmp(got, t[i].out), "rule", t[i].in, got);
		free(got);
	}
}

/* Of a name in DER, without what it begins with; a length says where it ends. */
static void test_names(void)
{
#define AVA(type, tag, len, text) "\x30" len "\x06\x03\x55\x04" type tag text
#define CN(text_len, len, text) \
	"\x30" len "\x06\x03\x55\x04\x03\x0c" text_len text
#define DER(s) { s, sizeof(s) - 1 }
	static const struct {
		struct text der;
		const char *out;
	} t[] = {
		{ DER("\x30\x00"), "" },
		{ DER("\x30\x0e\x31\x0c" CN("\3", "\x0a", "bob")), "CN=bob" },
		{ DER("\x30\x1a\x31\x0a" AVA("\x0a", "\x13\1", "\x08", "E")
		      "\x31\x0c" CN("\3", "\x0a", "b,c")), "CN=b\\,c,O=E" },
		/* In either order it is the same. */
		{ DER("\x30\x16\x31\x14" AVA("\x0a", "\x13\1", "\x08", "E")
		      AVA("\x03", "\x13\1", "\x08", "x")), "CN=x+O=E" },
		{ DER("\x30\x16\x31\x14" AVA("\x03", "\x13\1", "\x08", "x")
		      AVA("\x0a", "\x13\1", "\x08", "E")), "CN=x+O=E" },
		{ DER("\x30\x0e\x31\x0c" CN("\3", "\x0a", "b\0b")),
		  "CN=b\\00b" },
		{ DER("\x30\x0e\x31\x0c" CN("\3", "\x0a", " # ")),
		  "CN=\\ #\\ " },
		{ DER("\x30\x0e\x31\x0c" CN("\3", "\x0a", "\xe2\x80\xae")),
		  "CN=\\e2\\80\\ae" },
		{ DER("\x30\x0d\x31\x0b" CN("\2", "\x09", "\xc3\xa9")),
		  "CN=\xc3\xa9" },
		/* Not UTF-8: the bytes of an unknown alphabet. */
		{ DER("\x30\x0d\x31\x0b" AVA("\x03", "\x14\2", "\x09",
					    "\xc3\xa9")), "CN=\\c3\\a9" },
		{ DER("\x30\x0d\x31\x0b" AVA("\x03", "\x1e\2", "\x09",
					    "\x00\xe9")), "CN=\xc3\xa9" },
		{ DER("\x30\x0d\x31\x0b" AVA("\x03", "\x1e\2", "\x09",
					    "\xd8\x00")), "CN=#1e02d800" },
		{ DER("\x30\x0d\x31\x0b\x30\x09\x06\x03\x2a\x03\x04"
		      "\x0c\x02hi"), "1.2.3.4=#0c026869" },
		{ DER(""), NULL },
		{ DER("\x30"), NULL },
		{ DER("\x30\x01"), NULL },
		{ DER("\x30\x00x"), NULL },
		{ DER("\x30\x02\x31\x00"), NULL },
		{ DER("\x30\x80"), NULL },
		{ DER("\x30\x84\xff\xff\xff\xff"), NULL },
		{ DER("\x30\x0e\x31\x0c" CN("\4", "\x0a", "bob")), NULL },
		{ DER("\x30\x0e\x31\x0c\x30\x0a\x06\x03\x55\x04\x83"
		      "\x0c\3bob"), NULL },
	};
	char *got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		got = dn_format(t[i].der);
		report(got && t[i].out ? !strcmp(got, t[i].out) :
		       got == t[i].out, "name", t[i].out ? t[i].out :
		       "that is malformed", got ? got : "refused");
		free(got);
	}
}

/* Whatever the library calls an attribute, as the agent then does, is no mistake. */
static void test_types(void)
{
	static const char *const arcs[] = {
		"2.5.4", "0.9.2342.19200300.100.1", "1.2.643.100",
		"1.2.643.3.131.1", "1.2.840.113549.1.9", "1.2.840.113556.1.4",
		"1.3.6.1.4.1.311.60.2.1", "1.3.6.1.5.5.7.8", "1.3.6.1.5.5.7.9",
	};
	size_t i, n = 0;
	const char *name, *wrong;
	char oid[64];
	int last;

	for (i = 0; i < ARRAY_SIZE(arcs); i++) {
		for (last = 0; last < 1000; last++) {
			snprintf(oid, sizeof(oid), "%s.%d", arcs[i], last);
			name = gnutls_x509_dn_oid_name(oid, 0);
			if (!name)
				continue;
			wrong = dn_type_wrong(text_of(name));
			report(!wrong, "type", name, wrong ? wrong : "");
			n++;
		}
	}
	report(n >= 30, "types", "that the library has", "");
}

static char *split_and_join(const char *in)
{
	char *line = mem_copy(in), *joined = NULL, **argv = NULL;
	const char *wrong;
	size_t size;
	FILE *f = open_memstream(&joined, &size);
	int argc, i;

	wrong = batch_split(line, &argv, &argc);
	if (wrong)
		fputs("refused", f);
	for (i = 0; !wrong && i < argc; i++)
		fprintf(f, "<%s>", argv[i]);
	if (!wrong && argv[argc])
		fputs("no NULL at the end", f);
	fclose(f);
	free(argv);
	free(line);
	return joined;
}

static void test_splitting(void)
{
	static const struct {
		const char *in, *out;
	} t[] = {
		{ "", "" },
		{ "\n", "" },
		{ "  \t\r\n", "" },
		{ "# a comment", "" },
		{ "  # a comment 'with a quote", "" },
		{ "show", "<show>" },
		{ "show exports\n", "<show><exports>" },
		{ "show exports\r\n", "<show><exports>" },
		{ "\t show\t exports  ", "<show><exports>" },
		{ "show # all", "<show>" },
		{ "a#b", "<a#b>" },
		{ "a\\#b \\#c", "<a#b><#c>" },
		{ "'a b' \"c d\"", "<a b><c d>" },
		{ "'' \"\"", "<><>" },
		{ "a'b'\"c\"d", "<abcd>" },
		{ "'a\\b\"c#'", "<a\\b\"c#>" },
		{ "\"a\\\"b\\\\c\\$d\\`\"", "<a\"b\\c$d`>" },
		{ "\"a\\nb'c\"", "<a\\nb'c>" },
		{ "a\\ b", "<a b>" },
		{ "\\'a \\\"b \\\\c", "<'a><\"b><\\c>" },
		{ "$HOME ~ * `x`", "<$HOME><~><*><`x`>" },
		{ "a\\", "refused" },
		{ "a\\\n", "refused" },
		{ "'a", "refused" },
		{ "\"a\n", "refused" },
		{ "\"a\\\"", "refused" },
		{ "\"a\\", "refused" },
		{ "\xff '\xfe'", "<\xff><\xfe>" },
	};
	char *got;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		got = split_and_join(t[i].in);
		report(!strcmp(got, t[i].out), "line", t[i].in, got);
		free(got);
	}
}

static void test_figures(void)
{
	static const struct {
		const char *(*format)(char buf[FIGURE_MAX], uint64_t n);
		uint64_t in;
		const char *out;
	} t[] = {
		{ size_format, 0, "0 B" },
		{ size_format, 1023, "1023 B" },
		{ size_format, 1024, "1 KiB" },
		{ size_format, 1536, "1.5 KiB" },
		{ size_format, 1048575, "1 MiB" },
		{ size_format, 1 << 30, "1 GiB" },
		{ size_format, 3ULL << 39, "1.5 TiB" },
		{ size_format, UINT64_MAX, "16 EiB" },
		{ age_format, 0, "0s" },
		{ age_format, 59999, "59s" },
		{ age_format, 60000, "1m00s" },
		{ age_format, 3723004, "1h02m" },
		{ age_format, 90000000, "1d01h" },
		{ seconds_format, 0, "0" },
		{ seconds_format, 500, "0.5" },
		{ seconds_format, 10000, "10" },
		{ seconds_format, 60001, "60.001" },
	};
	char buf[FIGURE_MAX];
	size_t i;

	for (i = 0; i < ARRAY_SIZE(t); i++) {
		t[i].format(buf, t[i].in);
		report(!strcmp(buf, t[i].out), "figure", t[i].out, buf);
	}
}

int main(void)
{
	test_places();
	test_lines();
	test_endpoints();
	test_long_endpoint();
	test_numbers();
	test_text();
	test_json();
	test_uris();
	test_rules();
	test_names();
	test_types();
	test_splitting();
	test_figures();
	return 0;
}
