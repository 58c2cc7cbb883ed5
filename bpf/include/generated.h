/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/* Printed by `npm run generate` from src/wire/bpf-maps.ts: change it there. */
#pragma once

#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "the agent writes little endian");

struct ip_address {
	__u32 words[4];
};

#define ADDRESS_EXCLUSIVE 1
#define FRONTEND_INSIDE_DROPS 1
#define FRONTEND_OUTSIDE_DROPS 2
#define FRONTEND_MASQUERADES_OUTSIDE 4
#define FRONTEND_DENIES_NODE 8
#define MAGLEV_PART_SLOTS 224
#define FRONTEND_DIRECT_RETURN 16
#define NODE_LINK_TUNNEL 1
#define NODE_LINK_VETH 2
#define NODE_LINK_LEAVING 4
#define FLOW_DIRECT 1
#define POLICY_PORT_FIXED_BITS 48
#define POLICY_ISOLATED_INGRESS 1
#define POLICY_ISOLATED_EGRESS 2
#define PEER_OUTSIDE 0
#define PEER_HOST 1
#define PEER_UNKNOWN_POD 2
#define PEER_ANY_POD 3
#define PEER_CLUSTER_DNS 4
#define PEER_FIRST_NODE 1073741824
#define PEER_FIRST_NAMED 1610612736
#define POLICY_MODE_MARKS 1
#define POLICY_MODE_JUDGES 2
#define RULE_SET_NONE 0
#define RULE_SET_ALL 1
#define DNS_NAME_BYTES 96
#define DNS_ADDRESS_BYTES 640
#define DNS_MOST_ADDRESSES 72
#define DNS_SOA_BYTES 54
#define DNS_HELD_HERE 1
#define DNS_HELD_BESIDE 2
#define REASON_FORWARDED 0
#define REASON_LOST_EVENT 1
#define REASON_UNKNOWN_INTERFACE 2
#define REASON_MALFORMED 3
#define REASON_UNKNOWN_ETHERTYPE 4
#define REASON_SPOOFED_MAC 5
#define REASON_SPOOFED_IP 6
#define REASON_SPOOFED_ARP 7
#define REASON_SPOOFED_NEIGHBOUR 8
#define REASON_ROGUE_ROUTER 9
#define REASON_SERVICE_NO_ENDPOINT 10
#define REASON_SERVICE_UNKNOWN_FLOW 11
#define REASON_SERVICE_FRAGMENT 12
#define REASON_SERVICE_PROTOCOL 13
#define REASON_TRANSLATION_FAILED 14
#define REASON_SERVICE_ELSEWHERE 15
#define REASON_SERVICE_SOURCE_RANGE 16
#define REASON_SERVICE_NO_PORT 17
#define REASON_SERVICE_NO_ROUTE 18
#define REASON_SERVICE_HOP_LIMIT 19
#define REASON_CARRIED_BY_XDP 20
#define REASON_POLICY_INGRESS 21
#define REASON_POLICY_EGRESS 22
#define REASON_NAME_ANSWERED 23
#define REASON_NAME_NO_DATA 24

struct address_key {
	struct ip_address ip;
};
_Static_assert(sizeof(struct address_key) == 16, "address_key");

struct service_address {
	__u32 flags;
};
_Static_assert(sizeof(struct service_address) == 4, "service_address");

struct frontend_key {
	struct ip_address ip;
	__be16 port;
	__u8 protocol;
	__u8 pad[1];
};
_Static_assert(sizeof(struct frontend_key) == 20, "frontend_key");

struct frontend {
	__u32 service_id;
	__u32 affinity_timeout_s;
	__u32 flags;
	__u32 range_set;
	__u32 inside_generation;
	__u32 inside_count;
	__u32 outside_generation;
	__u32 outside_count;
	__u32 outside_table_size;
	__u32 direct_generation;
	__u32 direct_count;
};
_Static_assert(sizeof(struct frontend) == 44, "frontend");

