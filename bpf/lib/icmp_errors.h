/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * ICMP errors about translated packets: what they quote went to an endpoint, the pod's socket knows the frontend. Without this a pod
 * learns neither that a port is closed nor the size that a path takes ("fragmentation needed", "packet too big").
 */
#pragma once

#include "flows.h"
#include "translate.h"

#define ICMP_TIME_EXCEEDED 11
#define ICMP_PARAMETER_PROBLEM 12
#define ICMPV6_LAST_ERROR 4

/* The quoted header and the start of the transport header, all that an error must carry (RFC 792). */
struct quoted_v4 {
	struct iphdr ip;
	__be16 source_port;
	__be16 destination_port;
	__u32 rest;
};

struct quoted_ports {
	__be16 source;
	__be16 destination;
};

static __always_inline bool packet_is_icmp_error(const struct packet *packet)
{
	if (packet->is_first_fragment || packet->is_later_fragment)
		return false;
	if (packet->is_v6)
		return packet->protocol == IPPROTO_ICMPV6 && packet->flags_or_type >= 1 &&
		       packet->flags_or_type <= ICMPV6_LAST_ERROR;
	return packet->protocol == IPPROTO_ICMP &&
	       (packet->flags_or_type == ICMP_DEST_UNREACH || packet->flags_or_type == ICMP_TIME_EXCEEDED ||
		packet->flags_or_type == ICMP_PARAMETER_PROBLEM);
}

/* The flow that `quoted` answers (FLOW_REVERSE) or asks in (FLOW_FORWARD); it has the ends of the quotation the other way round. */
static __always_inline bool quoted_flow(const struct packet *quoted, __u8 direction, struct flow *out)
{
	const struct flow *known;

	if (!packet_has_ports(quoted))
		return false;
	known = flow_find(quoted, direction);
	if (!known)
		return false;
	*out = *known;
	return true;
}

/* An error goes to whom the flow is; one that the far end's own host sent comes from what stands for that end, like everything else of it. */
static __always_inline int error_ends(struct __sk_buff *skb, const struct packet *packet, const struct packet *quoted,
				      const struct flow *known)
{
	struct flow to = { .source = packet->source, .destination = known->destination };
	__u32 checksum = packet->l4_offset + offsetof(struct icmp_header, checksum);
	__s64 difference;

	if (ip_equal(&packet->source, &quoted->source))
		to.source = known->source;
	difference = address_difference(packet, &to);
	if (packet->is_v6 && bpf_l4_csum_replace(skb, checksum, 0, difference, BPF_F_PSEUDO_HDR))
		return -1;
	if (!packet->is_v6 && bpf_l3_csum_replace(skb, IPV4_CHECKSUM_OFFSET, 0, difference, 0))
		return -1;
	return translate_addresses(skb, packet, &to);
}

/* Writes a changed part of the quotation, which stands at `offset`, and mends the checksum over it. */
static __always_inline int store_quoted(struct __sk_buff *skb, const struct packet *packet, __u32 offset, void *before, void *after,
					__u32 size)
{
	__s64 difference = bpf_csum_diff(before, size, after, size, 0);
	__u32 checksum = packet->l4_offset + offsetof(struct icmp_header, checksum);

	if (bpf_l4_csum_replace(skb, checksum, 0, difference, 0))
		return -1;
	return bpf_skb_store_bytes(skb, offset, after, size, 0);
}

static __noinline int icmp_error_v4(struct __sk_buff *skb, const struct packet *packet, __u8 direction,
					 struct flow *known)
{
	struct quoted_v4 before;
	struct quoted_v4 after;
	struct packet quoted = {};

	if (bpf_skb_load_bytes(skb, packet->l4_offset + sizeof(struct icmp_header), &before, sizeof(before)))
		return 0;
	if (before.ip.version != 4 || before.ip.ihl != 5)
		return 0;
	quoted.source = ip_from_v4(before.ip.daddr);
	quoted.destination = ip_from_v4(before.ip.saddr);
	quoted.source_port = before.destination_port;
	quoted.destination_port = before.source_port;
	quoted.protocol = before.ip.protocol;
	if (!quoted_flow(&quoted, direction, known))
		return 0;
	if (known->flags & FLOW_DIRECT)
		return 1;
	after = before;
	after.ip.daddr = known->source.words[3];
	after.ip.saddr = known->destination.words[3];
	after.destination_port = known->source_port;
	after.source_port = known->destination_port;
	after.ip.check = 0;
	after.ip.check = checksum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&after.ip, sizeof(after.ip), 0));
	if (store_quoted(skb, packet, packet->l4_offset + sizeof(struct icmp_header), &before, &after, sizeof(after)))
		return -1;
	return error_ends(skb, packet, &quoted, known) ? -1 : 1;
}

/* Where the quoted transport header stands, behind a first fragment's header too; 0 where there is none. */
static __always_inline __u32 quoted_l4_offset(struct __sk_buff *skb, __u32 offset, struct packet *quoted)
{
	struct ipv6_fragment fragment;

	if (quoted->protocol != IPPROTO_FRAGMENT)
		return offset;
	if (bpf_skb_load_bytes(skb, offset, &fragment, sizeof(fragment)))
		return 0;
	quoted->protocol = fragment.next_header;
	return bpf_ntohs(fragment.offset) & IPV6_FRAGMENT_OFFSET ? 0 : offset + sizeof(fragment);
}

static __noinline int icmp_error_v6(struct __sk_buff *skb, const struct packet *packet, __u8 direction,
					 struct flow *known)
{
	__u32 offset = packet->l4_offset + sizeof(struct icmp_header);
	struct ipv6hdr before;
	struct ipv6hdr after;
	struct quoted_ports ports;
	struct quoted_ports new_ports;
	struct packet quoted = {};
	__u32 l4_offset;

	if (bpf_skb_load_bytes(skb, offset, &before, sizeof(before)) || before.version != 6)
		return 0;
	quoted.protocol = before.nexthdr;
	l4_offset = quoted_l4_offset(skb, offset + sizeof(before), &quoted);
	if (!l4_offset || bpf_skb_load_bytes(skb, l4_offset, &ports, sizeof(ports)))
		return 0;
	__builtin_memcpy(&quoted.source, &before.daddr, sizeof(quoted.source));
	__builtin_memcpy(&quoted.destination, &before.saddr, sizeof(quoted.destination));
	quoted.source_port = ports.destination;
	quoted.destination_port = ports.source;
	if (!quoted_flow(&quoted, direction, known))
		return 0;
	if (known->flags & FLOW_DIRECT)
		return 1;
	after = before;
	__builtin_memcpy(&after.daddr, &known->source, sizeof(after.daddr));
	__builtin_memcpy(&after.saddr, &known->destination, sizeof(after.saddr));
	new_ports.destination = known->source_port;
	new_ports.source = known->destination_port;
	if (store_quoted(skb, packet, offset, &before, &after, sizeof(after)))
		return -1;
	if (store_quoted(skb, packet, l4_offset, &ports, &new_ports, sizeof(new_ports)))
		return -1;
	return error_ends(skb, packet, &quoted, known) ? -1 : 1;
}

/* 1 where the error is what `known` says, which leaves it as it is for a flow that another node translates, 0 where it is none of ours, -1 where it is half rewritten and must be dropped. */
static __always_inline int icmp_error(struct __sk_buff *skb, const struct packet *packet, __u8 direction, struct flow *known)
{
	if (!packet_is_icmp_error(packet))
		return 0;
	return packet->is_v6 ? icmp_error_v6(skb, packet, direction, known) :
			       icmp_error_v4(skb, packet, direction, known);
}
