/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Network policy at a pod: what it sends is judged behind Services (by the endpoint), what it receives before answers look like a Service again.
 *
 *   not isolated ------------------------------------------------> passes
 *   isolated: a connection that stands, of this epoch -----------> passes             policy_flows, one look-up; what it sends asks for no Service
 *             of an older epoch, or new: judged the way it began
 *               who is the other end: the mark, or the address     policy_addresses
 *               what is open with it                               policy_peers, policy_ports
 *
 * A pod that sends marks its packets with its identity. The mark is theirs on this node, and goes with the tunnel to another one.
 */
#pragma once

#include "conntrack.h"
#include "events.h"
#include "flows.h"
#include "icmp_errors.h"

#define POLICY_INGRESS 0
#define POLICY_EGRESS 1
#define POLICY_IDENTITY_MASK 0xffff
#define POLICY_FIRST_IDENTITY 256
#define ICMP_ECHO_REQUEST 8
#define ICMPV6_ECHO_REQUEST_TYPE 128
/* How long a connection is remembered that says nothing, in units of flow_clock(): streams a day, datagrams two minutes. */
#define POLICY_STREAM_IDLE 80000
#define POLICY_DATAGRAM_IDLE 112

/* What a packet asks of the policy of a pod. */
struct policy_question {
	struct policy_flow_key key;
	__u32 subject;
	__u32 isolated;
	/* The direction of the packet: POLICY_*. */
	__u32 direction;
	/* It begins a connection, whatever stood there before. */
	bool begins;
};

static __always_inline bool policy_isolates(__u32 isolated, __u32 direction)
{
	return isolated & (direction == POLICY_EGRESS ? POLICY_ISOLATED_EGRESS : POLICY_ISOLATED_INGRESS);
}

static __always_inline const struct policy_address *policy_address_of(const struct ip_address *ip)
{
	struct policy_address_key key = { .prefix_bits = 128, .ip = *ip };

	return bpf_map_lookup_elem(&policy_addresses, &key);
}

static __always_inline const struct policy_peer *policy_peer_of(const struct policy_question *asked, __u32 direction, __u32 peer, __u32 block)
{
	struct policy_peer_key key = { .subject = asked->subject, .direction = direction, .peer = peer, .block = block };

	return growing_map_lookup(&policy_peers, &key);
}

/* What is open with the peer: see DirectionPolicy of src/model/policy.ts. */
static __noinline __u32 policy_rule_set(const struct policy_question *asked, __u32 direction, __u32 peer, __u32 block)
{
	__u32 any = peer == PEER_OUTSIDE || peer >= PEER_FIRST_NODE ? PEER_OUTSIDE : PEER_ANY_POD;
	const struct policy_peer *found;

	found = policy_peer_of(asked, direction, peer, block);
	if (!found && peer != any)
		found = policy_peer_of(asked, direction, any, block);
	if (!found && block) {
		found = policy_peer_of(asked, direction, peer, 0);
		if (!found && peer != any)
			found = policy_peer_of(asked, direction, any, 0);
	}
	return found ? found->rule_set : RULE_SET_NONE;
}

static __always_inline bool policy_port_open(const struct policy_question *asked, __u32 direction, __u32 rule_set)
{
	struct policy_port_key key = { .prefix_bits = POLICY_PORT_FIXED_BITS, .rule_set = rule_set };
	__u32 protocol = asked->key.protocol;

	if (rule_set == RULE_SET_NONE || rule_set == RULE_SET_ALL)
		return rule_set == RULE_SET_ALL;
	if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP) {
		key.prefix_bits += 16;
		key.protocol = protocol;
		key.port = direction == POLICY_EGRESS ? asked->key.remote_port : asked->key.local_port;
	}
	return bpf_map_lookup_elem(&policy_ports, &key) != NULL;
}

/* Whether the connection may be, had it begun in `direction`; `peer` is who the other end is. */
static __noinline bool policy_judge(const struct policy_question *asked, __u32 direction, __u32 peer)
{
	const struct policy_address *address;
	__u32 block = 0;

	if (!policy_isolates(asked->isolated, direction))
		return true;
	if (peer == PEER_HOST)
		return true;
	address = policy_address_of(&asked->key.remote);
	if (address)
		block = address->block;
	return policy_port_open(asked, direction, policy_rule_set(asked, direction, peer, block));
}

