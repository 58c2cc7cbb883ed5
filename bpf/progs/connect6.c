// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* connect() of an IPv6 socket, TCP and UDP, IPv4-mapped destinations included. */
#include "lib/socket.h"

char LICENSE[] SEC("license") = "GPL";

SEC("cgroup/connect6")
int connect6(struct bpf_sock_addr *ctx)
{
	return socket_connect(ctx, true);
}
