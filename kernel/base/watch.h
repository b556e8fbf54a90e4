/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_WATCH_H
#define NBDT_WATCH_H

#include <linux/list.h>
#include <linux/types.h>

/* Whether a disk has become another; see watch.c. */
struct nbdt_watch {
	struct list_head node;
	dev_t dev;		/* of the disk as a whole */
	bool changed;		/* set by anybody, at any time */
};

int nbdt_watch_init(void (*device_arrived)(dev_t dev),
		    void (*disk_changed)(void));
void nbdt_watch_exit(void);

void nbdt_watch_begin(struct nbdt_watch *watch, dev_t dev);
void nbdt_watch_end(struct nbdt_watch *watch);

/* Has it changed since nbdt_watch_begin(), or nbdt_watch_again()? */
static inline bool nbdt_watch_changed(const struct nbdt_watch *watch)
{
	return READ_ONCE(watch->changed);
}

/* It is as if it had: what isn't told of by an event.  Any context. */
static inline void nbdt_watch_tell(struct nbdt_watch *watch)
{
	WRITE_ONCE(watch->changed, true);
}

static inline void nbdt_watch_again(struct nbdt_watch *watch)
{
	WRITE_ONCE(watch->changed, false);
}

#endif /* NBDT_WATCH_H */
