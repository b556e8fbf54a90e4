/* SPDX-License-Identifier: GPL-2.0 */
/* The file of save-bitmaps: a row of records. */
#ifndef NBDTARGETCTL_RECORD_H
#define NBDTARGETCTL_RECORD_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define RECORD_CLEAN	1
#define RECORD_UNCLEAN	2

/* In host byte order: the file is for this machine. */
struct record {
	char magic[8];
	uint32_t state;		/* not under the checksum: it changes later */
	uint32_t crc;		/* of JSON and content */
	uint64_t json_len;	/* 0: the end of the file */
	uint64_t data_len;
};

bool record_write(FILE *f, uint32_t state, const json_t *about,
		  const void *data, uint64_t len);
bool record_write_end(FILE *f);
bool record_bless(int fd, off_t from, off_t to);

const struct record *record_at(const char *file, size_t size, size_t at);
size_t record_size(const struct record *record);
json_t *record_about(const struct record *record);
const char *record_data(const struct record *record);

#endif /* NBDTARGETCTL_RECORD_H */
