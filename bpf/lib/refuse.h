/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Answers a packet that has nowhere to go, so that its sender knows at once: TCP by a reset (RFC 9293 3.10.7.1), UDP and
 * SCTP by "port unreachable" (RFC 792, RFC 4443). The packet itself becomes the answer and goes back out of the interface that it came from.
 */
#pragma once

#include "packet.h"
#include "translate.h"

#define REFUSE_TTL 64
/* The header and the eight bytes that an ICMP error must show of the packet (RFC 792); IPv6 wants more, and these are enough to find a socket. */
#define QUOTED_BYTES 8
/* An association that begins is known by its first chunk alone, by the tag that its header names (RFC 9260 10, net/sctp/input.c). */
#define SCTP_QUOTED_BYTES (sizeof(struct sctp_header) + 8)

/* Sum over the pseudo header (RFC 9293 3.1, RFC 8200 8.1): mapped addresses carry ffff beside IPv4's, which adds nothing in one's complement. */
static __always_inline __s64 pseudo_header_sum(const struct packet *packet, __u8 protocol, __u32 length_bytes)
{
	__be32 rest[2] = { bpf_htonl(length_bytes), bpf_htonl(protocol) };
	__s64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&packet->source, 2 * sizeof(struct ip_address), 0);

	return bpf_csum_diff(NULL, 0, rest, sizeof(rest), sum);
}

static __always_inline int swap_ethernet(struct __sk_buff *skb)
{
	struct ethhdr ethernet;
	__u8 destination[ETH_ALEN];

	if (bpf_skb_load_bytes(skb, 0, &ethernet, sizeof(ethernet)))
		return -1;
	__builtin_memcpy(destination, ethernet.h_dest, ETH_ALEN);
	__builtin_memcpy(ethernet.h_dest, ethernet.h_source, ETH_ALEN);
	__builtin_memcpy(ethernet.h_source, destination, ETH_ALEN);
	return bpf_skb_store_bytes(skb, 0, &ethernet, sizeof(ethernet), 0);
}

/* Writes an IP header from the packet's destination to its source, with `payload_bytes` behind it. */
static __always_inline int store_ip_back(struct __sk_buff *skb, const struct packet *packet, __u8 protocol, __u16 payload_bytes)
{
	if (packet->is_v6) {
		struct ipv6hdr ip = {
			.version = 6,
			.payload_len = bpf_htons(payload_bytes),
			.nexthdr = protocol,
			.hop_limit = REFUSE_TTL,
		};

		__builtin_memcpy(&ip.saddr, &packet->destination, sizeof(ip.saddr));
		__builtin_memcpy(&ip.daddr, &packet->source, sizeof(ip.daddr));
		return bpf_skb_store_bytes(skb, IP_OFFSET, &ip, sizeof(ip), 0);
	}
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons(sizeof(struct iphdr) + payload_bytes),
		.frag_off = bpf_htons(0x4000),
		.ttl = REFUSE_TTL,
		.protocol = protocol,
		.saddr = packet->destination.words[3],
		.daddr = packet->source.words[3],
	};

	ip.check = checksum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof(ip), 0));
	return bpf_skb_store_bytes(skb, IP_OFFSET, &ip, sizeof(ip), 0);
}

static __always_inline int refuse_tcp(struct __sk_buff *skb, const struct packet *packet)
{
	struct tcphdr tcp;
	struct tcphdr reset = {};
	__u32 payload;

	if (packet->flags_or_type & TCP_RST)
		return -1;
	if (bpf_skb_load_bytes(skb, packet->l4_offset, &tcp, sizeof(tcp)))
		return -1;
	payload = skb->len - packet->l4_offset - tcp.doff * 4;
	reset.source = tcp.dest;
	reset.dest = tcp.source;
	reset.doff = sizeof(reset) / 4;
	reset.rst = 1;
	if (tcp.ack) {
		reset.seq = tcp.ack_seq;
	} else {
		reset.ack = 1;
		reset.ack_seq = bpf_htonl(bpf_ntohl(tcp.seq) + payload + tcp.syn + tcp.fin);
	}
	reset.check = checksum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&reset, sizeof(reset),
						  pseudo_header_sum(packet, IPPROTO_TCP, sizeof(reset))));
	if (bpf_skb_change_tail(skb, packet->l4_offset + sizeof(reset), 0))
		return -1;
	if (store_ip_back(skb, packet, IPPROTO_TCP, sizeof(reset)))
		return -1;
	return bpf_skb_store_bytes(skb, packet->l4_offset, &reset, sizeof(reset), 0);
}

/* A first fragment of IPv6 has its own header before the transport's. */
#define FRAGMENT_QUOTED_BYTES (sizeof(struct ipv6_fragment) + QUOTED_BYTES)

struct icmp_answer_v4 {
	struct icmp_header icmp;
	struct iphdr quoted;
	__u8 quoted_l4[SCTP_QUOTED_BYTES];
};

struct icmp_answer_v6 {
	struct icmp_header icmp;
	struct ipv6hdr quoted;
	__u8 quoted_rest[SCTP_QUOTED_BYTES];
};
_Static_assert(FRAGMENT_QUOTED_BYTES <= SCTP_QUOTED_BYTES, "room for what is quoted");

