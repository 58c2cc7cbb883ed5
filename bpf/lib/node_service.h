/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Services for clients that come by the node's links.
 *
 *   client:cp -> frontend:fp   --- hidden ---->   node:np -> endpoint:ep     routed here, handed to the link
 *                              --- kept ------>   client:cp -> endpoint:ep   goes on by the stack
 *                              --- direct ---->   client:cp -> frontend:fp   by the tunnel to the endpoint's node, where it is kept
 *
 * Answers to the node come in where the endpoint is, by a pod's interface or a link of the node, and are sent on to the client there.
 * Answers to a kept client pass the stack and look like the frontend as they leave (lib/node_service.h, node_answers).
 */
#pragma once

#include "conntrack.h"
#include "forwarding.h"

/* A range of its own: below the node ports (30000) and what sockets of the node take by themselves (32768). */
#define HIDING_FIRST_PORT 1024
#define HIDING_PORTS (30000 - HIDING_FIRST_PORT)
#define HIDING_TRIES 8
/* A port whose flow has been silent for so long (4.6 minutes) may be given anew where no other is found. */
#define HIDING_IDLE 256

/* A port of the node from which nobody speaks to that endpoint; false where all that were tried are in use. */
static __always_inline bool hide_client(const struct packet *packet, struct flow *out)
{
	__u32 now = flow_clock();

#pragma unroll
	for (int i = 0; i < HIDING_TRIES; i++) {
		const struct flow *known;
		struct flow_key key;

		out->source_port = bpf_htons(HIDING_FIRST_PORT + bpf_get_prandom_u32() % HIDING_PORTS);
		flow_answer_key(out, packet->protocol, &key);
		known = bpf_map_lookup_elem(&flows, &key);
		if (!known || now - known->last_used > HIDING_IDLE)
			return true;
	}
	return false;
}

/*
 * Hands the packet as it is to the node of its endpoint, which translates it and answers by itself. Never by another link than the tunnel, from
 * which it would come back.
 */
static __noinline int send_direct(struct __sk_buff *skb, const struct packet *packet, const struct flow *to, enum event_hook hook)
{
	struct bpf_fib_lookup way;
	long found = route_find(skb, packet, to, &way);
	int reason = way_refuses(packet, found);

	if (!reason && !is_tunnel(way.ifindex))
		reason = REASON_SERVICE_NO_ROUTE;
	if (reason)
		return drop(skb, packet, reason, hook);
	/* What may be cut goes as it is: the tunnel carries it in pieces. */
	if (is_too_big(packet, found))
		return answer_too_big(skb, packet, way.mtu_result);
	if (take_hop(skb, packet))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, hook);
	return hand_to_link(&way);
}

/* Whether the address is the own one of the node that this way by the tunnel leads to. */
static __always_inline bool is_node_behind(const struct bpf_fib_lookup *way, const struct ip_address *ip)
{
	const struct peer_address *known = bpf_map_lookup_elem(&peer_addresses, ip);

	return known && mac_equal(known->mac, way->dmac);
}

/*
 * Whether the way to an endpoint leaves its client as it is. The node itself is such an endpoint: it takes no packet from itself, and its answers
 * pass here anyway. With direct return those are that answer by this node, or by their own behind the tunnel (`out` says so then); what is
 * elsewhere, another node's own address, is reached by hiding, and so is an endpoint whose own node is the client.
 */
static __always_inline bool outside_spares(struct __sk_buff *skb, const struct packet *packet, const struct service *service,
					   struct flow *out)
{
	struct bpf_fib_lookup way;

	if (!(service->flags & FRONTEND_MASQUERADES_OUTSIDE) || service->side == CLIENT_DIRECT)
		return true;
	if (route_find(skb, packet, out, &way) == BPF_FIB_LKUP_RET_NOT_FWDED)
		return true;
	if (!(service->flags & FRONTEND_DIRECT_RETURN))
		return false;
	if (is_tunnel(way.ifindex)) {
		if (is_node_behind(&way, &packet->source))
			return false;
		out->flags |= FLOW_DIRECT;
		return true;
	}
	return bpf_map_lookup_elem(&pod_interfaces, &way.ifindex) != NULL;
}

/* Takes an endpoint and ends for a new flow; 0, or the reason to drop the packet; what refuses is in `verdict`. */
static __always_inline int outside_choose(struct __sk_buff *skb, const struct packet *packet, const struct frontend_key *key,
					  struct service *service, struct flow *out, enum service_verdict *verdict)
{
	struct transport_address endpoint = {};

