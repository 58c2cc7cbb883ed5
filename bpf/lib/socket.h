/* SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0 */
/*
 * Services at the socket: the destination of connect() and sendmsg() becomes an endpoint before a packet exists, and
 * recvmsg() and getpeername() show the Service again. Nothing is done per packet.
 *
 *   connect ----> frontends -> endpoints -> socket_peers (goes with the socket), UDP of the node also node_udp_peers (for the agent);
 *                 UDP of a pod is left to its packets
 *   sendmsg ----> socket_flows (forward)  -> same endpoint as before, or a new one + both directions
 *                 two Services of one endpoint from one socket of a pod are left to its packets
 *   recvmsg <---- socket_peers, socket_flows (reverse)
 *   getpeername <- socket_peers
 */
#pragma once

#include <linux/errno.h>
#include <linux/in.h>
#include "address.h"
#include "service.h"

#define SOCKET_ALLOW 1
#define SOCKET_REFUSE 0

/* linux/in.h of older headers has no IPPROTO_MPTCP; such a socket connects as TCP does. */
#define PROTOCOL_MPTCP 262

#define FLOW_FORWARD 0
#define FLOW_REVERSE 1

/* The IP protocol that the socket speaks, 0 for those that have no Services (ping sockets are datagrams, too). */
static __always_inline __u8 socket_protocol(const struct bpf_sock_addr *ctx)
{
	switch (ctx->protocol) {
	case IPPROTO_TCP:
	case PROTOCOL_MPTCP:
		return IPPROTO_TCP;
	case IPPROTO_UDP:
		return IPPROTO_UDP;
	default:
		return 0;
	}
}

static __always_inline struct ip_address socket_ip(const struct bpf_sock_addr *ctx, bool is_v6)
{
	struct ip_address ip;

	if (!is_v6)
		return ip_from_v4(ctx->user_ip4);
	ip.words[0] = ctx->user_ip6[0];
	ip.words[1] = ctx->user_ip6[1];
	ip.words[2] = ctx->user_ip6[2];
	ip.words[3] = ctx->user_ip6[3];
	return ip;
}

static __always_inline void socket_set(struct bpf_sock_addr *ctx, bool is_v6, const struct ip_address *ip, __be16 port)
{
	ctx->user_port = port;
	if (!is_v6) {
		ctx->user_ip4 = ip->words[3];
		return;
	}
	ctx->user_ip6[0] = ip->words[0];
	ctx->user_ip6[1] = ip->words[1];
	ctx->user_ip6[2] = ip->words[2];
	ctx->user_ip6[3] = ip->words[3];
}

static __always_inline struct frontend_key socket_destination(const struct bpf_sock_addr *ctx, bool is_v6, __u8 protocol)
{
	return (struct frontend_key){ .ip = socket_ip(ctx, is_v6), .port = ctx->user_port, .protocol = protocol };
}

/* A pod is one client, whatever addresses it has: its network namespace. */
static __always_inline struct ip_address socket_client(struct bpf_sock_addr *ctx)
{
	__u64 cookie = bpf_get_netns_cookie(ctx);

	return (struct ip_address){ .words = { (__u32)cookie, (__u32)(cookie >> 32), 0, 0 } };
}

/* The caller sees ECONNREFUSED; without a value of ours it would be EPERM. */
static __always_inline int socket_refuse(void)
{
	bpf_set_retval(-ECONNREFUSED);
	return SOCKET_REFUSE;
}

/*
 * What a connected socket was translated to. The node's own UDP sockets are also noted by their cookie: when the endpoint goes, the agent
 * ends them (those of pods never come here).
 */
static __always_inline void socket_remember_peer(struct bpf_sock_addr *ctx, const struct frontend_key *frontend,
						 const struct transport_address *endpoint)
{
	struct socket_cookie key = {};
	struct socket_peer *peer;

	if (!ctx->sk)
		return;
	peer = bpf_sk_storage_get(&socket_peers, ctx->sk, 0, BPF_SK_STORAGE_GET_F_CREATE);
	if (!peer)
		return;
	peer->endpoint_ip = endpoint->ip;
	peer->endpoint_port = endpoint->port;
	peer->frontend_ip = frontend->ip;
	peer->frontend_port = frontend->port;
	if (frontend->protocol != IPPROTO_UDP)
		return;
	key.cookie = bpf_get_socket_cookie(ctx);
	bpf_map_update_elem(&node_udp_peers, &key, peer, BPF_ANY);
}

/* A datagram socket may connect again, elsewhere. */
static __always_inline void socket_forget_peer(struct bpf_sock_addr *ctx)
{
	struct socket_cookie key = { .cookie = bpf_get_socket_cookie(ctx) };

	if (ctx->sk && !bpf_sk_storage_delete(&socket_peers, ctx->sk))
		bpf_map_delete_elem(&node_udp_peers, &key);
}

