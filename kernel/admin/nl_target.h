/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_TARGET_H
#define NBDT_NL_TARGET_H

struct nbdt_nl_ops;

extern const struct nbdt_nl_ops nbdt_nl_target;

#endif /* NBDT_NL_TARGET_H */
