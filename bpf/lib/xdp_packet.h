/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Packets in the memory of a driver, before the stack has them: TCP and UDP without options, extensions or fragments. All else is the stack's, and
 * so is a packet whose checksum is not whole yet: what a neighbour on the same machine sends (veth, virtio) carries the sum of its pseudo header
 * alone, for a card to finish (CHECKSUM_PARTIAL), and a driver that sends it on does not know of it.
 */
#pragma once

#include "packet.h"
#include "translate.h"

/* A whole frame in the driver's memory, from its Ethernet header on; `l3_bytes` is the length that the IP header tells. */
struct frame {
	void *start;
	void *end;
	__u32 l3_bytes;
};

static __always_inline bool frame_has(const struct frame *frame, const void *to)
{
	return to <= frame->end;
}

/* Offset of the transport header: there is nothing between. */
static __always_inline __u32 frame_l4_offset(bool is_v6)
{
	return ETH_HLEN + (is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

static __always_inline bool frame_read_v4(struct frame *frame, struct packet *packet)
{
	const struct iphdr *ip = frame->start + ETH_HLEN;

	if (!frame_has(frame, ip + 1) || ip->version != 4 || ip->ihl != 5)
		return false;
	if (ip->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET))
		return false;
	packet->source = ip_from_v4(ip->saddr);
	packet->destination = ip_from_v4(ip->daddr);
	packet->protocol = ip->protocol;
	packet->hop_limit = ip->ttl;
	packet->is_v6 = false;
	frame->l3_bytes = bpf_ntohs(ip->tot_len);
	return true;
}

static __always_inline bool frame_read_v6(struct frame *frame, struct packet *packet)
{
	const struct ipv6hdr *ip = frame->start + ETH_HLEN;

	if (!frame_has(frame, ip + 1) || ip->version != 6)
		return false;
	__builtin_memcpy(&packet->source, &ip->saddr, sizeof(packet->source));
	__builtin_memcpy(&packet->destination, &ip->daddr, sizeof(packet->destination));
	if (ip_is_v4(&packet->source) || ip_is_v4(&packet->destination))
		return false;
	packet->protocol = ip->nexthdr;
	packet->hop_limit = ip->hop_limit;
	packet->is_v6 = true;
	frame->l3_bytes = sizeof(*ip) + bpf_ntohs(ip->payload_len);
	return true;
}

/* Where the checksum of the transport header stands; NULL where the frame is too short for it. */
static __always_inline __u16 *frame_checksum(const struct frame *frame, const struct packet *packet)
{
	__u16 *checksum = frame->start + frame_l4_offset(packet->is_v6) +
			  (packet->protocol == IPPROTO_TCP ? offsetof(struct tcphdr, check) : offsetof(struct udphdr, check));

	return frame_has(frame, checksum + 1) ? checksum : NULL;
}

/* One whole checksum in 65,536 looks like a pseudo header's sum: the stack then does what would have been done here. */
static __always_inline bool is_checksum_partial(const struct frame *frame, const struct packet *packet, __u16 checksum)
{
	__u32 l4_bytes = frame->l3_bytes + ETH_HLEN - frame_l4_offset(packet->is_v6);
	__s64 sum = bpf_csum_diff(NULL, 0, (__be32 *)&packet->source, 2 * sizeof(struct ip_address),
				  (__u32)bpf_htons(l4_bytes) + bpf_htons(packet->protocol));

	return checksum == (__u16)~checksum_fold(sum);
}

/* Not cut off, and not one of the giants whose length does not fit its header. */
static __always_inline bool is_length_true(struct xdp_md *ctx, __u32 spare_bytes, const struct frame *frame, const struct packet *packet)
{
	__u32 frame_bytes = frame->l3_bytes + ETH_HLEN;

	return frame_bytes >= frame_l4_offset(packet->is_v6) + sizeof(struct udphdr) &&
	       spare_bytes + frame_bytes <= bpf_xdp_get_buff_len(ctx);
}

/* Reads what may be carried from here; false for all else. `spare_bytes` precede the frame and belong to another one. */
static __always_inline bool frame_read(struct xdp_md *ctx, __u32 spare_bytes, struct frame *frame, struct packet *packet)
{
	const struct ethhdr *ethernet;
	const __be16 *ports;
	const __u16 *checksum;

	frame->start = (void *)(long)ctx->data + spare_bytes;
	frame->end = (void *)(long)ctx->data_end;
	ethernet = frame->start;
	if (!frame_has(frame, ethernet + 1))
		return false;
	if (ethernet->h_proto == bpf_htons(ETH_P_IP)) {
		if (!frame_read_v4(frame, packet))
			return false;
	} else if (ethernet->h_proto != bpf_htons(ETH_P_IPV6) || !frame_read_v6(frame, packet)) {
		return false;
	}
	if (packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP)
		return false;
	checksum = frame_checksum(frame, packet);
	if (!checksum)
		return false;
	ports = frame->start + frame_l4_offset(packet->is_v6);
	if (!frame_has(frame, ports + 2))
		return false;
	packet->source_port = ports[0];
	packet->destination_port = ports[1];
	packet->is_whole = true;
	packet->flags_or_type = 0;
	if (packet->protocol == IPPROTO_TCP) {
		const __u8 *flags = (void *)ports + TCP_FLAG_BYTE;

		if (!frame_has(frame, flags + 1))
			return false;
		packet->flags_or_type = *flags;
	}
	return is_length_true(ctx, spare_bytes, frame, packet) && !is_checksum_partial(frame, packet, *checksum);
}

/* As the kernel's ip_decrease_ttl: one less in the high byte of a word of the header is one more in its checksum. */
static __always_inline void frame_take_hop(struct iphdr *ip)
{
	__u32 checksum = (__u32)ip->check + bpf_htons(0x0100);

	ip->check = checksum + (checksum >= 0xffff);
	ip->ttl--;
}

static __always_inline bool frame_write_addresses(const struct frame *frame, const struct packet *packet, const struct flow *to)
{
	if (packet->is_v6) {
		struct ipv6hdr *ip = frame->start + ETH_HLEN;

		if (!frame_has(frame, ip + 1))
			return false;
		__builtin_memcpy(&ip->saddr, &to->source, sizeof(ip->saddr));
		__builtin_memcpy(&ip->daddr, &to->destination, sizeof(ip->daddr));
		ip->hop_limit--;
	} else {
		struct iphdr *ip = frame->start + ETH_HLEN;

		if (!frame_has(frame, ip + 1))
			return false;
		ip->check = checksum_fold(bpf_csum_diff((__be32 *)&packet->source, 2 * sizeof(struct ip_address), (__be32 *)&to->source,
							2 * sizeof(struct ip_address), (__u16)~ip->check));
		ip->saddr = to->source.words[3];
		ip->daddr = to->destination.words[3];
		frame_take_hop(ip);
	}
	return true;
}

/* Addresses and ports lie one behind the other in both structs: one difference serves the transport's checksum. */
#define ENDS_BYTES (2 * sizeof(struct ip_address) + 2 * sizeof(__be16))
_Static_assert(__builtin_offsetof(struct flow, destination_port) + sizeof(__be16) == ENDS_BYTES, "ends of a flow");
_Static_assert(__builtin_offsetof(struct packet, destination_port) + sizeof(__be16) == ENDS_BYTES, "ends of a packet");

/* Makes the frame's addresses and ports those of `to`, one hop further. False where it is shorter than it was when it was read. */
static __always_inline bool frame_translate(const struct frame *frame, const struct packet *packet, const struct flow *to)
{
	__be16 *ports = frame->start + frame_l4_offset(packet->is_v6);
	__u16 *checksum = frame_checksum(frame, packet);

	if (!checksum || !frame_has(frame, ports + 2))
		return false;
	/* Zero says "no checksum" in UDP over IPv4. */
	if (*checksum || packet->protocol == IPPROTO_TCP) {
		*checksum = checksum_fold(bpf_csum_diff((__be32 *)&packet->source, ENDS_BYTES, (__be32 *)&to->source, ENDS_BYTES,
							(__u16)~*checksum));
		if (!*checksum && packet->protocol == IPPROTO_UDP)
			*checksum = 0xffff;
	}
	ports[0] = to->source_port;
	ports[1] = to->destination_port;
	return frame_write_addresses(frame, packet, to);
}

static __always_inline bool frame_address(const struct frame *frame, const struct bpf_fib_lookup *way)
{
	struct ethhdr *ethernet = frame->start;

	if (!frame_has(frame, ethernet + 1))
		return false;
	__builtin_memcpy(ethernet->h_dest, way->dmac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, way->smac, ETH_ALEN);
	return true;
}
