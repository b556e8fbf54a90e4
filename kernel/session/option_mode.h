/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_OPTION_MODE_H
#define NBDT_OPTION_MODE_H

struct nbdt_negotiation;

int nbdt_option_structured_reply(struct nbdt_negotiation *neg);
int nbdt_option_extended_headers(struct nbdt_negotiation *neg);
int nbdt_option_abort(struct nbdt_negotiation *neg);

#endif /* NBDT_OPTION_MODE_H */
