// What policies say of one direction of a subject -> chains and sets, for one family. Pure.

import { cidrFamily } from '../../base/cidr.ts';
import type { Family } from '../../base/ip.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import type { PortSet } from '../../base/port-set.ts';
import type { DirectionPolicy, NodePolicies } from '../../model/policy.ts';
import { restOf, type OpenWith, type Profiles } from '../shared-policy/open-with.ts';
import type { AddressIndex, PeerFilter } from './address-index.ts';
import { MARK_TREE, treeRules } from './bit-tree.ts';
import { ChainBook, type Chains } from './chain-book.ts';
import { CHAINS, setName, type ChainKind } from './names.ts';
import { portRules } from './port-rules.ts';
import { prefixElements } from './prefix-elements.ts';
import type { PolicyRule, RuleEnd } from './rule.ts';

export interface DirectionContext {
  readonly family: Family;
  readonly direction: 'ingress' | 'egress';
  readonly index: AddressIndex;
  readonly profiles: Profiles;
  readonly ruleSets: NodePolicies['ruleSets'];
}

/** What is in a set: the addresses of peers, which come and go, or prefixes that the set's name stands for. */
export type SetContent =
  | { readonly kind: 'peers'; readonly filter: PeerFilter }
  | { readonly kind: 'fixed'; readonly elements: ReadonlySet<string> };

export interface RenderedDirection {
  /** Where packets of the subject's pods go. */
  readonly end: RuleEnd;
  readonly chains: Chains;
  readonly sets: ReadonlyMap<string, SetContent>;
  /** Those that it was rendered with. */
  readonly ruleSets: ReadonlyMap<number, PortSet | undefined>;
}

/** Set in every identity, and in no other peer of a mark. */
const IDENTITY_SIGN = 0xff00;
const IDENTITY_BITS = 0xffff;
/** Marks of IPVS for outside clients: all of the lower bits are its own. */
const IPVS_MARK = { value: 0x0100_0000, mask: 0xff00_0000 };

export function renderDirection(policy: DirectionPolicy, context: DirectionContext): RenderedDirection {
  const renderer = new DirectionRenderer(context);
  const end = renderer.render(policy);
  const { book, sets, ruleSets } = renderer;
  return { end, chains: book.chains, sets, ruleSets };
}

/** What stands open with every peer. */
interface PeerValues {
  /** Those that have an entry. */
  readonly own: ReadonlyMap<number, OpenWith>;
  readonly of: (peer: number) => OpenWith;
}

class DirectionRenderer {
  readonly book = new ChainBook();
  readonly sets = new Map<string, SetContent>();
  readonly ruleSets = new Map<number, PortSet | undefined>();
  readonly #context: DirectionContext;
  readonly #ends = new Map<OpenWith, RuleEnd>();

  constructor(context: DirectionContext) {
    this.#context = context;
  }

