/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_OPTION_TLS_H
#define NBDT_OPTION_TLS_H

struct nbdt_negotiation;

int nbdt_option_starttls(struct nbdt_negotiation *neg);

#endif /* NBDT_OPTION_TLS_H */
