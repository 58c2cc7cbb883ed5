/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * The checksum of SCTP when ports change: a CRC32c over the whole packet (RFC 9260 6.8, appendix A), of which nothing but four bytes is to be read.
 * A CRC is linear: what four changed bytes change in it depends on them and on how many bytes follow. Those are skipped by multiplications with
 * x^(8 n) modulo the polynomial, one for each bit of n. Addresses are not part of it.
 */
#pragma once

#include <linux/types.h>
#include <bpf/bpf_helpers.h>

/* Castagnoli's polynomial, bits reflected, as the checksum itself: the lowest bit is the highest power. */
#define CRC32C_POLYNOMIAL 0x82f63b78

/*
 * `value` where `bit` is 1, else 0. By multiplication: of a condition, which clang sees through unless the bit is hidden, and of a mask of ones, too, the
 * verifier follows both cases, and there are hundreds of bits.
 */
static __always_inline __u32 only_where(__u32 bit, __u32 value)
{
	asm volatile("" : "+r"(bit));
	return bit * value;
}

/* One power higher, and back into the field. */
static __always_inline __u32 crc32c_shift(__u32 value)
{
	return (value >> 1) ^ only_where(value & 1, CRC32C_POLYNOMIAL);
}

/* The product of two polynomials. A global function: the verifier proves it once. */
__noinline __u32 crc32c_multiply(__u32 a, __u32 b)
{
	__u32 product = 0;

#pragma unroll
	for (int power = 31; power >= 0; power--) {
		product ^= only_where(a >> power & 1, b);
		b = crc32c_shift(b);
	}
	return product;
}

/* x^(8 * 2^bit) for each bit of a length. */
#define CRC32C_LENGTH_BITS 16
static const __u32 crc32c_powers[CRC32C_LENGTH_BITS] = {
	0x00800000, 0x00008000, 0x82f63b78, 0x6ea2d55c,
	0x18b8ea18, 0x510ac59a, 0xb82be955, 0xb8fdb1e7,
	0x88e56f72, 0x74c360a4, 0xe4172b16, 0x0d65762a,
	0x35d73a62, 0x28461564, 0xbf455269, 0xe2ea32dc,
};

/* What four bytes that change by `difference` (a bitwise one, in memory order) change in the checksum, `bytes_behind` before the end of the packet. */
static __always_inline __u32 sctp_checksum_difference(__u32 difference, __u32 bytes_behind)
{
#pragma unroll
	for (int i = 0; i < 32; i++)
		difference = crc32c_shift(difference);
#pragma unroll
	for (int bit = 0; bit < CRC32C_LENGTH_BITS; bit++)
		if (bytes_behind >> bit & 1)
			difference = crc32c_multiply(crc32c_powers[bit], difference);
	return difference;
}
