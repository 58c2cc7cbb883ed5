// The sockets a workload may have: made in the pod's namespace, handed over as file descriptors. The one seam to the kernel.

import type { Ip } from '../../base/ip.ts';

/** Makes sockets in a network namespace named by its path. Descriptors are non-blocking, close-on-exec, and the caller's to close; IPv6 ones take IPv6 alone. */
export interface PodSockets {
  listenTcp(netns: string, at: { readonly ip: Ip; readonly port: number }): number;
  /** Port 0 is any free one. */
  bindUdp(netns: string, at: { readonly ip: Ip; readonly port: number }): number;
  /** A TCP socket that is not connected yet, of the family of the address to be dialled. */
  openTcp(netns: string, family: 4 | 6): number;
}
