// What policies mean for the pods of a node -> elements of the table. Pure.

import { cidrBase, cidrFamily, cidrLength, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import { PORT_PROTOCOLS } from '../../base/port-set.ts';
import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import { numbersOf } from '../../compile/policy/number-of.ts';
import type { PolicyAddress } from '../../model/policy.ts';
import { podOfLink, type FollowAddresses, type PolicyView } from '../shared-node/policy-backend.ts';
import { Profiles, type OpenWith, type Profile } from '../shared-policy/open-with.ts';
import { disjointRanges } from './disjoint-ranges.ts';
import { FIRST_PROFILE, POLICY_MARK, WHO, type PolicyTable } from './table-plan.ts';

export const TABLE_KEY = 'table';

export function renderPolicies(view: PolicyView): ReadonlyMap<string, PolicyTable> {
  const elements = new Map<string, string>();
  const profiles = new Profiles(view.blocks);
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

/** The same by what changed: where that is single addresses, nothing else is looked at. */
export function followPolicies(): FollowAddresses<PolicyTable> {
  let [last, table]: [PolicyView | undefined, PolicyTable | undefined] = [undefined, undefined];
  return (view, changed) => {
    const isKnown = last !== undefined && changed !== undefined && isOfOthers(last, view, changed);
    table =
      isKnown && table !== undefined
        ? withAddresses(table, view, changed)
        : renderPolicies(view).get(TABLE_KEY);
    last = view;
    return {
      desired: new Map(table && [[TABLE_KEY, table]]),
      changed: changed?.size === 0 && isKnown ? changed : undefined,
    };
  };
}

/** True where all but the addresses of single ends is the same. */
function isOfOthers(a: PolicyView, b: PolicyView, changed: ReadonlySet<Cidr>): boolean {
  const isSame =
    a.pods === b.pods &&
    a.subjects === b.subjects &&
    a.ruleSets === b.ruleSets &&
    a.blocks === b.blocks &&
    a.links === b.links;
  return isSame && [...changed].every(isHost);
}

function withAddresses(
  table: PolicyTable,
  { addresses }: PolicyView,
  changed: ReadonlySet<Cidr>,
): PolicyTable {
  if (changed.size === 0) return table;
  const elements = new Map(table.elements);
  const keys = new Set<string>();
  const ips = new Set<Ip>();
  let isOpening = true;
  for (const prefix of changed) {
    const [ip, family] = [cidrBase(prefix), cidrFamily(prefix)];
    ips.add(ip);
    // Names are what rules accept, never what they deny: who has some is let through where the same without them is.
    const isNamed = (addresses.get(prefix)?.peer ?? PEERS.outside) >= PEERS.firstNamed;
    if (!isNamed || elements.has(`hosts${family} ${ip}`)) isOpening = false;
    for (const key of [`hosts${family} ${ip}`, `dns${family} ${ip}`]) {
      keys.add(key);
      elements.delete(key);
    }
    addHost(elements, prefix, addresses.get(prefix));
  }
  return { ...table, elements, change: { from: new WeakRef(table.elements), keys, ips, isOpening } };
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
    if (isHost(prefix)) addHost(elements, prefix, { peer });
    else wide.push([prefix, peer]);
  }
  addRanges(elements, WHO, wide);
}

function isHost(prefix: Cidr): boolean {
  return cidrLength(prefix) === (cidrFamily(prefix) === 4 ? 32 : 128);
}

function addHost(
  elements: Map<string, string>,
  prefix: Cidr,
  of: Pick<PolicyAddress, 'peer'> | undefined,
): void {
  if (of === undefined) return;
  const [ip, family] = [cidrBase(prefix), cidrFamily(prefix)];
  elements.set(`hosts${family} ${ip}`, String(of.peer));
  if (of.peer === PEERS.clusterDns) elements.set(`dns${family} ${ip}`, '');
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