	if (service->table_size)
		service->client_hash = maglev_hash(&packet->source, service->affinity_timeout_s ? 0 : packet->source_port, key);
	*verdict = service_choose(key, service, &packet->source, &endpoint);
	if (*verdict != SERVICE_FOUND)
		return 0;
	out->generation = service->generation;
	out->last_used = flow_clock();
	out->source = packet->source;
	out->source_port = packet->source_port;
	out->destination = endpoint.ip;
	out->destination_port = endpoint.port;
	if (outside_spares(skb, packet, service, out))
		return 0;
	out->source = node_ip(packet->is_v6);
	if (!(out->source.words[0] | out->source.words[1] | out->source.words[2] | out->source.words[3]))
		return REASON_SERVICE_NO_ROUTE;
	return hide_client(packet, out) ? 0 : REASON_SERVICE_NO_PORT;
}

/* Whether a known flow is hidden, kept, or direct as the frontend wants it now. Without a new generation nothing has changed. */
static __noinline bool outside_keeps(struct __sk_buff *skb, const struct packet *packet, const struct flow *known,
				     const struct service *service)
{
	bool is_hidden = !ip_equal(&known->source, &packet->source);
	struct flow wanted = { .source = packet->source, .destination = known->destination };

	if (known->generation == service->generation)
		return true;
	wanted.source_port = packet->source_port;
	wanted.destination_port = known->destination_port;
	return outside_spares(skb, packet, service, &wanted) != is_hidden && wanted.flags == known->flags;
}

static __always_inline int outside_deliver(struct __sk_buff *skb, const struct packet *packet, const struct flow *to)
{
	if (to->flags & FLOW_DIRECT)
		return send_direct(skb, packet, to, HOOK_NODE_INGRESS);
	if (!ip_equal(&packet->source, &to->source))
		return send_on(skb, packet, to, HOOK_NODE_INGRESS);
	if (translate(skb, packet, to))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, HOOK_NODE_INGRESS);
	return forward(skb, packet, HOOK_NODE_INGRESS);
}

/* Without direct return; with it, an endpoint that is another node still is reached by hiding. */
static __always_inline bool hides_always(const struct service *service)
{
	return (service->flags & (FRONTEND_MASQUERADES_OUTSIDE | FRONTEND_DIRECT_RETURN)) == FRONTEND_MASQUERADES_OUTSIDE;
}

/* Who asks by this link. What other nodes hand over is never to this node's own address; what their pods ask is to nothing else. */
static __always_inline enum client_side outside_side(struct __sk_buff *skb, const struct packet *packet)
{
	if (!is_tunnel(skb->ifindex))
		return CLIENT_OUTSIDE;
	return hides_clients(packet) ? CLIENT_PEER : CLIENT_DIRECT;
}

/*
 * The frontend that is asked. A node port of another node is this node's own of that number, if that has direct return too: `key` names it then. What
 * is not known goes no further.
 */
static __noinline enum service_verdict outside_find(struct __sk_buff *skb, const struct packet *packet, struct frontend_key *key,
						    struct service *service)
{
	enum client_side side = outside_side(skb, packet);
	enum service_verdict verdict;

	if (is_leaving(skb->ifindex))
		return SERVICE_NONE;
	verdict = service_find(key, side, service);
	if (verdict != SERVICE_NONE || side != CLIENT_DIRECT || !is_peer_address(&packet->destination))
		return verdict;
	key->ip = node_ip(packet->is_v6);
	verdict = service_find(key, CLIENT_DIRECT, service);
	return service->flags & FRONTEND_DIRECT_RETURN ? verdict : SERVICE_DROPPED;
}

