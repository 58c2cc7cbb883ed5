/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Turns a question that has grown by its answer round: ends, lengths, flags and checksums. */
#pragma once

#include "dns_answer.h"
#include "refuse.h"

/* QR, AA, RA. */
#define DNS_ANSWER_FLAGS 0x8480

/*
 * Mends the checksum by what changed, so that it is right where the sender has left it to its card (then it holds the pseudo header alone), whole where it
 * was whole, and wrong where it was wrong. Zero is none, and stays.
 */
static __always_inline int dns_mend_checksum(struct __sk_buff *skb, const struct packet *packet, __u32 length_change, __u32 content_change)
{
	__u32 offset = dns_l4_offset(packet) + offsetof(struct udphdr, check);

	return bpf_l4_csum_replace(skb, offset, 0, length_change, BPF_F_MARK_MANGLED_0 | BPF_F_PSEUDO_HDR) ||
	       bpf_l4_csum_replace(skb, offset, 0, length_change + content_change, BPF_F_MARK_MANGLED_0);
}

/* Message and UDP header; gives the change of the length in `length_change`, and that of the rest. Negative where they cannot be reached. */
static __always_inline __s64 dns_turn_message(struct __sk_buff *skb, const struct packet *packet, const struct dns_tail *tail, __u16 udp_bytes,
					      __u32 *length_change)
{
	struct dns_datagram *datagram = dns_bytes_at(skb, dns_l4_offset(packet), sizeof(*datagram));
	__be16 asked, flags;

	if (!datagram)
		return -1;
	asked = datagram->header.flags;
	flags = bpf_htons(DNS_ANSWER_FLAGS) | (asked & bpf_htons(DNS_SAID_AGAIN));
	*length_change = (__u16)~datagram->udp.len + bpf_htons(udp_bytes);
	datagram->udp.source = packet->destination_port;
	datagram->udp.dest = packet->source_port;
	datagram->udp.len = bpf_htons(udp_bytes);
	datagram->header.flags = flags;
	datagram->header.answers = bpf_htons(tail->answers);
	datagram->header.authorities = bpf_htons(tail->authorities);
	return (__u32)(__u16)~asked + flags + bpf_htons(tail->answers) + bpf_htons(tail->authorities);
}

static __always_inline void dns_turn_ethernet(struct ethhdr *ethernet)
{
	__u16 *words = (__u16 *)ethernet;

#pragma unroll
	for (int i = 0; i < ETH_ALEN / 2; i++) {
		__u16 word = words[i];

		words[i] = words[ETH_ALEN / 2 + i];
		words[ETH_ALEN / 2 + i] = word;
	}
}

/* As `store_ip_back`, without a call. */
static __always_inline int dns_turn_v4(struct __sk_buff *skb, const struct packet *packet, __u16 udp_bytes)
{
	struct ethhdr *ethernet = dns_bytes_at(skb, 0, IP_OFFSET + sizeof(struct iphdr));
	struct iphdr *ip;
	__be16 *words;
	__u64 sum;

	if (!ethernet)
		return -1;
	dns_turn_ethernet(ethernet);
	ip = (void *)ethernet + IP_OFFSET;
	words = (__be16 *)ip;
	words[0] = bpf_htons(0x4500);
	ip->tot_len = bpf_htons(sizeof(*ip) + udp_bytes);
	ip->id = 0;
	ip->frag_off = bpf_htons(IPV4_DONT_FRAGMENT);
	ip->ttl = REFUSE_TTL;
	ip->saddr = packet->destination.words[3];
	ip->daddr = packet->source.words[3];
	sum = (__u64)ip->saddr + ip->daddr + bpf_htons(0x4500) + bpf_htons(sizeof(*ip) + udp_bytes) + bpf_htons(IPV4_DONT_FRAGMENT) +
	      bpf_htons(REFUSE_TTL << 8 | IPPROTO_UDP);
	ip->check = ~dns_fold(sum);
	return 0;
}

static __always_inline int dns_turn_v6(struct __sk_buff *skb, const struct packet *packet, __u16 udp_bytes)
{
	struct ethhdr *ethernet = dns_bytes_at(skb, 0, IP_OFFSET + sizeof(struct ipv6hdr));
	struct ipv6hdr *ip;
	__be32 *words;

	if (!ethernet)
		return -1;
	dns_turn_ethernet(ethernet);
	ip = (void *)ethernet + IP_OFFSET;
	words = (__be32 *)ip;
	words[0] = bpf_htonl(6 << 28);
	ip->payload_len = bpf_htons(udp_bytes);
	ip->hop_limit = REFUSE_TTL;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		ip->saddr.in6_u.u6_addr32[i] = packet->destination.words[i];
		ip->daddr.in6_u.u6_addr32[i] = packet->source.words[i];
	}
	return 0;
}

/* The question as its answer, where it has grown already; not 0 where it cannot be, and then the packet is neither. */
static __always_inline int dns_turn(struct __sk_buff *skb, const struct packet *packet, const struct dns_tail *tail, __u32 tail_change)
{
	__u16 udp_bytes = skb->len - dns_l4_offset(packet);
	__u32 length_change;
	__s64 change = dns_turn_message(skb, packet, tail, udp_bytes, &length_change);

	if (change < 0 || (packet->is_v6 ? dns_turn_v6(skb, packet, udp_bytes) : dns_turn_v4(skb, packet, udp_bytes)))
		return -1;
	return dns_mend_checksum(skb, packet, length_change, change + tail_change);
}
