/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Services: which frontend a destination is, and which endpoint to take. Shared by sockets and packets; touches neither. */
#pragma once

#include "growing_map.h"
#include "maglev.h"

enum service_verdict {
	/* Not an address of a Service: leave it alone. */
	SERVICE_NONE,
	/* There is an endpoint to go to. */
	SERVICE_FOUND,
	/* A Service without endpoints, or an unused port of one: refuse at once. */
	SERVICE_REFUSED,
	/* No endpoint here, but elsewhere: silence. */
	SERVICE_DROPPED,
};

enum client_side {
	/* The node's pods and processes. */
	CLIENT_INSIDE,
	/* Whoever comes by the node's links. */
	CLIENT_OUTSIDE,
	/* Such a client, handed over by the node that it came to. */
	CLIENT_DIRECT,
	/* Another node's pod that asks this node itself, by the tunnel. It is hidden: packets of its own node would come back there. */
	CLIENT_PEER,
};

/* A frontend as one side of clients meets it. */
struct service {
	__u32 service_id;
	__u32 generation;
	__u32 endpoint_count;
	__u32 affinity_timeout_s;
	__u32 flags;
	__u32 range_set;
	enum client_side side;
	/* Places of the table by which this client chooses, 0 for chance; and its hash (maglev_hash), which whoever asks has to set. */
	__u32 table_size;
	__u32 client_hash;
};

/* The agent may switch generations between our two look-ups; after so many misses in a row something is broken. */
#define SERVICE_TRIES 2

/* Destination to frontend. One look-up for all traffic that is not ours. */
static __always_inline enum service_verdict service_find(const struct frontend_key *key, enum client_side side,
							 struct service *out)
{
	const struct service_address *address = growing_map_lookup(&service_addresses, &key->ip);
	const struct frontend *found;
	bool is_inside = side == CLIENT_INSIDE;

	if (!address)
		return SERVICE_NONE;
	found = growing_map_lookup(&frontends, key);
	if (!found)
		return address->flags & ADDRESS_EXCLUSIVE ? SERVICE_REFUSED : SERVICE_NONE;
	out->service_id = found->service_id;
	out->affinity_timeout_s = found->affinity_timeout_s;
	out->flags = found->flags & ~(FRONTEND_DIRECT_RETURN * (side == CLIENT_PEER));
	out->range_set = found->range_set;
	out->side = side;
	out->table_size = 0;
	if (side == CLIENT_DIRECT && (found->flags & FRONTEND_DIRECT_RETURN)) {
		out->generation = found->direct_generation;
		out->endpoint_count = found->direct_count;
		/* The node that chose this one did not know yet; its client asks again. */
		return out->endpoint_count ? SERVICE_FOUND : SERVICE_DROPPED;
	}
	if (side == CLIENT_DIRECT)
		out->side = CLIENT_OUTSIDE;
	if (!is_inside)
		out->table_size = found->outside_table_size;
	out->generation = is_inside ? found->inside_generation : found->outside_generation;
	out->endpoint_count = is_inside ? found->inside_count : found->outside_count;
	if (out->endpoint_count)
		return SERVICE_FOUND;
	return out->flags & (is_inside ? FRONTEND_INSIDE_DROPS : FRONTEND_OUTSIDE_DROPS) ? SERVICE_DROPPED :
											  SERVICE_REFUSED;
}

/* Whether a packet's sender may use the Service. */
static __always_inline bool service_admits(const struct service *service, const struct ip_address *client)
{
	struct source_range_key key = {
		.prefix_bits = 8 * (sizeof(key.range_set) + sizeof(key.ip)),
		.range_set = service->range_set,
		.ip = *client,
	};

	return !service->range_set || bpf_map_lookup_elem(&source_ranges, &key);
}

/* Whether a remembered endpoint still belongs to the frontend. */
static __always_inline bool service_has(const struct service *service, const struct ip_address *ip, __be16 port)
{
	struct member_key key = { .generation = service->generation, .ip = *ip, .port = port };

	return growing_map_lookup(&members, &key) != NULL;
}

/*
 * Whether a flow that was given this endpoint in `generation` may go on with it. With session affinity the client's own record decides
 * after a change: the endpoint may have left and come back, and the client may have moved on meanwhile.
 */
static __always_inline bool service_keeps(const struct service *service, __u32 generation, const struct ip_address *ip,
					  __be16 port)
{
	if (generation == service->generation)
		return true;
	return !service->affinity_timeout_s && service_has(service, ip, port);
}

static __always_inline bool service_pick(const struct service *service, struct transport_address *out)
{
	struct endpoint_key key = { .generation = service->generation };
	const struct transport_address *found;

	if (!service->endpoint_count)
		return false;
	if (!service->table_size)
		key.slot = bpf_get_prandom_u32() % service->endpoint_count;
	else if (!maglev_slot(service->generation, service->client_hash % service->table_size, &key.slot))
		return false;
	found = growing_map_lookup(&endpoints, &key);
	if (!found)
		return false;
	*out = *found;
	return true;
}

/* The endpoint that this client had within the time-out, as long as it is one. */
static __always_inline bool affinity_recall(const struct service *service, const struct affinity_key *key,
					    struct transport_address *out)
{
	struct affinity *known = bpf_map_lookup_elem(&affinities, key);
	__u64 now = bpf_ktime_get_ns();

	if (!known || now - known->last_used_ns > service->affinity_timeout_s * 1000000000ULL)
		return false;
	if (!service_has(service, &known->ip, known->port))
		return false;
	out->ip = known->ip;
	out->port = known->port;
	known->last_used_ns = now;
	return true;
}

static __always_inline void affinity_keep(const struct affinity_key *key, const struct transport_address *endpoint)
{
	struct affinity value = {
		.last_used_ns = bpf_ktime_get_ns(),
		.ip = endpoint->ip,
		.port = endpoint->port,
	};

	bpf_map_update_elem(&affinities, key, &value, BPF_ANY);
}

/*
 * The endpoint for a new flow to `key`. `client` names who asks, for session affinity. `service` comes from service_find and
 * is read anew where its generation went away meanwhile.
 */
static __noinline enum service_verdict service_choose(const struct frontend_key *key, struct service *service,
							   const struct ip_address *client,
							   struct transport_address *out)
{
	struct affinity_key sticky = { .client = *client, .service_id = service->service_id };

	if (service->affinity_timeout_s && affinity_recall(service, &sticky, out))
		return SERVICE_FOUND;
#pragma unroll
	for (int i = 0; i < SERVICE_TRIES; i++) {
		enum service_verdict verdict;

		if (service_pick(service, out)) {
			if (service->affinity_timeout_s)
				affinity_keep(&sticky, out);
			return SERVICE_FOUND;
		}
		verdict = service_find(key, service->side, service);
		if (verdict != SERVICE_FOUND)
			return verdict;
	}
	return SERVICE_REFUSED;
}
