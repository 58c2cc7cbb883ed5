/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Answers a pod that asks the node's DNS for the addresses of a name of the cluster: the question itself becomes the answer and goes back out of the
 * interface that it came from, with the very bytes that the DNS process would have sent.
 *
 *   UDP to port 53 of an address of ours           dns_servers
 *   a plain question for A or AAAA                 dns_question.h
 *   a name that is known, whole                    dns_names: looked up as it stands in the packet, in lower case
 *   addresses in a new order, or none: the SOA     dns_answer.h: dns_addresses, dns_zone
 *   the packet goes back                           dns_turn.h
 *
 * Whatever is not exactly that goes on to the process as it came.
 */
#pragma once

#include "dns_turn.h"
#include "events.h"

#define DNS_NOT_OURS 0
#define DNS_ANSWERED 1
/* The packet is half an answer: nobody has use of it. */
#define DNS_SPOILED 2

_Static_assert(__builtin_offsetof(struct dns_desk, answers) == __builtin_offsetof(struct dns_asked, answers) &&
		       __builtin_offsetof(struct dns_desk, name) == __builtin_offsetof(struct dns_asked, name),
	       "a desk begins as what is counted does");

/* One more answer for who asked. Only the first of a pod for a name says the name, which stands on the desk since it was read. */
static __always_inline void dns_count_asked(const struct packet *packet, const struct dns_query *query, const struct dns_tail *tail,
					    struct dns_desk *desk)
{
	struct dns_asked_key key = {
		.ip = packet->source,
		.name_id = tail->name_id,
		.type_code = query->wants_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A,
		.is_dnssec_ok = query->opt_flags != 0,
	};
	struct dns_asked *asked = bpf_map_lookup_elem(&dns_asked, &key);

	if (!asked) {
		desk->answers = 0;
		/* Another processor may be first. */
		bpf_map_update_elem(&dns_asked, &key, desk, BPF_NOEXIST);
		asked = bpf_map_lookup_elem(&dns_asked, &key);
	}
	if (asked)
		__sync_fetch_and_add(&asked->answers, 1);
}

/* Makes the question its answer. What stays DNS_NOT_OURS is as it was. A global function for the verifier's sake, as packet_parse. */
__noinline int dns_answer(struct __sk_buff *skb, struct packet *packet)
{
	__u32 index = 0;
	struct dns_desk *desk = bpf_map_lookup_elem(&dns_desk, &index);
	const struct dns_zone *zone = bpf_map_lookup_elem(&dns_zone, &index);
	struct dns_query query = {};
	struct dns_tail tail = {};
	__u64 tail_bytes;

	if (!packet || !desk || !zone || !zone->domain_bytes || !dns_read(skb, packet, &query, desk))
		return DNS_NOT_OURS;
	if (!dns_write_tail(desk, zone, &query, query.end - dns_l4_offset(packet) - sizeof(struct udphdr), &tail))
		return DNS_NOT_OURS;
	tail_bytes = dns_up_to(tail.bytes, DNS_TAIL_BYTES);
	/* From here on it is another packet; a growth that fails leaves it as it is. */
	if (bpf_skb_change_tail(skb, query.end + tail_bytes, 0))
		return DNS_NOT_OURS;
	if (bpf_skb_store_bytes(skb, query.end, desk->records, tail_bytes, 0) ||
	    dns_turn(skb, packet, &tail, dns_tail_sum(zone, &query, &tail)))
		return DNS_SPOILED;
	dns_count_asked(packet, &query, &tail, desk);
	count(skb->len, tail.answers ? REASON_NAME_ANSWERED : REASON_NAME_NO_DATA);
	return DNS_ANSWERED;
}

/* True for a datagram that may be a question to us. What is in pieces, or longer than one packet, is the stack's to put together. */
static __always_inline bool dns_is_asked(struct __sk_buff *skb, const struct packet *packet)
{
	return packet->protocol == IPPROTO_UDP && packet->destination_port == DNS_PORT && packet->source_port && is_answerable(packet) &&
	       !skb->gso_segs && bpf_map_lookup_elem(&dns_servers, &packet->destination);
}
