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
/* More than any answer has behind its question. */
#define DNS_TAIL_BYTES 2048
_Static_assert(DNS_ADDRESS_BYTES / 16 * 28 + 11 < DNS_TAIL_BYTES && DNS_MOST_ADDRESSES * 16 + 11 < DNS_TAIL_BYTES, "room for all");

struct dns_header {
	__be16 id;
	__be16 flags;
	__be16 questions;
	__be16 answers;
	__be16 authorities;
	__be16 additionals;
};

/* What stands behind the name. */
struct dns_kind {
	__be16 type;
	__be16 class;
};

/* RFC 6891 6.1.2. */
struct dns_opt {
	__u8 root;
	__be16 type;
	__be16 payload_bytes;
	__u8 extended_rcode;
	__u8 version;
	__be16 flags;
	__be16 length;
} __attribute__((packed));

/* What every question begins with behind its network header. */
struct dns_datagram {
	struct udphdr udp;
	struct dns_header header;
};

struct dns_query {
	__u32 name_bytes;
	/* From the packet's begin to the end of the question. */
	__u32 end;
	/* Of the OPT record that was asked with. */
	__be16 payload_bytes;
	__be16 opt_flags;
	bool has_opt;
	bool wants_v6;
};

/* What stands behind the question: its length, how many records of which section, and the sum of its words, as if it began at an even place. */
struct dns_tail {
	__u32 bytes;
	__u16 answers;
	__u16 authorities;
	__u64 sum;
};

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

/*
 * A number that is known to be from 1 to `most`, a power of two, in a form that says so. Clang compares a copy, or keeps the number on the stack and
 * compares what it reads back: of the other one the verifier of 6.1 has no bounds then.
 */
static __always_inline __u64 dns_up_to(__u64 number, const __u64 most)
{
	asm volatile("" : "+r"(number));
	return ((number - 1) & (most - 1)) + 1;
}

static __always_inline __u32 dns_l4_offset(const struct packet *packet)
{
	return IP_OFFSET + (packet->is_v6 ? sizeof(struct ipv6hdr) : sizeof(struct iphdr));
}

/* The bytes at a place of the packet; NULL where they lie beyond its linear part, in which a question is whole. `bytes` is a constant. */
static __always_inline void *dns_bytes_at(struct __sk_buff *skb, __u64 offset, const __u32 bytes)
{
	void *at = (void *)(long)skb->data + offset;

	return at + bytes > (void *)(long)skb->data_end ? NULL : at;
}

/* Reads the name into the desk as a key; the rest of what was there before is gone. */
static __always_inline bool dns_read_name(struct __sk_buff *skb, __u32 offset, __u64 bytes, struct dns_desk *desk)
{
	__u64 *words = (__u64 *)desk->name;

#pragma unroll
	for (int i = 0; i < DNS_NAME_BYTES / 8; i++)
		words[i] = 0;
	if (bpf_skb_load_bytes(skb, offset, desk->name, bytes))
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
	__u32 offset = dns_l4_offset(packet);
	const struct dns_datagram *datagram = dns_bytes_at(skb, offset, sizeof(*datagram));
	const struct dns_header *header;
	const struct dns_kind *kind;
	const struct dns_opt *opt;
	__u32 name_bytes;
	__u64 behind;

	if (!datagram)
		return false;
	/* Padding, cut off ends and, in IPv6, no checksum are for others to judge. */
	if (skb->len != IP_OFFSET + packet->l3_bytes || bpf_ntohs(datagram->udp.len) != skb->len - offset ||
	    (packet->is_v6 && !datagram->udp.check))
		return false;
	header = &datagram->header;
	if (header->flags & bpf_htons(~DNS_ASKED_FLAGS & 0xffff) || header->questions != bpf_htons(1) || header->answers ||
	    header->authorities || header->additionals & bpf_htons(0xfffe))
		return false;
	query->has_opt = header->additionals;
	offset += sizeof(*datagram);
	name_bytes = skb->len - offset - sizeof(*kind) - (query->has_opt ? sizeof(*opt) : 0);
	/* A label and the root, at the least. */
	if (name_bytes < 3 || name_bytes > DNS_NAME_BYTES)
		return false;
	query->name_bytes = name_bytes;
	query->end = offset + name_bytes + sizeof(*kind);
	behind = offset + dns_up_to(name_bytes, 128);
	kind = dns_bytes_at(skb, behind, sizeof(*kind));
	if (!kind || kind->class != bpf_htons(DNS_CLASS_IN))
		return false;
	query->wants_v6 = kind->type == bpf_htons(DNS_TYPE_AAAA);
	if (!query->wants_v6 && kind->type != bpf_htons(DNS_TYPE_A))
		return false;
	if (query->has_opt) {
		opt = dns_bytes_at(skb, behind + sizeof(*kind), sizeof(*opt));
		if (!opt || !dns_is_plain_opt(opt))
			return false;
		query->payload_bytes = opt->payload_bytes;
		query->opt_flags = opt->flags;
	}
	return dns_read_name(skb, offset, dns_up_to(name_bytes, 128), desk);
}

