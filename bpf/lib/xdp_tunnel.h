/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* VXLAN over IPv4 (RFC 7348) by hand, as the tunnel device of the node writes it and reads it. */
#pragma once

#include "forwarding.h"
#include "xdp_packet.h"

#define VXLAN_HAS_VNI 0x08000000
/* Flag, bits and number of the group policy extension: what a pod sends may bring its identity there, which is for the stack's policies alone. */
#define VXLAN_GROUP_POLICY 0x80ffffff
#define VXLAN_TTL 64
/* RFC 7348 4.1.1 takes the source port from the range for private use, so that flows spread over equal ways. */
#define VXLAN_FIRST_SOURCE_PORT 49152
#define IP_ECN_BITS 3

struct tunnel_headers {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	__be32 vxlan_flags;
	__be32 vxlan_vni;
} __attribute__((packed));

static __always_inline const struct tunnel_peer *tunnel_peer_of(const __u8 *mac)
{
	struct tunnel_peer_key key = {};

	__builtin_memcpy(key.mac, mac, sizeof(key.mac));
	return bpf_map_lookup_elem(&tunnel_peers, &key);
}

/* Whether the frame is wrapped by a node of the cluster for this one; then what is in it begins behind `struct tunnel_headers`. */
static __always_inline bool is_tunnel_frame(const struct frame *frame, const struct packet *packet)
{
	const struct tunnel_headers *outer = frame->start;
	const struct ethhdr *inner = (void *)(outer + 1);
	const struct tunnel_peer *peer;

	if (packet->is_v6 || packet->protocol != IPPROTO_UDP || !frame_has(frame, inner + 1))
		return false;
	if ((outer->vxlan_flags & ~bpf_htonl(VXLAN_GROUP_POLICY)) != bpf_htonl(VXLAN_HAS_VNI))
		return false;
	peer = tunnel_peer_of(inner->h_source);
	return peer && peer->port == packet->destination_port && bpf_htonl(peer->vni << 8) == outer->vxlan_vni &&
	       ip_equal(&peer->remote, &packet->source) && ip_equal(&peer->local, &packet->destination);
}

/* Asks for the way to the other end of the tunnel. */
static __always_inline void tunnel_ask(const struct tunnel_peer *peer, const struct packet *packet, __u32 l3_bytes, __u32 ifindex,
				       struct bpf_fib_lookup *way)
{
	__builtin_memset(way, 0, sizeof(*way));
	way->family = AF_INET;
	way->l4_protocol = IPPROTO_UDP;
	way->sport = bpf_htons(VXLAN_FIRST_SOURCE_PORT |
			       ((packet->source_port ^ packet->destination_port ^ packet->source.words[3]) & 0x3fff));
	way->dport = peer->port;
	way->tot_len = l3_bytes;
	way->ifindex = ifindex;
	way->ipv4_src = peer->local.words[3];
	way->ipv4_dst = peer->remote.words[3];
}

/*
 * Writes what goes before a frame of `inner_bytes`, by the way that was found for it.
 * `ecn` is the congestion mark of what is inside (RFC 6040).
 */
static __always_inline void tunnel_write(struct tunnel_headers *outer, const struct bpf_fib_lookup *way, const struct tunnel_peer *peer,
					 __u32 inner_bytes, __u8 ecn)
{
	__builtin_memcpy(outer->ethernet.h_dest, way->dmac, ETH_ALEN);
	__builtin_memcpy(outer->ethernet.h_source, way->smac, ETH_ALEN);
	outer->ethernet.h_proto = bpf_htons(ETH_P_IP);
	outer->ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tos = ecn,
		.tot_len = bpf_htons(sizeof(*outer) - ETH_HLEN + inner_bytes),
		.id = bpf_get_prandom_u32(),
		.ttl = VXLAN_TTL,
		.protocol = IPPROTO_UDP,
		.saddr = peer->local.words[3],
		.daddr = peer->remote.words[3],
	};
	/* Over its ten words, the checksum itself being zero. */
	outer->ip.check = checksum_fold(bpf_csum_diff(NULL, 0, (void *)outer + ETH_HLEN, sizeof(outer->ip), 0));
	outer->udp.source = way->sport;
	outer->udp.dest = peer->port;
	outer->udp.len = bpf_htons(sizeof(outer->udp) + 2 * sizeof(__be32) + inner_bytes);
	/* None: what is inside has its own. */
	outer->udp.check = 0;
	outer->vxlan_flags = bpf_htonl(VXLAN_HAS_VNI);
	outer->vxlan_vni = bpf_htonl(peer->vni << 8);
}
