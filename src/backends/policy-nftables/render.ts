// What policies mean for the pods of a node -> elements of the table. Pure.

import { cidrBase, cidrFamily, cidrLength, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import { PORT_PROTOCOLS } from '../../base/port-set.ts';
import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import { numbersOf } from '../../compile/policy/number-of.ts';
import type { DirectionPolicy } from '../../model/policy.ts';
import { podOfLink, type PolicyView } from '../shared-node/policy-backend.ts';
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

/** A rule set, or the text of a profile. */
type OpenWith = number | string;

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

/** What is open by the other end's address. */
interface Profile {
  /** Where no prefix says anything. */
  readonly otherwise: number;
  /** The longest one tells. */
  readonly prefixes: readonly (readonly [Cidr, number])[];
}

/** What stands open with each peer, the same for all pods of a subject; profiles by a text that says all of them. */
class Profiles {
  readonly #blocks: ReadonlyMap<number, Cidr>;
  readonly #profiles = new Map<string, Profile>();
  readonly #peers = new Map<DirectionPolicy, ReadonlyMap<number, OpenWith>>();

  constructor(addresses: PolicyView['addresses']) {
    this.#blocks = blockPrefixes(addresses);
  }

  texts(): Iterable<string> {
    return this.#profiles.keys();
  }

  get(text: string): Profile | undefined {
    return this.#profiles.get(text);
  }

  peersOf(policy: DirectionPolicy): ReadonlyMap<number, OpenWith> {
    const known = this.#peers.get(policy);
    if (known !== undefined) return known;
    const peers = new Map([...policy.keys()].map((peer) => [peer, this.#openWith(policy, peer)] as const));
    this.#peers.set(policy, peers);
    return peers;
  }

  /** See `DirectionPolicy` for the order in which entries are asked. */
  #openWith(policy: DirectionPolicy, peer: number): OpenWith {
    const own = policy.get(peer);
    const isPod = peer !== PEERS.outside && peer < PEERS.firstNode;
    const any = policy.get(isPod ? PEERS.anyPod : PEERS.outside);
    const otherwise = own?.get(0) ?? any?.get(0) ?? RULE_SETS.none;
    const blocks = new Set([...(own?.keys() ?? []), ...(any?.keys() ?? [])]);
    const prefixes = [...blocks].flatMap((block) => {
      const prefix = this.#blocks.get(block);
      return prefix === undefined ? [] : [[prefix, own?.get(block) ?? any?.get(block) ?? otherwise] as const];
    });
    if (prefixes.every(([, ruleSet]) => ruleSet === otherwise)) return otherwise;
    const sorted = prefixes.toSorted(([a], [b]) => (a < b ? -1 : 1));
    const text = [otherwise, ...sorted.map(([prefix, ruleSet]) => `${prefix}=${ruleSet}`)].join(' ');
    this.#profiles.set(text, { otherwise, prefixes: sorted });
    return text;
  }
}

/** A block's own prefix is the shortest one in it. */
function blockPrefixes(addresses: PolicyView['addresses']): ReadonlyMap<number, Cidr> {
  const prefixes = new Map<number, Cidr>();
  for (const [prefix, { block }] of addresses) {
    const shortest = prefixes.get(block);
    if (block !== 0 && (shortest === undefined || cidrLength(prefix) < cidrLength(shortest)))
      prefixes.set(block, prefix);
  }
  return prefixes;
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
