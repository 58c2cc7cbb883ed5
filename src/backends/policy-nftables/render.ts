// What policies mean for the pods of a node -> elements of the table. Pure.

import { cidrBase, cidrFamily, cidrLength, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import { PORT_PROTOCOLS } from '../../base/port-set.ts';
import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import { numbersOf } from '../../compile/policy/number-of.ts';
import { podOfLink, type PolicyView } from '../shared-node/policy-backend.ts';
import { Profiles, type OpenWith, type Profile } from '../shared-policy/open-with.ts';
import { disjointRanges } from './disjoint-ranges.ts';
import { FIRST_PROFILE, POLICY_MARK, WHO, type PolicyTable } from './table-plan.ts';

export const TABLE_KEY = 'table';

export function renderPolicies(view: PolicyView): ReadonlyMap<string, PolicyTable> {
  const elements = new Map<string, string>();
  const profiles = new Profiles(view.addresses);
  const rows = podRows(view, profiles, elements);
  const numbers = numbersOf(profiles.texts(), { first: FIRST_PROFILE, count: 0x7fff_fff0 });
  for (const { set, ip, peers } of rows)
    for (const [peer, value] of peers)
      elements.set(`${set}${familyOf(ip)} ${ip} ${peer}`, String(valueOf(value, numbers)));
  for (const [text, number] of numbers) addProfile(elements, number, profiles.get(text));
  addAddresses(elements, view.addresses);
  addPorts(elements, view.ruleSets);
  return new Map([[TABLE_KEY, { mark: POLICY_MARK, elements }]]);
}

interface PodRow {
  readonly set: 'in' | 'out';
  readonly ip: Ip;
  readonly peers: ReadonlyMap<number, OpenWith>;
}

/** Pods of which nothing is known have no elements: that denies them all but their node. */
function podRows(view: PolicyView, profiles: Profiles, elements: Map<string, string>): readonly PodRow[] {
  return view.links.flatMap((link) => {
    elements.set(`links ${link.ifindex}`, '');
    const pod = podOfLink(view.pods, link);
    const subject = pod && view.subjects.get(pod.subject);
    if (pod === undefined || subject === undefined) return [];
    return link.ips.flatMap((ip) => {
      const family = familyOf(ip);
      elements.set(`identities${family} ${ip}`, String(pod.identity ?? PEERS.unknownPod));
      elements.set(`selves${family} ${ip} ${ip}`, '');
      return (
        [
          ['in', subject.ingress],
          ['out', subject.egress],
        ] as const
      ).flatMap(([set, policy]) => {
        if (policy !== undefined) return [{ set, ip, peers: profiles.peersOf(policy) }];
        elements.set(`open-${set}${family} ${ip}`, '');
        return [];
      });
    });
  });
}

function valueOf(value: OpenWith, numbers: ReadonlyMap<string, number>): number {
  return typeof value === 'number' ? value : (numbers.get(value) ?? RULE_SETS.none);
}

function addProfile(elements: Map<string, string>, number: number, profile: Profile | undefined): void {
  if (profile === undefined) return;
  elements.set(`defaults ${number}`, String(profile.otherwise));
  addRanges(elements, number, profile.prefixes);
}

function addRanges(
  elements: Map<string, string>,
  number: number,
  prefixes: Iterable<readonly [Cidr, number]>,
): void {
  for (const { family, first, last, value } of disjointRanges(prefixes))
    elements.set(`ranges${family} ${number}-${number} ${first}-${last}`, String(value));
}

function addAddresses(elements: Map<string, string>, addresses: PolicyView['addresses']): void {
  const wide: (readonly [Cidr, number])[] = [];
  for (const [prefix, { peer }] of addresses) {
    const family = cidrFamily(prefix);
    const isHost = cidrLength(prefix) === (family === 4 ? 32 : 128);
    if (!isHost) wide.push([prefix, peer]);
    else elements.set(`hosts${family} ${cidrBase(prefix)}`, String(peer));
    if (isHost && peer === PEERS.clusterDns) elements.set(`dns${family} ${cidrBase(prefix)}`, '');
  }
  addRanges(elements, WHO, wide);
}

function addPorts(elements: Map<string, string>, ruleSets: PolicyView['ruleSets']): void {
  for (const [number, ports] of ruleSets) {
    if (ports.others) elements.set(`others ${number}`, '');
    for (const name of PORT_PROTOCOLS) {
      const protocol = PROTOCOL_NUMBERS[name];
      for (const { from, to } of ports[name])
        elements.set(`ports ${number}-${number} ${protocol}-${protocol} ${from}-${to}`, '');
    }
  }
}
