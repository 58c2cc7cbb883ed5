// What the BPF programs know of links: pods' interfaces, the node's own, and what leads to other nodes.

import { defineStruct } from './bpf-maps-struct.ts';

export const INTERFACE_KEY = defineStruct('interface_key', [{ name: 'ifindex', kind: 'u32' }]);

/** A link of the node that the node's programs are on. */
export const NODE_LINK = defineStruct('node_link', [{ name: 'flags', kind: 'u32' }]);

/** Bits of `node_link.flags`. */
export const NODE_LINK_FLAGS = {
  /** It leads to other nodes and to nobody else. */
  tunnel: 1,
  /** One of two ends on this machine: its driver wakes the other one for what is redirected, and not for XDP_TX (drivers/net/veth.c). */
  veth: 2,
  /** Another backend carries by now: what is begun here goes on, nothing is begun. */
  leaving: 4,
} as const;

/** The address that the node hides outside clients behind; zero for none. */
export const NODE_ADDRESS = defineStruct('node_address', [{ name: 'ip', kind: 'ip' }]);

/** Another node's end of the tunnel by its Ethernet address, and what packets between both ends are wrapped in. */
export const TUNNEL_PEER_KEY = defineStruct('tunnel_peer_key', [
  { name: 'mac', kind: 'mac' },
  { name: 'pad', kind: 'pad', count: 2 },
]);

export const TUNNEL_PEER = defineStruct('tunnel_peer', [
  { name: 'local', kind: 'ip' },
  { name: 'remote', kind: 'ip' },
  { name: 'vni', kind: 'u32' },
  { name: 'port', kind: 'be16' },
  { name: 'pad', kind: 'pad', count: 2 },
]);

/** Which node has an own address: the Ethernet address of its end of the tunnel. */
export const PEER_ADDRESS = defineStruct('peer_address', [
  { name: 'mac', kind: 'mac' },
  { name: 'pad', kind: 'pad', count: 2 },
]);

/**
 * What a pod's interface may send from, `ips` of both families, and who the pod is to policies: `identity` is what its packets carry, 0 while it has
 * none. In the directions of `isolated` (POLICY_ISOLATED) it is let what its `subject` says; subject 0 has no entries, which is nothing.
 */
export const POD_INTERFACE = defineStruct('pod_interface', [
  { name: 'mac', kind: 'mac' },
  { name: 'pad', kind: 'pad', count: 2 },
  { name: 'ips', kind: 'ips', count: 4 },
  { name: 'identity', kind: 'u32' },
  { name: 'subject', kind: 'u32' },
  { name: 'isolated', kind: 'u32' },
]);
