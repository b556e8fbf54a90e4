// SPDX-License-Identifier: GPL-2.0
/*
 * The file of save-bitmaps: a row of records, each with a head, a JSON object
 * that says what it is of, and its content; and one with neither that is the
 * end.  All but the state in the head is under the record's checksum.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/mem.h"
#include "saved/record.h"

#define MAGIC		"NBDTBM1\n"

static uint32_t checksum(const void *json, size_t json_len, const void *data,
			 size_t len)
{
	return crc32_z(crc32_z(0, json, json_len), data, len);
}

static bool write_record(FILE *f, uint32_t state, const char *json,
			 const void *data, uint64_t len)
{
	struct record head = {
		.magic = MAGIC,
		.state = state,
		.json_len = strlen(json),
		.data_len = len,
	};

	head.crc = checksum(json, head.json_len, data, len);
	return fwrite(&head, sizeof(head), 1, f) == 1 &&
	       fwrite(json, 1, head.json_len, f) == head.json_len &&
	       fwrite(data, 1, len, f) == len;
}

/* False as errno says. */
bool record_write(FILE *f, uint32_t state, const json_t *about,
		  const void *data, uint64_t len)
{
	char *compact = json_dumps(about, JSON_COMPACT), *json;
	bool done;

	/* Heads are read where they are, at multiples of 8. */
	json = mem_printf("%-*s", (int)((strlen(compact) + 7) / 8 * 8),
			  compact);
	free(compact);
	done = write_record(f, state, json, data, len);
	free(json);
	return done;
}

bool record_write_end(FILE *f)
{
	return write_record(f, RECORD_CLEAN, "", "", 0);
}

/* From now on those from one offset to another are clean; false as errno says. */
bool record_bless(int fd, off_t from, off_t to)
{
	uint32_t state = RECORD_CLEAN;
	struct record head;

	while (from < to) {
		if (pread(fd, &head, sizeof(head), from) != sizeof(head) ||
		    pwrite(fd, &state, sizeof(state),
			   from + offsetof(struct record, state)) !=
		    sizeof(state))
			return false;
		from += record_size(&head);
	}
	return !fsync(fd);
}

/* The one at an offset of a file in memory, if it is whole; NULL otherwise. */
const struct record *record_at(const char *file, size_t size, size_t at)
{
	const struct record *record = (const void *)(file + at);
	const char *json = file + at + sizeof(*record);
	size_t left = size - at;

	if (left < sizeof(*record) || memcmp(record->magic, MAGIC, 8))
		return NULL;
	left -= sizeof(*record);
	if (record->json_len > left || record->json_len % 8 ||
	    record->data_len > left - record->json_len ||
	    record->data_len % 8)
		return NULL;
	if (checksum(json, record->json_len, json + record->json_len,
		     record->data_len) != record->crc)
		return NULL;
	return record;
}

size_t record_size(const struct record *record)
{
	return sizeof(*record) + record->json_len + record->data_len;
}

json_t *record_about(const struct record *record)
{
	return json_loadb((const char *)(record + 1), record->json_len, 0,
			  NULL);
}

const char *record_data(const struct record *record)
{
	return (const char *)(record + 1) + record->json_len;
}
