/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_ARRIVAL_H
#define NBDT_ARRIVAL_H

#include <linux/types.h>

void nbdt_arrival_init(u32 (*export_count)(void),
		       void (*export_search)(void (*found)(dev_t dev)),
		       void (*export_arrived)(dev_t dev));
void nbdt_arrival_exit(void);
void nbdt_arrival_note(dev_t dev);
void nbdt_arrival_search(void);
bool nbdt_arrival_is_any(void);

#endif /* NBDT_ARRIVAL_H */
