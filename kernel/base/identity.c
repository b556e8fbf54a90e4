// SPDX-License-Identifier: GPL-2.0
/* Identities: who a client proved to be; made once, and never changed. */
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "base/identity.h"

/* Copy a string to where P points, and move P behind it. */
static const char *append(char **p, const char *string)
{
	size_t size = strlen(string) + 1;
	char *copy = memcpy(*p, string, size);

	*p += size;
	return copy;
}

/**
 * nbdt_identity_create - note down who somebody is
 * @auth: how that was proved
 * @name: terminated, or NULL
 * @alt_names: terminated each
 * @nr_alt_names: how many
 *
 * Return: for kfree(), or NULL.
 */
struct nbdt_identity *nbdt_identity_create(u32 auth, const char *name,
					   const char *const *alt_names,
					   u32 nr_alt_names)
{
	struct nbdt_identity *identity;
	size_t head = struct_size(identity, alt_names, nr_alt_names);
	size_t size = head;
	char *p;
	u32 i;

	size += name ? strlen(name) + 1 : 0;
	for (i = 0; i < nr_alt_names; i++)
		size += strlen(alt_names[i]) + 1;
	identity = kzalloc(size, GFP_KERNEL);
	if (!identity)
		return NULL;
	identity->auth = auth;
	identity->nr_alt_names = nr_alt_names;
	p = (char *)identity + head;
	if (name)
		identity->name = append(&p, name);
	for (i = 0; i < nr_alt_names; i++)
		identity->alt_names[i] = append(&p, alt_names[i]);
	return identity;
}
