/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Services in what a pod sends and receives: finds or makes the flow and rewrites the packet, or answers it. */
#pragma once

#include "conntrack.h"
#include "dns.h"
#include "events.h"
#include "flows.h"
#include "forwarding.h"
#include "icmp_errors.h"
#include "policy.h"
#include "refuse.h"
#include "translate.h"

/* Lets a packet of no Service go on, where the pod's policy does. */
static __always_inline int pod_forwards(struct __sk_buff *skb, const struct packet *packet)
{
	struct flow as_is = flow_as_is(packet);
	int reason = policy_sends(skb, packet, &as_is);

	return reason ? drop(skb, packet, reason, HOOK_POD_EGRESS) : forward(skb, packet, HOOK_POD_EGRESS);
}

/* Sends a translated packet on: through the stack where the pod's policy lets it, or straight back where the pod itself is meant. */
static __always_inline int deliver(struct __sk_buff *skb, const struct packet *packet, const struct flow *to, bool is_back)
{
	int reason = is_back ? 0 : policy_sends(skb, packet, to);

	if (reason)
		return drop(skb, packet, reason, HOOK_POD_EGRESS);
	if (translate(skb, packet, to))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, HOOK_POD_EGRESS);
	if (!is_back)
		return forward(skb, packet, HOOK_POD_EGRESS);
	if (swap_ethernet(skb))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, HOOK_POD_EGRESS);
	return bpf_redirect(skb->ifindex, 0);
}

static __always_inline bool flow_is_own(const struct packet *packet, const struct flow *to)
{
	return ip_equal(&packet->source, &to->destination);
}

/* A pod that is its own endpoint answers the node's address: back to itself, as the frontend. */
static __always_inline int pod_answers_itself(struct __sk_buff *skb, struct packet *packet)
{
	const struct flow *known = flow_find(packet, FLOW_REVERSE);
	struct flow to;

	if (!known)
		return forward(skb, packet, HOOK_POD_EGRESS);
	to = *known;
	return deliver(skb, packet, &to, true);
}

/* `to` is the flow where it is to be delivered, `reason` says why it is not. */
static __noinline enum flow_course pod_asks(struct __sk_buff *skb, struct packet *packet, struct flow *known, struct flow *to, int *reason)
{
	struct frontend_key key = {
		.ip = packet->destination, .port = packet->destination_port, .protocol = packet->protocol
	};
	struct service service = {};
	enum service_verdict verdict = service_find(&key, CLIENT_INSIDE, &service);

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
	if (verdict == SERVICE_FOUND && known && flow_resume(packet, known, &service, to))
		return COURSE_DELIVER;
	/* A segment in the middle of a connection is the stack's, or nobody's: then any endpoint would be a wrong one. */
	*reason = REASON_SERVICE_UNKNOWN_FLOW;
	if (packet_is_middle(packet)) {
		/* In doubt the stack's: a ClusterIP that nobody translates is refused there, any other address comes back by a link of the node. */
		if (conntrack_may_know(skb, packet))
			return COURSE_FORWARD;
		if (verdict == SERVICE_FOUND)
			return COURSE_REFUSE;
	}
	if (verdict == SERVICE_FOUND)
		verdict = flow_choose(packet, &key, &service, to);
	*reason = REASON_SERVICE_NO_ENDPOINT;
	if (verdict != SERVICE_FOUND)
		return COURSE_REFUSE;
	flow_keep(packet, to);
	return COURSE_DELIVER;
}

/*
 * Whether an answer is given to what the pod asks of the node's DNS: where these programs keep policies they say so, and where others do, of a pod that
 * no policy keeps from anybody. They would judge the question later than here.
 */
static __always_inline bool pod_may_ask(struct __sk_buff *skb, const struct packet *packet)
{
	__u32 ifindex = skb->ifindex;
	struct flow as_is = flow_as_is(packet);
	const struct pod_interface *pod;

	if (policy_does(POLICY_MODE_JUDGES))
		return !policy_sends(skb, packet, &as_is);
	pod = bpf_map_lookup_elem(&pod_interfaces, &ifindex);
	return pod && policy_does(POLICY_MODE_MARKS) && !policy_isolates(pod->isolated, POLICY_EGRESS);
}

