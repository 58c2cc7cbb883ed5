/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Answers a pod that asks the node's DNS for the addresses of a name of the cluster: the question itself becomes the answer and goes back out of the
 * interface that it came from, with the very bytes that the DNS process would have sent.
 *
 *   UDP to port 53 of an address of ours           dns_servers
 *   a plain question for A or AAAA                 dns_read
 *   a name that is known, whole                    dns_names: looked up as it stands in the packet, in lower case
 *   addresses in a new order, or none: the SOA     dns_addresses, dns_zone
 *
 * Whatever is not exactly that goes on to the process as it came.
 */
#pragma once

#include "events.h"
#include "growing_map.h"
#include "refuse.h"
#include "translate.h"

#define DNS_PORT bpf_htons(53)
#define DNS_TYPE_A 1
#define DNS_TYPE_AAAA 28
#define DNS_TYPE_OPT 41
#define DNS_CLASS_IN 1
/* RFC 1035 4.1.1, RFC 4035 3.2: of what a question may say, RD and CD are said again, AD is heard. */
#define DNS_ASKED_FLAGS 0x0130
#define DNS_SAID_AGAIN 0x0110
/* QR, AA, RA. */
#define DNS_ANSWER_FLAGS 0x8480
#define DNS_DO 0x8000
/* A pointer to the name of the question, which stands behind the header (RFC 1035 4.1.4). */
#define DNS_POINTER 0xc00c
/* What every client takes (RFC 1035 4.2.1). */
#define DNS_PLAIN_BYTES 512

struct dns_header {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additionals;
};

struct dns_kind {
	__be16 type;
	__be16 class;
};

/* RFC 6891 6.1.2; the last byte is none of it, and makes it a whole number of words. */
struct dns_opt {
	__u8 root;
	__be16 type;
	__be16 payload_bytes;
	__u8 extended_rcode;
	__u8 version;
	__be16 flags;
	__be16 length;
	__u8 pad;
} __attribute__((packed));
_Static_assert(sizeof(struct dns_opt) == 12, "words");
#define DNS_OPT_BYTES 11

struct dns_query {
	struct dns_header header;
	struct dns_opt opt;
	__u32 name_bytes;
	/* Of the message. */
	__u32 bytes;
	bool has_opt;
	bool wants_v6;
};

/* What stands behind the question: its length, how many records of which section, and its sum, which is as if it began at an even place. */
struct dns_tail {
	__u32 bytes;
	__u16 answers;
	__u16 authorities;
	__s64 sum;
};

static __always_inline __u32 dns_offset(const struct packet *packet)
{
	return packet->l4_offset + sizeof(struct udphdr);
}

/* Letters of eight octets at once in lower case. Lengths of labels stand between them, and are smaller than any letter. */
static __always_inline __u64 dns_lower(__u64 octets)
{
	const __u64 each = 0x0101010101010101;
	__u64 low = octets & (0x7f * each);
	__u64 from_a = low + (0x80 - 'A') * each;
	__u64 above_z = low + (0x7f - 'Z') * each;
	__u64 is_upper = ~octets & (from_a ^ above_z) & (0x80 * each);

	return octets | (is_upper >> 2);
}

/* The number in one register, for clang compares a copy and leaves the verifier without bounds of the other. */
static __always_inline __u64 dns_opaque(__u64 number)
{
	asm volatile("" : "+r"(number));
	return number;
}

/* Reads the name into the desk as a key; the rest of what was there before is gone. */
static __always_inline bool dns_read_name(struct __sk_buff *skb, __u32 offset, __u32 bytes, struct dns_desk *desk)
{
	__u64 *words = (__u64 *)desk->name;
	__u64 size = dns_opaque(bytes);

	/* The length of a question with a root and one label, at the least. */
	if (size < 3 || size > DNS_NAME_BYTES)
		return false;
#pragma unroll
	for (int i = 0; i < DNS_NAME_BYTES / 8; i++)
		words[i] = 0;
	if (bpf_skb_load_bytes(skb, offset, desk->name, size))
		return false;
#pragma unroll
	for (int i = 0; i < DNS_NAME_BYTES / 8; i++)
		words[i] = dns_lower(words[i]);
	return true;
}

static __always_inline bool dns_is_plain_opt(const struct dns_opt *opt)
{
	return !opt->root && opt->type == bpf_htons(DNS_TYPE_OPT) && !opt->extended_rcode && !opt->version &&
	       !(opt->flags & bpf_htons(~DNS_DO & 0xffff)) && !opt->length;
}

