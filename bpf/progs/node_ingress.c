// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What comes in by a link of the node: tc ingress of its uplinks and its tunnel.
 *
 *   1. answers to hidden clients go on to them     lib/forwarding.h
 *   2. Services become endpoints                   lib/node_service.h
 *   3. the stack takes or forwards the rest
 */
#include "lib/node_service.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int node_ingress(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6))
		return TC_ACT_OK;
	/* The stack judges what cannot be read. */
	if (packet_parse(skb, &packet))
		return TC_ACT_OK;
	return node_receives(skb, &packet);
}
