// The programs' maps as targets of the engine.

import { cidrBase, cidrFamily, cidrLength, cidrOf, type Cidr } from '../../base/cidr.ts';
import { familyOf } from '../../base/ip.ts';
import type { Target } from '../../reconcile/target.ts';
import { POLICY_PORT_FIXED_BITS } from '../../wire/bpf-maps-policy.ts';
import { mapVerbs, type EntryMap } from '../shared-bpf/map-target.ts';
import type { NodeMaps } from '../shared-bpf/node-maps.ts';
import { growEpoch } from '../shared-bpf/policy-mode.ts';
import { peerEntryKey, portEntryKey, type AddressEntry, type PeerEntry, type PortEntry } from './render.ts';

type PolicyMaps = Pick<NodeMaps, 'policyAddresses' | 'policyPeers' | 'policyPorts' | 'policyState'>;

/** Whatever is changed, connections that stand are asked again. */
function verbsOf<T>(
  maps: PolicyMaps,
  entries: EntryMap<T>,
): Pick<Target<T>, 'observe' | 'update' | 'delete' | 'isIsolated'> {
  return { isIsolated: true, ...mapVerbs(entries, () => growEpoch(maps)) };
}

export function portTarget(maps: PolicyMaps): Target<PortEntry> {
  const { policyPorts } = maps;
  const keyOf = ({ ruleSet, protocol, port, bits }: PortEntry): Parameters<typeof policyPorts.delete>[0] => ({
    prefixBits: POLICY_PORT_FIXED_BITS + bits,
    ruleSet,
    protocol,
    port,
  });
  return {
    name: 'policy-ebpf ports',
    ...verbsOf<PortEntry>(maps, {
      read: () =>
        policyPorts.entries().map(([{ prefixBits, ...key }]) => {
          const entry = { ...key, bits: prefixBits - POLICY_PORT_FIXED_BITS };
          return [portEntryKey(entry), entry] as const;
        }),
      write: (all) => policyPorts.updateAll(all.map((it) => [keyOf(it), { isOpen: 1 }])),
      remove: (all) => policyPorts.deleteAll(all.map(keyOf)),
    }),
    isEqual: () => true,
    print: (verb, key) => [`${verb} open ports ${key} in the map policy_ports`],
  };
}

/** IPv4 stands behind 96 bits of the mapped form. */
const MAPPED_BITS = 96;

function addressKey(prefix: Cidr): { readonly prefixBits: number; readonly ip: ReturnType<typeof cidrBase> } {
  const before = cidrFamily(prefix) === 4 ? MAPPED_BITS : 0;
  return { prefixBits: before + cidrLength(prefix), ip: cidrBase(prefix) };
}

export function addressTarget(maps: PolicyMaps): Target<AddressEntry> {
  const { policyAddresses } = maps;
  return {
    name: 'policy-ebpf addresses',
    ...verbsOf<AddressEntry>(maps, {
      read: () =>
        policyAddresses.entries().map(([{ prefixBits, ip }, of]) => {
          const prefix = cidrOf(ip, familyOf(ip) === 4 ? prefixBits - MAPPED_BITS : prefixBits);
          return [prefix, { ...of, prefix }] as const;
        }),
      write: (all) =>
        policyAddresses.updateAll(
          all.map(({ prefix, peer, block }) => [addressKey(prefix), { peer, block }]),
        ),
      remove: (all) => policyAddresses.deleteAll(all.map(({ prefix }) => addressKey(prefix))),
    }),
    isEqual: (a, b) => a.peer === b.peer && a.block === b.block,
    print: (verb, prefix, { peer, block }) => [
      `${verb} ${prefix} as peer ${peer} in block ${block} in the map policy_addresses`,
    ],
  };
}

export function peerTarget(maps: PolicyMaps): Target<PeerEntry> {
  const { policyPeers } = maps;
  return {
    name: 'policy-ebpf peers',
    ...verbsOf<PeerEntry>(maps, {
      read: () =>
        policyPeers.entries().map(([key, { ruleSet }]) => [peerEntryKey(key), { ...key, ruleSet }] as const),
      write: (all) => policyPeers.updateAll(all.map(({ ruleSet, ...key }) => [key, { ruleSet }])),
      remove: (all) =>
        policyPeers.deleteAll(
          all.map(({ subject, direction, peer, block }) => ({ subject, direction, peer, block })),
        ),
    }),
    isEqual: (a, b) => a.ruleSet === b.ruleSet,
    print: (verb, key, { ruleSet }) => [
      `${verb} peer ${key} with rule set ${ruleSet} in the map policy_peers`,
    ],
  };
}
