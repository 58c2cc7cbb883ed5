// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What a pod sends: tc ingress of the host side of its veth, one program for all pods of a node.
 *
 *   1. the interface is known             pod_interfaces
 *   2. the sender is who it says it is    lib/antispoof.h
 *   3. it carries who it is               the mark
 *   4. names of the cluster are answered  lib/dns.h, where the policy lets it go
 *   5. Services become endpoints          lib/pod_service.h
 *   6. the pod's policy lets it go        lib/policy.h
 *   7. the stack forwards
 */
#include "lib/antispoof.h"
#include "lib/pod_service.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int pod_egress(struct __sk_buff *skb)
{
	struct packet packet = {};
	__u32 ifindex = skb->ifindex;
	const struct pod_interface *pod = bpf_map_lookup_elem(&pod_interfaces, &ifindex);
	int reason;

	if (!pod)
		return drop(skb, &packet, REASON_UNKNOWN_INTERFACE, HOOK_POD_EGRESS);
	reason = antispoof_mac(skb, pod);
	if (reason)
		return drop(skb, &packet, reason, HOOK_POD_EGRESS);
	if (skb->vlan_present)
		return drop(skb, &packet, REASON_UNKNOWN_ETHERTYPE, HOOK_POD_EGRESS);
	switch (skb->protocol) {
	case bpf_htons(ETH_P_ARP):
		reason = antispoof_arp(skb, pod);
		return reason ? drop(skb, &packet, reason, HOOK_POD_EGRESS) : TC_ACT_OK;
	case bpf_htons(ETH_P_IP):
	case bpf_htons(ETH_P_IPV6):
		break;
	default:
		return drop(skb, &packet, REASON_UNKNOWN_ETHERTYPE, HOOK_POD_EGRESS);
	}
	reason = packet_parse(skb, &packet);
	if (!reason)
		reason = antispoof_ip(skb, pod, &packet);
	if (reason)
		return drop(skb, &packet, reason, HOOK_POD_EGRESS);
	if (policy_does(POLICY_MODE_MARKS))
		skb->mark = pod->identity ? pod->identity : PEER_UNKNOWN_POD;
	return pod_sends(skb, &packet);
}
