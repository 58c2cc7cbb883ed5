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

/* Where a packet is met, and its length with the Ethernet header. */
struct meeting {
	__u32 ifindex;
	__u32 length_bytes;
	enum event_hook hook;
};

static __always_inline void count(__u32 length_bytes, __u32 reason)
{
	struct counter *counter = bpf_map_lookup_elem(&counters, &reason);

	if (!counter)
		return;
	counter->packets++;
	counter->bytes += length_bytes;
}

static __always_inline void report(const struct meeting *at, const struct packet *packet, __u16 reason)
{
	struct packet_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event) {
		count(at->length_bytes, REASON_LOST_EVENT);
		return;
	}
	event->time_ns = bpf_ktime_get_ns();
	event->ifindex = at->ifindex;
	event->reason = reason;
	event->hook = at->hook;
	event->protocol = packet->protocol;
	event->source = packet->source;
	event->destination = packet->destination;
	event->source_port = packet->source_port;
	event->destination_port = packet->destination_port;
	event->length_bytes = at->length_bytes;
	bpf_ringbuf_submit(event, 0);
}

/* Counts and reports a packet that goes no further. */
static __always_inline void note_drop(const struct meeting *at, const struct packet *packet, __u16 reason)
{
	__u32 index = 0;
	const struct settings *switches = bpf_map_lookup_elem(&settings, &index);

	count(at->length_bytes, reason);
	if (switches && switches->drop_events)
		report(at, packet, reason);
}

static __always_inline struct meeting meeting_of(struct __sk_buff *skb, enum event_hook hook)
{
	return (struct meeting){ .ifindex = skb->ifindex, .length_bytes = skb->len, .hook = hook };
}

static __always_inline int drop(struct __sk_buff *skb, const struct packet *packet, __u16 reason, enum event_hook hook)
{
	struct meeting at = meeting_of(skb, hook);

	note_drop(&at, packet, reason);
	return TC_ACT_SHOT;
}

/* Lets a packet go on; every n-th is reported where sampling is on. */
static __always_inline int forward(struct __sk_buff *skb, const struct packet *packet, enum event_hook hook)
{
	__u32 index = 0;
	const struct settings *switches = bpf_map_lookup_elem(&settings, &index);

	if (switches && switches->forward_sampling && bpf_get_prandom_u32() % switches->forward_sampling == 0) {
		struct meeting at = meeting_of(skb, hook);

		report(&at, packet, REASON_FORWARDED);
	}
	return TC_ACT_OK;
}
