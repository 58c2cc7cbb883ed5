/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Addresses of both families as 16 bytes: IPv4 as ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so that maps have one key space; and how addresses compare. */
#pragma once

#include <stdbool.h>
#include <bpf/bpf_endian.h>
#include "../include/generated.h"

static __always_inline struct ip_address ip_from_v4(__be32 address)
{
	return (struct ip_address){ .words = { 0, 0, bpf_htonl(0xffff), address } };
}

static __always_inline bool ip_is_v4(const struct ip_address *ip)
{
	return ip->words[0] == 0 && ip->words[1] == 0 && ip->words[2] == bpf_htonl(0xffff);
}

static __always_inline bool ip_equal(const struct ip_address *a, const struct ip_address *b)
{
	return a->words[0] == b->words[0] && a->words[1] == b->words[1] && a->words[2] == b->words[2] &&
	       a->words[3] == b->words[3];
}

static __always_inline bool mac_equal(const __u8 *a, const __u8 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3] && a[4] == b[4] && a[5] == b[5];
}
