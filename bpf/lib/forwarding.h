/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Sends translated packets on by the node's routes. What carries an address of the node as its source cannot go by the stack: Linux takes a
 * packet that comes in with an address of its own for a forgery ("martian source"). It is routed here, and handed to the link at once.
 */
#pragma once

#include "events.h"
#include "flows.h"
#include "growing_map.h"
#include "icmp_errors.h"
#include "refuse.h"
#include "translate.h"

#define AF_INET 2
#define AF_INET6 10
/* The first link of every network namespace (LOOPBACK_IFINDEX of net/net_namespace.h). */
#define LOOPBACK_IFINDEX 1

static __always_inline bool is_service_address(const struct packet *packet)
{
	return growing_map_lookup(&service_addresses, &packet->destination) != NULL;
}

static __always_inline bool is_exclusive_address(const struct packet *packet)
{
	const struct service_address *address = growing_map_lookup(&service_addresses, &packet->destination);

	return address && (address->flags & ADDRESS_EXCLUSIVE);
}

/* True for what is sent to the address that outside clients are hidden behind. */
static __always_inline bool hides_clients(const struct packet *packet)
{
	struct ip_address ip = node_ip(packet->is_v6);

	return ip_equal(&packet->destination, &ip);
}

static __always_inline bool is_tunnel(__u32 ifindex)
{
	const struct node_link *link = bpf_map_lookup_elem(&node_links, &ifindex);

	return link && (link->flags & NODE_LINK_TUNNEL);
}

/* Whether another backend carries what begins at the link. */
static __always_inline bool is_leaving(__u32 ifindex)
{
	const struct node_link *link = bpf_map_lookup_elem(&node_links, &ifindex);

	return link && (link->flags & NODE_LINK_LEAVING);
}

/* Whether the address is another node's own. */
static __always_inline bool is_peer_address(const struct ip_address *ip)
{
	return bpf_map_lookup_elem(&peer_addresses, ip) != NULL;
}

/*
 * True for what the tunnel brings to another node's own address: a client's packet to a node port of that node, which handed it over. Nothing else of the
 * cluster comes so, and the stack would send it back by the uplink.
 */
static __always_inline bool is_of_another_node(struct __sk_buff *skb, const struct packet *packet)
{
	return is_tunnel(skb->ifindex) && is_peer_address(&packet->destination);
}

/* Asks for the node's route for `to`, of a packet that came in by `ifindex`. */
static __always_inline void route_ask(__u32 ifindex, const struct packet *packet, const struct flow *to, struct bpf_fib_lookup *way)
{
	__builtin_memset(way, 0, sizeof(*way));
	way->family = packet->is_v6 ? AF_INET6 : AF_INET;
	way->l4_protocol = packet->protocol;
	way->sport = to->source_port;
	way->dport = to->destination_port;
	way->ifindex = ifindex;
	if (packet->is_v6) {
		__builtin_memcpy(way->ipv6_src, &to->source, sizeof(way->ipv6_src));
		__builtin_memcpy(way->ipv6_dst, &to->destination, sizeof(way->ipv6_dst));
	} else {
		way->ipv4_src = to->source.words[3];
		way->ipv4_dst = to->destination.words[3];
	}
}

/* The node's route for `to`: BPF_FIB_LKUP_RET_*, with the way in `way`. */
static __always_inline long route_find(struct __sk_buff *skb, const struct packet *packet, const struct flow *to,
				       struct bpf_fib_lookup *way)
{
	route_ask(skb->ifindex, packet, to, way);
	return bpf_fib_lookup(skb, way, sizeof(*way), 0);
}

static __always_inline int take_hop(struct __sk_buff *skb, const struct packet *packet)
{
	__u8 left = packet->hop_limit - 1;
	__u32 at = IP_OFFSET + (packet->is_v6 ? offsetof(struct ipv6hdr, hop_limit) : offsetof(struct iphdr, ttl));

	/* The checksum goes over pairs of bytes: the hop count stands before the protocol. */
	if (!packet->is_v6 &&
	    bpf_l3_csum_replace(skb, IPV4_CHECKSUM_OFFSET, bpf_htons(packet->hop_limit << 8), bpf_htons(left << 8), 2))
		return -1;
	return bpf_skb_store_bytes(skb, at, &left, sizeof(left), 0);
}

static __always_inline int hand_to_link(const struct bpf_fib_lookup *way)
{
	struct bpf_redir_neigh next = { .nh_family = way->family };

	__builtin_memcpy(next.ipv6_nh, way->ipv6_dst, sizeof(next.ipv6_nh));
	return bpf_redirect_neigh(way->ifindex, &next, sizeof(next), 0);
}

/*
 * What may be cut to the size of a link is cut by the stack. It comes to it by the loopback, the one link that takes a packet with the node's
 * own address as its source (net.ipv4.conf.lo.accept_local): nobody but the node sends there.
 */
