/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Services for outside clients in the driver of an uplink: flows that stand go on from there by the same link, without the stack, and what a
 * frontend does not admit ends there. The program behind the stack's door (lib/node_service.h) begins every flow, and does all that cannot be done
 * here: this one carries only what that one would have carried in the same way.
 *
 *   client --> uplink: XDP ---> uplink --> endpoint of another node, by the tunnel or beside it
 *   client <-- uplink <--- XDP: uplink <-- its answer
 */
#pragma once

#include "node_service.h"
#include "xdp_tunnel.h"

static __always_inline long xdp_route_find(struct xdp_md *ctx, const struct packet *packet, const struct flow *to, __u32 l3_bytes,
					   struct bpf_fib_lookup *way)
{
	route_ask(ctx->ingress_ifindex, packet, to, way);
	way->tot_len = l3_bytes;
	return bpf_fib_lookup(ctx, way, sizeof(*way), 0);
}

/* Back by the link that the packet came from. */
static __always_inline int xdp_transmit(struct xdp_md *ctx, const struct frame *frame)
{
	__u32 ifindex = ctx->ingress_ifindex;
	const struct node_link *link = bpf_map_lookup_elem(&node_links, &ifindex);

	count(frame->l3_bytes + ETH_HLEN, REASON_CARRIED_BY_XDP);
	/* What a veth sends by XDP_TX lies at its other end until something wakes that. */
	return link && (link->flags & NODE_LINK_VETH) ? bpf_redirect(ifindex, 0) : XDP_TX;
}

/* Moves the start of the packet; false where the driver has no room, which changes nothing. */
static __always_inline bool xdp_move_start(struct xdp_md *ctx, int bytes, __u32 spare_bytes, struct frame *frame)
{
	if (bytes && bpf_xdp_adjust_head(ctx, bytes))
		return false;
	frame->start = (void *)(long)ctx->data + spare_bytes;
	frame->end = (void *)(long)ctx->data_end;
	return true;
}

static __always_inline __u8 frame_ecn(const struct frame *frame, bool is_v6)
{
	const __u8 *ip = frame->start + ETH_HLEN;

	if (!frame_has(frame, ip + 2))
		return 0;
	/* The traffic class of IPv6 lies across both bytes. */
	return (is_v6 ? ip[1] >> 4 : ip[1]) & IP_ECN_BITS;
}

/* By the tunnel; `way` leads to its other end. */
static __noinline int xdp_send_wrapped(struct xdp_md *ctx, struct frame *frame, const struct packet *packet, const struct flow *to,
				       const struct bpf_fib_lookup *way)
{
	const struct tunnel_peer *peer = tunnel_peer_of(way->dmac);
	__u32 inner_bytes = frame->l3_bytes + ETH_HLEN;
	struct bpf_fib_lookup outer_way;
	struct tunnel_headers *outer;

	if (!peer || !ip_is_v4(&peer->remote))
		return XDP_PASS;
	tunnel_ask(peer, packet, inner_bytes + sizeof(*outer) - ETH_HLEN, ctx->ingress_ifindex, &outer_way);
	if (bpf_fib_lookup(ctx, &outer_way, sizeof(outer_way), 0) != BPF_FIB_LKUP_RET_SUCCESS ||
	    outer_way.ifindex != ctx->ingress_ifindex)
		return XDP_PASS;
	if (!xdp_move_start(ctx, -(int)sizeof(*outer), sizeof(*outer), frame))
		return XDP_PASS;
	outer = (void *)(long)ctx->data;
	if (!frame_has(frame, outer + 1) || !frame_translate(frame, packet, to) || !frame_address(frame, way))
		return XDP_ABORTED;
	tunnel_write(outer, &outer_way, peer, inner_bytes, frame_ecn(frame, packet->is_v6));
	return xdp_transmit(ctx, frame);
}

/* Sends the frame on as `to`, without the `outer_bytes` before it. */
static __noinline int xdp_send(struct xdp_md *ctx, struct frame *frame, const struct packet *packet, const struct flow *to, __u32 outer_bytes)
{
	struct bpf_fib_lookup way;

	/* What has to be told to its sender is the stack's; so is a neighbour that is not known yet. */
	if (packet->hop_limit <= 1 || xdp_route_find(ctx, packet, to, frame->l3_bytes, &way) != BPF_FIB_LKUP_RET_SUCCESS)
		return XDP_PASS;
	if (!outer_bytes && is_tunnel(way.ifindex))
		return xdp_send_wrapped(ctx, frame, packet, to, &way);
	if (way.ifindex != ctx->ingress_ifindex || !xdp_move_start(ctx, outer_bytes, 0, frame))
		return XDP_PASS;
	if (!frame_translate(frame, packet, to) || !frame_address(frame, &way))
		return XDP_ABORTED;
	return xdp_transmit(ctx, frame);
}