/* Who is at the other end of what the pod receives: the mark says it where it comes from a pod, else the address. */
static __always_inline __u32 policy_sender(struct __sk_buff *skb, const struct policy_question *asked)
{
	__u32 marked = skb->mark & POLICY_IDENTITY_MASK;
	const struct policy_address *address;

	/* What the node itself sends has come in by no link. */
	if (!skb->ingress_ifindex)
		return PEER_HOST;
	if (marked >= POLICY_FIRST_IDENTITY || marked == PEER_UNKNOWN_POD)
		return marked;
	address = policy_address_of(&asked->key.remote);
	/* The node's own address on what it forwards hides somebody else. */
	return !address || address->peer == PEER_HOST ? PEER_OUTSIDE : address->peer;
}

static __always_inline bool ip_is_group(const struct ip_address *ip)
{
	if (ip_is_v4(ip))
		return (ip->words[3] & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000);
	return (ip->words[0] & bpf_htonl(0xff000000)) == bpf_htonl(0xff000000);
}

/* An address of the node that no object names. */
static __always_inline bool policy_is_local(struct __sk_buff *skb, const struct policy_question *asked)
{
	struct bpf_fib_lookup way = { .family = AF_INET, .ifindex = skb->ifindex, .l4_protocol = asked->key.protocol };

	if (ip_is_v4(&asked->key.remote)) {
		way.ipv4_src = asked->key.local.words[3];
		way.ipv4_dst = asked->key.remote.words[3];
	} else {
		way.family = AF_INET6;
		__builtin_memcpy(way.ipv6_src, &asked->key.local, sizeof(way.ipv6_src));
		__builtin_memcpy(way.ipv6_dst, &asked->key.remote, sizeof(way.ipv6_dst));
	}
	return bpf_fib_lookup(skb, &way, sizeof(way), 0) == BPF_FIB_LKUP_RET_NOT_FWDED;
}

/* Who is at the other end of what the pod sends. */
static __noinline __u32 policy_receiver(struct __sk_buff *skb, const struct policy_question *asked)
{
	const struct policy_address *address = policy_address_of(&asked->key.remote);
	__u32 peer = address ? address->peer : PEER_OUTSIDE;
	/* A name that leads to the node makes it no other. */
	bool is_outside = peer == PEER_OUTSIDE || peer >= PEER_FIRST_NAMED;

	if (is_outside && !ip_is_group(&asked->key.remote) && policy_is_local(skb, asked))
		return PEER_HOST;
	return peer;
}

static __always_inline bool policy_is_alive(const struct policy_flow *flow, __u32 protocol, __u32 now)
{
	__u32 idle = protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP ? POLICY_STREAM_IDLE : POLICY_DATAGRAM_IDLE;

	return now - flow->last_used < idle;
}

/* Who is at the other end now of a connection that stands. Of one that came in, only what comes in can say it. */
static __always_inline __u32 policy_peer_now(struct __sk_buff *skb, const struct policy_question *asked, const struct policy_flow *flow)
{
	if (flow->direction == POLICY_EGRESS)
		return policy_receiver(skb, asked);
	return asked->direction == POLICY_INGRESS ? policy_sender(skb, asked) : flow->peer;
}

/* A connection that was let through by the policies of before. */
static __noinline bool policy_ask_again(struct __sk_buff *skb, const struct policy_question *asked, struct policy_flow *flow, __u32 epoch)
{
	__u32 peer = policy_peer_now(skb, asked, flow);

	if (!policy_judge(asked, flow->direction, peer)) {
		bpf_map_delete_elem(&policy_flows, &asked->key);
		return false;
	}
	/* An answer cannot tell whether who asked has become another one: the next question does. */
	if (flow->direction == POLICY_INGRESS && asked->direction == POLICY_EGRESS)
		return true;
	flow->peer = peer;
	flow->epoch = epoch;
	return true;
}

/*
 * A connection that nothing is known of, judged the way it began: one that stood before the pod was isolated is known to the stack. An answer of its is no
 * beginning, or whoever it is for could go on asking. It carries the mark of who answers: who asked, only the address says.
 */
static __noinline bool policy_ask_new(struct __sk_buff *skb, const struct policy_question *asked, const struct packet *packet, __u32 epoch)
{
	struct policy_flow made = { .last_used = flow_clock(), .direction = asked->direction, .epoch = epoch };
	bool is_answer = !asked->begins && conntrack_is_answer(skb, packet);

	if (is_answer)
		made.direction = !asked->direction;
	if (is_answer || made.direction == POLICY_EGRESS)
		made.peer = policy_receiver(skb, asked);
	else
		made.peer = policy_sender(skb, asked);
	if (!policy_judge(asked, made.direction, made.peer))
		return false;
	/* The next question says better who asks: of this epoch only from then on. */
	if (is_answer && made.direction == POLICY_INGRESS)
		made.epoch = epoch - 1;
	bpf_map_update_elem(&policy_flows, &asked->key, &made, BPF_ANY);
	return true;
}

