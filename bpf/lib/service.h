/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Services: which frontend a destination is, and which endpoint to take. Shared by sockets and packets; touches neither. */
#pragma once

#include "../include/generated.h"

enum service_verdict {
	/* Not an address of a Service: leave it alone. */
	SERVICE_NONE,
	/* There is an endpoint to go to. */
	SERVICE_FOUND,
	/* A Service without endpoints, or an unused port of one: refuse at once. */
	SERVICE_REFUSED,
};

/* The agent may switch generations between our two look-ups; after so many misses in a row something is broken. */
#define SERVICE_TRIES 2

/* Destination to frontend. One look-up for all traffic that is not ours. */
static __always_inline enum service_verdict service_find(const struct frontend_key *key, struct frontend *out)
{
	const struct service_address *address = bpf_map_lookup_elem(&service_addresses, &key->ip);
	const struct frontend *found;

	if (!address)
		return SERVICE_NONE;
	found = bpf_map_lookup_elem(&frontends, key);
	if (!found)
		return address->flags & ADDRESS_EXCLUSIVE ? SERVICE_REFUSED : SERVICE_NONE;
	*out = *found;
	return out->endpoint_count ? SERVICE_FOUND : SERVICE_REFUSED;
}

/* Whether a remembered endpoint still belongs to the frontend. */
static __always_inline bool service_has(const struct frontend *frontend, const struct ip_address *ip, __be16 port)
{
	struct member_key key = { .generation = frontend->generation, .ip = *ip, .port = port };

	return bpf_map_lookup_elem(&members, &key) != NULL;
}

/*
 * Whether a flow that was given this endpoint in `generation` may go on with it. With session affinity the client's own record decides
 * after a change: the endpoint may have left and come back, and the client may have moved on meanwhile.
 */
static __always_inline bool service_keeps(const struct frontend *frontend, __u32 generation, const struct ip_address *ip,
					  __be16 port)
{
	if (generation == frontend->generation)
		return true;
	return !frontend->affinity_timeout_s && service_has(frontend, ip, port);
}

static __always_inline bool service_pick(const struct frontend *frontend, struct transport_address *out)
{
	struct endpoint_key key = { .generation = frontend->generation };
	const struct transport_address *found;

	if (!frontend->endpoint_count)
		return false;
	key.slot = bpf_get_prandom_u32() % frontend->endpoint_count;
	found = bpf_map_lookup_elem(&endpoints, &key);
	if (!found)
		return false;
	*out = *found;
	return true;
}

/* The endpoint that this client had within the time-out, as long as it is one. */
static __always_inline bool affinity_recall(const struct frontend *frontend, const struct affinity_key *key,
					    struct transport_address *out)
{
	struct affinity *known = bpf_map_lookup_elem(&affinities, key);
	__u64 now = bpf_ktime_get_ns();

	if (!known || now - known->last_used_ns > frontend->affinity_timeout_s * 1000000000ULL)
		return false;
	if (!service_has(frontend, &known->ip, known->port))
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
 * The endpoint for a new flow to `key`. `client` names who asks, for session affinity. `frontend` comes from service_find and
 * is read anew where its generation went away meanwhile.
 */
static __noinline enum service_verdict service_choose(const struct frontend_key *key, struct frontend *frontend,
							   const struct ip_address *client,
							   struct transport_address *out)
{
	struct affinity_key sticky = { .client = *client, .service_id = frontend->service_id };

	if (frontend->affinity_timeout_s && affinity_recall(frontend, &sticky, out))
		return SERVICE_FOUND;
#pragma unroll
	for (int i = 0; i < SERVICE_TRIES; i++) {
		enum service_verdict verdict;

		if (service_pick(frontend, out)) {
			if (frontend->affinity_timeout_s)
				affinity_keep(&sticky, out);
			return SERVICE_FOUND;
		}
		verdict = service_find(key, frontend);
		if (verdict != SERVICE_FOUND)
			return verdict;
	}
	return SERVICE_REFUSED;
}
