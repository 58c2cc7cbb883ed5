// What a pod's rules mean in one direction for everybody: rule sets by peer and block. Pure.

import { cidrsOverlap, type Cidr } from '../../base/cidr.ts';
import { commonPorts, type PortSet } from '../../base/port-set.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { DirectionPolicy } from '../../model/policy.ts';
import type { PolicyDirection } from '../../objects/network-policy.ts';
import { PrefixIndex, prefixesOf, RuleBlocks, type BlockIndex } from './blocks.ts';
import { decide, type NamedPorts } from './decide.ts';
import type { NamedIndex } from './named.ts';
import type { ClassIndex } from './peers.ts';
import { matchesAllPods, type DirectionRule, type DirectionRules, type PeerMatch } from './rules.ts';

/** Gives a set of ports its number. */
export type RuleSetNumber = (ports: PortSet) => number;

export interface DirectionContext {
  readonly direction: PolicyDirection;
  readonly rules: DirectionRules;
  readonly classes: ClassIndex;
  readonly named: NamedIndex;
  readonly blocks: BlockIndex;
  /** Prefixes that pods have addresses of: a block apart from them holds no pod. */
  readonly podPrefixes: readonly Cidr[];
  /** Of the pod that the rules are about. */
  readonly ownPorts: NamedPorts;
  readonly numberOf: RuleSetNumber;
}

/** A peer that is no single class: what is said of all pods holds for it, what is said of some may. */
interface Stranger {
  readonly kind: 'outside' | 'any-pod' | 'unknown-pod';
}

type Peer = Stranger | { readonly kind: 'class'; readonly number: number };

const NO_BLOCK: readonly [number, Cidr | undefined] = [0, undefined];

export function compileDirection(context: DirectionContext): DirectionPolicy {
  const { blocks, rules, podPrefixes } = context;
  const relevant = [...prefixesOf(rules)].map((prefix) => [blocks.numbers.get(prefix) ?? 0, prefix] as const);
  // Prefixes of other pods' rules may lie within one of these: they are blocks of their own for everybody.
  const own = new Set(relevant.map(([, prefix]) => prefix));
  const around = new PrefixIndex(relevant.map(([, prefix]) => [prefix, true] as const));
  const within = [...blocks.numbers].filter(([prefix]) => !own.has(prefix) && around.hasAround(prefix));
  const all = [NO_BLOCK, ...relevant, ...within.map(([prefix, number]) => [number, prefix] as const)];
  const ofPods = all.filter(
    ([, prefix]) => prefix === undefined || podPrefixes.some((it) => cidrsOverlap(it, prefix)),
  );
  const matches = splitMatches(rules);
  const policy = new Map<number, Map<number, number>>();
  const fill = (number: number, peer: Peer, places: typeof all): void =>
    void policy.set(
      number,
      new Map(places.map(([block, prefix]) => [block, ruleSetFor({ ...context, matches }, peer, prefix)])),
    );
  fill(PEERS.outside, { kind: 'outside' }, all);
  fill(PEERS.anyPod, { kind: 'any-pod' }, ofPods);
  fill(PEERS.unknownPod, { kind: 'unknown-pod' }, ofPods);
  for (const number of chosenBy(context))
    fill(number, { kind: 'class', number }, isPod(number) ? ofPods : all);
  return policy;
}

/** The cluster's DNS is none: its address is not one of those that pods have. */
function isPod(number: number): boolean {
  return number < PEERS.firstNode && number !== PEERS.clusterDns;
}

/** Classes for which a rule may mean something else than for any pod: it chooses them, or names a port that they have. */
function chosenBy({ rules: all, classes, named, direction }: DirectionContext): ReadonlySet<number> {
  const rules = [...all.admin, ...all.rules, ...all.baseline];
  const chosen = new Set<number>();
  // Where it has no rules of its own it counts as any pod, and no block outside of the pods' prefixes is about those.
  if (direction === 'egress' && rules.some((it) => it.peers?.some(({ kind }) => kind === 'block')))
    chosen.add(PEERS.clusterDns);
  if (direction === 'egress' && rules.some(namesPortOfAnybody))
    for (const { number, namedPorts } of classes.classes.values())
      if (namedPorts.length > 0) chosen.add(number);
  for (const match of rules.flatMap((it) => it.peers ?? []))
    for (const number of numbersOfMatch(match, { classes, named })) chosen.add(number);
  return chosen;
}

