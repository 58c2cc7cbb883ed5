// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The peer that an IPv6 socket shows to its program. */
#include "lib/socket.h"

char LICENSE[] SEC("license") = "GPL";

SEC("cgroup/getpeername6")
int getpeername6(struct bpf_sock_addr *ctx)
{
	return socket_getpeername(ctx, true);
}
