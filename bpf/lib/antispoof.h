/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* A pod sends from its own addresses alone: Ethernet, IP, ARP and neighbour discovery. */
#pragma once

#include "packet.h"

#define POD_MAX_IPS 4
#define ND_ROUTER_SOLICITATION 133
#define ND_ROUTER_ADVERTISEMENT 134
#define ND_NEIGHBOUR_SOLICITATION 135
#define ND_NEIGHBOUR_ADVERTISEMENT 136
#define ND_REDIRECT 137
#define MLD_REPORT 131
#define MLD_DONE 132
#define MLD2_REPORT 143
/* Neighbour discovery never passes a router, so nobody farther away can have sent it (RFC 4861 11.2). */
#define ND_HOP_LIMIT 255
#define ND_TARGET_OFFSET 8

static __always_inline bool pod_has_ip(const struct pod_interface *pod, const struct ip_address *ip)
{
	bool found = false;

#pragma unroll
	for (int i = 0; i < POD_MAX_IPS; i++)
		found |= ip_equal(&pod->ips[i], ip);
	/* Unused places are zero: that address is nobody's. */
	return found && (ip->words[0] | ip->words[1] | ip->words[2] | ip->words[3]);
}

/* Ethernet source; 0 or the reason to drop. */
static __always_inline int antispoof_mac(struct __sk_buff *skb, const struct pod_interface *pod)
{
	__u8 source[ETH_ALEN];

	if (bpf_skb_load_bytes(skb, offsetof(struct ethhdr, h_source), source, sizeof(source)))
		return REASON_MALFORMED;
	return mac_equal(source, pod->mac) ? 0 : REASON_SPOOFED_MAC;
}

/* ARP of Ethernet and IPv4 (RFC 826), up to the sender; linux/if_arp.h cannot be included without a C library. */
struct arp_message {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_bytes;
	__u8 protocol_bytes;
	__be16 operation;
	__u8 sender_mac[ETH_ALEN];
	__u8 sender_ip[4];
} __attribute__((packed));

#define ARP_HARDWARE_ETHERNET 1

/* The sender is the pod itself, or the probe of RFC 5227 with address zero. */
static __noinline int antispoof_arp(struct __sk_buff *skb, const struct pod_interface *pod)
{
	struct arp_message arp;
	struct ip_address sender;
	__be32 v4;

	if (bpf_skb_load_bytes(skb, ETH_HLEN, &arp, sizeof(arp)))
		return REASON_MALFORMED;
	if (arp.hardware != bpf_htons(ARP_HARDWARE_ETHERNET) || arp.protocol != bpf_htons(ETH_P_IP) ||
	    arp.hardware_bytes != ETH_ALEN || arp.protocol_bytes != sizeof(v4))
		return REASON_MALFORMED;
	__builtin_memcpy(&v4, arp.sender_ip, sizeof(v4));
	sender = ip_from_v4(v4);
	if (!mac_equal(arp.sender_mac, pod->mac))
		return REASON_SPOOFED_ARP;
	return !v4 || pod_has_ip(pod, &sender) ? 0 : REASON_SPOOFED_ARP;
}

static __always_inline bool ip_is_link_local_or_none(const struct ip_address *ip)
{
	if ((ip->words[0] & bpf_htonl(0xffc00000)) == bpf_htonl(0xfe800000))
		return true;
	return !(ip->words[0] | ip->words[1] | ip->words[2] | ip->words[3]);
}

/* Neighbour discovery: what a host says of itself. 0 or the reason to drop. */
static __always_inline int antispoof_nd(struct __sk_buff *skb, const struct pod_interface *pod,
					const struct packet *packet)
{
	struct ip_address target;

	if (packet->flags_or_type == ND_ROUTER_ADVERTISEMENT || packet->flags_or_type == ND_REDIRECT)
		return REASON_ROGUE_ROUTER;
	if (packet->flags_or_type != ND_NEIGHBOUR_ADVERTISEMENT)
		return 0;
	if (bpf_skb_load_bytes(skb, packet->l4_offset + ND_TARGET_OFFSET, &target, sizeof(target)))
		return REASON_MALFORMED;
	return pod_has_ip(pod, &target) || ip_is_link_local_or_none(&target) ? 0 : REASON_SPOOFED_NEIGHBOUR;
}

/* What a host must send before it has an address, or from its link-local one. */
static __always_inline bool is_link_upkeep(const struct packet *packet)
{
	switch (packet->flags_or_type) {
	case ND_ROUTER_SOLICITATION:
	case ND_NEIGHBOUR_SOLICITATION:
	case ND_NEIGHBOUR_ADVERTISEMENT:
		return packet->hop_limit == ND_HOP_LIMIT;
	case MLD_REPORT:
	case MLD_DONE:
	case MLD2_REPORT:
		return true;
	default:
		return false;
	}
}

/* IP source; 0 or the reason to drop. */
static __noinline int antispoof_ip(struct __sk_buff *skb, const struct pod_interface *pod,
					const struct packet *packet)
{
	bool is_icmp6 = packet->is_v6 && packet->protocol == IPPROTO_ICMPV6 && !packet->is_later_fragment;
	int reason = is_icmp6 ? antispoof_nd(skb, pod, packet) : 0;

	if (reason)
		return reason;
	if (pod_has_ip(pod, &packet->source))
		return 0;
	if (is_icmp6 && ip_is_link_local_or_none(&packet->source) && is_link_upkeep(packet))
		return 0;
	return REASON_SPOOFED_IP;
}
