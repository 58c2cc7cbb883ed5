/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Consistent hashing for outside clients: a table of slots for each set of endpoints, the same on every node, and a hash of the client that is the
 * same on every node, too. So a client whose packets come by another node meets the endpoint that it had (src/base/maglev.ts fills the tables).
 */
#pragma once

#include "growing_map.h"

static __always_inline __u32 maglev_mix(__u32 hash, __u32 word)
{
	word *= 0xcc9e2d51;
	word = (word << 15) | (word >> 17);
	hash ^= word * 0x1b873593;
	hash = (hash << 13) | (hash >> 19);
	return hash * 5 + 0xe6546b64;
}

/*
 * MurmurHash3 of the client and what it asks for, with a fixed seed. `client_port` is 0 where all flows of a client belong together. The frontend's
 * address is left out: at a node port it is each node's own.
 */
static __always_inline __u32 maglev_hash(const struct ip_address *client, __be16 client_port, const struct frontend_key *frontend)
{
	__u32 hash = 0x2f0b4a47;

	for (int i = 0; i < 4; i++)
		hash = maglev_mix(hash, client->words[i]);
	hash = maglev_mix(hash, (__u32)client_port << 16 | frontend->port);
	hash = maglev_mix(hash, frontend->protocol);
	hash ^= 24;
	hash = (hash ^ hash >> 16) * 0x85ebca6b;
	hash = (hash ^ hash >> 13) * 0xc2b2ae35;
	return hash ^ hash >> 16;
}

/* The slot for a client's hash; false where the set went away meanwhile. */
static __always_inline bool maglev_slot(__u32 generation, __u32 place, __u32 *slot)
{
	struct maglev_key key = { .generation = generation, .part = place / MAGLEV_PART_SLOTS };
	const struct maglev_part *part = growing_map_lookup(&maglev_tables, &key);
	__u32 at = place % MAGLEV_PART_SLOTS;

	/* The verifier knows nothing of a remainder, and clang would leave a check out that it knows to hold. */
	asm volatile("" : "+r"(at));
	if (!part || at >= MAGLEV_PART_SLOTS)
		return false;
	*slot = part->slots[at];
	return true;
}
