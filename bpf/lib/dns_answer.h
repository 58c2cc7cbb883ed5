/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What stands behind the question in its answer, put together on the desk: addresses in a new order or the start of authority, and our OPT record. */
#pragma once

#include "dns_question.h"
#include "growing_map.h"
#include "translate.h"

/* A pointer to the name of the question, which stands behind the header (RFC 1035 4.1.4). */
#define DNS_POINTER 0xc00c
/* What every client takes (RFC 1035 4.2.1). */
#define DNS_PLAIN_BYTES 512
/* More than any answer has behind its question. */
#define DNS_TAIL_BYTES 2048
_Static_assert(DNS_ADDRESS_BYTES / 16 * 28 + 11 < DNS_TAIL_BYTES && DNS_MOST_ADDRESSES * 16 + 11 < DNS_TAIL_BYTES, "room for all");

/* What stands behind the question: its length, how many records of which section, the sum of its words, as if it began at an even place, and the name that it is about. */
struct dns_tail {
	__u32 bytes;
	__u16 answers;
	__u16 authorities;
	__u64 sum;
	__u64 name_id;
};

/* A record before its address: two words, and one. Its owner is the name of the question. */
struct dns_record_head {
	__u64 begin;
	__u64 rest;
};

static __always_inline struct dns_record_head dns_record_head(const struct dns_zone *zone, bool is_v6)
{
	return (struct dns_record_head){
		.begin = bpf_htonl(DNS_POINTER << 16 | (is_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A)) |
			 (__u64)bpf_htonl(DNS_CLASS_IN << 16 | zone->ttl_s >> 16) << 32,
		.rest = bpf_htonl(zone->ttl_s << 16 | (is_v6 ? 16 : 4)),
	};
}

static __always_inline void dns_write_head(__be32 *to, const struct dns_record_head *head)
{
	*(__u64 *)to = head->begin;
	to[2] = head->rest;
}

/* One record; gives the sum of the words of its address, which are `words`, a constant. */
static __always_inline __u64 dns_write_record(__be32 *to, const struct dns_record_head *head, const __be32 *address, const __u32 words)
{
	__u64 sum = 0;

	dns_write_head(to, head);
	for (__u32 i = 0; i < words; i++) {
		__be32 word = address[i];

		to[3 + i] = word;
		sum += word;
	}
	return sum;
}

/* A linear congruential generator (Knuth) from one call: a call for each draw would cost three times what the record does. Its upper half spreads load well. */
static __always_inline __u32 dns_draw(__u64 *state)
{
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return *state >> 32;
}

/*
 * Fisher and Yates while the addresses are copied (Durstenfeld 1964): each one takes a drawn place of those up to the next, and what stood there goes to the
 * next. Gives the sum of the words of all addresses.
 */
static __always_inline __u64 dns_write_in_order(struct dns_desk *desk, const struct dns_addresses *addresses, struct dns_record_head head,
						__u32 count, const __u32 words)
{
	__u64 state = bpf_get_prandom_u32();
	const __u32 most = DNS_ADDRESS_BYTES / (4 * words) < DNS_MOST_ADDRESSES ? DNS_ADDRESS_BYTES / (4 * words) : DNS_MOST_ADDRESSES;
	const __be32 *address = (const __be32 *)addresses->octets;
	__be32 *records = (__be32 *)desk->records;
	__u64 sum = 0;

	for (__u64 i = 0; i < most && i < count; i++) {
		__u64 drawn = dns_below(((__u64)dns_draw(&state) * (i + 1)) >> 32, words == 1 ? 128 : 64);
		__be32 *there = records + drawn * (3 + words) + 3;
		__be32 *next = records + i * (3 + words);

		dns_write_head(next, &head);
		for (__u32 word = 0; word < words; word++) {
			__be32 given = address[i * words + word];

			next[3 + word] = there[word];
			there[word] = given;
			sum += given;
		}
	}
	return sum;
}

/* A global function for the verifier's sake, as packet_parse: the loops are proved once. */
__noinline __u64 dns_write_shuffled(struct dns_desk *desk, struct dns_addresses *addresses, struct dns_record_head *head, __u32 count, int is_v6)
{
	if (!desk || !addresses || !head)
		return 0;
	return is_v6 ? dns_write_in_order(desk, addresses, *head, count, 4) : dns_write_in_order(desk, addresses, *head, count, 1);
}

static __always_inline bool dns_write_addresses(struct dns_desk *desk, const struct dns_zone *zone, const struct dns_name *name, bool is_v6,
						struct dns_tail *tail)
{
	struct dns_addresses_key key = { .id = name->name_id, .family = is_v6 ? 6 : 4 };
	struct dns_record_head head = dns_record_head(zone, is_v6);
	struct dns_addresses *addresses;
	__u32 count = 1;

