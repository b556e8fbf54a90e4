// SPDX-License-Identifier: GPL-2.0
/*
 * The metadata contexts that a client selected, while it negotiates.
 *
 * They are of one export, on which it holds a reference, and each of them is
 * held there as well.  Once the client is attached to that export they are the
 * connection's, which gives them back at its end; the reference stays here.
 * Only the connection's thread touches a selection.
 */
#include "block/export.h"
#include "content/context.h"
#include "session/selection.h"

/**
 * nbdt_selection_set - keep what was selected
 * @selection: an empty one
 * @export: whose contexts they are; the caller's reference is taken over
 * @contexts: mask of nbdt_context_select(), may be 0
 */
void nbdt_selection_set(struct nbdt_selection *selection,
			struct nbdt_export *export, u64 contexts)
{
	selection->export = export;
	selection->contexts = contexts;
}

/* SM7: what was selected counts for the export that it was selected on. */
u64 nbdt_selection_on(const struct nbdt_selection *selection,
		      const struct nbdt_export *export)
{
	return selection->export == export ? selection->contexts : 0;
}

/**
 * nbdt_selection_hand_over - make contexts the connection's own
 * @selection: of which at most those on @export are handed over
 * @export: that the connection was attached to
 *
 * Return: the mask of those that the caller has to give back from now on.
 */
u64 nbdt_selection_hand_over(struct nbdt_selection *selection,
			     const struct nbdt_export *export)
{
	selection->handed_over = selection->export == export;
	return nbdt_selection_on(selection, export);
}

/* Select nothing.  What was handed over stays selected. */
void nbdt_selection_drop(struct nbdt_selection *selection)
{
	if (!selection->export)
		return;
	if (!selection->handed_over)
		nbdt_context_deselect(&selection->export->disk.content,
				      selection->contexts);
	nbdt_export_put(selection->export);
	selection->contexts = 0;
	selection->export = NULL;
}