function numbersOfMatch(
  match: PeerMatch,
  { classes, named }: Pick<DirectionContext, 'classes' | 'named'>,
): Iterable<number> {
  if (match.kind === 'names') return named.matching(match);
  return match.kind === 'block' || matchesAllPods(match) ? [] : classes.matching(match);
}

/** Of pods that a rule chooses by their labels it means a port of no others. */
function namesPortOfAnybody({ ports = [], peers }: DirectionRule): boolean {
  if (!ports.some(({ port }) => typeof port === 'string')) return false;
  return peers === undefined || peers.some((it) => it.kind === 'block' || isOfAllPods(it));
}

function isOfAllPods(match: PeerMatch): boolean {
  return match.kind === 'pods' && matchesAllPods(match);
}

/** The matches of a rule with peers, by how they are asked. */
interface SplitMatches {
  readonly blocks: RuleBlocks;
  readonly others: readonly Exclude<PeerMatch, { kind: 'block' }>[];
}

type AllMatches = ReadonlyMap<DirectionRule, SplitMatches>;

function splitMatches({ admin, rules, baseline }: DirectionRules): AllMatches {
  return new Map([...admin, ...rules, ...baseline].map((rule) => [rule, splitRule(rule)]));
}

function splitRule({ peers = [] }: DirectionRule): SplitMatches {
  return {
    blocks: new RuleBlocks(peers.filter((it) => it.kind === 'block')),
    others: peers.filter((it) => it.kind !== 'block'),
  };
}

function ruleSetFor(
  context: DirectionContext & { readonly matches: AllMatches },
  peer: Peer,
  prefix: Cidr | undefined,
): number {
  const { rules, direction, classes, named, matches, ownPorts, numberOf } = context;
  const peerPorts = peer.kind === 'class' ? (classes.classes.get(peer.number)?.namedPorts ?? []) : [];
  const open = (mayBe: (rule: DirectionRule) => boolean): PortSet =>
    decide(rules, {
      concerns: (rule) => concerns(rule, { peer, prefix, classes, named, matches, mayBe: mayBe(rule) }),
      namedPorts: (rule) => {
        if (direction === 'ingress') return ownPorts;
        return mayBe(rule) ? 'every' : peerPorts;
      },
    });
  if (peer.kind !== 'unknown-pod') return numberOf(open(() => false));
  // Nobody knows whose rules it will come under: open is what is open whoever it is.
  const isDenied = open(({ action }) => action === 'deny');
  return numberOf(
    commonPorts(
      isDenied,
      open(({ action }) => action !== 'accept'),
    ),
  );
}

interface Asked {
  readonly peer: Peer;
  readonly prefix: Cidr | undefined;
  readonly classes: ClassIndex;
  readonly named: NamedIndex;
  readonly matches: AllMatches;
  /** What is assumed of a pod that nobody knows. */
  readonly mayBe: boolean;
}

function concerns(rule: DirectionRule, { peer, prefix, classes, named, matches, mayBe }: Asked): boolean {
  if (rule.peers === undefined) return true;
  const { blocks, others } = matches.get(rule) ?? splitRule(rule);
  if (prefix !== undefined && blocks.mean(prefix)) return true;
  return others.some((match) => {
    if (match.kind === 'names') return peer.kind === 'class' && named.matching(match).has(peer.number);
    if (peer.kind === 'class') return classes.matching(match).has(peer.number);
    if (peer.kind === 'outside' || match.kind === 'nodes') return false;
    return matchesAllPods(match) || mayBe;
  });
}
