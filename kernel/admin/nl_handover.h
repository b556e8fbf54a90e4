/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_HANDOVER_H
#define NBDT_NL_HANDOVER_H

struct nbdt_nl_ops;

extern const struct nbdt_nl_ops nbdt_nl_handover;

#endif /* NBDT_NL_HANDOVER_H */