/* The call ends as waiting for an answer would end; nothing can be sent into the void from here. */
static __always_inline int socket_silence(void)
{
	bpf_set_retval(-ETIMEDOUT);
	return SOCKET_REFUSE;
}

/* Whether the socket is a pod's: what it sends passes the pod's interface, where packets are judged. */
static __always_inline bool socket_is_of_pod(struct bpf_sock_addr *ctx)
{
	__u32 index = 0;
	const struct settings *known = bpf_map_lookup_elem(&settings, &index);

	return known && known->node_netns_cookie && bpf_get_netns_cookie(ctx) != known->node_netns_cookie;
}

/*
 * What cannot be decided at a pod's socket keeps the Service's own address: silence can only be had from packets, source ranges speak of
 * a source that is not known yet. The node's own sockets have no place but this one.
 */
static __always_inline enum service_verdict socket_judge(struct bpf_sock_addr *ctx, const struct service *service,
							 enum service_verdict verdict)
{
	if (verdict == SERVICE_NONE)
		return verdict;
	if (verdict != SERVICE_DROPPED && !service->range_set)
		return verdict;
	if (socket_is_of_pod(ctx))
		return SERVICE_NONE;
	return service->flags & FRONTEND_DENIES_NODE ? SERVICE_DROPPED : verdict;
}

/*
 * A connected datagram socket passes no hook when it sends, so an endpoint chosen at connect() would stay its peer beyond that endpoint's
 * end: a hole without a bottom. What a pod sends passes its interface, where every datagram is judged anew: there such a socket keeps the
 * Service's own address. The node's own sockets have no such place.
 */
static __always_inline bool socket_is_left_to_packets(struct bpf_sock_addr *ctx, __u8 protocol)
{
	return protocol == IPPROTO_UDP && socket_is_of_pod(ctx);
}

static __always_inline int socket_connect(struct bpf_sock_addr *ctx, bool is_v6)
{
	__u8 protocol = socket_protocol(ctx);
	struct frontend_key key = socket_destination(ctx, is_v6, protocol);
	struct transport_address endpoint = {};
	struct service service = {};
	struct ip_address client;
	enum service_verdict verdict;

	if (!protocol)
		return SOCKET_ALLOW;
	verdict = socket_judge(ctx, &service, service_find(&key, CLIENT_INSIDE, &service));
	if (verdict == SERVICE_FOUND && socket_is_left_to_packets(ctx, protocol))
		verdict = SERVICE_NONE;
	if (verdict == SERVICE_FOUND) {
		client = socket_client(ctx);
		verdict = service_choose(&key, &service, &client, &endpoint);
	}
	if (verdict == SERVICE_REFUSED)
		return socket_refuse();
	if (verdict == SERVICE_DROPPED)
		return socket_silence();
	if (verdict == SERVICE_NONE) {
		if (protocol == IPPROTO_UDP)
			socket_forget_peer(ctx);
		return SOCKET_ALLOW;
	}
	socket_remember_peer(ctx, &key, &endpoint);
	socket_set(ctx, is_v6, &endpoint.ip, endpoint.port);
	return SOCKET_ALLOW;
}

/*
 * Linux sends an IPv6 socket's datagrams to a mapped IPv4 peer as if that peer had been named with each of them (udpv6_sendmsg), so that
 * connected sockets come by here, too. They hear of nobody but their peer: nothing may be sent elsewhere.
 */
static __always_inline bool socket_is_connected(const struct bpf_sock_addr *ctx)
{
	return ctx->sk && ctx->sk->state == BPF_TCP_ESTABLISHED;
}

/* The endpoint of earlier datagrams of this socket to this frontend, as long as it is one. */
static __always_inline bool socket_flow_recall(struct socket_flow *known, const struct service *service,
					       struct transport_address *out)
{
	if (!known)
		return false;
	if (!service_keeps(service, known->generation, &known->ip, known->port))
		return false;
	known->generation = service->generation;
	out->ip = known->ip;
	out->port = known->port;
	return true;
}

static __always_inline void socket_flow_keep(struct socket_flow_key *key, const struct service *service,
					     const struct transport_address *endpoint)
{
	struct socket_flow forward = {
		.ip = endpoint->ip, .port = endpoint->port, .generation = service->generation
	};
	struct socket_flow reverse = { .ip = key->ip, .port = key->port, .generation = service->generation };
	struct socket_flow_key back = {
		.cookie = key->cookie, .ip = endpoint->ip, .port = endpoint->port, .direction = FLOW_REVERSE
	};

	bpf_map_update_elem(&socket_flows, &back, &reverse, BPF_ANY);
	bpf_map_update_elem(&socket_flows, key, &forward, BPF_ANY);
}