/* `quoted_bytes` of what follows the header are shown: a constant. */
static __always_inline int answer_error_v4(struct __sk_buff *skb, const struct packet *packet, const struct icmp_header *icmp,
					   const __u32 quoted_bytes)
{
	struct icmp_answer_v4 answer = { .icmp = *icmp };
	const __u32 bytes = offsetof(struct icmp_answer_v4, quoted_l4) + quoted_bytes;

	if (bpf_skb_load_bytes(skb, IP_OFFSET, &answer.quoted, sizeof(answer.quoted) + quoted_bytes))
		return -1;
	answer.icmp.checksum = checksum_fold(bpf_csum_diff(NULL, 0, (__be32 *)&answer, bytes, 0));
	if (bpf_skb_change_tail(skb, packet->l4_offset + bytes, 0))
		return -1;
	if (store_ip_back(skb, packet, IPPROTO_ICMP, bytes))
		return -1;
	return bpf_skb_store_bytes(skb, packet->l4_offset, &answer, bytes, 0);
}

/* The same in IPv6. */
static __always_inline int answer_error_v6(struct __sk_buff *skb, const struct packet *packet, const struct icmp_header *icmp,
					   const __u32 quoted_bytes)
{
	struct icmp_answer_v6 answer = { .icmp = *icmp };
	const __u32 offset = IP_OFFSET + sizeof(struct ipv6hdr);
	const __u32 bytes = offsetof(struct icmp_answer_v6, quoted_rest) + quoted_bytes;

	if (bpf_skb_load_bytes(skb, IP_OFFSET, &answer.quoted, sizeof(answer.quoted) + quoted_bytes))
		return -1;
	answer.icmp.checksum = checksum_fold(
		bpf_csum_diff(NULL, 0, (__be32 *)&answer, bytes, pseudo_header_sum(packet, IPPROTO_ICMPV6, bytes)));
	if (bpf_skb_change_tail(skb, offset + bytes, 0))
		return -1;
	if (store_ip_back(skb, packet, IPPROTO_ICMPV6, bytes))
		return -1;
	return bpf_skb_store_bytes(skb, offset, &answer, bytes, 0);
}

static __always_inline int refuse_by_error(struct __sk_buff *skb, const struct packet *packet)
{
	struct icmp_header v4 = { .type = ICMP_DEST_UNREACH, .code = ICMP_PORT_UNREACH };
	struct icmp_header v6 = { .type = ICMPV6_DEST_UNREACH, .code = ICMPV6_PORT_UNREACH };

	if (packet->protocol == IPPROTO_SCTP)
		return packet->is_v6 ? answer_error_v6(skb, packet, &v6, SCTP_QUOTED_BYTES) :
				       answer_error_v4(skb, packet, &v4, SCTP_QUOTED_BYTES);
	return packet->is_v6 ? answer_error_v6(skb, packet, &v6, QUOTED_BYTES) : answer_error_v4(skb, packet, &v4, QUOTED_BYTES);
}

/* Options and fragments would have to be quoted or cut out; such a sender waits for its time-out. */
static __always_inline bool is_answerable(const struct packet *packet)
{
	return !packet->has_options && !packet->is_first_fragment && !packet->is_later_fragment;
}

/* No other header than the fragment's stands between. */
static __always_inline bool is_plain_first_fragment(const struct packet *packet)
{
	if (!packet->is_first_fragment)
		return false;
	if (!packet->is_v6)
		return !packet->has_options;
	return packet->l4_offset == IP_OFFSET + sizeof(struct ipv6hdr) + sizeof(struct ipv6_fragment);
}

/* Makes the packet its answer; not 0 where there is none to give. */
static __noinline int answer_refusal(struct __sk_buff *skb, const struct packet *packet)
{
	if (!is_answerable(packet))
		return -1;
	if (packet->protocol == IPPROTO_TCP)
		return refuse_tcp(skb, packet);
	return packet_has_ports(packet) ? refuse_by_error(skb, packet) : -1;
}

/* Sends the answer, or drops the packet where there is none to give. */
static __always_inline int refuse(struct __sk_buff *skb, const struct packet *packet)
{
	if (answer_refusal(skb, packet) || swap_ethernet(skb))
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, 0);
}

/* The same by the stack's route to the sender: who handed the packet over has the answer's source for its own address, and would take it for forged. */
static __always_inline int refuse_by_route(struct __sk_buff *skb, const struct packet *packet)
{
	return answer_refusal(skb, packet) ? TC_ACT_SHOT : TC_ACT_OK;
}

/* Tells the sender what size the way takes (RFC 1191, RFC 8201); of a datagram in fragments, by the first one. */
static __noinline int answer_too_big(struct __sk_buff *skb, const struct packet *packet, __u32 mtu_bytes)
{
	struct icmp_header v4 = { .type = ICMP_DEST_UNREACH, .code = ICMP_FRAGMENTATION_NEEDED, .rest = bpf_htonl(mtu_bytes) };
	struct icmp_header v6 = { .type = ICMPV6_PKT_TOOBIG, .rest = bpf_htonl(mtu_bytes) };
	int failed;

	if (is_plain_first_fragment(packet) && packet->is_v6)
		failed = answer_error_v6(skb, packet, &v6, FRAGMENT_QUOTED_BYTES);
	else if (!is_answerable(packet) && !is_plain_first_fragment(packet))
		return TC_ACT_SHOT;
	else
		failed = packet->is_v6 ? answer_error_v6(skb, packet, &v6, QUOTED_BYTES) :
					answer_error_v4(skb, packet, &v4, QUOTED_BYTES);
	if (failed || swap_ethernet(skb))
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, 0);
}
