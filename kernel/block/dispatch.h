/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_DISPATCH_H
#define NBDT_DISPATCH_H

#include <linux/types.h>

struct nbdt_request;

/* Most bytes that CACHE reads at once; longer ones go piece by piece. */
#define NBDT_CACHE_PIECE	(512U << 10)

void nbdt_dispatch_shape(struct nbdt_request *req);
void nbdt_dispatch(struct nbdt_request *req);

#endif /* NBDT_DISPATCH_H */