  render(policy: DirectionPolicy): RuleEnd {
    const values = this.#valuesOf(policy);
    const byAddress = this.#byAddress(values);
    if (this.#context.direction === 'egress') return byAddress;
    const rules: readonly PolicyRule[] = [
      { mark: IPVS_MARK, end: byAddress },
      { mark: { value: 0, mask: IDENTITY_SIGN, isNegated: true }, end: this.#byMark(values) },
      {
        mark: { value: PEERS.unknownPod, mask: IDENTITY_BITS },
        end: this.#end(values.of(PEERS.unknownPod)),
      },
      { end: byAddress },
    ];
    return { kind: 'goto', chain: this.book.add('I', rules) };
  }

  #valuesOf(policy: DirectionPolicy): PeerValues {
    const own = new Map(this.#context.profiles.peersOf(policy));
    const of = (peer: number): OpenWith => own.get(peer) ?? own.get(restOf(peer)) ?? RULE_SETS.none;
    // The node's own address on what it forwards hides somebody else; what goes to one, by which it is known elsewhere, is let go.
    own.set(PEERS.host, this.#context.direction === 'ingress' ? of(PEERS.outside) : RULE_SETS.all);
    return { own, of };
  }

  #byMark({ own, of }: PeerValues): RuleEnd {
    const rest = of(PEERS.anyPod);
    const identities = [...own].filter(([peer, value]) => isIdentity(peer) && value !== rest);
    if (identities.length === 0) return this.#end(rest);
    const rules = identities.map(([peer, value]) => ({
      bits: BigInt(peer),
      rule: { mark: { value: peer, mask: IDENTITY_BITS }, end: this.#end(value) },
    }));
    const plan = { ...MARK_TREE, book: this.book, kind: 'M' as const, end: [{ end: this.#end(rest) }] };
    return { kind: 'goto', chain: this.book.add('M', treeRules(rules, plan)) };
  }

  #byAddress(values: PeerValues): RuleEnd {
    const { index, family } = this.#context;
    const all = new Set([values.of(PEERS.outside), values.of(PEERS.anyPod), ...values.own.values()]);
    const choices = [...all].filter((it) => it !== RULE_SETS.none);
    return this.#choose('A', all.size === 1 ? choices : [], choices, (value) => {
      const filter = filterOf(values, value);
      const name = setName(family, `${filter.text} ${index.wideElements(filter).join()}`);
      this.sets.set(name, { kind: 'peers', filter });
      return name;
    });
  }

  #byBlock(text: string): RuleEnd {
    const { family, profiles } = this.#context;
    const { otherwise, prefixes } = profiles.get(text) ?? { otherwise: RULE_SETS.none, prefixes: [] };
    const own = prefixes.filter(([prefix]) => cidrFamily(prefix) === family);
    const all = new Set([otherwise, ...own.map(([, ruleSet]) => ruleSet)]);
    const choices = [...all].filter((it) => it !== RULE_SETS.none);
    return this.#choose('B', all.size === 1 ? choices : [], choices, (value) => {
      const signed = own.map(([prefix, ruleSet]) => [prefix, ruleSet === value] as const);
      const elements = prefixElements(family, signed, otherwise === value);
      const name = setName(family, `blocks ${elements.join()}`);
      this.sets.set(name, { kind: 'fixed', elements: new Set(elements) });
      return name;
    });
  }

  /** A rule for each value by the set of addresses for which it counts; `only`: one that counts for all. */
  #choose<T extends OpenWith>(
    kind: ChainKind,
    [only]: readonly T[],
    choices: readonly T[],
    setOf: (value: T) => string,
  ): RuleEnd {
    if (only !== undefined) return this.#end(only);
    if (choices.length === 0) return this.#end(RULE_SETS.none);
    const end = this.#context.direction === 'ingress' ? 'src' : 'dst';
    const rules = choices
      .toSorted((a, b) => (String(a) < String(b) ? -1 : 1))
      .map((value): PolicyRule => ({ set: { name: setOf(value), end }, end: this.#end(value) }));
    return { kind: 'goto', chain: this.book.add(kind, [...rules, { end: this.#end(RULE_SETS.none) }]) };
  }

  #end(value: OpenWith): RuleEnd {
    const known = this.#ends.get(value);
    if (known !== undefined) return known;
    const end = typeof value === 'number' ? this.#ports(value) : this.#byBlock(value);
    this.#ends.set(value, end);
    return end;
  }

  #ports(ruleSet: number): RuleEnd {
    const deny: RuleEnd = { kind: 'goto', chain: denyChain(this.#context.direction) };
    if (ruleSet === RULE_SETS.all) return { kind: 'return' };
    const ports = this.#context.ruleSets.get(ruleSet);
    if (ruleSet !== RULE_SETS.none) this.ruleSets.set(ruleSet, ports);
    return ports === undefined ? deny : { kind: 'goto', chain: this.book.add('P', portRules(ports, deny)) };
  }
}

export function denyChain(direction: 'ingress' | 'egress'): string {
  return direction === 'ingress' ? CHAINS.denyIn : CHAINS.denyOut;
}

/** What a mark can say: the variants of an identity, which have higher numbers, are known by their addresses alone. */
function isIdentity(peer: number): boolean {
  return peer > 0xff && peer <= IDENTITY_BITS;
}

/** The peers with which this stands open. */
function filterOf({ own, of }: PeerValues, value: OpenWith): PeerFilter {
  const has = (peer: number): boolean => of(peer) === value;
  const others = [...own.keys()].filter((peer) => has(peer) !== has(restOf(peer))).toSorted((a, b) => a - b);
  return { has, text: `outside=${has(PEERS.outside)} any=${has(PEERS.anyPod)} not so: ${others.join()}` };
}
