/* SPDX-License-Identifier: GPL-2.0 */
/* Where in a JSON text a value is. */
#ifndef NBDTARGETCTL_PLACE_H
#define NBDTARGETCTL_PLACE_H

#include <stdbool.h>
#include <stddef.h>

/* A member of an object, or with key NULL an element of an array; NULL is the root. */
struct place {
	const struct place *up;
	const char *key;
	size_t index;
};

struct position {
	unsigned int line, column;	/* from 1; columns are characters */
};

/* of_key: of the member's name, not of its value. */
struct position place_find(const char *text, const struct place *place,
			   bool of_key);

#endif /* NBDTARGETCTL_PLACE_H */
