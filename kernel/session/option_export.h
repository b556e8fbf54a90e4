/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_OPTION_EXPORT_H
#define NBDT_OPTION_EXPORT_H

struct nbdt_negotiation;

int nbdt_option_export_name(struct nbdt_negotiation *neg);
int nbdt_option_list(struct nbdt_negotiation *neg);
int nbdt_option_info(struct nbdt_negotiation *neg);	/* and GO */

#endif /* NBDT_OPTION_EXPORT_H */
