// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What a pod receives: tc egress of the host side of its veth, one program for all pods of a node.
 *
 *   1. the pod's policy lets it in                        lib/policy.h
 *   2. answers of endpoints look like the Service again   lib/pod_service.h
 */
#include "lib/pod_service.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int pod_ingress(struct __sk_buff *skb)
{
	struct packet packet = {};

	if (skb->protocol != bpf_htons(ETH_P_IP) && skb->protocol != bpf_htons(ETH_P_IPV6))
		return TC_ACT_OK;
	/* What the node forwards is not ours to judge here: a packet that cannot be read is the pod's own to refuse. */
	if (packet_parse(skb, &packet))
		return TC_ACT_OK;
	return pod_receives(skb, &packet);
}
