// SPDX-License-Identifier: GPL-2.0
/*
 * Distinguished names, from their DER to text as in RFC 4514: the most particular
 * part first, "CN=bob,O=Example".
 *
 * The library could do that, but leaves in a name what isn't seen or moves a
 * terminal.  Here no two names make the same text, nor two that look the same but
 * for letters of different alphabets: what isn't printable is written as bytes,
 * "\0a".  For all other names it is what the library writes.
 *
 * Attributes side by side in one part ("+") come in the order that DER has them
 * in, in whatever order they are, so that a rule about them can't be evaded.
 */
#include <gnutls/x509.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/dn.h"
#include "base/mem.h"
#include "base/tool.h"

#define OID_TEXT_MAX 256
#define PARTS_MAX 64
#define AVAS_MAX 16		/* in one part */

/* Universal tags of ASN.1. */
enum {
	DER_OID = 0x06,
	DER_UTF8 = 0x0c,
	DER_NUMERIC = 0x12,
	DER_PRINTABLE = 0x13,
	DER_TELETEX = 0x14,
	DER_IA5 = 0x16,
	DER_VISIBLE = 0x1a,
	DER_BMP = 0x1e,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

/* A value, and what it is written in. */
struct tlv {
	unsigned int tag;
	struct text whole;
	struct text content;
};

/* Takes the value that begins DER; false when there is none, or a part of one. */
static bool take(struct text *der, struct tlv *v)
{
	const unsigned char *p = (const unsigned char *)der->p;
	size_t head = 2, len, n;

	if (der->len < head)
		return false;
	v->tag = p[0];
	len = p[1];
	if (len & 0x80) {
		n = len & 0x7f;
		if (!n || n > 3 || der->len < head + n)
			return false;
		for (len = 0; n; n--)
			len = len << 8 | p[head++];
	}
	if (len > der->len - head)
		return false;
	v->content = (struct text) { der->p + head, len };
	v->whole = (struct text) { der->p, head + len };
	der->p += head + len;
	der->len -= head + len;
	return true;
}

static bool take_tag(struct text *der, unsigned int tag, struct tlv *v)
{
	return take(der, v) && v->tag == tag;
}

/* "2.5.4.3"; false when it is malformed or longer than any that is in use. */
static bool format_oid(struct text oid, char text[OID_TEXT_MAX])
{
	uint64_t n = 0;
	size_t i, at = 0;

	for (i = 0; i < oid.len; i++) {
		if (n >> 56)
			return false;
		n = n << 7 | (oid.p[i] & 0x7f);
		if (oid.p[i] & 0x80)
			continue;
		if (!at && n >= 80)
			at = sprintf(text, "2.%llu", (unsigned long long)n - 80);
		else if (!at)
			at = sprintf(text, "%u.%u", (unsigned int)n / 40,
				     (unsigned int)n % 40);
		else
			at += sprintf(text + at, ".%llu",
				      (unsigned long long)n);
		if (at > OID_TEXT_MAX - 24)
			return false;
		n = 0;
	}
	return at && !(oid.p[oid.len - 1] & 0x80);
}

static void put_hex(FILE *f, const char *before, struct text bytes)
{
	for (; bytes.len; bytes.p++, bytes.len--)
		fprintf(f, "%s%02x", before, (unsigned char)*bytes.p);
}

/* RFC 4514, 2.4, and what isn't printable. */
static void put_text(FILE *f, struct text value, bool utf8)
{
	struct text all = value;
	uint32_t cp;
	size_t n;

	while (value.len) {
		n = utf8_decode(value.p, value.len, &cp);
		if (!n || (!utf8 && cp >= 0x80) || !text_is_seen(cp)) {
			n = n ? n : 1;
			put_hex(f, "\\", (struct text) { value.p, n });
		} else {
			if (strchr(",+\"\\<>;", cp < 0x80 ? (int)cp : 'x') ||
			    (value.p == all.p && (cp == ' ' || cp == '#')) ||
			    (value.len == 1 && cp == ' '))
				putc('\\', f);
			fwrite(value.p, 1, n, f);
		}
		value.p += n;
		value.len -= n;
	}
}

static void put_utf8(FILE *f, uint32_t cp)
{
	if (cp >= 0x800)
		fprintf(f, "%c%c%c", 0xe0 | cp >> 12, 0x80 | (cp >> 6 & 0x3f),
			0x80 | (cp & 0x3f));
	else if (cp >= 0x80)
		fprintf(f, "%c%c", 0xc0 | cp >> 6, 0x80 | (cp & 0x3f));
	else
		putc(cp, f);
}

/* The same in UTF-8, to be freed; NULL when it isn't text. */
static char *bmp_to_utf8(struct text value, size_t *len)
{
	char *s = NULL;
	FILE *f = open_memstream(&s, len);
	bool good = f && !(value.len % 2);
	uint32_t cp;

	for (; good && value.len; value.p += 2, value.len -= 2) {
		cp = (unsigned char)value.p[0] << 8 | (unsigned char)value.p[1];
		good = cp < 0xd800 || cp > 0xdfff;
		if (good)
			put_utf8(f, cp);
	}
	if (f)
		fclose(f);
	if (good)
		return s;
	free(s);
	return NULL;
}

static void put_value(FILE *f, const struct tlv *value, bool known)
{
	struct text utf8;
	char *s;

	switch (known ? value->tag : 0) {
	case DER_UTF8:
		put_text(f, value->content, true);
		return;
	case DER_NUMERIC:
	case DER_PRINTABLE:
	case DER_TELETEX:
	case DER_IA5:
	case DER_VISIBLE:
		put_text(f, value->content, false);
		return;
	case DER_BMP:
		s = bmp_to_utf8(value->content, &utf8.len);
		utf8.p = s;
		if (s)
			put_text(f, utf8, true);
		free(s);
		if (s)
			return;
	}
	putc('#', f);
	put_hex(f, "", value->whole);
}

/* AttributeTypeAndValue */
static bool put_ava(FILE *f, struct text der)
{
	char oid[OID_TEXT_MAX];
	struct tlv type, value;
	const char *name;

	if (!take_tag(&der, DER_OID, &type) || !take(&der, &value) || der.len ||
	    !format_oid(type.content, oid))
		return false;
	name = gnutls_x509_dn_oid_name(oid, 0);
	fprintf(f, "%s=", name ? name : oid);
	put_value(f, &value, name);
	return true;
}

/* The order of DER's SET OF: the shorter is continued with zeroes. */
static int compare(const void *a, const void *b)
{
	struct text x = ((const struct tlv *)a)->whole;
	struct text y = ((const struct tlv *)b)->whole;
	int order = memcmp(x.p, y.p, x.len < y.len ? x.len : y.len);

	return order ? order : (x.len > y.len) - (x.len < y.len);
}

/* RelativeDistinguishedName */
static bool put_part(FILE *f, struct text der)
{
	struct tlv avas[AVAS_MAX];
	size_t i, n = 0;

	for (; der.len; n++)
		if (n == AVAS_MAX || !take_tag(&der, DER_SEQUENCE, &avas[n]))
			return false;
	qsort(avas, n, sizeof(*avas), compare);
	for (i = 0; i < n; i++) {
		if (i)
			putc('+', f);
		if (!put_ava(f, avas[i].content))
			return false;
	}
	return n;
}

/* RDNSequence: the last first. */
static bool put_parts(FILE *f, struct text der)
{
	struct tlv parts[PARTS_MAX];
	size_t n = 0;

	for (; der.len; n++)
		if (n == PARTS_MAX || !take_tag(&der, DER_SET, &parts[n]))
			return false;
	while (n--)
		if (!put_part(f, parts[n].content) || (n && putc(',', f) < 0))
			return false;
	return true;
}

char *dn_format(struct text der)
{
	struct tlv name;
	char *s = NULL;
	size_t size;
	FILE *f = open_memstream(&s, &size);
	bool good = f && take_tag(&der, DER_SEQUENCE, &name) && !der.len &&
		    put_parts(f, name.content);

	if (f)
		fclose(f);
	if (good)
		return s;
	free(s);
	return NULL;
}

char *dn_escape(struct text value)
{
	char *s = NULL;
	size_t size;
	FILE *f = open_memstream(&s, &size);

	if (!f)
		return mem_copy("");
	while (value.len--) {
		if (text_is_plain(*value.p))
			putc(*value.p, f);
		else
			fprintf(f, "\\%02x", (unsigned char)*value.p);
		value.p++;
	}
	fclose(f);
	return s;
}