struct source_range_key {
	__u32 prefix_bits;
	__u32 range_set;
	struct ip_address ip;
};
_Static_assert(sizeof(struct source_range_key) == 24, "source_range_key");

struct source_range {
	__u32 range_set;
};
_Static_assert(sizeof(struct source_range) == 4, "source_range");

struct endpoint_key {
	__u32 generation;
	__u32 slot;
};
_Static_assert(sizeof(struct endpoint_key) == 8, "endpoint_key");

struct transport_address {
	struct ip_address ip;
	__be16 port;
	__u8 pad[2];
};
_Static_assert(sizeof(struct transport_address) == 20, "transport_address");

struct member_key {
	__u32 generation;
	struct ip_address ip;
	__be16 port;
	__u8 pad[2];
};
_Static_assert(sizeof(struct member_key) == 24, "member_key");

struct slot {
	__u32 slot;
};
_Static_assert(sizeof(struct slot) == 4, "slot");

struct maglev_key {
	__u32 generation;
	__u32 part;
};
_Static_assert(sizeof(struct maglev_key) == 8, "maglev_key");

struct maglev_part {
	__u16 slots[224];
};
_Static_assert(sizeof(struct maglev_part) == 448, "maglev_part");

struct index_key {
	__u32 index;
};
_Static_assert(sizeof(struct index_key) == 4, "index_key");

struct allocator {
	__u32 last_number;
};
_Static_assert(sizeof(struct allocator) == 4, "allocator");

struct affinity_key {
	struct ip_address client;
	__u32 service_id;
};
_Static_assert(sizeof(struct affinity_key) == 20, "affinity_key");

struct affinity {
	__u64 last_used_ns;
	struct ip_address ip;
	__be16 port;
	__u8 pad[6];
};
_Static_assert(sizeof(struct affinity) == 32, "affinity");

struct interface_key {
	__u32 ifindex;
};
_Static_assert(sizeof(struct interface_key) == 4, "interface_key");

struct pod_interface {
	__u8 mac[6];
	__u8 pad[2];
	struct ip_address ips[4];
	__u32 identity;
	__u32 subject;
	__u32 isolated;
};
_Static_assert(sizeof(struct pod_interface) == 84, "pod_interface");

struct node_link {
	__u32 flags;
};
_Static_assert(sizeof(struct node_link) == 4, "node_link");

struct node_address {
	struct ip_address ip;
};
_Static_assert(sizeof(struct node_address) == 16, "node_address");

struct tunnel_peer_key {
	__u8 mac[6];
	__u8 pad[2];
};
_Static_assert(sizeof(struct tunnel_peer_key) == 8, "tunnel_peer_key");

struct tunnel_peer {
	struct ip_address local;
	struct ip_address remote;
	__u32 vni;
	__be16 port;
	__u8 pad[2];
};
_Static_assert(sizeof(struct tunnel_peer) == 40, "tunnel_peer");

struct peer_address {
	__u8 mac[6];
	__u8 pad[2];
};
_Static_assert(sizeof(struct peer_address) == 8, "peer_address");

struct flow_key {
	struct ip_address source;
	struct ip_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u8 protocol;
	__u8 direction;
	__u8 pad[2];
};
_Static_assert(sizeof(struct flow_key) == 40, "flow_key");

struct flow {
	struct ip_address source;
	struct ip_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 generation;
	__u32 last_used;
	__u32 flags;
};
_Static_assert(sizeof(struct flow) == 48, "flow");

struct policy_address_key {
	__u32 prefix_bits;
	struct ip_address ip;
};
_Static_assert(sizeof(struct policy_address_key) == 20, "policy_address_key");

struct policy_address {
	__u32 peer;
	__u32 block;
};
_Static_assert(sizeof(struct policy_address) == 8, "policy_address");

