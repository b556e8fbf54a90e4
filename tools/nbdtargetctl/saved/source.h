/* SPDX-License-Identifier: GPL-2.0 */
/* A file of save-bitmaps that is restored from: read once, however often it is asked for. */
#ifndef NBDTARGETCTL_SOURCE_H
#define NBDTARGETCTL_SOURCE_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "saved/record.h"

/* A record, and what it says of itself. */
struct source_item {
	const struct record *record;	/* its state changes as it does in the file */
	json_t *about;
	char *export;
	char *bitmap;			/* NULL: what is known to be zero */
};

struct source {
	struct source_item *items;
	size_t n;

	/* Its own: */
	char *path;
	int fd;
	int write_error;		/* an errno, if it can't be written to */
	dev_t dev;
	ino_t ino;
	size_t size;
	struct timespec changed;
	const char *map;
};

int source_open(const char *path, struct source **source, const char **wrong);
bool source_set_state(struct source *s, const struct record *record, uint32_t state);

#endif /* NBDTARGETCTL_SOURCE_H */
