// What BPF programs know of other nodes, in their maps: the tunnel's other ends, because XDP wraps packets before there is a device to do it, and
// whose an own address is, because what the tunnel brings to one was handed over.

import type { Target } from '../../reconcile/target.ts';
import { mapVerbs } from '../shared-bpf/map-target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import type { PeerAddress, TunnelPeer } from './entries.ts';

export function tunnelPeerTarget({ tunnelPeers }: Pick<NodeMaps, 'tunnelPeers'>): Target<TunnelPeer> {
  return {
    name: 'tunnel peers of XDP',
    ...mapVerbs<TunnelPeer>({
      read: () => tunnelPeers.entries().map(([{ mac }, row]) => [mac, { mac, ...row }] as const),
      write: (all) => tunnelPeers.updateAll(all.map(({ mac, ...row }) => [{ mac }, row])),
      remove: (all) => tunnelPeers.deleteAll(all.map(({ mac }) => ({ mac }))),
    }),
    isEqual: (a, b) => a.local === b.local && a.remote === b.remote && a.vni === b.vni && a.port === b.port,
    print: (verb, mac, { remote }) => [`${verb} tunnel peer ${mac} at ${remote} in the map tunnel_peers`],
  };
}

export function peerAddressTarget({ peerAddresses }: Pick<NodeMaps, 'peerAddresses'>): Target<PeerAddress> {
  return {
    name: 'addresses of other nodes',
    ...mapVerbs<PeerAddress>({
      read: () => peerAddresses.entries().map(([{ ip }, { mac }]) => [ip, { ip, mac }] as const),
      write: (all) => peerAddresses.updateAll(all.map(({ ip, mac }) => [{ ip }, { mac }])),
      remove: (all) => peerAddresses.deleteAll(all.map(({ ip }) => ({ ip }))),
    }),
    isEqual: (a, b) => a.mac === b.mac,
    print: (verb, ip, { mac }) => [`${verb} address ${ip} of the node at ${mac} in the map peer_addresses`],
  };
}