/*
 * An endpoint's answer carries the endpoint's address alone: where a socket speaks to two Services of one endpoint, nothing here could tell
 * them apart. Packets can, for the second flow gets another source port. So both Services are left to a pod's packets, from here on.
 */
static __always_inline bool socket_flow_is_left(const struct socket_flow *known)
{
	return known && !known->port;
}

static __always_inline bool socket_flows_leave(struct bpf_sock_addr *ctx, struct socket_flow_key *key,
					       const struct transport_address *endpoint)
{
	struct socket_flow_key other = {
		.cookie = key->cookie, .ip = endpoint->ip, .port = endpoint->port, .direction = FLOW_REVERSE
	};
	struct socket_flow left = {};
	const struct socket_flow *answers = bpf_map_lookup_elem(&socket_flows, &other);

	if (!answers || (answers->port == key->port && ip_equal(&answers->ip, &key->ip)) || !socket_is_of_pod(ctx))
		return false;
	other.ip = answers->ip;
	other.port = answers->port;
	other.direction = FLOW_FORWARD;
	bpf_map_update_elem(&socket_flows, &other, &left, BPF_ANY);
	bpf_map_update_elem(&socket_flows, key, &left, BPF_ANY);
	return true;
}

static __always_inline int socket_sendmsg(struct bpf_sock_addr *ctx, bool is_v6)
{
	__u8 protocol = socket_protocol(ctx);
	struct frontend_key key = socket_destination(ctx, is_v6, protocol);
	struct socket_flow_key flow = { .ip = key.ip, .port = key.port, .direction = FLOW_FORWARD };
	struct transport_address endpoint = {};
	struct service service = {};
	struct socket_flow *known;
	struct ip_address client;
	enum service_verdict verdict;

	if (protocol != IPPROTO_UDP)
		return SOCKET_ALLOW;
	if (socket_is_connected(ctx) && socket_is_left_to_packets(ctx, protocol))
		return SOCKET_ALLOW;
	verdict = socket_judge(ctx, &service, service_find(&key, CLIENT_INSIDE, &service));
	if (verdict == SERVICE_NONE)
		return SOCKET_ALLOW;
	if (verdict == SERVICE_REFUSED)
		return socket_refuse();
	if (verdict == SERVICE_DROPPED)
		return socket_silence();
	flow.cookie = bpf_get_socket_cookie(ctx);
	known = bpf_map_lookup_elem(&socket_flows, &flow);
	if (socket_flow_is_left(known))
		return SOCKET_ALLOW;
	if (!socket_flow_recall(known, &service, &endpoint)) {
		client = socket_client(ctx);
		if (service_choose(&key, &service, &client, &endpoint) != SERVICE_FOUND)
			return socket_refuse();
		if (socket_flows_leave(ctx, &flow, &endpoint))
			return SOCKET_ALLOW;
		socket_flow_keep(&flow, &service, &endpoint);
	}
	socket_set(ctx, is_v6, &endpoint.ip, endpoint.port);
	return SOCKET_ALLOW;
}

/* Puts the Service in the place of the endpoint that the connected socket really talks to. */
static __always_inline bool socket_show_frontend(struct bpf_sock_addr *ctx, bool is_v6, const struct ip_address *ip)
{
	struct socket_peer *peer;

	if (!ctx->sk)
		return false;
	peer = bpf_sk_storage_get(&socket_peers, ctx->sk, 0, 0);
	if (!peer || peer->endpoint_port != (__be16)ctx->user_port || !ip_equal(&peer->endpoint_ip, ip))
		return false;
	socket_set(ctx, is_v6, &peer->frontend_ip, peer->frontend_port);
	return true;
}

static __always_inline int socket_recvmsg(struct bpf_sock_addr *ctx, bool is_v6)
{
	struct socket_flow_key flow = { .ip = socket_ip(ctx, is_v6), .port = ctx->user_port, .direction = FLOW_REVERSE };
	struct socket_flow *known;

	if (socket_protocol(ctx) != IPPROTO_UDP)
		return SOCKET_ALLOW;
	if (socket_show_frontend(ctx, is_v6, &flow.ip))
		return SOCKET_ALLOW;
	flow.cookie = bpf_get_socket_cookie(ctx);
	known = bpf_map_lookup_elem(&socket_flows, &flow);
	if (known)
		socket_set(ctx, is_v6, &known->ip, known->port);
	return SOCKET_ALLOW;
}

static __always_inline int socket_getpeername(struct bpf_sock_addr *ctx, bool is_v6)
{
	struct ip_address ip = socket_ip(ctx, is_v6);

	socket_show_frontend(ctx, is_v6, &ip);
	return SOCKET_ALLOW;
}
