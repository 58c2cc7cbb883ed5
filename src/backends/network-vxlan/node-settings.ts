// Settings of a node's namespace without which it forwards nothing; knows no entry of the tunnel.

/** Path below /proc/sys -> value, in this order: switching forwarding on resets what depends on it. */
export const NODE_SYSCTLS: ReadonlyMap<string, string> = new Map([
  ['net/ipv4/ip_forward', '1'],
  ['net/ipv6/conf/all/forwarding', '1'],
]);
