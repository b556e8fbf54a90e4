// SPDX-License-Identifier: GPL-2.0
/*
 * JSON as this tool writes it: pure ASCII, members in a fixed order. A
 * string that isn't UTF-8, which JSON can't hold, becomes one for people
 * under its key, and its bytes in hexadecimal under KEY-hex.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "show/json.h"

static void check(int ret)
{
	if (!ret)
		return;
	fputs("nbdtargetctl: out of memory\n", stderr);
	exit(TOOL_REFUSED);
}

void json_put(json_t *object, const char *key, json_t *value)
{
	check(json_object_set_new(object, key, value));
}

void json_add(json_t *array, json_t *value)
{
	check(json_array_append_new(array, value));
}

/* A string, which is freed; null for NULL, and for what JSON can't hold. */
json_t *json_take(char *s)
{
	json_t *o = s ? json_string(s) : NULL;

	free(s);
	return o ? o : json_null();
}

/* Any bytes, as a string of hexadecimal digits. */
json_t *json_hex(struct text text)
{
	char *hex = mem_zalloc(2 * text.len + 1);
	size_t i;

	for (i = 0; i < text.len; i++)
		sprintf(hex + 2 * i, "%02x", (unsigned char)text.p[i]);
	return json_take(hex);
}

/* The bytes that json_hex() made a member of; empty when there are none. */
char *json_get_hex(const json_t *o, const char *key)
{
	const char *hex = json_string_value(json_object_get(o, key));
	size_t i, len = hex ? strlen(hex) / 2 : 0;
	char *s = mem_zalloc(len + 1);
	unsigned int byte;

	for (i = 0; i < len && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		s[i] = byte;
	return s;
}

static void put_hex(json_t *object, const char *key, struct text text)
{
	char *hex_key = mem_printf("%s-hex", key);

	json_put(object, hex_key, json_hex(text));
	free(hex_key);
}

void json_put_text(json_t *object, const char *key, struct text text)
{
	char *escaped;

	if (text_is_utf8(text)) {
		json_put(object, key, json_stringn(text.p, text.len));
		return;
	}
	escaped = text_format(text, 0);
	json_put(object, key, json_string(escaped));
	free(escaped);
	put_hex(object, key, text);
}

void json_print(json_t *value, bool one_line)
{
	size_t flags = JSON_ENSURE_ASCII | JSON_ENCODE_ANY;

	flags |= one_line ? JSON_COMPACT : JSON_INDENT(2);
	json_dumpf(value, stdout, flags);
	putchar('\n');
	json_decref(value);
}