static __always_inline int hand_to_stack(struct __sk_buff *skb)
{
	__u8 loopback[ETH_ALEN] = {};

	if (bpf_skb_store_bytes(skb, offsetof(struct ethhdr, h_dest), loopback, sizeof(loopback), 0))
		return TC_ACT_SHOT;
	return bpf_redirect(LOOPBACK_IFINDEX, BPF_F_INGRESS);
}

/* All fragments of a datagram go one way, whatever their size: netfilter puts them together where it tracks connections. */
static __always_inline bool is_stack_to_cut(const struct packet *packet, long found)
{
	if (packet->is_whole)
		return false;
	return packet->is_first_fragment || packet->is_later_fragment || found == BPF_FIB_LKUP_RET_FRAG_NEEDED;
}

/* Why a packet cannot go the way that was found for it, 0 where it can. What is too long for that way is another matter. */
static __always_inline int way_refuses(const struct packet *packet, long found)
{
	if (packet->hop_limit <= 1)
		return REASON_SERVICE_HOP_LIMIT;
	if (found == BPF_FIB_LKUP_RET_SUCCESS || found == BPF_FIB_LKUP_RET_NO_NEIGH || found == BPF_FIB_LKUP_RET_FRAG_NEEDED)
		return 0;
	return REASON_SERVICE_NO_ROUTE;
}

static __always_inline bool is_too_big(const struct packet *packet, long found)
{
	return found == BPF_FIB_LKUP_RET_FRAG_NEEDED && packet->is_whole;
}

/*
 * Whether netfilter judges what goes to the link: a pod's, where the programs at pods' links do not keep policies themselves. What is handed to a link
 * passes no hook of netfilter.
 */
static __always_inline bool is_stack_to_judge(enum event_hook hook, __u32 ifindex)
{
	__u32 index = 0;
	const struct policy_state *state = bpf_map_lookup_elem(&policy_state, &index);

	return hook == HOOK_NODE_INGRESS && state && state->mode == POLICY_MODE_MARKS && bpf_map_lookup_elem(&pod_interfaces, &ifindex);
}

/* Makes the packet `to` and sends it on by the node's routes. */
static __noinline int send_on(struct __sk_buff *skb, const struct packet *packet, const struct flow *to, enum event_hook hook)
{
	struct bpf_fib_lookup way;
	long found = route_find(skb, packet, to, &way);
	int reason = way_refuses(packet, found);

	if (reason)
		return drop(skb, packet, reason, hook);
	if (is_too_big(packet, found))
		return answer_too_big(skb, packet, way.mtu_result);
	if (translate(skb, packet, to))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, hook);
	if (is_stack_to_cut(packet, found) || is_stack_to_judge(hook, way.ifindex))
		return hand_to_stack(skb);
	if (take_hop(skb, packet))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, hook);
	return hand_to_link(&way);
}

/* An endpoint's answer to a client that is hidden behind the node. */
static __noinline int answer_client(struct __sk_buff *skb, const struct packet *packet, struct flow *known,
					 enum event_hook hook)
{
	struct flow to = *known;

	flow_touch(known);
	if (packet->is_first_fragment)
		fragment_keep(packet);
	return send_on(skb, packet, &to, hook);
}

/* A packet that is translated already goes on by the node's routes, or to the node itself. */
static __noinline int route_on(struct __sk_buff *skb, const struct packet *packet, const struct flow *to, enum event_hook hook)
{
	struct bpf_fib_lookup way;
	long found;

	if (packet->hop_limit <= 1 || take_hop(skb, packet))
		return drop(skb, packet, REASON_SERVICE_HOP_LIMIT, hook);
	found = route_find(skb, packet, to, &way);
	if (found == BPF_FIB_LKUP_RET_NOT_FWDED)
		return forward(skb, packet, hook);
	if (found != BPF_FIB_LKUP_RET_SUCCESS && found != BPF_FIB_LKUP_RET_NO_NEIGH)
		return drop(skb, packet, REASON_SERVICE_NO_ROUTE, hook);
	return hand_to_link(&way);
}

/* An ICMP error about a packet to an endpoint, or about an answer to a client, goes to whom it concerns; others go on as they are. */
static __always_inline int send_error_on(struct __sk_buff *skb, const struct packet *packet, struct flow *to,
					 enum event_hook hook)
{
	int done = hides_clients(packet) ? icmp_error(skb, packet, FLOW_REVERSE, to) : 0;
	bool is_handed_over = is_of_another_node(skb, packet);

	if (!done && (is_handed_over || is_service_address(packet)))
		done = icmp_error(skb, packet, FLOW_FORWARD, to);
	if (!done)
		return is_handed_over ? drop(skb, packet, REASON_SERVICE_UNKNOWN_FLOW, hook) : forward(skb, packet, hook);
	if (done < 0)
		return drop(skb, packet, REASON_TRANSLATION_FAILED, hook);
	return route_on(skb, packet, to, hook);
}
