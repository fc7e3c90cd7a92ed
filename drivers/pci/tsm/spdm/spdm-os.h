/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The one place where the SPDM core meets its surroundings: the kernel, a
 * hosted C library (tests) or nothing at all (firmware below the kernel).
 */
#ifndef _TSM_SPDM_OS_H
#define _TSM_SPDM_OS_H

#ifdef __KERNEL__

#include <linux/bitfield.h>
#include <linux/bits.h>
#include <linux/build_bug.h>
#include <linux/byteorder/generic.h>
#include <linux/compiler.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/string.h>
#include <linux/types.h>
#include <linux/unaligned.h>
#include <kunit/visibility.h>

#else /* !__KERNEL__ */

#include <stdbool.h>
#include <stddef.h>

typedef __UINT8_TYPE__ u8;
typedef __UINT16_TYPE__ u16;
typedef __UINT32_TYPE__ u32;
typedef __UINT64_TYPE__ u64;
typedef u16 __le16;
typedef u32 __le32;
typedef u64 __le64;

#define __packed		__attribute((__packed__))
#define __aligned(x)		__attribute((__aligned__(x)))
#define static_assert(cond)	extern u8 spdm_assert[(cond) ? 1 : -1]
#define BIT(n)			(1U << (n))
#define GENMASK(h, l)		((~0U >> (31 - (h))) & (~0U << (l)))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define OPTIMIZER_HIDE_VAR(v)	({ __asm__ __volatile__("" : "+r"(v)); })

/* Nothing is exported where nothing is loaded */
#define EXPORT_SYMBOL_NS_GPL	spdm_no_export
#define EXPORT_SYMBOL_IF_KUNIT	spdm_no_export
#define spdm_no_export(...)

static inline u32 FIELD_GET(u32 mask, u32 reg)
{
	return (reg & mask) / (mask & -mask);
}

static inline u32 FIELD_PREP(u32 mask, u32 val)
{
	return (val * (mask & -mask)) & mask;
}

#if __STDC_HOSTED__

#include <errno.h>
#include <string.h>

#else /* bare metal: four functions to link against, Linux's numbers */

void *memcpy(void *to, const void *from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#define ENXIO		6
#define EBUSY		16
#define EINVAL		22
#define EPROTO		71
#define EBADMSG		74
#define EMSGSIZE	90
#define EPROTONOSUPPORT	93
#define EOPNOTSUPP	95
#define ENOTCONN	107
#define ETIMEDOUT	110
#define EKEYREJECTED	129

#endif /* __STDC_HOSTED__ */

static inline u16 get_unaligned_le16(const void *p)
{
	const u8 *b = p;

	return (u16)(b[0] | b[1] << 8);
}

static inline u32 get_unaligned_le24(const void *p)
{
	const u8 *b = p;

	return b[0] | (u32)b[1] << 8 | (u32)b[2] << 16;
}

static inline u32 get_unaligned_le32(const void *p)
{
	return get_unaligned_le24(p) | (u32)((const u8 *)p)[3] << 24;
}

static inline u64 get_unaligned_le64(const void *p)
{
	return get_unaligned_le32(p) |
	       (u64)get_unaligned_le32((const u8 *)p + 4) << 32;
}

static inline u32 get_unaligned_be32(const void *p)
{
	const u8 *b = p;

	return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

static inline void put_unaligned_le16(u16 val, void *p)
{
	u8 *b = p;

	b[0] = (u8)val;
	b[1] = (u8)(val >> 8);
}

static inline void put_unaligned_le24(u32 val, void *p)
{
	put_unaligned_le16((u16)val, p);
	((u8 *)p)[2] = (u8)(val >> 16);
}

static inline void put_unaligned_le32(u32 val, void *p)
{
	put_unaligned_le24(val, p);
	((u8 *)p)[3] = (u8)(val >> 24);
}

static inline void put_unaligned_le64(u64 val, void *p)
{
	put_unaligned_le32((u32)val, p);
	put_unaligned_le32((u32)(val >> 32), (u8 *)p + 4);
}

/* The wire is little endian whatever the machine is: go through the bytes */
static inline u16 le16_to_cpu(__le16 v)
{
	return get_unaligned_le16(&v);
}

static inline u32 le32_to_cpu(__le32 v)
{
	return get_unaligned_le32(&v);
}

static inline u64 le64_to_cpu(__le64 v)
{
	return get_unaligned_le64(&v);
}

static inline __le16 cpu_to_le16(u16 val)
{
	__le16 v;

	put_unaligned_le16(val, &v);
	return v;
}

static inline __le32 cpu_to_le32(u32 val)
{
	__le32 v;

	put_unaligned_le32(val, &v);
	return v;
}

static inline __le64 cpu_to_le64(u64 val)
{
	__le64 v;

	put_unaligned_le64(val, &v);
	return v;
}

/* A clearing of secrets that the compiler may not drop as a dead store */
static inline void memzero_explicit(void *p, size_t len)
{
	memset(p, 0, len);
	__asm__ __volatile__("" : : "r"(p) : "memory");
}

#endif /* __KERNEL__ */

#endif /* _TSM_SPDM_OS_H */