struct policy_peer_key {
	__u32 subject;
	__u32 direction;
	__u32 peer;
	__u32 block;
};
_Static_assert(sizeof(struct policy_peer_key) == 16, "policy_peer_key");

struct policy_peer {
	__u32 rule_set;
};
_Static_assert(sizeof(struct policy_peer) == 4, "policy_peer");

struct policy_port_key {
	__u32 prefix_bits;
	__u32 rule_set;
	__u16 protocol;
	__be16 port;
};
_Static_assert(sizeof(struct policy_port_key) == 12, "policy_port_key");

struct policy_port {
	__u32 is_open;
};
_Static_assert(sizeof(struct policy_port) == 4, "policy_port");

struct policy_flow_key {
	struct ip_address local;
	struct ip_address remote;
	__be16 local_port;
	__be16 remote_port;
	__u32 ifindex;
	__u32 protocol;
};
_Static_assert(sizeof(struct policy_flow_key) == 44, "policy_flow_key");

struct policy_flow {
	__u32 epoch;
	__u32 last_used;
	__u32 direction;
	__u32 peer;
};
_Static_assert(sizeof(struct policy_flow) == 16, "policy_flow");

struct policy_state {
	__u32 epoch;
	__u32 mode;
};
_Static_assert(sizeof(struct policy_state) == 8, "policy_state");

struct dns_server_key {
	struct ip_address ip;
};
_Static_assert(sizeof(struct dns_server_key) == 16, "dns_server_key");

struct dns_server {
	__u32 is_ours;
};
_Static_assert(sizeof(struct dns_server) == 4, "dns_server");

struct dns_zone {
	__u32 ttl_s;
	__u16 udp_payload_bytes;
	__u16 domain_bytes;
	__u8 soa[54];
	__u8 pad[2];
};
_Static_assert(sizeof(struct dns_zone) == 64, "dns_zone");

struct dns_name_key {
	__u8 name[96];
};
_Static_assert(sizeof(struct dns_name_key) == 96, "dns_name_key");

struct dns_name {
	__u64 name_id;
	__u16 name_bytes;
	__u8 v4_held;
	__u8 v6_held;
	__u8 v4[4];
	__u8 v6[16];
};
_Static_assert(sizeof(struct dns_name) == 32, "dns_name");

struct dns_addresses_key {
	__u64 id;
	__u32 family;
	__u8 pad[4];
};
_Static_assert(sizeof(struct dns_addresses_key) == 16, "dns_addresses_key");

struct dns_addresses {
	__u32 count;
	__u8 octets[640];
};
_Static_assert(sizeof(struct dns_addresses) == 644, "dns_addresses");

struct dns_asked_key {
	struct ip_address ip;
	__u64 name_id;
	__u16 type_code;
	__u16 is_dnssec_ok;
	__u8 pad[4];
};
_Static_assert(sizeof(struct dns_asked_key) == 32, "dns_asked_key");

struct dns_asked {
	__u64 answers;
	__u8 name[96];
};
_Static_assert(sizeof(struct dns_asked) == 104, "dns_asked");

struct dns_desk {
	__u64 answers;
	__u8 name[96];
	__u8 records[2064];
};
_Static_assert(sizeof(struct dns_desk) == 2168, "dns_desk");

struct fragment_key {
	struct ip_address source;
	struct ip_address destination;
	__u32 id;
	__u32 protocol;
};
_Static_assert(sizeof(struct fragment_key) == 40, "fragment_key");

struct fragment_ports {
	__be16 source;
	__be16 destination;
};
_Static_assert(sizeof(struct fragment_ports) == 4, "fragment_ports");

struct settings {
	__u64 node_netns_cookie;
	__u32 forward_sampling;
	__u32 drop_events;
};
_Static_assert(sizeof(struct settings) == 16, "settings");

struct counter {
	__u64 packets;
	__u64 bytes;
};
_Static_assert(sizeof(struct counter) == 16, "counter");

