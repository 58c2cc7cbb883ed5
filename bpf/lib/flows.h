/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Services per packet: a flow from a pod to a frontend goes to one endpoint, and what comes back looks like the frontend.
 *
 *   client:cp -> frontend:fp   --- flow, forward --->   source:sp -> endpoint:ep
 *   client:cp <- frontend:fp   <-- flow, reverse ----   source:sp <- endpoint:ep
 *
 * source:sp is client:cp but for two cases: a client that has a flow between the same ends already gets another port, and a pod
 * that is its own endpoint sees a neighbour's address, because a host takes no packet from itself.
 */
#pragma once

#include "packet.h"
#include "service.h"

#define FLOW_FORWARD 0
#define FLOW_REVERSE 1
/* Tries for an endpoint whose tuple is free, then for a port that is. */
#define FLOW_ENDPOINT_TRIES 2
#define FLOW_PORT_TRIES 4
#define FLOW_FIRST_PORT 1024

/* Addresses of the node on every pod's link: a pod answers them by way of the node. */
#define NEIGHBOUR_V4 0xa9fe0101 /* 169.254.1.1 */

static __always_inline struct ip_address neighbour_ip(bool is_v6)
{
	if (!is_v6)
		return ip_from_v4(bpf_htonl(NEIGHBOUR_V4));
	/* fe80::1 */
	return (struct ip_address){ .words = { bpf_htonl(0xfe800000), 0, 0, bpf_htonl(1) } };
}

static __always_inline void flow_key_of(const struct packet *packet, __u8 direction, struct flow_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->source = packet->source;
	key->destination = packet->destination;
	key->source_port = packet->source_port;
	key->destination_port = packet->destination_port;
	key->protocol = packet->protocol;
	key->direction = direction;
}

static __noinline struct flow *flow_find(const struct packet *packet, __u8 direction)
{
	struct flow_key key;

	flow_key_of(packet, direction, &key);
	return bpf_map_lookup_elem(&flows, &key);
}

/* The key by which answers to `out` are found. */
static __always_inline void flow_answer_key(const struct flow *out, __u8 protocol, struct flow_key *key)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->source = out->destination;
	key->destination = out->source;
	key->source_port = out->destination_port;
	key->destination_port = out->source_port;
	key->protocol = protocol;
	key->direction = FLOW_REVERSE;
}

/* Units of 2^30 ns, a second or so: a shift instead of a division per packet, and of the clock of the last tick. */
static __always_inline __u32 flow_clock(void)
{
	return (__u32)(bpf_ktime_get_coarse_ns() >> 30);
}

/* Keeps note that a flow of an outside client is in use; written once a second. */
static __always_inline void flow_touch(struct flow *known)
{
	__u32 now = flow_clock();

	if (known->last_used != now)
		known->last_used = now;
}

/* What becomes of a packet to a Service. Decided in a function of its own, done by its caller: the stack of all calls is 512 bytes. */
enum flow_course {
	/* To an endpoint, as the flow says. */
	COURSE_DELIVER,
	/* None of ours. */
	COURSE_FORWARD,
	COURSE_REFUSE,
	COURSE_DROP,
};

enum flow_ends_state {
	/* Nobody's answers come by these ends. */
	ENDS_FREE,
	/* This very client and frontend use them. */
	ENDS_OWN,
	ENDS_TAKEN,
};

/* Who gets answers to `out`. The look-up also keeps the answering entry as recently used as the asking one. */
static __noinline enum flow_ends_state flow_ends_state(const struct packet *packet, const struct flow *out)
{
	struct flow_key key;
	const struct flow *known;

	flow_answer_key(out, packet->protocol, &key);
	known = bpf_map_lookup_elem(&flows, &key);
	if (!known)
		return ENDS_FREE;
	/* The client counts, too: behind the node's address others have its port. */
	if (ip_equal(&known->source, &packet->destination) && known->source_port == packet->destination_port &&
	    ip_equal(&known->destination, &packet->source) && known->destination_port == packet->source_port)
		return ENDS_OWN;
	return ENDS_TAKEN;
}

/* The node's address of the packet's family, zero for none. */
static __always_inline struct ip_address node_ip(bool is_v6)
{
	__u32 index = is_v6;
	const struct node_address *known = bpf_map_lookup_elem(&node_addresses, &index);

	return known ? known->ip : (struct ip_address){};
}

/*
 * What a pod that is its own endpoint sees in its own place. SCTP answers a link's address from its own one of the link, which no flow is of: there it is
 * the node's address, behind which outside clients are hidden, too.
 */
static __always_inline struct ip_address own_client_ip(const struct packet *packet)
{
	struct ip_address node = {};

	if (packet->protocol == IPPROTO_SCTP && packet->is_v6)
		node = node_ip(true);
	return node.words[0] ? node : neighbour_ip(packet->is_v6);
}

/* Both ends as the endpoint will see them. */
static __always_inline void flow_ends(const struct packet *packet, const struct transport_address *endpoint, struct flow *out)
{
	out->destination = endpoint->ip;
	out->destination_port = endpoint->port;
	out->source_port = packet->source_port;
	out->source = ip_equal(&endpoint->ip, &packet->source) ? own_client_ip(packet) : packet->source;
}