/* Whether the packet of a client goes on by a flow that stands; `to` is the flow then. `reason` is why the packet ends here, 0 where it does not. */
static __noinline bool xdp_client_goes_on(struct packet *packet, struct flow *to, int *reason)
{
	struct frontend_key key = { .ip = packet->destination, .port = packet->destination_port, .protocol = packet->protocol };
	struct service service = {};
	struct flow *known = flow_find(packet, FLOW_FORWARD);
	enum service_verdict verdict;

	if (known && outside_goes_on(packet, known)) {
		flow_touch(known);
		*to = *known;
		return true;
	}
	verdict = service_find(&key, CLIENT_OUTSIDE, &service);
	if (verdict == SERVICE_NONE)
		return false;
	if (!service_admits(&service, &packet->source))
		*reason = REASON_SERVICE_SOURCE_RANGE;
	else if (verdict == SERVICE_DROPPED)
		*reason = REASON_SERVICE_ELSEWHERE;
	/* A new connection from ends that had one before is a matter of the whole program. */
	if (*reason || !known || packet->protocol == IPPROTO_TCP || verdict != SERVICE_FOUND || known->generation != service.generation)
		return false;
	if (!(known->flags & FLOW_DIRECT) && flow_ends_state(packet, known) != ENDS_OWN)
		return false;
	flow_touch(known);
	*to = *known;
	return true;
}

/* An endpoint's answer to a client that is hidden behind the node. */
static __always_inline bool xdp_answer_goes_on(const struct packet *packet, struct flow *to)
{
	struct flow *known;

	if (!hides_clients(packet))
		return false;
	known = flow_find(packet, FLOW_REVERSE);
	if (!known)
		return false;
	flow_touch(known);
	*to = *known;
	return true;
}

/* With direct return the packet goes to the endpoint's node as it is; where that is, its flow says. */
static __noinline int xdp_send_direct(struct xdp_md *ctx, struct frame *frame, const struct packet *packet, const struct flow *to)
{
	struct flow same = flow_as_is(packet);
	struct bpf_fib_lookup way;

	if (packet->hop_limit <= 1 || xdp_route_find(ctx, packet, to, frame->l3_bytes, &way) != BPF_FIB_LKUP_RET_SUCCESS ||
	    !is_tunnel(way.ifindex))
		return XDP_PASS;
	return xdp_send_wrapped(ctx, frame, packet, &same, &way);
}

static __always_inline int xdp_drop(struct xdp_md *ctx, const struct frame *frame, const struct packet *packet, __u16 reason)
{
	struct packet_event *event;

	count(frame->l3_bytes + ETH_HLEN, reason);
	if (!reports_drops())
		return XDP_DROP;
	event = event_begin(packet, reason, HOOK_NODE_XDP);
	if (!event) {
		count(frame->l3_bytes + ETH_HLEN, REASON_LOST_EVENT);
		return XDP_DROP;
	}
	event->ifindex = ctx->ingress_ifindex;
	event->length_bytes = frame->l3_bytes + ETH_HLEN;
	bpf_ringbuf_submit(event, 0);
	return XDP_DROP;
}

static __always_inline int uplink_receives(struct xdp_md *ctx, struct frame *frame, struct packet *packet)
{
	struct flow to = {};
	int reason = 0;

	if (is_tunnel_frame(frame, packet)) {
		struct packet inner = {};

		if (!frame_read(ctx, sizeof(struct tunnel_headers), frame, &inner) || !xdp_answer_goes_on(&inner, &to))
			return XDP_PASS;
		return xdp_send(ctx, frame, &inner, &to, sizeof(struct tunnel_headers));
	}
	if (xdp_answer_goes_on(packet, &to))
		return xdp_send(ctx, frame, packet, &to, 0);
	if (xdp_client_goes_on(packet, &to, &reason)) {
		if (to.flags & FLOW_DIRECT)
			return xdp_send_direct(ctx, frame, packet, &to);
		/* Towards a pod of this node, or to a client that keeps its address, the stack is the way. */
		return ip_equal(&packet->source, &to.source) ? XDP_PASS : xdp_send(ctx, frame, packet, &to, 0);
	}
	return reason ? xdp_drop(ctx, frame, packet, reason) : XDP_PASS;
}