	if ((is_v6 ? name->v6_held : name->v4_held) == DNS_HELD_HERE) {
		tail->sum = is_v6 ? dns_write_record((__be32 *)desk->records, &head, (const __be32 *)name->v6, 4) :
				    dns_write_record((__be32 *)desk->records, &head, (const __be32 *)name->v4, 1);
	} else {
		addresses = growing_map_lookup(&dns_addresses, &key);
		if (!addresses)
			return false;
		count = addresses->count;
		if (count == 0 || count > DNS_MOST_ADDRESSES)
			return false;
		tail->sum = dns_write_shuffled(desk, addresses, &head, count, is_v6);
	}
	tail->sum += count * ((head.begin & 0xffffffff) + (head.begin >> 32) + head.rest);
	tail->answers = count;
	tail->bytes = count * (is_v6 ? 28 : 16);
	return true;
}

/*
 * The zone's start of authority as the agent wrote it: three names in it end with a pointer to the cluster domain, as if that were the question. In each
 * question it stands elsewhere. The second of them stands at an odd place.
 */
struct dns_soa {
	__be16 owner;
	__u8 until_primary[17];
	__be16 primary;
	__u8 until_mailbox[11];
	__be16 mailbox;
	__u8 numbers[20];
	__u8 pad[2];
} __attribute__((packed));
_Static_assert(sizeof(struct dns_soa) == DNS_SOA_BYTES + 2, "as in the map");

static __always_inline void dns_write_soa(struct dns_desk *desk, const struct dns_zone *zone, __u32 name_bytes, struct dns_tail *tail)
{
	struct dns_soa *soa = (struct dns_soa *)desk->records;
	__be16 domain = bpf_htons(DNS_POINTER + name_bytes - zone->domain_bytes);
	__u32 change = (__u16)~bpf_htons(DNS_POINTER) + domain;
	__u32 change_at_odd = (__u16)~DNS_POINTER + bpf_ntohs(domain);

#pragma unroll
	for (__u32 i = 0; i < sizeof(*soa) / 8; i++) {
		__u64 words = ((const __u64 *)zone->soa)[i];

		((__u64 *)desk->records)[i] = words;
		tail->sum += (words & 0xffffffff) + (words >> 32);
	}
	tail->sum += 2 * (__u64)change + change_at_odd;
	soa->owner = domain;
	soa->primary = domain;
	soa->mailbox = domain;
	tail->authorities = 1;
	tail->bytes = DNS_SOA_BYTES;
}

/* Our own OPT record behind the others, in the place of the question's: of that, sizes alone differ. */
static __always_inline void dns_write_opt(struct dns_desk *desk, const struct dns_zone *zone, const struct dns_query *query, struct dns_tail *tail)
{
	struct dns_opt *opt;
	opt = (struct dns_opt *)(desk->records + dns_up_to(tail->bytes, DNS_TAIL_BYTES));
	*opt = (struct dns_opt){
		.type = bpf_htons(DNS_TYPE_OPT),
		.payload_bytes = bpf_htons(zone->udp_payload_bytes),
		.flags = query->opt_flags,
	};
	tail->bytes += sizeof(*opt);
}

/* As much as the client takes, and we send. */
static __always_inline __u32 dns_limit_bytes(const struct dns_zone *zone, const struct dns_query *query)
{
	__u32 asked = query->has_opt ? bpf_ntohs(query->payload_bytes) : 0;

	if (asked < DNS_PLAIN_BYTES)
		asked = DNS_PLAIN_BYTES;
	return asked < zone->udp_payload_bytes ? asked : zone->udp_payload_bytes;
}

/* The answer behind the question, on the desk; false where there is none that the client takes whole. */
static __always_inline bool dns_write_tail(struct dns_desk *desk, const struct dns_zone *zone, const struct dns_query *query, __u32 question_bytes,
					   struct dns_tail *tail)
{
	const struct dns_name *name = growing_map_lookup(&dns_names, desk->name);

	if (!name || name->name_bytes != query->name_bytes)
		return false;
	tail->name_id = name->name_id;
	if (!(query->wants_v6 ? name->v6_held : name->v4_held))
		dns_write_soa(desk, zone, query->name_bytes, tail);
	else if (!dns_write_addresses(desk, zone, name, query->wants_v6, tail))
		return false;
	if (query->has_opt)
		dns_write_opt(desk, zone, query, tail);
	return question_bytes + tail->bytes <= dns_limit_bytes(zone, query);
}

/* 16 bits of a sum of words (RFC 1071). */
static __always_inline __u16 dns_fold(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffffffff) + (sum >> 32);
	return ~checksum_fold(sum);
}

/* What is added to the sum of the message: of what begins at an odd place, octets change places (RFC 1071 2B). */
static __always_inline __u32 dns_tail_sum(const struct dns_zone *zone, const struct dns_query *query, const struct dns_tail *tail)
{
	/* In an OPT record the sizes stand at an odd place; all else of it was there before. */
	__u64 sizes = query->has_opt ? (__u64)zone->udp_payload_bytes + (__u16)~bpf_ntohs(query->payload_bytes) : 0;
	__u16 sum = dns_fold(tail->sum + sizes);

	return query->name_bytes & 1 ? (__u16)(sum << 8 | sum >> 8) : sum;
}
