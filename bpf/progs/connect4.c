// SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0
/* connect() of an IPv4 socket, TCP and UDP. */
#include "lib/socket.h"

char LICENSE[] SEC("license") = "GPL";

SEC("cgroup/connect4")
int connect4(struct bpf_sock_addr *ctx)
{
	return socket_connect(ctx, false);
}
