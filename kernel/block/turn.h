/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_TURN_H
#define NBDT_TURN_H

#include <linux/types.h>

struct nbdt_disk;
struct nbdt_request;

enum nbdt_turn {
	NBDT_TURN_NOW,
	NBDT_TURN_LATER,	/* a worker's, perhaps carried out already */
	NBDT_TURN_NOT,		/* still the caller's */
};

enum nbdt_turn nbdt_turn_begin(struct nbdt_request *req);
bool nbdt_turn_next_part(struct nbdt_request *req);
bool nbdt_turn_again(struct nbdt_request *req);
void nbdt_turn_end(struct nbdt_request *req);

void nbdt_turn_init(struct nbdt_disk *disk);
void nbdt_turn_resume(struct nbdt_disk *disk);
void nbdt_turn_relax(struct nbdt_disk *disk);

#endif /* NBDT_TURN_H */
