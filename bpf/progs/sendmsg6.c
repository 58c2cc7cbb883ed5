// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* sendto() and sendmsg() of an unconnected UDP socket to an IPv6 destination. */
#include "lib/socket.h"

char LICENSE[] SEC("license") = "GPL";

SEC("cgroup/sendmsg6")
int sendmsg6(struct bpf_sock_addr *ctx)
{
	return socket_sendmsg(ctx, true);
}