struct packet_event {
	__u64 time_ns;
	__u32 ifindex;
	__u16 reason;
	__u8 hook;
	__u8 protocol;
	struct ip_address source;
	struct ip_address destination;
	__be16 source_port;
	__be16 destination_port;
	__u32 length_bytes;
};
_Static_assert(sizeof(struct packet_event) == 56, "packet_event");

struct socket_key {
	__u32 fd;
};
_Static_assert(sizeof(struct socket_key) == 4, "socket_key");

struct socket_peer {
	struct ip_address endpoint_ip;
	__be16 endpoint_port;
	__be16 frontend_port;
	struct ip_address frontend_ip;
};
_Static_assert(sizeof(struct socket_peer) == 36, "socket_peer");

struct socket_cookie {
	__u64 cookie;
};
_Static_assert(sizeof(struct socket_cookie) == 8, "socket_cookie");

struct socket_flow_key {
	__u64 cookie;
	struct ip_address ip;
	__be16 port;
	__u16 direction;
	__u8 pad[4];
};
_Static_assert(sizeof(struct socket_flow_key) == 32, "socket_flow_key");

struct socket_flow {
	struct ip_address ip;
	__be16 port;
	__u8 pad[2];
	__u32 generation;
};
_Static_assert(sizeof(struct socket_flow) == 24, "socket_flow");

/* Addresses with at least one frontend: one look-up tells all other traffic from ours. */
struct service_addresses_of_now {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct address_key));
	__uint(value_size, sizeof(struct service_address));
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct service_addresses_of_now);
} service_addresses SEC(".maps");

/* Address, port and protocol of a Service to the set of its endpoints. */
struct frontends_of_now {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct frontend_key));
	__uint(value_size, sizeof(struct frontend));
	__uint(max_entries, 512);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct frontends_of_now);
} frontends SEC(".maps");

/* Who may use a frontend that has source ranges. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct source_range_key);
	__type(value, struct source_range);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} source_ranges SEC(".maps");

/* The endpoints of a generation, slots 0 to its count - 1. */
struct endpoints_of_now {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct endpoint_key));
	__uint(value_size, sizeof(struct transport_address));
	__uint(max_entries, 2048);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct endpoints_of_now);
} endpoints SEC(".maps");

/* The same endpoints by address: whether a remembered choice is still one. */
struct members_of_now {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct member_key));
	__uint(value_size, sizeof(struct slot));
	__uint(max_entries, 2048);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct members_of_now);
} members SEC(".maps");

/* Slots of a generation in the order of a consistent hash, for outside clients of Services that ask for it. */
struct maglev_tables_of_now {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct maglev_key));
	__uint(value_size, sizeof(struct maglev_part));
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct maglev_tables_of_now);
} maglev_tables SEC(".maps");

/* Last number given to a service or generation; the programs never read it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct allocator);
	__uint(max_entries, 1);
} allocator SEC(".maps");

/* Session affinity by client. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct affinity_key);
	__type(value, struct affinity);
	__uint(max_entries, 65536);
} affinities SEC(".maps");

/* Host sides of pods, by the index of the interface: an interface that is not here sends nothing. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct interface_key);
	__type(value, struct pod_interface);
	__uint(max_entries, 4096);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} pod_interfaces SEC(".maps");

/* Links of the node that carry the node programs, by index: the record of what has to come off again. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct interface_key);
	__type(value, struct node_link);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} node_links SEC(".maps");

/* What outside clients are hidden behind: IPv4 at 0, IPv6 at 1. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct node_address);
	__uint(max_entries, 2);
} node_addresses SEC(".maps");

/* The other nodes’ ends of the tunnel, for the program that wraps packets by itself (XDP). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct tunnel_peer_key);
	__type(value, struct tunnel_peer);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} tunnel_peers SEC(".maps");

/* Other nodes’ own addresses: what the tunnel brings to one was handed over by its node. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct address_key);
	__type(value, struct peer_address);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} peer_addresses SEC(".maps");

/* Translations of packets, both directions of each. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct flow_key);
	__type(value, struct flow);
	__uint(max_entries, 262144);
} flows SEC(".maps");

/* Who is behind an address, and in which of the blocks that policies name. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct policy_address_key);
	__type(value, struct policy_address);
	__uint(max_entries, 262144);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} policy_addresses SEC(".maps");

/* What is open between a pod and a peer, as the number of a rule set. */
struct policy_peers_of_now {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct policy_peer_key));
	__uint(value_size, sizeof(struct policy_peer));
	__uint(max_entries, 1024);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct policy_peers_of_now);
} policy_peers SEC(".maps");