/*
 * True for a plain question. Where its name ends follows from the length of the message: behind it there are the type, the class and nothing but an OPT
 * record, and a name that is found has its own length, which must be that.
 */
static __always_inline bool dns_read(struct __sk_buff *skb, const struct packet *packet, struct dns_query *query, struct dns_desk *desk)
{
	__u32 offset = dns_offset(packet);
	struct dns_header *header = &query->header;
	struct dns_kind kind;
	struct udphdr udp;

	if (bpf_skb_load_bytes(skb, packet->l4_offset, &udp, sizeof(udp)) || bpf_skb_load_bytes(skb, offset, header, sizeof(*header)))
		return false;
	query->bytes = skb->len - offset;
	/* Padding, cut off ends and, in IPv6, no checksum are for others to judge. */
	if (skb->len != IP_OFFSET + packet->l3_bytes || bpf_ntohs(udp.len) != sizeof(udp) + query->bytes || (packet->is_v6 && !udp.check))
		return false;
	if (header->flags & bpf_htons(~DNS_ASKED_FLAGS & 0xffff) || header->questions != bpf_htons(1) || header->answers ||
	    header->authorities || header->additionals & bpf_htons(0xfffe))
		return false;
	query->has_opt = header->additionals;
	query->name_bytes = query->bytes - sizeof(*header) - sizeof(kind) - (query->has_opt ? DNS_OPT_BYTES : 0);
	if (!dns_read_name(skb, offset + sizeof(*header), query->name_bytes, desk))
		return false;
	offset += sizeof(*header) + query->name_bytes;
	if (bpf_skb_load_bytes(skb, offset, &kind, sizeof(kind)))
		return false;
	query->wants_v6 = kind.type == bpf_htons(DNS_TYPE_AAAA);
	if ((!query->wants_v6 && kind.type != bpf_htons(DNS_TYPE_A)) || kind.class != bpf_htons(DNS_CLASS_IN))
		return false;
	if (!query->has_opt)
		return true;
	return !bpf_skb_load_bytes(skb, offset + sizeof(kind), &query->opt, DNS_OPT_BYTES) && dns_is_plain_opt(&query->opt);
}

/* The words of a record before its address, whose owner is the name of the question. */
static __always_inline void dns_record_head(const struct dns_zone *zone, bool is_v6, __be32 head[3])
{
	head[0] = bpf_htonl(DNS_POINTER << 16 | (is_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A));
	head[1] = bpf_htonl(DNS_CLASS_IN << 16 | zone->ttl_s >> 16);
	head[2] = bpf_htonl(zone->ttl_s << 16 | (is_v6 ? 16 : 4));
}

/* One record at `to`; gives the sum of its words. `words` of the address is a constant. */
static __always_inline __u64 dns_write_record(__be32 *to, const __be32 head[3], const __be32 *address, const __u32 words)
{
	__u64 sum = (__u64)head[0] + head[1] + head[2];

	to[0] = head[0];
	to[1] = head[1];
	to[2] = head[2];
	for (__u32 i = 0; i < words; i++) {
		__be32 word = address[i];

		to[3 + i] = word;
		sum += word;
	}
	return sum;
}

/* As a sum of the helper. */
static __always_inline __s64 dns_fold_words(__u64 sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	return (sum & 0xffffffff) + (sum >> 32);
}

/* Fisher and Yates, as the DNS process does it: each step draws one of what is left. */
static __always_inline __u64 dns_write_shuffled(struct dns_desk *desk, const struct dns_addresses *addresses, const __be32 head[3], __u32 count,
						const __u32 words)
{
	__u64 *order = (__u64 *)desk->order;
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < DNS_MOST_ADDRESSES / 8; i++)
		order[i] = 0x0706050403020100 + i * 0x0808080808080808;
	for (__u32 i = 0; i < DNS_MOST_ADDRESSES && i < count; i++) {
		__u64 other = dns_opaque(i + (((__u64)bpf_get_prandom_u32() * (count - i)) >> 32));
		__u64 from;

		if (other >= DNS_MOST_ADDRESSES || (i + 1) * (3 + words) * 4 > sizeof(desk->records))
			return 0;
		from = desk->order[other];
		desk->order[other] = desk->order[i];
		if (from >= DNS_ADDRESS_BYTES / (words * 4))
			return 0;
		sum += dns_write_record((__be32 *)(desk->records + i * (3 + words) * 4), head,
					(const __be32 *)(addresses->octets + from * words * 4), words);
	}
	return sum;
}

