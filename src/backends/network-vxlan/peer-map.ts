// The tunnel's other ends in a map of the BPF programs: XDP wraps packets by itself, before there is a device to do it.

import type { Target } from '../../reconcile/target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import type { TunnelPeer } from './entries.ts';

export function tunnelPeerTarget({ tunnelPeers }: Pick<NodeMaps, 'tunnelPeers'>): Target<TunnelPeer> {
  return {
    name: 'tunnel peers of XDP',
    // oxlint-disable-next-line typescript/require-await -- the calls block; callers treat them as the I/O that they are
    observe: async () =>
      new Map(tunnelPeers.entries().map(([{ mac }, row]) => [mac, { mac, ...row }] as const)),
    isEqual: (a, b) => a.local === b.local && a.remote === b.remote && a.vni === b.vni && a.port === b.port,
    // oxlint-disable-next-line typescript/require-await -- as above
    update: async (entries) => {
      tunnelPeers.updateAll([...entries.values()].map(({ mac, ...row }) => [{ mac }, row]));
      return new Map();
    },
    // oxlint-disable-next-line typescript/require-await -- as above
    delete: async (entries) => {
      tunnelPeers.deleteAll([...entries.values()].map(({ mac }) => ({ mac })));
      return new Map();
    },
    print: (verb, mac, { remote }) => [`${verb} tunnel peer ${mac} at ${remote} in the map tunnel_peers`],
  };
}