/* The open ports of rule sets. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__type(key, struct policy_port_key);
	__type(value, struct policy_port);
	__uint(max_entries, 131072);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} policy_ports SEC(".maps");

/* Connections of isolated pods: who began, and when it was last allowed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct policy_flow_key);
	__type(value, struct policy_flow);
	__uint(max_entries, 262144);
} policy_flows SEC(".maps");

/* What the programs do for policies, and how often these have changed. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct policy_state);
	__uint(max_entries, 1);
} policy_state SEC(".maps");

/* Addresses at which the node answers for names: only what is sent there is looked at. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__type(key, struct dns_server_key);
	__type(value, struct dns_server);
	__uint(max_entries, 16);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} dns_servers SEC(".maps");

/* What answers about all names have in common. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct dns_zone);
	__uint(max_entries, 1);
} dns_zone SEC(".maps");

/* Names of the cluster that have addresses; what is not here is the DNS process’s to answer. */
struct dns_names_of_now {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct dns_name_key));
	__uint(value_size, sizeof(struct dns_name));
	__uint(max_entries, 512);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct dns_names_of_now);
} dns_names SEC(".maps");

/* The addresses of names that have more than one of a family. */
struct dns_addresses_of_now {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(key_size, sizeof(struct dns_addresses_key));
	__uint(value_size, sizeof(struct dns_addresses));
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
};
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__type(key, __u32);
	__uint(max_entries, 1);
	__array(values, struct dns_addresses_of_now);
} dns_addresses SEC(".maps");

/* Answers by who asked for what, since the agent took them last. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct dns_asked_key);
	__type(value, struct dns_asked);
	__uint(max_entries, 16384);
} dns_asked SEC(".maps");

/* Room of each processor to write an answer. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct dns_desk);
	__uint(max_entries, 1);
} dns_desk SEC(".maps");

/* Ports of datagrams in fragments, known from their first one. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct fragment_key);
	__type(value, struct fragment_ports);
	__uint(max_entries, 8192);
} fragments SEC(".maps");

/* Switches that change while programs run. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__type(key, __u32);
	__type(value, struct settings);
	__uint(max_entries, 1);
} settings SEC(".maps");

/* Packets and bytes by reason. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__type(key, __u32);
	__type(value, struct counter);
	__uint(max_entries, 64);
} counters SEC(".maps");

/* Drops and sampled forwards; where it is full, records are counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1048576);
} events SEC(".maps");

/* Translation of a connected socket; it goes with the socket. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__type(key, int);
	__type(value, struct socket_peer);
	__uint(map_flags, BPF_F_NO_PREALLOC);
} socket_peers SEC(".maps");

/* The same of connected UDP sockets of the node itself, for the agent: socket storage of UDP cannot be listed. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct socket_cookie);
	__type(value, struct socket_peer);
	__uint(max_entries, 65536);
} node_udp_peers SEC(".maps");

/* Translations of unconnected UDP sockets, both directions. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__type(key, struct socket_flow_key);
	__type(value, struct socket_flow);
	__uint(max_entries, 65536);
} socket_flows SEC(".maps");
