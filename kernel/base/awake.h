/* SPDX-License-Identifier: GPL-2.0 */
#ifndef NBDT_AWAKE_H
#define NBDT_AWAKE_H

int nbdt_awake_begin(void);
void nbdt_awake_end(void);
int nbdt_awake_init(void);
void nbdt_awake_exit(void);

#endif /* NBDT_AWAKE_H */
