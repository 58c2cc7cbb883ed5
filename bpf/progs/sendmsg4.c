// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* sendto() and sendmsg() of an unconnected UDP socket to an IPv4 destination. */
#include "lib/socket.h"

char LICENSE[] SEC("license") = "GPL";

SEC("cgroup/sendmsg4")
int sendmsg4(struct bpf_sock_addr *ctx)
{
	return socket_sendmsg(ctx, false);
}