static __always_inline bool dns_write_addresses(struct dns_desk *desk, const struct dns_zone *zone, const struct dns_name *name, bool is_v6,
						struct dns_tail *tail)
{
	struct dns_addresses_key key = { .id = name->id, .family = is_v6 ? 6 : 4 };
	const struct dns_addresses *addresses;
	__u32 count = 1;
	__be32 head[3];
	__u64 sum;

	dns_record_head(zone, is_v6, head);
	if ((is_v6 ? name->v6_held : name->v4_held) == DNS_HELD_HERE) {
		sum = is_v6 ? dns_write_record((__be32 *)desk->records, head, (const __be32 *)name->v6, 4) :
			      dns_write_record((__be32 *)desk->records, head, (const __be32 *)name->v4, 1);
	} else {
		addresses = growing_map_lookup(&dns_addresses, &key);
		if (!addresses)
			return false;
		count = addresses->count;
		if (count == 0 || count > DNS_MOST_ADDRESSES)
			return false;
		sum = is_v6 ? dns_write_shuffled(desk, addresses, head, count, 4) : dns_write_shuffled(desk, addresses, head, count, 1);
	}
	tail->answers = count;
	tail->bytes = count * (is_v6 ? 28 : 16);
	tail->sum = dns_fold_words(sum);
	return true;
}

/* The zone's start of authority as the agent wrote it: three names in it end with a pointer to the cluster domain, which stands elsewhere in each question. */
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

static __always_inline bool dns_write_soa(struct dns_desk *desk, const struct dns_zone *zone, __u32 name_bytes, struct dns_tail *tail)
{
	struct dns_soa *soa = (struct dns_soa *)desk->records;
	__be16 domain = bpf_htons(DNS_POINTER + name_bytes - zone->domain_bytes);

#pragma unroll
	for (__u32 i = 0; i < sizeof(*soa) / 8; i++)
		((__u64 *)soa)[i] = ((const __u64 *)zone->soa)[i];
	soa->owner = domain;
	soa->primary = domain;
	soa->mailbox = domain;
	tail->authorities = 1;
	tail->bytes = DNS_SOA_BYTES;
	tail->sum = bpf_csum_diff(NULL, 0, (__be32 *)soa, sizeof(*soa), 0);
	return tail->sum >= 0;
}

/* Our own OPT record behind the others, in the place of the question's. */
static __always_inline bool dns_write_opt(struct dns_desk *desk, const struct dns_zone *zone, struct dns_query *query, struct dns_tail *tail)
{
	struct dns_opt opt = {
		.type = bpf_htons(DNS_TYPE_OPT),
		.payload_bytes = bpf_htons(zone->udp_payload_bytes),
		.flags = query->opt.flags,
	};

	if (tail->bytes > sizeof(desk->records) - sizeof(opt))
		return false;
	__builtin_memcpy(desk->records + tail->bytes, &opt, sizeof(opt));
	tail->bytes += DNS_OPT_BYTES;
	tail->sum = bpf_csum_diff((__be32 *)&query->opt, sizeof(opt), (__be32 *)&opt, sizeof(opt), tail->sum);
	return tail->sum >= 0;
}

/* As much as the client takes, and we send. */
static __always_inline __u32 dns_limit_bytes(const struct dns_zone *zone, const struct dns_query *query)
{
	__u32 asked = query->has_opt ? bpf_ntohs(query->opt.payload_bytes) : 0;

	if (asked < DNS_PLAIN_BYTES)
		asked = DNS_PLAIN_BYTES;
	return asked < zone->udp_payload_bytes ? asked : zone->udp_payload_bytes;
}

/* 16 bits of a sum; of what begins at an odd place its octets change places (RFC 1071 2B). */
static __always_inline __u16 dns_sum_at(__s64 sum, __u32 offset)
{
	__u16 folded = ~checksum_fold(sum);

	return offset & 1 ? folded << 8 | folded >> 8 : folded;
}

/*
 * Mends the checksum by what changed, so that it is right where the sender has left it to its card (then it holds the pseudo header alone), whole where it
 * was whole, and wrong where it was wrong. Zero is none, and stays.
 */
static __always_inline int dns_mend_checksum(struct __sk_buff *skb, const struct packet *packet, __be16 before, __be16 after, __s64 content)
{
	__u64 flags;
	__u32 offset = l4_checksum_offset(packet, &flags);
	__u32 length = (__u16)~before + after;

	return bpf_l4_csum_replace(skb, offset, 0, length, flags | BPF_F_PSEUDO_HDR) ||
	       bpf_l4_csum_replace(skb, offset, 0, length + content, flags);
}

