/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_ARRIVAL_H
#define NBDT_ARRIVAL_H

#include <linux/types.h>

void nbdt_arrival_init(u32 (*export_count)(void),
		       bool (*export_arrived)(dev_t dev));
void nbdt_arrival_exit(void);
void nbdt_arrival_note(dev_t dev);
void nbdt_arrival_forget(dev_t dev);
void nbdt_arrival_again(void);
void nbdt_arrival_recall(void);

#endif /* NBDT_ARRIVAL_H */
