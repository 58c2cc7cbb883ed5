// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* What the least answer costs: a datagram goes back to where it came from, as it is. Beside it bench/dns-kernel.ts shows what answers cost. */
#include "lib/refuse.h"

char LICENSE[] SEC("license") = "GPL";

SEC("tc")
int turn_round(struct __sk_buff *skb)
{
	struct packet packet = {};
	__be16 ends[2];

	if (packet_parse(skb, &packet))
		return TC_ACT_SHOT;
	ends[0] = packet.destination_port;
	ends[1] = packet.source_port;
	if (bpf_skb_store_bytes(skb, packet.l4_offset, ends, sizeof(ends), 0) ||
	    store_ip_back(skb, &packet, packet.protocol, packet.l3_bytes + IP_OFFSET - packet.l4_offset) || swap_ethernet(skb))
		return TC_ACT_SHOT;
	return bpf_redirect(skb->ifindex, 0);
}
