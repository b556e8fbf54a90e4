// SPDX-License-Identifier: GPL-2.0
/* Pre-shared keys: a file of them, and the one that a client asks with. */
#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#include "agent/psk.h"
#include "base/fail.h"
#include "base/mem.h"

#define KEY_MAX 1024	/* in bytes */
#define KEY_STRONG 16	/* the least that nobody can try all of */

struct psk {
	char *name;
	gnutls_datum_t key;
	unsigned long line;	/* of the file */
};

void psk_free(struct psk_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++) {
		free(list->keys[i].name);
		files_wipe(&list->keys[i].key);
	}
	free(list->keys);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* HEX of LEN characters; NULL when it isn't that. */
static unsigned char *parse_hex(const char *hex, size_t len)
{
	unsigned char *bytes;
	size_t i;

	if (!len || len % 2 || len > 2 * KEY_MAX ||
	    strspn(hex, "0123456789abcdefABCDEF") < len)
		return NULL;
	bytes = mem_zalloc(len / 2 + 1);
	for (i = 0; i < len / 2; i++)
		bytes[i] = hex_digit(hex[2 * i]) << 4 |
			   hex_digit(hex[2 * i + 1]);
	return bytes;
}

/* "NAME:HEX", or "#HEX:HEX" for a name that is no text. */
static const char *parse_key(char *line, bool weak, struct psk *psk)
{
	char *colon = strrchr(line, ':');
	size_t len;

	if (!colon)
		return "there is no colon";
	*colon++ = '\0';
	len = strcspn(colon, "\r");
	if (line[0] == '#') {
		psk->name = (char *)parse_hex(line + 1, strlen(line + 1));
		if (psk->name &&
		    strlen(psk->name) != strlen(line + 1) / 2)
			return "the name has a NUL in it";
	} else {
		psk->name = mem_copy(line);
	}
	if (!psk->name || !*psk->name)
		return "the name is empty or not valid";
	psk->key.data = parse_hex(colon, len);
	psk->key.size = len / 2;
	if (!psk->key.data)
		return "the key is not hexadecimal";
	if (psk->key.size < KEY_STRONG && !weak)
		return "the key has less than 128 bits; --weak-psk takes it all the same";
	return NULL;
}

static int parse_file(const struct tool *t, const struct files *f, bool weak,
		      struct psk_list *list)
{
	char *line = (char *)f->data[KEYS_PSK].data, *next;
	unsigned long number = 1;
	const char *wrong;

	for (; line && *line; line = next, number++) {
		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		if (!line[strspn(line, " \t\r")])
			continue;
		list->keys = mem_resize(list->keys, (list->n + 1) *
					sizeof(*list->keys));
		list->keys[list->n] = (struct psk){ .line = number };
		wrong = parse_key(line, weak, &list->keys[list->n++]);
		if (wrong)
			return fail(t, f->dir, "%s, line %lu: %s",
				    files_name(KEYS_PSK), number, wrong);
	}
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	const struct psk *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int compare(const void *a, const void *b)
{
	const struct psk *x = a, *y = b;
	int order = compare_names(x, y);

	return order ? order : (x->line > y->line) - (x->line < y->line);
}

/*
 * In a sorted list: a key that was changed by one more line would go on opening, and
 * nobody would know.
 */
static int check_once(const struct tool *t, const struct files *f,
		      const struct psk_list *list)
{
	const struct psk *psk = list->keys;
	size_t i;

	for (i = 1; i < list->n; i++)
		if (!compare_names(&psk[i - 1], &psk[i]))
			return fail(t, f->dir,
				    "%s, line %lu: its name was there before, in line %lu",
				    files_name(KEYS_PSK), psk[i].line,
				    psk[i - 1].line);
	return 0;
}

/* Fills an empty list, to be freed in any case; 0, or it was said why not. */
int psk_load(const struct tool *t, const struct files *f, bool weak,
	     struct psk_list *list)
{
	int ret = parse_file(t, f, weak, list);

	if (ret)
		return ret;
	if (f->data[KEYS_PSK].data && !list->n)
		return fail(t, f->dir, "there is no key in %s",
			    files_name(KEYS_PSK));
	if (list->n)
		qsort(list->keys, list->n, sizeof(*list->keys), compare);
	return check_once(t, f, list);
}

static int copy_key(gnutls_datum_t *to, const unsigned char *key,
		    unsigned int size)
{
	to->data = gnutls_malloc(size);
	if (!to->data)
		return -1;
	memcpy(to->data, key, size);
	to->size = size;
	return 0;
}

/*
 * A copy of a key for the library, 0 or -1. One that asks with a name that isn't
 * there gets a key that nobody knows, so that it can't be told from one with a
 * wrong key.
 */
int psk_find(const struct psk_list *list, const char *name, gnutls_datum_t *key)
{
	const struct psk wanted = { .name = (char *)name }, *found = NULL;
	unsigned char nobodys[32];

	if (list->n)
		found = bsearch(&wanted, list->keys, list->n,
				sizeof(*list->keys), compare_names);
	if (found)
		return copy_key(key, found->key.data, found->key.size);
	if (gnutls_rnd(GNUTLS_RND_KEY, nobodys, sizeof(nobodys)))
		return -1;
	return copy_key(key, nobodys, sizeof(nobodys));
}