/* Not 0 where the packet is neither question nor answer any more. */
static __always_inline int dns_turn(struct __sk_buff *skb, const struct packet *packet, const struct dns_query *query, const struct dns_tail *tail)
{
	__u32 question_end = dns_offset(packet) + sizeof(struct dns_header) + query->name_bytes + sizeof(struct dns_kind);
	__u32 udp_bytes = question_end + tail->bytes - packet->l4_offset;
	struct dns_header header = {
		.id = query->header.id,
		.flags = bpf_htons(DNS_ANSWER_FLAGS) | (query->header.flags & bpf_htons(DNS_SAID_AGAIN)),
		.questions = bpf_htons(1),
		.answers = bpf_htons(tail->answers),
		.authorities = bpf_htons(tail->authorities),
		.additionals = query->header.additionals,
	};
	__be16 ends[3] = { packet->destination_port, packet->source_port, bpf_htons(udp_bytes) };
	__s64 header_sum = bpf_csum_diff((__be32 *)&query->header, sizeof(header), (__be32 *)&header, sizeof(header), 0);

	if (header_sum < 0 || bpf_skb_store_bytes(skb, dns_offset(packet), &header, sizeof(header), 0) ||
	    bpf_skb_store_bytes(skb, packet->l4_offset, ends, sizeof(ends), 0))
		return -1;
	if (dns_mend_checksum(skb, packet, bpf_htons(query->bytes + sizeof(struct udphdr)), ends[2],
			      (__u64)(__u16)~checksum_fold(header_sum) + dns_sum_at(tail->sum, query->name_bytes)))
		return -1;
	return store_ip_back(skb, packet, IPPROTO_UDP, udp_bytes) || swap_ethernet(skb);
}

#define DNS_NOT_OURS 0
#define DNS_ANSWERED 1
/* The packet is half an answer: nobody has use of it. */
#define DNS_SPOILED 2

/* Makes the question its answer. What stays DNS_NOT_OURS is as it was. A global function for the verifier's sake, as packet_parse. */
__noinline int dns_answer(struct __sk_buff *skb, struct packet *packet)
{
	__u32 index = 0;
	struct dns_desk *desk = bpf_map_lookup_elem(&dns_desk, &index);
	const struct dns_zone *zone = bpf_map_lookup_elem(&dns_zone, &index);
	struct dns_query query = {};
	struct dns_tail tail = {};
	const struct dns_name *name;
	__u32 question_end;
	__u64 tail_bytes;

	if (!packet || !desk || !zone || !zone->domain_bytes || !dns_read(skb, packet, &query, desk))
		return DNS_NOT_OURS;
	name = growing_map_lookup(&dns_names, desk->name);
	if (!name || name->name_bytes != query.name_bytes)
		return DNS_NOT_OURS;
	if (query.wants_v6 ? name->v6_held : name->v4_held) {
		if (!dns_write_addresses(desk, zone, name, query.wants_v6, &tail))
			return DNS_NOT_OURS;
	} else if (!dns_write_soa(desk, zone, query.name_bytes, &tail)) {
		return DNS_NOT_OURS;
	}
	if (query.has_opt && !dns_write_opt(desk, zone, &query, &tail))
		return DNS_NOT_OURS;
	question_end = sizeof(struct dns_header) + query.name_bytes + sizeof(struct dns_kind);
	tail_bytes = dns_opaque(tail.bytes);
	if (question_end + tail.bytes > dns_limit_bytes(zone, &query) || tail_bytes == 0 || tail_bytes > sizeof(desk->records))
		return DNS_NOT_OURS;
	question_end += dns_offset(packet);
	/* From here on it is another packet; a growth that fails leaves it as it is. */
	if (bpf_skb_change_tail(skb, question_end + tail.bytes, 0))
		return DNS_NOT_OURS;
	if (bpf_skb_store_bytes(skb, question_end, desk->records, tail_bytes, 0) || dns_turn(skb, packet, &query, &tail))
		return DNS_SPOILED;
	count(skb->len, tail.answers ? REASON_NAME_ANSWERED : REASON_NAME_NO_DATA);
	return DNS_ANSWERED;
}

/* True for a datagram that may be a question to us. What is in pieces, or longer than one packet, is the stack's to put together. */
static __always_inline bool dns_is_asked(struct __sk_buff *skb, const struct packet *packet)
{
	return packet->protocol == IPPROTO_UDP && packet->destination_port == DNS_PORT && packet->source_port && is_answerable(packet) &&
	       !skb->gso_segs && bpf_map_lookup_elem(&dns_servers, &packet->destination);
}
