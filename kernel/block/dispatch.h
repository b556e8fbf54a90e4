/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_DISPATCH_H
#define NBDT_DISPATCH_H

#include <linux/types.h>

struct nbdt_export;
struct nbdt_range;
struct nbdt_request;

/* Most bytes that CACHE reads at once; longer ones go piece by piece. */
#define NBDT_CACHE_PIECE	(512U << 10)

/* TRIM and WRITE_ZEROES go in parts that end at multiples of this. */
#define NBDT_PART		(64U << 20)

void nbdt_dispatch_shape(struct nbdt_request *req);
int nbdt_dispatch(struct nbdt_request *req);
void nbdt_dispatch_granted(struct nbdt_range *range);
bool nbdt_dispatch_next_part(struct nbdt_request *req);
bool nbdt_dispatch_again(struct nbdt_request *req);
void nbdt_dispatch_resume(struct nbdt_export *export);

#endif /* NBDT_DISPATCH_H */
