/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Rewrites addresses and ports of a packet and mends its checksums. */
#pragma once

#include "packet.h"
#include "sctp_checksum.h"

#define IPV4_CHECKSUM_OFFSET (IP_OFFSET + offsetof(struct iphdr, check))

/* A sum of the helper as the checksum that a header carries (RFC 1071). */
static __always_inline __u16 checksum_fold(__s64 sum)
{
	__u64 folded = (__u32)sum;

	folded = (folded & 0xffff) + (folded >> 16);
	folded = (folded & 0xffff) + (folded >> 16);
	return ~folded;
}

/* The checksum of the transport header and how the helper has to treat it; 0 where this packet carries none. */
static __always_inline __u32 l4_checksum_offset(const struct packet *packet, __u64 *flags)
{
	*flags = 0;
	/* SCTP's goes over no address, and is mended with its ports. */
	if (packet->is_later_fragment || packet->protocol == IPPROTO_SCTP)
		return 0;
	if (packet->protocol == IPPROTO_TCP)
		return packet->l4_offset + offsetof(struct tcphdr, check);
	/* Zero says "no checksum" in UDP over IPv4 and must neither be mended nor come out of mending. */
	*flags = BPF_F_MARK_MANGLED_0;
	return packet->l4_offset + offsetof(struct udphdr, check);
}

static __always_inline int translate_addresses(struct __sk_buff *skb, const struct packet *packet, const struct flow *to)
{
	__u32 base = IP_OFFSET + (packet->is_v6 ? offsetof(struct ipv6hdr, saddr) : offsetof(struct iphdr, saddr));

	if (packet->is_v6)
		return bpf_skb_store_bytes(skb, base, &to->source, 2 * sizeof(struct ip_address), 0);
	{
		__be32 pair[2] = { to->source.words[3], to->destination.words[3] };

		return bpf_skb_store_bytes(skb, base, pair, sizeof(pair), 0);
	}
}

/* Sum of what changes in the pseudo header: mapped addresses differ in their IPv4 part alone, so one sum serves both families. */
static __always_inline __s64 address_difference(const struct packet *packet, const struct flow *to)
{
	return bpf_csum_diff((__be32 *)&packet->source, 2 * sizeof(struct ip_address), (__be32 *)&to->source,
			     2 * sizeof(struct ip_address), 0);
}

/*
 * A checksum of zero is one that the card or the stack writes later (CHECKSUM_PARTIAL); of the first fragment of a packet it goes over bytes that are
 * not here.
 */
static __noinline int translate_sctp_ports(struct __sk_buff *skb, const struct packet *packet, const struct flow *to)
{
	__be16 before[2] = { packet->source_port, packet->destination_port };
	__be16 after[2] = { to->source_port, to->destination_port };
	__u32 difference = *(__u32 *)before ^ *(__u32 *)after;
	__u32 at = packet->l4_offset + offsetof(struct sctp_header, checksum);
	__u32 checksum;

	if (!difference)
		return 0;
	if (packet->is_first_fragment || bpf_skb_load_bytes(skb, at, &checksum, sizeof(checksum)))
		return -1;
	if (checksum) {
		checksum ^= sctp_checksum_difference(difference, IP_OFFSET + packet->l3_bytes - packet->l4_offset - sizeof(before));
		if (bpf_skb_store_bytes(skb, at, &checksum, sizeof(checksum), 0))
			return -1;
	}
	return bpf_skb_store_bytes(skb, packet->l4_offset, after, sizeof(after), 0);
}

static __always_inline int translate_ports(struct __sk_buff *skb, const struct packet *packet, const struct flow *to)
{
	__be16 ports[2] = { to->source_port, to->destination_port };
	__u64 flags;
	__u32 checksum = l4_checksum_offset(packet, &flags);

	if (packet->is_later_fragment)
		return 0;
	if (packet->protocol == IPPROTO_SCTP)
		return translate_sctp_ports(skb, packet, to);
	if (packet->source_port != to->source_port &&
	    bpf_l4_csum_replace(skb, checksum, packet->source_port, to->source_port, flags | sizeof(__be16)))
		return -1;
	if (packet->destination_port != to->destination_port &&
	    bpf_l4_csum_replace(skb, checksum, packet->destination_port, to->destination_port, flags | sizeof(__be16)))
		return -1;
	return bpf_skb_store_bytes(skb, packet->l4_offset, ports, sizeof(ports), 0);
}

/* Makes the packet's addresses and ports those of `to`. 0, or not 0 where the packet must be dropped: it may be half rewritten. */
static __noinline int translate(struct __sk_buff *skb, const struct packet *packet, const struct flow *to)
{
	__s64 difference = address_difference(packet, to);
	__u64 flags;
	__u32 checksum = l4_checksum_offset(packet, &flags);

	if (difference < 0)
		return -1;
	if (checksum && bpf_l4_csum_replace(skb, checksum, 0, difference, flags | BPF_F_PSEUDO_HDR))
		return -1;
	if (!packet->is_v6 && bpf_l3_csum_replace(skb, IPV4_CHECKSUM_OFFSET, 0, difference, 0))
		return -1;
	if (translate_addresses(skb, packet, to))
		return -1;
	return translate_ports(skb, packet, to);
}
