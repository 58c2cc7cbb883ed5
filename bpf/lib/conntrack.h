/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * What the kernel's connection tracking knows. A node that changes from a backend of netfilter has connections that no flow here knows:
 * they are the stack's, which goes on translating them. Some kernels cannot be asked (net/netfilter/nf_conntrack_bpf.c is missing):
 * src/sys/bpf-conntrack.ts.
 */
#pragma once

#include "packet.h"

#ifdef WITHOUT_CONNTRACK

static __always_inline bool conntrack_knows(struct __sk_buff *skb, const struct packet *packet)
{
	(void)skb;
	(void)packet;
	return false;
}

static __always_inline bool conntrack_may_know(struct __sk_buff *skb, const struct packet *packet)
{
	(void)skb;
	(void)packet;
	return true;
}

static __always_inline bool conntrack_is_answer(struct __sk_buff *skb, const struct packet *packet)
{
	(void)skb;
	(void)packet;
	return false;
}

#else

/* struct bpf_ct_opts; what stands behind the three underscores is left out where types are compared. */
struct bpf_ct_opts___fairlead {
	__s32 netns_id;
	__s32 error;
	__u8 l4proto;
	__u8 dir;
	__u8 reserved[2];
};

/*
 * Needed, not weak: whether a weak one is there is asked by its address, which kernels of old (6.1) refuse for functions.
 * Nothing of the connection is read here; a declaration alone would differ from the kernel's type.
 */
struct nf_conn {
	unsigned long status;
} __attribute__((preserve_access_index));

extern struct nf_conn *bpf_skb_ct_lookup(struct __sk_buff *skb, struct bpf_sock_tuple *tuple, __u32 tuple_bytes,
					 struct bpf_ct_opts___fairlead *options, __u32 options_bytes) __ksym;
extern void bpf_ct_release(struct nf_conn *connection) __ksym;

/* enum ip_conntrack_dir: the direction of answers. */
#define CONNTRACK_REPLY 1
#define CONNTRACK_NONE -1

/* The direction that the packet has in a connection of the stack, CONNTRACK_NONE where it belongs to none. */
static __noinline int conntrack_direction(struct __sk_buff *skb, const struct packet *packet)
{
	struct bpf_ct_opts___fairlead options = { .netns_id = -1, .l4proto = packet->protocol };
	struct bpf_sock_tuple tuple = {};
	struct nf_conn *connection;

	if (packet->is_v6) {
		__builtin_memcpy(tuple.ipv6.saddr, &packet->source, sizeof(tuple.ipv6.saddr));
		__builtin_memcpy(tuple.ipv6.daddr, &packet->destination, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.sport = packet->source_port;
		tuple.ipv6.dport = packet->destination_port;
		connection = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv6), &options, sizeof(options));
	} else {
		tuple.ipv4.saddr = packet->source.words[3];
		tuple.ipv4.daddr = packet->destination.words[3];
		tuple.ipv4.sport = packet->source_port;
		tuple.ipv4.dport = packet->destination_port;
		connection = bpf_skb_ct_lookup(skb, &tuple, sizeof(tuple.ipv4), &options, sizeof(options));
	}
	if (!connection)
		return CONNTRACK_NONE;
	bpf_ct_release(connection);
	return options.dir;
}

/* Whether the packet belongs to a connection of the stack. */
static __always_inline bool conntrack_knows(struct __sk_buff *skb, const struct packet *packet)
{
	return conntrack_direction(skb, packet) != CONNTRACK_NONE;
}

/* Whether the packet answers in a connection of the stack. */
static __always_inline bool conntrack_is_answer(struct __sk_buff *skb, const struct packet *packet)
{
	return conntrack_direction(skb, packet) == CONNTRACK_REPLY;
}

/* For packets that may go to the stack in doubt, because it refuses what nobody knows. Of SCTP it tells programs nothing. */
static __always_inline bool conntrack_may_know(struct __sk_buff *skb, const struct packet *packet)
{
	return packet->protocol == IPPROTO_SCTP || conntrack_knows(skb, packet);
}

#endif