/* The words of a record before its address. */
struct dns_record_head {
	__be32 words[3];
};

/* Its owner is the name of the question. */
static __always_inline struct dns_record_head dns_record_head(const struct dns_zone *zone, bool is_v6)
{
	return (struct dns_record_head){ .words = {
						 bpf_htonl(DNS_POINTER << 16 | (is_v6 ? DNS_TYPE_AAAA : DNS_TYPE_A)),
						 bpf_htonl(DNS_CLASS_IN << 16 | zone->ttl_s >> 16),
						 bpf_htonl(zone->ttl_s << 16 | (is_v6 ? 16 : 4)),
					 } };
}

/* One record; gives the sum of the words of its address, which are `words`, a constant. */
static __always_inline __u64 dns_write_record(__be32 *to, const struct dns_record_head *head, const __be32 *address, const __u32 words)
{
	__u64 sum = 0;

	to[0] = head->words[0];
	to[1] = head->words[1];
	to[2] = head->words[2];
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

/* Fisher and Yates, as the DNS process does it: each step draws one of what is left. Gives the sum of the words of all addresses. */
static __always_inline __u64 dns_write_in_order(struct dns_desk *desk, const struct dns_addresses *addresses,
						const struct dns_record_head *head, __u32 count, const __u32 words)
{
	__u64 state = bpf_get_prandom_u32();
	const __u32 most = DNS_ADDRESS_BYTES / (4 * words) < DNS_MOST_ADDRESSES ? DNS_ADDRESS_BYTES / (4 * words) : DNS_MOST_ADDRESSES;
	__u64 *order = (__u64 *)desk->order;
	__u64 sum = 0;

#pragma unroll
	for (int i = 0; i < DNS_MOST_ADDRESSES / 8; i++)
		order[i] = 0x0706050403020100 + i * 0x0808080808080808;
	for (__u64 i = 0; i < most && i < count; i++) {
		__u64 other = dns_up_to(i + (((__u64)dns_draw(&state) * (count - i)) >> 32) + 1, sizeof(desk->order)) - 1;
		__u64 from;

		from = desk->order[other];
		desk->order[other] = desk->order[i];
		if (from >= most)
			return 0;
		sum += dns_write_record((__be32 *)(desk->records + i * (3 + words) * 4), head,
					(const __be32 *)(addresses->octets + from * words * 4), words);
	}
	return sum;
}

/* A global function for the verifier's sake, as packet_parse: the loops are proved once. */
__noinline __u64 dns_write_shuffled(struct dns_desk *desk, struct dns_addresses *addresses, struct dns_record_head *head, __u32 count, int is_v6)
{
	if (!desk || !addresses || !head)
		return 0;
	return is_v6 ? dns_write_in_order(desk, addresses, head, count, 4) : dns_write_in_order(desk, addresses, head, count, 1);
}

static __always_inline bool dns_write_addresses(struct dns_desk *desk, const struct dns_zone *zone, const struct dns_name *name, bool is_v6,
						struct dns_tail *tail)
{
	struct dns_addresses_key key = { .id = name->id, .family = is_v6 ? 6 : 4 };
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
	tail->sum += count * ((__u64)head.words[0] + head.words[1] + head.words[2]);
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

/*
 * Mends the checksum by what changed, so that it is right where the sender has left it to its card (then it holds the pseudo header alone), whole where it
 * was whole, and wrong where it was wrong. Zero is none, and stays.
 */
static __always_inline int dns_mend_checksum(struct __sk_buff *skb, const struct packet *packet, __u32 length_change, __u32 content_change)
{
	__u32 offset = dns_l4_offset(packet) + offsetof(struct udphdr, check);

	return bpf_l4_csum_replace(skb, offset, 0, length_change, BPF_F_MARK_MANGLED_0 | BPF_F_PSEUDO_HDR) ||
	       bpf_l4_csum_replace(skb, offset, 0, length_change + content_change, BPF_F_MARK_MANGLED_0);
}

/* Message and UDP header; gives the change of the length in `length_change`, and that of the rest. Negative where they cannot be reached. */
static __always_inline __s64 dns_turn_message(struct __sk_buff *skb, const struct packet *packet, const struct dns_tail *tail, __u16 udp_bytes,
					      __u32 *length_change)
{
	struct dns_datagram *datagram = dns_bytes_at(skb, dns_l4_offset(packet), sizeof(*datagram));
	__be16 asked, flags;

	if (!datagram)
		return -1;
	asked = datagram->header.flags;
	flags = bpf_htons(DNS_ANSWER_FLAGS) | (asked & bpf_htons(DNS_SAID_AGAIN));
	*length_change = (__u16)~datagram->udp.len + bpf_htons(udp_bytes);
	datagram->udp.source = packet->destination_port;
	datagram->udp.dest = packet->source_port;
	datagram->udp.len = bpf_htons(udp_bytes);
	datagram->header.flags = flags;
	datagram->header.answers = bpf_htons(tail->answers);
	datagram->header.authorities = bpf_htons(tail->authorities);
	return (__u32)(__u16)~asked + flags + bpf_htons(tail->answers) + bpf_htons(tail->authorities);
}

static __always_inline void dns_turn_ethernet(struct ethhdr *ethernet)
{
	__u16 *words = (__u16 *)ethernet;

#pragma unroll
	for (int i = 0; i < ETH_ALEN / 2; i++) {
		__u16 word = words[i];

		words[i] = words[ETH_ALEN / 2 + i];
		words[ETH_ALEN / 2 + i] = word;
	}
}

/* As `store_ip_back`, without a call. */
static __always_inline int dns_turn_v4(struct __sk_buff *skb, const struct packet *packet, __u16 udp_bytes)
{
	struct ethhdr *ethernet = dns_bytes_at(skb, 0, IP_OFFSET + sizeof(struct iphdr));
	struct iphdr *ip;
	__be16 *words;
	__u64 sum;

	if (!ethernet)
		return -1;
	dns_turn_ethernet(ethernet);
	ip = (void *)ethernet + IP_OFFSET;
	words = (__be16 *)ip;
	words[0] = bpf_htons(0x4500);
	ip->tot_len = bpf_htons(sizeof(*ip) + udp_bytes);
	ip->id = 0;
	ip->frag_off = bpf_htons(IPV4_DONT_FRAGMENT);
	ip->ttl = REFUSE_TTL;
	ip->saddr = packet->destination.words[3];
	ip->daddr = packet->source.words[3];
	sum = (__u64)ip->saddr + ip->daddr + bpf_htons(0x4500) + bpf_htons(sizeof(*ip) + udp_bytes) + bpf_htons(IPV4_DONT_FRAGMENT) +
	      bpf_htons(REFUSE_TTL << 8 | IPPROTO_UDP);
	ip->check = ~dns_fold(sum);
	return 0;
}

static __always_inline int dns_turn_v6(struct __sk_buff *skb, const struct packet *packet, __u16 udp_bytes)
{
	struct ethhdr *ethernet = dns_bytes_at(skb, 0, IP_OFFSET + sizeof(struct ipv6hdr));
	struct ipv6hdr *ip;
	__be32 *words;

	if (!ethernet)
		return -1;
	dns_turn_ethernet(ethernet);
	ip = (void *)ethernet + IP_OFFSET;
	words = (__be32 *)ip;
	words[0] = bpf_htonl(6 << 28);
	ip->payload_len = bpf_htons(udp_bytes);
	ip->hop_limit = REFUSE_TTL;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		ip->saddr.in6_u.u6_addr32[i] = packet->destination.words[i];
		ip->daddr.in6_u.u6_addr32[i] = packet->source.words[i];
	}
	return 0;
}

#define DNS_NOT_OURS 0
#define DNS_ANSWERED 1
/* The packet is half an answer: nobody has use of it. */
#define DNS_SPOILED 2

/* The question as its answer, where it has grown already. */
static __always_inline int dns_turn(struct __sk_buff *skb, const struct packet *packet, const struct dns_tail *tail, __u32 tail_change)
{
	__u16 udp_bytes = skb->len - dns_l4_offset(packet);
	__u32 length_change;
	__s64 change = dns_turn_message(skb, packet, tail, udp_bytes, &length_change);

	if (change < 0 || (packet->is_v6 ? dns_turn_v6(skb, packet, udp_bytes) : dns_turn_v4(skb, packet, udp_bytes)) ||
	    dns_mend_checksum(skb, packet, length_change, change + tail_change))
		return DNS_SPOILED;
	count(skb->len, tail->answers ? REASON_NAME_ANSWERED : REASON_NAME_NO_DATA);
	return DNS_ANSWERED;
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
	if (bpf_skb_store_bytes(skb, query.end, desk->records, tail_bytes, 0))
		return DNS_SPOILED;
	return dns_turn(skb, packet, &tail, dns_tail_sum(zone, &query, &tail));
}

/* True for a datagram that may be a question to us. What is in pieces, or longer than one packet, is the stack's to put together. */
static __always_inline bool dns_is_asked(struct __sk_buff *skb, const struct packet *packet)
{
	return packet->protocol == IPPROTO_UDP && packet->destination_port == DNS_PORT && packet->source_port && is_answerable(packet) &&
	       !skb->gso_segs && bpf_map_lookup_elem(&dns_servers, &packet->destination);
}