/*
 * Takes an endpoint and free ends for a new flow. Where nothing is free, the last try takes the place of an older flow. The loops are
 * unrolled: Linux 6.1 refuses a loop that is entered from straight code behind another branch of it (check_cfg, "back-edge").
 */
static __always_inline enum service_verdict flow_choose(const struct packet *packet, const struct frontend_key *key,
							struct service *service, struct flow *out)
{
	struct transport_address endpoint = {};

#pragma unroll
	for (int i = 0; i < FLOW_ENDPOINT_TRIES; i++) {
		enum service_verdict verdict = service_choose(key, service, &packet->source, &endpoint);

		if (verdict != SERVICE_FOUND)
			return verdict;
		out->generation = service->generation;
		flow_ends(packet, &endpoint, out);
		if (flow_ends_state(packet, out) != ENDS_TAKEN)
			return SERVICE_FOUND;
	}
#pragma unroll
	for (int i = 0; i < FLOW_PORT_TRIES; i++) {
		out->source_port = bpf_htons(FLOW_FIRST_PORT + bpf_get_prandom_u32() % (65536 - FLOW_FIRST_PORT));
		if (flow_ends_state(packet, out) != ENDS_TAKEN)
			return SERVICE_FOUND;
	}
	return SERVICE_FOUND;
}

static __always_inline void flow_keep(const struct packet *packet, const struct flow *out)
{
	struct flow back = {
		.source = packet->destination,
		.destination = packet->source,
		.source_port = packet->destination_port,
		.destination_port = packet->source_port,
		.generation = out->generation,
		.last_used = out->last_used,
	};
	struct flow_key key;

	flow_answer_key(out, packet->protocol, &key);
	bpf_map_update_elem(&flows, &key, &back, BPF_ANY);
	flow_key_of(packet, FLOW_FORWARD, &key);
	bpf_map_update_elem(&flows, &key, out, BPF_ANY);
}

/* No answer comes by here: the asking direction alone is known. */
static __always_inline void flow_keep_direct(const struct packet *packet, const struct flow *out)
{
	struct flow_key key;

	flow_key_of(packet, FLOW_FORWARD, &key);
	bpf_map_update_elem(&flows, &key, out, BPF_ANY);
}

/* Takes up a known flow: its endpoint is still one of the frontend's, and its answers find back, or are made to. */
static __always_inline bool flow_resume(const struct packet *packet, struct flow *known, const struct service *service,
					struct flow *out)
{
	enum flow_ends_state ends;

	if (!service_keeps(service, known->generation, &known->destination, known->destination_port))
		return false;
	known->generation = service->generation;
	*out = *known;
	if (out->flags & FLOW_DIRECT)
		return true;
	ends = flow_ends_state(packet, out);
	if (ends == ENDS_FREE)
		flow_keep(packet, out);
	return ends != ENDS_TAKEN;
}

/* Forgets where packets like this one go. Their answers' entry may stay: none comes by it any more, or somebody else's. */
static __noinline void flow_forget(const struct packet *packet)
{
	struct flow_key key;

	flow_key_of(packet, FLOW_FORWARD, &key);
	bpf_map_delete_elem(&flows, &key);
}

/* The flow that leaves a packet as it is. */
static __always_inline struct flow flow_as_is(const struct packet *packet)
{
	return (struct flow){
		.source = packet->source,
		.destination = packet->destination,
		.source_port = packet->source_port,
		.destination_port = packet->destination_port,
	};
}

/*
 * A pod speaks to an endpoint itself, without the Service, from ends that a flow of a Service had: that flow is over, and answers are to
 * be left alone from here on.
 */
static __always_inline void flow_forget_between(const struct packet *packet)
{
	struct flow out = flow_as_is(packet);
	struct flow_key answers;
	struct flow_key asks = { .protocol = packet->protocol, .direction = FLOW_FORWARD };
	const struct flow *known;

	flow_answer_key(&out, packet->protocol, &answers);
	known = bpf_map_lookup_elem(&flows, &answers);
	if (!known)
		return;
	asks.source = known->destination;
	asks.destination = known->source;
	asks.source_port = known->destination_port;
	asks.destination_port = known->source_port;
	bpf_map_delete_elem(&flows, &asks);
	bpf_map_delete_elem(&flows, &answers);
}

static __always_inline void fragment_key_of(const struct packet *packet, struct fragment_key *key)
{
	key->source = packet->source;
	key->destination = packet->destination;
	key->id = packet->fragment_id;
	key->protocol = packet->protocol;
}

/* Keeps the ports of a first fragment for those that follow. */
static __noinline void fragment_keep(const struct packet *packet)
{
	struct fragment_ports ports = { .source = packet->source_port, .destination = packet->destination_port };
	struct fragment_key key;

	fragment_key_of(packet, &key);
	bpf_map_update_elem(&fragments, &key, &ports, BPF_ANY);
}

/* Gives a later fragment the ports of its first one. */
static __noinline bool fragment_recall(struct packet *packet)
{
	const struct fragment_ports *ports;
	struct fragment_key key;

	fragment_key_of(packet, &key);
	ports = bpf_map_lookup_elem(&fragments, &key);
	if (!ports)
		return false;
	packet->source_port = ports->source;
	packet->destination_port = ports->destination;
	return true;
}
