/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_SELECTION_H
#define NBDT_SELECTION_H

#include <linux/types.h>

struct nbdt_export;

/* The metadata contexts that a client selected; see selection.c. */
struct nbdt_selection {
	struct nbdt_export *export;	/* that they are of; or NULL */
	u64 contexts;			/* mask of them */
	bool handed_over;		/* they are the connection's now */
};

void nbdt_selection_set(struct nbdt_selection *selection,
			struct nbdt_export *export, u64 contexts);
u64 nbdt_selection_on(const struct nbdt_selection *selection,
		      const struct nbdt_export *export);
u64 nbdt_selection_hand_over(struct nbdt_selection *selection,
			     const struct nbdt_export *export);
void nbdt_selection_drop(struct nbdt_selection *selection);

#endif /* NBDT_SELECTION_H */