/* Answers from what is known, or judges anew. */
static __always_inline bool policy_admits(struct __sk_buff *skb, const struct policy_question *asked, const struct packet *packet)
{
	__u32 index = 0;
	const struct policy_state *state = bpf_map_lookup_elem(&policy_state, &index);
	struct policy_flow *flow = bpf_map_lookup_elem(&policy_flows, &asked->key);
	__u32 now = flow_clock();
	__u32 epoch;

	if (!state)
		return false;
	/* Read before anything is judged: what changes meanwhile is asked again. */
	epoch = state->epoch;
	if (!flow || !policy_is_alive(flow, asked->key.protocol, now) || (asked->begins && flow->direction != asked->direction))
		return policy_ask_new(skb, asked, packet, epoch);
	if (flow->epoch != epoch && !policy_ask_again(skb, asked, flow, epoch))
		return false;
	if (flow->last_used != now)
		flow->last_used = now;
	return true;
}

/* Another one may judge by what pods' packets carry (POLICY_MODE_MARKS). */
static __always_inline bool policy_does(__u32 mode)
{
	__u32 index = 0;
	const struct policy_state *state = bpf_map_lookup_elem(&policy_state, &index);

	return state && state->mode >= mode;
}

/* Reads the ends that an ICMP error quotes, as those of the pod and the other end. */
static __noinline bool policy_quoted(struct __sk_buff *skb, const struct packet *packet, struct policy_question *asked)
{
	__u32 offset = packet->l4_offset + sizeof(struct icmp_header);
	struct policy_flow_key *key = &asked->key;
	bool is_out = asked->direction == POLICY_EGRESS;
	struct packet quoted = {};
	struct quoted_ports ports;

	if (packet->is_v6) {
		struct ipv6hdr ip;

		if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 6)
			return false;
		quoted.protocol = ip.nexthdr;
		__builtin_memcpy(&quoted.source, &ip.saddr, sizeof(quoted.source));
		__builtin_memcpy(&quoted.destination, &ip.daddr, sizeof(quoted.destination));
		offset = quoted_l4_offset(skb, offset + sizeof(ip), &quoted);
	} else {
		struct iphdr ip;

		if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)) || ip.version != 4 || ip.ihl < 5)
			return false;
		quoted.protocol = ip.protocol;
		quoted.source = ip_from_v4(ip.saddr);
		quoted.destination = ip_from_v4(ip.daddr);
		offset += ip.ihl * 4;
	}
	if (!offset)
		return false;
	key->protocol = quoted.protocol;
	/* The error goes to whom the quoted packet came from. */
	key->local = is_out ? quoted.destination : quoted.source;
	key->remote = is_out ? quoted.source : quoted.destination;
	key->local_port = key->remote_port = 0;
	if (!packet_has_ports(&quoted))
		return true;
	if (bpf_skb_load_bytes(skb, offset, &ports, sizeof(ports)))
		return false;
	key->local_port = is_out ? ports.destination : ports.source;
	key->remote_port = is_out ? ports.source : ports.destination;
	return true;
}

/* An ICMP error passes where the connection that it is about is known. */
static __noinline bool policy_admits_error(struct __sk_buff *skb, const struct packet *packet, struct policy_question *asked)
{
	const struct policy_flow *flow;

	if (!policy_quoted(skb, packet, asked))
		return false;
	flow = bpf_map_lookup_elem(&policy_flows, &asked->key);
	return flow && policy_is_alive(flow, asked->key.protocol, flow_clock());
}

static __always_inline bool packet_is_echo_request(const struct packet *packet)
{
	return packet->is_v6 ? packet->protocol == IPPROTO_ICMPV6 && packet->flags_or_type == ICMPV6_ECHO_REQUEST_TYPE :
			       packet->protocol == IPPROTO_ICMP && packet->flags_or_type == ICMP_ECHO_REQUEST;
}

#define MLD_FIRST 130
#define MLD_LAST 132
#define MLD_VERSION_2 143
#define ND_FIRST 133
#define ND_LAST 137
#define HOPS_OF_NEIGHBOURS 255
#define HOPS_OF_GROUPS 1

