// SPDX-License-Identifier: GPL-2.0
/*
 * Where in a JSON text a value is: jansson tells the line and column of what isn't
 * JSON, but keeps none for what is. So whoever finds something wrong with a value
 * has the way to it from the root, and only then that way is gone once more, in the
 * text. The text was parsed before: it is JSON, and every step of the way is there.
 */
#include <jansson.h>
#include <string.h>

#include "config/place.h"

static const char *skip_blanks(const char *s)
{
	return s + strspn(s, " \t\r\n");
}

/* From its first quote to behind its last. */
static const char *skip_string(const char *s)
{
	for (s++; *s && *s != '"'; s++)
		if (*s == '\\' && s[1])
			s++;
	return *s ? s + 1 : s;
}

/* To behind a value, whatever is in it. */
static const char *skip_value(const char *s)
{
	size_t depth = 0;

	do {
		s = skip_blanks(s);
		if (*s == '"') {
			s = skip_string(s);
		} else if (*s == '{' || *s == '[') {
			depth++;
			s++;
		} else if (*s == '}' || *s == ']') {
			depth--;
			s++;
		} else if (*s == ',' || *s == ':') {
			s++;
		} else {
			s += strcspn(s, ",:]}\" \t\r\n");
		}
	} while (depth && *s);
	return s;
}

/* A key may be written with escapes. */
static bool is_key(const char *s, const char *end, const char *key)
{
	json_t *name = json_loadb(s, end - s, JSON_DECODE_ANY, NULL);
	bool is = name && !strcmp(json_string_value(name), key);

	json_decref(name);
	return is;
}

/* The member of an object, or its name; or the object's end. */
static const char *find_member(const char *s, const char *key, bool of_key)
{
	const char *name, *end;

	for (;;) {
		name = skip_blanks(s + 1);
		if (*name != '"')
			return name;
		end = skip_string(name);
		s = skip_blanks(skip_blanks(end) + 1);
		if (is_key(name, end, key))
			return of_key ? name : s;
		s = skip_blanks(skip_value(s));
		if (*s != ',')
			return s;
	}
}

static const char *find_element(const char *s, size_t index)
{
	s = skip_blanks(s + 1);
	while (index--)
		s = skip_blanks(skip_blanks(skip_value(s)) + 1);
	return s;
}

static const char *find(const char *text, const struct place *place, bool of_key)
{
	const char *s;

	if (!place)
		return skip_blanks(text);
	s = find(text, place->up, false);
	return place->key ? find_member(s, place->key, of_key) :
	       find_element(s, place->index);
}

struct position place_find(const char *text, const struct place *place,
			   bool of_key)
{
	const char *at = find(text, place, of_key);
	struct position p = { 1, 1 };

	for (; text < at; text++) {
		if (*text == '\n') {
			p.line++;
			p.column = 1;
		} else if ((*text & 0xc0) != 0x80) {
			p.column++;
		}
	}
	return p;
}