/* `to` is the flow where it is to be delivered, `reason` says why it is not. */
static __noinline enum flow_course outside_asks(struct __sk_buff *skb, struct packet *packet, struct flow *known, struct flow *to,
						int *reason)
{
	struct frontend_key key = {
		.ip = packet->destination, .port = packet->destination_port, .protocol = packet->protocol
	};
	struct service service = {};
	enum service_verdict verdict = outside_find(skb, packet, &key, &service);
	bool is_middle = packet_is_middle(packet);

	if (verdict == SERVICE_NONE) {
		if (packet->protocol == IPPROTO_UDP || packet_begins(packet)) {
			/* Another backend carries the Service by now: what follows this packet is not for the endpoint of before. */
			if (known)
				flow_forget(packet);
			flow_forget_between(packet);
		}
		return COURSE_FORWARD;
	}
	*reason = REASON_SERVICE_SOURCE_RANGE;
	if (!service_admits(&service, &packet->source))
		return COURSE_DROP;
	*reason = REASON_SERVICE_ELSEWHERE;
	if (verdict == SERVICE_DROPPED)
		return COURSE_DROP;
	if (verdict == SERVICE_FOUND && known && outside_keeps(skb, packet, known, &service) &&
	    flow_resume(packet, known, &service, to)) {
		flow_touch(known);
		return COURSE_DELIVER;
	}
	*reason = REASON_SERVICE_UNKNOWN_FLOW;
	if (is_middle) {
		if (conntrack_knows(skb, packet))
			return COURSE_FORWARD;
		/* A client that keeps its address and has a table goes to where its connection may be known: it came by another node before. */
		if (verdict == SERVICE_FOUND && (!service.table_size || hides_always(&service)))
			return COURSE_REFUSE;
	}
	if (verdict == SERVICE_FOUND) {
		*reason = outside_choose(skb, packet, &key, &service, to, &verdict);
		if (*reason)
			return COURSE_DROP;
		*reason = REASON_SERVICE_UNKNOWN_FLOW;
		if (is_middle && verdict == SERVICE_FOUND && !ip_equal(&to->source, &packet->source))
			return COURSE_REFUSE;
	}
	*reason = REASON_SERVICE_NO_ENDPOINT;
	if (verdict != SERVICE_FOUND)
		return COURSE_REFUSE;
	if (to->flags & FLOW_DIRECT)
		flow_keep_direct(packet, to);
	else
		flow_keep(packet, to);
	return COURSE_DELIVER;
}

/* A connection that stands goes on, unless another client was given its port meanwhile. */
static __always_inline bool outside_goes_on(const struct packet *packet, const struct flow *known)
{
	if (!packet_is_middle(packet))
		return false;
	return (known->flags & FLOW_DIRECT) || flow_ends_state(packet, known) == ENDS_OWN;
}

/* What comes in by a link of the node. */
static __always_inline int node_receives(struct __sk_buff *skb, struct packet *packet)
{
	bool is_service = is_service_address(packet);
	bool is_hiding = hides_clients(packet);
	struct flow *known;
	struct flow to = {};
	int reason = 0;

	if (!packet_has_ports(packet)) {
		if (packet_is_icmp_error(packet))
			return send_error_on(skb, packet, &to, HOOK_NODE_INGRESS);
		if (is_exclusive_address(packet))
			return drop(skb, packet, REASON_SERVICE_PROTOCOL, HOOK_NODE_INGRESS);
		return forward(skb, packet, HOOK_NODE_INGRESS);
	}
	if (packet->is_later_fragment && !fragment_recall(packet)) {
		if (is_exclusive_address(packet) || is_of_another_node(skb, packet))
			return drop(skb, packet, REASON_SERVICE_FRAGMENT, HOOK_NODE_INGRESS);
		return forward(skb, packet, HOOK_NODE_INGRESS);
	}
	if (packet->is_first_fragment && (is_service || is_hiding || is_of_another_node(skb, packet)))
		fragment_keep(packet);
	if (is_hiding) {
		known = flow_find(packet, FLOW_REVERSE);
		if (known)
			return answer_client(skb, packet, known, HOOK_NODE_INGRESS);
	}
	known = flow_find(packet, FLOW_FORWARD);
	if (known && outside_goes_on(packet, known)) {
		to = *known;
		flow_touch(known);
		return outside_deliver(skb, packet, &to);
	}
	switch (outside_asks(skb, packet, known, &to, &reason)) {
	case COURSE_DELIVER:
		return outside_deliver(skb, packet, &to);
	case COURSE_REFUSE:
		drop(skb, packet, reason, HOOK_NODE_INGRESS);
		return is_of_another_node(skb, packet) ? refuse_by_route(skb, packet) : refuse(skb, packet);
	case COURSE_DROP:
		return drop(skb, packet, reason, HOOK_NODE_INGRESS);
	default:
		return forward(skb, packet, HOOK_NODE_INGRESS);
	}
}

/* What leaves by a link of the node: an answer to a client that kept its address looks like the frontend. */
static __always_inline int node_answers(struct __sk_buff *skb, struct packet *packet)
{
	struct flow *known;
	struct flow to;

	if (!packet_has_ports(packet)) {
		if (icmp_error(skb, packet, FLOW_REVERSE, &to) < 0)
			return drop(skb, packet, REASON_TRANSLATION_FAILED, HOOK_NODE_EGRESS);
		return TC_ACT_OK;
	}
	if (packet->is_later_fragment && !fragment_recall(packet))
		return TC_ACT_OK;
	known = flow_find(packet, FLOW_REVERSE);
	if (!known || !ip_equal(&known->destination, &packet->destination))
		return TC_ACT_OK;
	if (packet->is_first_fragment)
		fragment_keep(packet);
	flow_touch(known);
	to = *known;
	if (translate(skb, packet, &to))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, HOOK_NODE_EGRESS);
	return TC_ACT_OK;
}
