/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_TURN_H
#define NBDT_TURN_H

#include <linux/types.h>

struct nbdt_disk;
struct nbdt_request;

bool nbdt_turn_is_long(const struct nbdt_request *req);
void nbdt_turn_queue(struct nbdt_request *req);
bool nbdt_turn_begin(struct nbdt_request *req);
bool nbdt_turn_begin_part(struct nbdt_request *req);
void nbdt_turn_end(struct nbdt_request *req);
void nbdt_turn_end_part(struct nbdt_request *req);

void nbdt_turn_init(struct nbdt_disk *disk);
void nbdt_turn_resume(struct nbdt_disk *disk);
void nbdt_turn_logged(struct nbdt_disk *disk);
void nbdt_turn_relax(struct nbdt_disk *disk);

#endif /* NBDT_TURN_H */