/* Neighbours and groups of the pod's own link: no router passes that on (RFC 4861 11.2, RFC 3810 5). */
static __always_inline bool packet_is_of_link(const struct packet *packet)
{
	__u8 type = packet->flags_or_type;

	if (!packet->is_v6 || packet->protocol != IPPROTO_ICMPV6 || packet->is_later_fragment)
		return false;
	if (packet->hop_limit == HOPS_OF_NEIGHBOURS)
		return type >= ND_FIRST && type <= ND_LAST;
	return packet->hop_limit == HOPS_OF_GROUPS && ((type >= MLD_FIRST && type <= MLD_LAST) || type == MLD_VERSION_2);
}

/* 0 or the reason to drop. */
static __noinline int policy_verdict(struct __sk_buff *skb, const struct packet *packet, struct policy_question *asked)
{
	int reason = asked->direction == POLICY_EGRESS ? REASON_POLICY_EGRESS : REASON_POLICY_INGRESS;

	if (packet_is_of_link(packet))
		return 0;
	if (packet_is_icmp_error(packet))
		return policy_admits_error(skb, packet, asked) ? 0 : reason;
	if (packet->is_later_fragment && packet_has_ports(packet) && !asked->key.local_port)
		return reason;
	asked->begins = packet_begins(packet) || packet_is_echo_request(packet);
	return policy_admits(skb, asked, packet) ? 0 : reason;
}

static __always_inline void policy_about(const struct pod_interface *pod, __u32 ifindex, __u32 direction, struct policy_question *asked)
{
	asked->subject = pod->subject;
	asked->isolated = pod->isolated;
	asked->direction = direction;
	asked->key.ifindex = ifindex;
}

/* True for a segment of a connection that stands between the ends that it has, and that the policies of now let be. */
static __noinline bool policy_goes_on(struct __sk_buff *skb, const struct packet *packet)
{
	struct policy_flow_key key = {
		.local = packet->source,
		.remote = packet->destination,
		.local_port = packet->source_port,
		.remote_port = packet->destination_port,
		.ifindex = skb->ifindex,
		.protocol = packet->protocol,
	};
	const struct pod_interface *pod = bpf_map_lookup_elem(&pod_interfaces, &key.ifindex);
	const struct policy_state *state;
	struct policy_flow *flow;
	__u32 index = 0;
	__u32 now;

	if (!pod || !pod->isolated)
		return false;
	flow = bpf_map_lookup_elem(&policy_flows, &key);
	if (!flow)
		return false;
	state = bpf_map_lookup_elem(&policy_state, &index);
	now = flow_clock();
	if (!state || state->mode < POLICY_MODE_JUDGES || flow->epoch != state->epoch || !policy_is_alive(flow, packet->protocol, now))
		return false;
	if (flow->last_used != now)
		flow->last_used = now;
	return true;
}

/* What the pod sends, between the ends of `to`. */
static __noinline int policy_sends(struct __sk_buff *skb, const struct packet *packet, const struct flow *to)
{
	__u32 ifindex = skb->ifindex;
	const struct pod_interface *pod = bpf_map_lookup_elem(&pod_interfaces, &ifindex);
	struct policy_question asked = {};

	if (!pod)
		return REASON_UNKNOWN_INTERFACE;
	if (!pod->isolated || !policy_does(POLICY_MODE_JUDGES))
		return 0;
	policy_about(pod, ifindex, POLICY_EGRESS, &asked);
	asked.key.local = to->source;
	asked.key.local_port = to->source_port;
	asked.key.remote = to->destination;
	asked.key.remote_port = to->destination_port;
	asked.key.protocol = packet->protocol;
	return policy_verdict(skb, packet, &asked);
}

/* What the pod receives, as it comes: answers of endpoints do not look like the Service yet. */
static __noinline int policy_receives(struct __sk_buff *skb, const struct packet *packet)
{
	__u32 ifindex = skb->ifindex;
	const struct pod_interface *pod = bpf_map_lookup_elem(&pod_interfaces, &ifindex);
	struct policy_question asked = {};

	/* What a pod sends to itself by way of a Service comes back by its own link. */
	if (!pod || !pod->isolated || skb->ingress_ifindex == ifindex || !policy_does(POLICY_MODE_JUDGES))
		return 0;
	policy_about(pod, ifindex, POLICY_INGRESS, &asked);
	asked.key.local = packet->destination;
	asked.key.local_port = packet->destination_port;
	asked.key.remote = packet->source;
	asked.key.remote_port = packet->source_port;
	asked.key.protocol = packet->protocol;
	return policy_verdict(skb, packet, &asked);
}
