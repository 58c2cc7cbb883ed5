/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What happened to packets: per-CPU counters by reason, and records in a bounded ring. A full ring loses records, never packets. */
#pragma once

#include "packet.h"

enum event_hook {
	HOOK_POD_EGRESS = 1,
	HOOK_POD_INGRESS = 2,
	HOOK_NODE_INGRESS = 3,
	HOOK_NODE_EGRESS = 4,
	HOOK_NODE_XDP = 5,
};

static __always_inline void count(__u32 length_bytes, __u32 reason)
{
	struct counter *counter = bpf_map_lookup_elem(&counters, &reason);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += length_bytes;
}

/* All of a record but where the packet was met and how long it is: those are read last, so that the stack need not hold them. */
static __always_inline struct packet_event *event_begin(const struct packet *packet, __u16 reason, enum event_hook hook)
{
	struct packet_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return NULL;
	event->time_ns = bpf_ktime_get_ns();
	event->reason = reason;
	event->hook = hook;
	event->protocol = packet->protocol;
	event->source = packet->source;
	event->destination = packet->destination;
	event->source_port = packet->source_port;
	event->destination_port = packet->destination_port;
	return event;
}

static __always_inline void report(struct __sk_buff *skb, const struct packet *packet, __u16 reason, enum event_hook hook)
{
	struct packet_event *event = event_begin(packet, reason, hook);

	if (!event) {
		count(skb->len, REASON_LOST_EVENT);
		return;
	}
	event->ifindex = skb->ifindex;
	event->length_bytes = skb->len;
	bpf_ringbuf_submit(event, 0);
}

static __always_inline bool reports_drops(void)
{
	__u32 index = 0;
	const struct settings *switches = bpf_map_lookup_elem(&settings, &index);

	return switches && switches->drop_events;
}

/* Counts and reports a packet that goes no further. */
static __always_inline int drop(struct __sk_buff *skb, const struct packet *packet, __u16 reason, enum event_hook hook)
{
	count(skb->len, reason);
	if (reports_drops())
		report(skb, packet, reason, hook);
	return TC_ACT_SHOT;
}

/* Lets a packet go on; every n-th is reported where sampling is on. */
static __always_inline int forward(struct __sk_buff *skb, const struct packet *packet, enum event_hook hook)
{
	__u32 index = 0;
	const struct settings *switches = bpf_map_lookup_elem(&settings, &index);

	if (switches && switches->forward_sampling && bpf_get_prandom_u32() % switches->forward_sampling == 0)
		report(skb, packet, REASON_FORWARDED, hook);
	return TC_ACT_OK;
}
