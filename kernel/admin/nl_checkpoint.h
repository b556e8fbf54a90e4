/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_NL_CHECKPOINT_H
#define NBDT_NL_CHECKPOINT_H

struct nbdt_nl_ops;

extern const struct nbdt_nl_ops nbdt_nl_checkpoint;

#endif /* NBDT_NL_CHECKPOINT_H */
