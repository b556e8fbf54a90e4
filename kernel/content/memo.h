/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_MEMO_H
#define NBDT_MEMO_H

struct nbdt_content;
struct nbdt_scribe;

void nbdt_memo_save(struct nbdt_scribe *scribe,
		    const struct nbdt_content *content);
void nbdt_memo_load(struct nbdt_scribe *scribe, struct nbdt_content *content,
		    const char *unproved);

#endif /* NBDT_MEMO_H */
