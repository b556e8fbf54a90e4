/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_PAGES_H
#define NBDT_PAGES_H

#include <linux/fs.h>
#include <linux/types.h>

struct block_device;

int nbdt_pages_begin(struct block_device *bdev, struct address_space *pages,
		     bool writable);
void nbdt_pages_end(struct block_device *bdev, struct address_space *pages);

bool nbdt_pages_found(struct address_space *pages, u64 from, u64 to);
bool nbdt_pages_dirty(struct address_space *pages);
int nbdt_pages_write_back(struct address_space *pages, u64 from, u64 to);
int nbdt_pages_drop(struct address_space *pages, u64 from, u64 to);
void nbdt_pages_forget(struct address_space *pages, u64 from, u64 to);

/* Has the host anything of the device cached?  All that I/O pays when not. */
static inline bool nbdt_pages_any(const struct address_space *pages)
{
	return unlikely(READ_ONCE(pages->nrpages));
}

/* Is there anything to be written back before it can be read? */
static inline bool nbdt_pages_hide(struct address_space *pages)
{
	return nbdt_pages_any(pages) && nbdt_pages_dirty(pages);
}

/* Is there anything of a range, to be dropped before and after it changes? */
static inline bool nbdt_pages_hold(struct address_space *pages, u64 from,
				   u64 to)
{
	return nbdt_pages_any(pages) && nbdt_pages_found(pages, from, to);
}

#endif /* NBDT_PAGES_H */
