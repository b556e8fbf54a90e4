/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel's types and helpers, as far as the parsers use them. */
#ifndef FUZZ_LINUX_TYPES_H
#define FUZZ_LINUX_TYPES_H

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/types.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef uint16_t __be16;
typedef uint32_t __be32;
typedef uint64_t __be64;

#define U16_MAX			UINT16_MAX
#define BIT(n)			(1UL << (n))
#define __packed		__attribute__((packed))
#define __force
#define ARRAY_SIZE(array)	(sizeof(array) / sizeof((array)[0]))
#define unlikely(x)		__builtin_expect(!!(x), 0)
#define static_assert		_Static_assert

#define cpu_to_be16		htobe16
#define cpu_to_be32		htobe32
#define cpu_to_be64		htobe64
#define be16_to_cpu		be16toh
#define be32_to_cpu		be32toh
#define be64_to_cpu		be64toh

static inline u16 get_unaligned_be16(const void *p)
{
	u16 value;

	memcpy(&value, p, sizeof(value));
	return be16toh(value);
}

static inline u32 get_unaligned_be32(const void *p)
{
	u32 value;

	memcpy(&value, p, sizeof(value));
	return be32toh(value);
}

#endif /* FUZZ_LINUX_TYPES_H */
