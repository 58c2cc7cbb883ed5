// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What leaves by a link of the node: tc egress of its uplinks and its tunnel.
 *
 *   1. answers to clients that kept their address look like the Service   lib/node_service.h
 */
#include "lib/node_service.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int node_egress(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6))
		return TC_ACT_OK;
	if (packet_parse(skb, &packet))
		return TC_ACT_OK;
	return node_answers(skb, &packet);
}
