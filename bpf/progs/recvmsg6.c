// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* The sender that recvfrom() and recvmsg() report on an IPv6 UDP socket. */
#include "lib/socket.h"

char LICENSE[] SEC("license") = "GPL";

SEC("cgroup/recvmsg6")
int recvmsg6(struct bpf_sock_addr *ctx)
{
	return socket_recvmsg(ctx, true);
}
