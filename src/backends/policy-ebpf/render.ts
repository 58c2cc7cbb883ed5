// What policies mean for the pods of a node -> entries of the programs' maps. Pure.

import type { Cidr } from '../../base/cidr.ts';
import { PORT_PROTOCOLS, prefixesOfRange, type PortSet } from '../../base/port-set.ts';
import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import type { DirectionPolicy, PolicyAddress } from '../../model/policy.ts';
import { onceOf, type FollowAddresses, type PolicyView } from '../shared-node/policy-backend.ts';

/** A block of open ports; protocol 0 is all that has no ports. */
export interface PortEntry {
  readonly ruleSet: number;
  readonly protocol: number;
  readonly port: number;
  /** Bits of the port that count. */
  readonly bits: number;
}

export function portEntryKey({ ruleSet, protocol, port, bits }: PortEntry): string {
  return `${ruleSet} ${protocol} ${port}/${bits}`;
}

export function renderPorts({ ruleSets }: Pick<PolicyView, 'ruleSets'>): ReadonlyMap<string, PortEntry> {
  return portsOfSets(ruleSets);
}

const portsOfSets = onceOf((ruleSets: PolicyView['ruleSets']): ReadonlyMap<string, PortEntry> => {
  const entries = [...ruleSets].flatMap(([ruleSet, ports]) => portsOfSet(ruleSet, ports));
  return new Map(entries.map((it) => [portEntryKey(it), it]));
});

function portsOfSet(ruleSet: number, ports: PortSet): readonly PortEntry[] {
  const others = ports.others ? [{ ruleSet, protocol: 0, port: 0, bits: 0 }] : [];
  const blocks = PORT_PROTOCOLS.flatMap((name) =>
    ports[name]
      .flatMap(prefixesOfRange)
      .map(({ port, bits }) => ({ ruleSet, protocol: PROTOCOL_NUMBERS[name], port, bits })),
  );
  return [...blocks, ...others];
}

export interface AddressEntry extends PolicyAddress {
  readonly prefix: Cidr;
}

export function renderAddresses({
  addresses,
}: Pick<PolicyView, 'addresses'>): ReadonlyMap<string, AddressEntry> {
  return new Map([...addresses].map(([prefix, of]) => [prefix, { ...of, prefix }]));
}

/** The same by what changed: addresses are many, and most changes are of few or of none. */
export function followAddresses(): FollowAddresses<AddressEntry> {
  let entries = new Map<string, AddressEntry>();
  return (view, changed) => {
    if (changed === undefined) entries = new Map(renderAddresses(view));
    for (const prefix of changed ?? []) {
      const of = view.addresses.get(prefix);
      if (of === undefined) entries.delete(prefix);
      else entries.set(prefix, { ...of, prefix });
    }
    return { desired: entries, changed };
  };
}

export interface PeerEntry {
  readonly subject: number;
  readonly direction: number;
  readonly peer: number;
  readonly block: number;
  readonly ruleSet: number;
}

export function peerEntryKey({ subject, direction, peer, block }: Omit<PeerEntry, 'ruleSet'>): string {
  return `${subject} ${direction} ${peer} ${block}`;
}

/** The numbers that the programs know directions by (bpf/lib/policy.h). */
const DIRECTIONS = { ingress: 0, egress: 1 } as const;

export function renderPeers({ subjects }: Pick<PolicyView, 'subjects'>): ReadonlyMap<string, PeerEntry> {
  return peersOfSubjects(subjects);
}

const peersOfSubjects = onceOf((subjects: PolicyView['subjects']): ReadonlyMap<string, PeerEntry> => {
  const entries = new Map<string, PeerEntry>();
  for (const [subject, of] of subjects)
    for (const name of ['ingress', 'egress'] as const)
      addDirection(entries, { subject, direction: DIRECTIONS[name] }, of[name]);
  return entries;
});

function addDirection(
  entries: Map<string, PeerEntry>,
  of: Pick<PeerEntry, 'subject' | 'direction'>,
  policy: DirectionPolicy | undefined,
): void {
  for (const [peer, blocks] of policy ?? [])
    for (const [block, ruleSet] of blocks) {
      const entry = { ...of, peer, block, ruleSet };
      entries.set(peerEntryKey(entry), entry);
    }
}
