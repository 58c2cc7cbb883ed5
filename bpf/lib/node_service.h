/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Services for clients that come by the node's links.
 *
 *   client:cp -> frontend:fp   --- hidden ---->   node:np -> endpoint:ep     routed here, handed to the link
 *                              --- kept ------>   client:cp -> endpoint:ep   goes on by the stack
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

/* Takes an endpoint and ends for a new flow; 0, or the reason to drop the packet; what refuses is in `verdict`. */
static __always_inline int outside_choose(struct __sk_buff *skb, const struct packet *packet, const struct frontend_key *key,
					  struct service *service, struct flow *out, enum service_verdict *verdict)
{
	struct transport_address endpoint = {};
	struct bpf_fib_lookup way;

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
	if (!(service->flags & FRONTEND_MASQUERADES_OUTSIDE))
		return 0;
	/* The node itself is the endpoint: it takes no packet from itself, and its answers pass here anyway. */
	if (route_find(skb, packet, out, &way) == BPF_FIB_LKUP_RET_NOT_FWDED)
		return 0;
	out->source = node_ip(packet->is_v6);
	if (!(out->source.words[0] | out->source.words[1] | out->source.words[2] | out->source.words[3]))
		return REASON_SERVICE_NO_ROUTE;
	return hide_client(packet, out) ? 0 : REASON_SERVICE_NO_PORT;
}

/*
 * Whether a known flow is hidden, or kept, as the frontend wants it now. Without a new generation nothing has changed; flows to the node itself
 * are kept in any case.
 */
static __noinline bool outside_keeps(struct __sk_buff *skb, const struct packet *packet, const struct flow *known,
				     const struct service *service)
{
	bool is_hidden = !ip_equal(&known->source, &packet->source);
	struct bpf_fib_lookup way;

	if (known->generation == service->generation || is_hidden == !!(service->flags & FRONTEND_MASQUERADES_OUTSIDE))
		return true;
	return !is_hidden && route_find(skb, packet, known, &way) == BPF_FIB_LKUP_RET_NOT_FWDED;
}

static __always_inline int outside_deliver(struct __sk_buff *skb, const struct packet *packet, const struct flow *to)
{
	if (!ip_equal(&packet->source, &to->source))
		return send_on(skb, packet, to, HOOK_NODE_INGRESS);
	if (translate(skb, packet, to))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, HOOK_NODE_INGRESS);
	return forward(skb, packet, HOOK_NODE_INGRESS);
}

/* `to` is the flow where it is to be delivered, `reason` says why it is not. */
static __noinline enum flow_course outside_asks(struct __sk_buff *skb, struct packet *packet, struct flow *known, struct flow *to,
						int *reason)
{
	struct frontend_key key = {
		.ip = packet->destination, .port = packet->destination_port, .protocol = packet->protocol
	};
	struct service service = {};
	enum service_verdict verdict = service_find(&key, CLIENT_OUTSIDE, &service);

	if (verdict == SERVICE_NONE) {
		if (packet->protocol == IPPROTO_UDP || packet_is_new_tcp(packet))
			flow_forget_between(packet);
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
	if (packet->protocol == IPPROTO_TCP && !packet_is_new_tcp(packet)) {
		if (conntrack_knows(skb, packet))
			return COURSE_FORWARD;
		/* A client that keeps its address and has a table goes to where its connection may be known: it came by another node before. */
		if (verdict == SERVICE_FOUND && (!service.table_size || service.flags & FRONTEND_MASQUERADES_OUTSIDE))
			return COURSE_REFUSE;
	}
	if (verdict == SERVICE_FOUND) {
		*reason = outside_choose(skb, packet, &key, &service, to, &verdict);
		if (*reason)
			return COURSE_DROP;
	}
	*reason = REASON_SERVICE_NO_ENDPOINT;
	if (verdict != SERVICE_FOUND)
		return COURSE_REFUSE;
	flow_keep(packet, to);
	return COURSE_DELIVER;
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
		if (is_exclusive_address(packet))
			return drop(skb, packet, REASON_SERVICE_FRAGMENT, HOOK_NODE_INGRESS);
		return forward(skb, packet, HOOK_NODE_INGRESS);
	}
	if (packet->is_first_fragment && (is_service || is_hiding))
		fragment_keep(packet);
	if (is_hiding) {
		known = flow_find(packet, FLOW_REVERSE);
		if (known)
			return answer_client(skb, packet, known, HOOK_NODE_INGRESS);
	}
	known = flow_find(packet, FLOW_FORWARD);
	/* A connection that stands goes on, unless another client was given its port meanwhile. */
	if (known && packet->protocol == IPPROTO_TCP && !packet_is_new_tcp(packet) && flow_ends_state(packet, known) == ENDS_OWN) {
		to = *known;
		flow_touch(known);
		return outside_deliver(skb, packet, &to);
	}
	switch (outside_asks(skb, packet, known, &to, &reason)) {
	case COURSE_DELIVER:
		return outside_deliver(skb, packet, &to);
	case COURSE_REFUSE:
		drop(skb, packet, reason, HOOK_NODE_INGRESS);
		return refuse(skb, packet);
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
