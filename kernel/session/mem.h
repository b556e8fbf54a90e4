/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_MEM_H
#define NBDT_MEM_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/types.h>

#include "block/disk.h"

/* A connection's account of request memory.  Its thread's, but for waiting. */
struct nbdt_mem {
	size_t used;		/* bytes charged */
	size_t granted;		/* bytes taken from the module's limit */
	/* Guarded by mem.c's lock. */
	unsigned long *share;	/* bytes that all of its export have, or... */
	unsigned long alone;	/* ...it has, that hasn't one yet */
	size_t wants;		/* bytes, while it is in line */
	struct list_head waiting;
	/* Whom to tell that it is worth another try.  Any context. */
	void (*resume)(struct nbdt_mem *mem);
};

/* Most bytes that one connection may have charged. */
#define NBDT_MEM_CONN_MAX	(64UL << 20)
/*
 * What a connection may have in any case: a request of 256 KiB, at any offset, with
 * the page that is kept for small ones.
 */
#define NBDT_MEM_FLOOR		((256UL << 10) + 2 * NBDT_BLOCK_MAX + PAGE_SIZE)
#define NBDT_MEM_LIMIT_MIN	(64UL << 20)

void nbdt_mem_init(struct nbdt_mem *mem,
		   void (*resume)(struct nbdt_mem *mem));
void nbdt_mem_join(struct nbdt_mem *mem, unsigned long *share);
void nbdt_mem_exit(struct nbdt_mem *mem);
bool nbdt_mem_charge(struct nbdt_mem *mem, size_t bytes);
bool nbdt_mem_stop_waiting(struct nbdt_mem *mem);
void nbdt_mem_uncharge(struct nbdt_mem *mem, size_t bytes);
void nbdt_mem_trim(struct nbdt_mem *mem);
bool nbdt_mem_wanted(void);

void nbdt_mem_set_default(void);
u64 nbdt_mem_limit(void);
void nbdt_mem_set_limit(u64 bytes);
u64 nbdt_mem_granted(void);

#endif /* NBDT_MEM_H */
