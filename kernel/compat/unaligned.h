/* SPDX-License-Identifier: GPL-2.0 */
/* linux/unaligned.h is asm/unaligned.h before 6.12. */
#ifndef NBDT_COMPAT_UNALIGNED_H
#define NBDT_COMPAT_UNALIGNED_H

#ifdef NBDT_HAVE_LINUX_UNALIGNED
#include <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif

#endif /* NBDT_COMPAT_UNALIGNED_H */
