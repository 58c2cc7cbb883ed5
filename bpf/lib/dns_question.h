/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* What a pod asks of a name: read where it stands in the packet, into the form in which the maps have names. */
#pragma once

#include "packet.h"

#define DNS_PORT bpf_htons(53)
#define DNS_TYPE_A 1
#define DNS_TYPE_AAAA 28
#define DNS_TYPE_OPT 41
#define DNS_CLASS_IN 1
/* RFC 1035 4.1.1, RFC 4035 3.2: what a question may say is RD, CD, which are said again, and AD, which is heard. */
#define DNS_ASKED_FLAGS 0x0130
#define DNS_SAID_AGAIN 0x0110
#define DNS_DO 0x8000

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
 * A number that is known to be below `most`, a power of two, in a form that says so. Clang compares a copy, or keeps the number on the stack and
 * compares what it reads back: of the other one the verifier of 6.1 has no bounds then.
 */
static __always_inline __u64 dns_below(__u64 number, const __u64 most)
{
	asm volatile("" : "+r"(number));
	return number & (most - 1);
}

/* The same of one from 1 to `most`. */
static __always_inline __u64 dns_up_to(__u64 number, const __u64 most)
{
	return dns_below(number - 1, most) + 1;
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
	for (__u32 i = 0; i < DNS_NAME_BYTES / 8; i++) {
		if (i * 8 >= bytes)
			break;
		words[i] = dns_lower(words[i]);
	}
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