/* What a pod sends. The source has been checked. */
static __always_inline int pod_sends(struct __sk_buff *skb, struct packet *packet)
{
	struct ip_address neighbour = neighbour_ip(packet->is_v6);
	struct flow *known;
	struct flow to = {};
	int reason = 0;

	if (!packet_has_ports(packet)) {
		if (is_exclusive_address(packet))
			return drop(skb, packet, REASON_SERVICE_PROTOCOL, HOOK_POD_EGRESS);
		if (hides_clients(packet))
			return send_error_on(skb, packet, &to, HOOK_POD_EGRESS);
		return pod_forwards(skb, packet);
	}
	if (packet->is_later_fragment && !fragment_recall(packet)) {
		if (is_service_address(packet))
			return drop(skb, packet, REASON_SERVICE_FRAGMENT, HOOK_POD_EGRESS);
		return pod_forwards(skb, packet);
	}
	if (packet->is_first_fragment)
		fragment_keep(packet);
	if (dns_is_asked(skb, packet) && pod_may_ask(skb, packet)) {
		int answered = dns_answer(skb, packet);

		if (answered != DNS_NOT_OURS)
			return answered == DNS_ANSWERED ? bpf_redirect(skb->ifindex, 0) : TC_ACT_SHOT;
	}
	if (ip_equal(&packet->destination, &neighbour))
		return pod_answers_itself(skb, packet);
	/* An endpoint answers the node, behind which the client is hidden. */
	if (hides_clients(packet)) {
		known = flow_find(packet, FLOW_REVERSE);
		if (known)
			return answer_client(skb, packet, known, HOOK_POD_EGRESS);
	}
	known = flow_find(packet, FLOW_FORWARD);
	/* A connection that stands goes on to its endpoint, even where that one or the Service has gone from the tables. */
	if (known && packet_is_middle(packet)) {
		to = *known;
		return deliver(skb, packet, &to, flow_is_own(packet, &to));
	}
	/* No Service is asked for where none was when it began. */
	if (!known && packet_is_middle(packet) && policy_goes_on(skb, packet))
		return forward(skb, packet, HOOK_POD_EGRESS);
	switch (pod_asks(skb, packet, known, &to, &reason)) {
	case COURSE_DELIVER:
		return deliver(skb, packet, &to, flow_is_own(packet, &to));
	case COURSE_REFUSE:
		drop(skb, packet, reason, HOOK_POD_EGRESS);
		return refuse(skb, packet);
	case COURSE_DROP:
		return drop(skb, packet, reason, HOOK_POD_EGRESS);
	default:
		return pod_forwards(skb, packet);
	}
}

/* What a pod receives: an endpoint's answer looks like the frontend. */
static __always_inline int pod_receives(struct __sk_buff *skb, struct packet *packet)
{
	const struct flow *known;
	struct flow to;
	int reason;

	if (packet->is_later_fragment && packet_has_ports(packet))
		fragment_recall(packet);
	else if (packet->is_first_fragment && packet_has_ports(packet))
		fragment_keep(packet);
	reason = policy_receives(skb, packet);
	if (reason)
		return drop(skb, packet, reason, HOOK_POD_INGRESS);
	if (!packet_has_ports(packet)) {
		struct flow known;

		if (icmp_error(skb, packet, FLOW_REVERSE, &known) < 0)
			return drop(skb, packet, REASON_TRANSLATION_FAILED, HOOK_POD_INGRESS);
		return forward(skb, packet, HOOK_POD_INGRESS);
	}
	known = flow_find(packet, FLOW_REVERSE);
	if (!known)
		return forward(skb, packet, HOOK_POD_INGRESS);
	to = *known;
	if (translate(skb, packet, &to))
		return drop(skb, packet, REASON_TRANSLATION_FAILED, HOOK_POD_INGRESS);
	return forward(skb, packet, HOOK_POD_INGRESS);
}
