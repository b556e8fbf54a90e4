/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_OPTION_CONTEXT_H
#define NBDT_OPTION_CONTEXT_H

struct nbdt_negotiation;

int nbdt_option_meta_context(struct nbdt_negotiation *neg);	/* LIST, SET */

#endif /* NBDT_OPTION_CONTEXT_H */
