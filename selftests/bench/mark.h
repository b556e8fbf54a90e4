/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Instructions that do nothing, by which load.c tells lines.c when to count: nopl
 * with a displacement that no compiler and no kernel uses.
 */
#ifndef NBDT_BENCH_MARK_H
#define NBDT_BENCH_MARK_H

#define MARK_SIZE	8
#define MARK_BEGIN	"\x0f\x1f\x84\x00\x01\x64\x62\x6e"
#define MARK_END	"\x0f\x1f\x84\x00\x02\x64\x62\x6e"

static inline void mark_begin(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x01, 0x64, 0x62, 0x6e"
			 ::: "memory");
}

static inline void mark_end(void)
{
	__asm__ volatile(".byte 0x0f, 0x1f, 0x84, 0x00, 0x02, 0x64, 0x62, 0x6e"
			 ::: "memory");
}

#endif /* NBDT_BENCH_MARK_H */
