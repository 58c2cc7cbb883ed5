// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/*
 * What comes in by an uplink of the node, in the memory of its driver, where the operator asks for it.
 *
 *   1. flows of outside clients that stand go on by the same link    lib/xdp_service.h
 *   2. what a frontend does not admit ends
 *   3. the stack, and node_ingress behind it, gets the rest as it came
 */
#include "lib/xdp_service.h"

char LICENSE[] SEC("license") = "GPL";

SEC("xdp.frags")
int node_xdp(struct xdp_md *ctx)
{
	struct packet packet = {};
	struct frame frame;

	if (!frame_read(ctx, 0, &frame, &packet))
		return XDP_PASS;
	return uplink_receives(ctx, &frame, &packet);
}
