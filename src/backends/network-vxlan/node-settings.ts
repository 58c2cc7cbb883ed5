// Settings of a node's namespace without which it forwards nothing, or forwards with wrong advice; knows no entry of the tunnel.

/** Path below /proc/sys -> value, in this order: switching forwarding on resets what depends on it. */
export const NODE_SYSCTLS: ReadonlyMap<string, string> = new Map([
  ['net/ipv4/ip_forward', '1'],
  ['net/ipv6/conf/all/forwarding', '1'],
  // A pod that reaches itself through its Service goes out where it came in: Linux would tell it of a shorter way, and what it spends on
  // that it lacks for refusals. New links take it from `default`; one link redirects where either it or `all` says so.
  ['net/ipv4/conf/all/send_redirects', '0'],
  ['net/ipv4/conf/default/send_redirects', '0'],
  // What the node's programs hand to the stack to be cut into fragments comes by the loopback with the node's own address as its source
  // (bpf/lib/forwarding.h). Only the node itself sends there: no door for forgers.
  ['net/ipv4/conf/lo/accept_local', '1'],
]);
