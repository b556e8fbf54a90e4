// SPDX-License-Identifier: GPL-2.0
/*
 * What was saved of a device is good as long as nobody writes to it whom no bitmap
 * records, and nobody makes another bitmap of the name of one that is frozen. So whoever
 * lets clients in has it spent first, and here is what isn't yet. Only the file says
 * that: whoever has the lock of apply changes it.
 */
#include <errno.h>

#include "saved/device.h"
#include "saved/unspent.h"

/* By this export, its device can be written to: under whatever name it was saved. */
bool unspent_is(const struct source_item *item, const struct export *e)
{
	return item->record->state == RECORD_CLEAN && !e->read_only &&
	       !device_is_other(e, item->about);
}

/*
 * Of a file that isn't whole nobody believes anything; where nobody can tell, it is taken
 * to be there.
 */
bool unspent_is_any(const char *path, const struct export *e)
{
	struct source *source;
	const char *wrong;
	bool is = false;
	size_t i;
	int err;

	if (e->read_only)
		return false;
	err = source_open(path, &source, &wrong);
	if (err)
		return err != -ENOENT && err != -EBADMSG;
	for (i = 0; i < source->n && !is; i++)
		is = unspent_is(&source->items[i], e);
	return is;
}
