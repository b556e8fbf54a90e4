/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_ARRIVAL_H
#define NBDT_ARRIVAL_H

#include <linux/types.h>

void nbdt_arrival_note(dev_t dev);

#endif /* NBDT_ARRIVAL_H */
