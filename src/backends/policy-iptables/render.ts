// What policies mean for the pods of a node -> chains and sets of both families. Pure, but for what it remembers of the rendering before, which only saves work.

import { cidrFamily, hostCidr, type Cidr } from '../../base/cidr.ts';
import { familyOf, ipToBigInt, type Family, type Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { DirectionPolicy } from '../../model/policy.ts';
import { podOfLink, type PolicyView } from '../shared-node/policy-backend.ts';
import { Profiles } from '../shared-policy/open-with.ts';
import {
  addressChanges,
  AddressIndex,
  isSingle,
  type AddressChange,
  type PeerFilter,
} from './address-index.ts';
import { addressTree, treeRules, type TreeRule } from './bit-tree.ts';
import { ChainBook } from './chain-book.ts';
import { denyChain, renderDirection, type RenderedDirection, type SetContent } from './direction.ts';
import { CHAINS, type ChainKind } from './names.ts';
import type { PolicyRule, RuleEnd } from './rule.ts';
import { FAMILIES, rulesKey, type AddressSets, type PolicyRules } from './policy-rules.ts';
import { addSkeleton, JUMP_RULES } from './skeleton.ts';

const DIRECTIONS = ['ingress', 'egress'] as const;
type Direction = (typeof DIRECTIONS)[number];
/** Links of our own, those among them that are not known yet. */
const OUR_LINKS = 'fl';

export class PolicyRenderer {
  readonly #families: ReadonlyMap<Family, FamilyRenderer> = new Map(
    FAMILIES.map((family) => [family, new FamilyRenderer(family)]),
  );

  #addresses: PolicyView['addresses'] = new Map();

  render(view: PolicyView): ReadonlyMap<string, PolicyRules> {
    const profiles = new Profiles(view.blocks);
    const changes = addressChanges(this.#addresses, view.addresses);
    if (changes.length > 0) {
      // The view's own map is changed in place.
      this.#addresses = new Map(view.addresses);
      for (const it of this.#families.values()) it.takeAddresses(this.#addresses, changes);
    }
    return new Map([...this.#families].map(([family, it]) => [rulesKey(family), it.render(view, profiles)]));
  }
}

/** An address of a pod of the node, and what policies say of it; undefined: nobody knows. */
interface OwnAddress {
  readonly ip: Ip;
  readonly policies: Readonly<Record<Direction, DirectionPolicy | undefined>> | undefined;
}

class FamilyRenderer {
  readonly #family: Family;
  #index: AddressIndex;
  /** Of the cluster's DNS on the node. */
  readonly #dns = new Set<Cidr>();
  /** What `#directions` holds for. */
  #basis = '';
  #directions = new Map<Direction, WeakMap<DirectionPolicy, RenderedDirection>>();
  /** Contents of the sets that were asked for last. */
  #contents: ReadonlyMap<string, FilledSet> = new Map();

  constructor(family: Family) {
    this.#family = family;
    this.#index = new AddressIndex(family, new Map());
  }

  render(view: PolicyView, profiles: Profiles): PolicyRules {
    this.#takeBasis(profiles);
    const book = new ChainBook();
    const sets = new Map<string, SetContent>();
    const own = ownAddresses(view, this.#family);
    for (const direction of DIRECTIONS) {
      this.#addSelves(book, direction, own);
      this.#addDispatch(book, direction, own, (policy) => {
        const rendered = this.#direction(policy, { direction, view, profiles });
        book.include(rendered.chains);
        for (const [name, content] of rendered.sets) sets.set(name, content);
        return rendered.end;
      });
    }
    addSkeleton(book, this.#family, [...this.#dns].toSorted());
    return {
      family: this.#family,
      jumps: JUMP_RULES,
      chains: book.chains,
      sets: this.#fill(sets),
      rendered: {
        chains: book.chains,
        index: this.#index,
        known: new Set(own.filter((it) => it.policies !== undefined).map(({ ip }) => ip)),
      },
    };
  }

  takeAddresses(addresses: PolicyView['addresses'], changes: readonly AddressChange[]): void {
    const own = changes.filter(({ prefix }) => cidrFamily(prefix) === this.#family);
    if (own.every(({ prefix }) => isSingle(prefix, this.#family))) {
      this.#index = this.#index.after(addresses);
      this.#contents = new Map([...this.#contents].map(([name, it]) => [name, this.#refill(it, own)]));
    } else {
      this.#index = new AddressIndex(this.#family, addresses);
      this.#contents = new Map();
    }
    for (const { prefix, before, after } of own) {
      if (before === PEERS.clusterDns) this.#dns.delete(prefix);
      if (after === PEERS.clusterDns && isSingle(prefix, this.#family)) this.#dns.add(prefix);
    }
  }

  #refill({ filter, elements }: FilledSet, changes: readonly AddressChange[]): FilledSet {
    return {
      filter,
      elements: filter === undefined ? elements : this.#index.elementsAfter(elements, filter, changes),
    };
  }

  /** What was rendered holds while the same prefixes are somebody's, and blocks are the same. */
  #takeBasis(profiles: Profiles): void {
    const basis = `${this.#index.wideText} ${profiles.blocksText}`;
    if (basis === this.#basis) return;
    this.#basis = basis;
    this.#directions = new Map();
  }

  #direction(
    policy: DirectionPolicy,
    of: { readonly direction: Direction; readonly view: PolicyView; readonly profiles: Profiles },
  ): RenderedDirection {
    const { direction, view, profiles } = of;
    const rendered = this.#directions.get(direction) ?? new WeakMap<DirectionPolicy, RenderedDirection>();
    this.#directions.set(direction, rendered);
    const known = rendered.get(policy);
    if (known !== undefined && isOfRuleSets(known, view.ruleSets)) return known;
    const context = {
      family: this.#family,
      direction,
      index: this.#index,
      profiles,
      ruleSets: view.ruleSets,
    };
    const made = renderDirection(policy, context);
    rendered.set(policy, made);
    return made;
  }

  /** Which pod a packet goes to, or comes from. An address that no pod of the node has is no matter of ours, unless it is behind a link of ours. */
  #addDispatch(
    book: ChainBook,
    direction: Direction,
    own: readonly OwnAddress[],
    endOf: (policy: DirectionPolicy) => RuleEnd,
  ): void {
    const [field, chain, kind, link] =
      direction === 'ingress'
        ? (['destination', CHAINS.toPod, 'T', 'toLinks'] as const)
        : (['source', CHAINS.fromPod, 'F', 'fromLinks'] as const);
    const deny: RuleEnd = { kind: 'goto', chain: denyChain(direction) };
    const rules = own.map(({ ip, policies }): readonly [Ip, PolicyRule] => {
      const policy = policies?.[direction];
      const isOpen = policies !== undefined && policy === undefined;
      const end: RuleEnd = isOpen ? { kind: 'return' } : policy === undefined ? deny : endOf(policy);
      return [ip, { [field]: hostCidr(ip), end }];
    });
    const unknown: PolicyRule = { [link]: OUR_LINKS, end: deny };
    book.name(chain, this.#tree(rules, { book, kind, field, last: unknown }));
  }

  /** By way of a Service a pod may come to itself, whatever policies say. */
  #addSelves(book: ChainBook, direction: Direction, own: readonly OwnAddress[]): void {
    const rules = own.map(({ ip }): readonly [Ip, PolicyRule] => {
      const prefix = hostCidr(ip);
      return [ip, { source: prefix, destination: prefix, end: { kind: 'return' } }];
    });
    const [chain, drop] =
      direction === 'ingress' ? [CHAINS.denyIn, CHAINS.dropIn] : [CHAINS.denyOut, CHAINS.dropOut];
    const last: PolicyRule = { end: { kind: 'goto', chain: drop } };
    book.name(chain, this.#tree(rules, { book, kind: 'S', field: 'destination', last }));
  }

  #tree(
    rules: readonly (readonly [Ip, PolicyRule])[],
    { book, kind, field, last }: TreeOptions,
  ): readonly PolicyRule[] {
    const keyed = rules.map(([ip, rule]): TreeRule => ({ bits: ipToBigInt(ip), rule }));
    return treeRules(keyed, { ...addressTree(this.#family, field), book, kind, end: [last] });
  }

  #fill(sets: ReadonlyMap<string, SetContent>): AddressSets {
    const filled = [...sets].map(
      ([name, content]) => [name, this.#contents.get(name) ?? filledSet(content, this.#index)] as const,
    );
    this.#contents = new Map(filled);
    return new Map(filled.map(([name, { elements }]) => [name, elements]));
  }
}

interface FilledSet {
  /** Undefined where the set's name says what is in it. */
  readonly filter: PeerFilter | undefined;
  readonly elements: ReadonlySet<string>;
}

interface TreeOptions {
  readonly book: ChainBook;
  readonly kind: ChainKind;
  readonly field: 'source' | 'destination';
  readonly last: PolicyRule;
}

/** Numbers of rule sets are another thing's where two texts met in one. */
function isOfRuleSets({ ruleSets }: RenderedDirection, now: PolicyView['ruleSets']): boolean {
  return [...ruleSets].every(([number, ports]) => now.get(number) === ports);
}

function filledSet(content: SetContent, index: AddressIndex): FilledSet {
  if (content.kind === 'fixed') return { filter: undefined, elements: content.elements };
  return { filter: content.filter, elements: index.elements(content.filter) };
}

/** Pods of which nothing is known are closed to all but their node. */
function ownAddresses(view: PolicyView, family: Family): readonly OwnAddress[] {
  const own = new Map<Ip, OwnAddress>();
  for (const link of view.links) {
    const pod = podOfLink(view.pods, link);
    const policies = pod && view.subjects.get(pod.subject);
    for (const ip of link.ips) if (familyOf(ip) === family) own.set(ip, { ip, policies });
  }
  return [...own.values()];
}
