// Who reaches whom, for all ends at once: the same meaning as the oracle's, by sets. `reach.test.ts` holds both equal.

import type { Protocol } from '../base/port.ts';
import {
  addBits,
  addShared,
  allBits,
  hasBit,
  isNone,
  noBits,
  removeBits,
  setBit,
  sharedBits,
  type Bits,
} from './bits.ts';
import { PeerFinder } from './peer-finder.ts';
import type { PolicyWorld } from './policy-world.ts';
import { isExempt, type ReachEnd } from './reach-end.ts';
import { NO_RULES, rulesOfPods, type PodRules, type ReachRule, type RulePorts } from './reach-rule.ts';

/** The likeness of ports at which nobody is let in. */
export const CLOSED = 'closed';

/** What connections to an end are asked about. */
export interface PortAsked {
  readonly protocol: Protocol;
  readonly port: number;
}

/** A port as rules see it: with the names that the destination has for it. */
interface NamedPort extends PortAsked {
  readonly names: readonly string[];
}

/** What the classes let out at one port; `likeness` is equal where all of it is. */
interface LettingOut {
  readonly outs: readonly Bits[];
  readonly likeness: number;
}

/** Pods of which the same is asked on the way out. */
interface EgressClass {
  readonly rules: PodRules;
  readonly members: readonly number[];
}

/** The answers of one world for its ends, which are numbered by their place. Sets that it gives must not be changed. */
export class Reach {
  readonly ends: readonly ReachEnd[];
  readonly #all: Bits;
  readonly #ingress: ReadonlyMap<number, PodRules>;
  readonly #egress: readonly EgressClass[];
  /** Ends of which nothing is asked on the way out. */
  readonly #free: Bits;
  readonly #exempt: ReadonlyMap<number, readonly number[]>;
  readonly #numbers = new Map<ReachRule, number>();
  /** Answers by what they are made of: most pods share theirs with others. */
  readonly #answers = new Map<string, Bits>();
  readonly #outs = new Map<string, LettingOut>();
  readonly #sets = new Map<Bits, number>();
  readonly #likenesses = new Map<string, number>();

  constructor(world: PolicyWorld, ends: readonly ReachEnd[]) {
    this.ends = ends;
    const count = ends.length;
    const finder = new PeerFinder(world, ends);
    this.#all = allBits(count);
    this.#ingress = rulesOfPods(world, finder, { direction: 'ingress', count });
    const egress = rulesOfPods(world, finder, { direction: 'egress', count });
    this.#egress = this.#classesOf(egress);
    this.#free = this.#all.slice();
    const asked = noBits(count);
    for (const at of egress.keys()) setBit(asked, at);
    removeBits(this.#free, asked);
    this.#exempt = exemptSources(ends);
  }

  /** All ends whose connections to `to` both sides let pass, and those that no policy is asked about. */
  sources(to: number, asked: PortAsked): Bits {
    const letIn = this.letIn(to, asked);
    const sources = sharedBits(letIn, this.#free);
    const { outs } = this.#lettingOut(this.#named(to, asked));
    for (const [i, out] of isNone(letIn) ? [] : outs.entries())
      if (hasBit(out, to))
        for (const from of this.#egress[i]?.members ?? []) if (hasBit(letIn, from)) setBit(sources, from);
    for (const from of this.#exempt.get(to) ?? []) setBit(sources, from);
    return sources;
  }

  /** All ends that ingress of `to` lets in, whatever their egress says. */
  letIn(to: number, asked: PortAsked): Bits {
    return this.#answer(this.#ingress.get(to) ?? NO_RULES, this.#named(to, asked));
  }

  /** What rules on the way in to an end say of ports: between the numbers that they name, answers are the same. */
  ingressPorts(to: number): readonly RulePorts[] {
    return rulesIn(this.#ingress.get(to) ?? NO_RULES).map((it) => it.ports);
  }

  /** The same of rules on anybody's way out that speak of the end. */
  egressPorts(to: number): readonly RulePorts[] {
    return this.#egressRules().flatMap((it) => (hasBit(it.peers, to) ? [it.ports] : []));
  }

  /** Equal for ports of `to` at which every rule on anybody's way out does the same, and `letIn` gives the same set. */
  likeness(to: number, asked: PortAsked): string {
    const letIn = this.letIn(to, asked);
    if (isNone(letIn)) return CLOSED;
    return `${this.#numberOfSet(letIn)} ${this.#lettingOut(this.#named(to, asked)).likeness}`;
  }

  #rulesOut: readonly ReachRule[] | undefined;

  #egressRules(): readonly ReachRule[] {
    this.#rulesOut ??= [...new Set(this.#egress.flatMap(({ rules }) => rulesIn(rules)))].filter(
      (it) => it.ports !== undefined,
    );
    return this.#rulesOut;
  }

  #named(to: number, { protocol, port }: PortAsked): NamedPort {
    const end = this.ends[to];
    const own = end?.kind === 'pod' ? end.ports : [];
    const names = own.flatMap((it) =>
      it.containerPort === port && (it.protocol ?? 'TCP') === protocol ? (it.name ?? []) : [],
    );
    return { protocol, port, names };
  }

  /** For each class of `#egress` the ends that it lets out to at such a port. */
  #lettingOut(port: NamedPort): LettingOut {
    const key = `${port.protocol} ${port.port} ${port.names.join(' ')}`;
    const known = this.#outs.get(key);
    if (known !== undefined) return known;
    const outs = this.#egress.map(({ rules }) => this.#answer(rules, port));
    const likeness = this.#likenessOf(outs.map((it) => this.#numberOfSet(it)).join(','));
    const made = { outs, likeness };
    this.#outs.set(key, made);
    return made;
  }

  #likenessOf(text: string): number {
    const number = this.#likenesses.get(text) ?? this.#likenesses.size;
    this.#likenesses.set(text, number);
    return number;
  }

  #numberOfSet(set: Bits): number {
    const number = this.#sets.get(set) ?? this.#sets.size;
    this.#sets.set(set, number);
    return number;
  }

  #classesOf(egress: ReadonlyMap<number, PodRules>): readonly EgressClass[] {
    const classes = new Map<string, { rules: PodRules; members: number[] }>();
    for (const [at, rules] of egress) {
      const key = this.#keyOf(rules);
      const known = classes.get(key);
      if (known === undefined) classes.set(key, { rules, members: [at] });
      else known.members.push(at);
    }
    return [...classes.values()];
  }

  /** The peers that rules let through at a port. */
  #answer(rules: PodRules, port: NamedPort): Bits {
    const chosen: PodRules = {
      admin: rules.admin.filter((it) => matches(it.ports, port)),
      network: rules.network?.filter((it) => matches(it.ports, port)),
      baseline: rules.baseline.filter((it) => matches(it.ports, port)),
    };
    const key = this.#keyOf(chosen);
    const known = this.#answers.get(key);
    if (known !== undefined) return known;
    const answer = decide(this.#all, chosen);
    this.#answers.set(key, answer);
    return answer;
  }

  #keyOf({ admin, network, baseline }: PodRules): string {
    const text = (rules: readonly ReachRule[]): string => rules.map((it) => this.#numberOf(it)).join(',');
    return `${text(admin)}|${network === undefined ? 'open' : text(network)}|${text(baseline)}`;
  }

  #numberOf(rule: ReachRule): number {
    const number = this.#numbers.get(rule) ?? this.#numbers.size;
    this.#numbers.set(rule, number);
    return number;
  }
}

function rulesIn({ admin, network, baseline }: PodRules): readonly ReachRule[] {
  return [...admin, ...(network ?? []), ...baseline];
}

function matches(ports: RulePorts, { protocol, port, names }: NamedPort): boolean {
  if (ports === undefined) return true;
  if (ports.spans.some((it) => it.protocol === protocol && it.first <= port && port <= it.last)) return true;
  return ports.names.some(
    (it) => (it.protocol === undefined || it.protocol === protocol) && names.includes(it.name),
  );
}

/** Admin, then NetworkPolicies where they isolate, else Baseline, else everybody. */
function decide(all: Bits, { admin, network, baseline }: PodRules): Bits {
  const allowed = new Uint32Array(all.length);
  const rest = decideTier(all, admin, allowed);
  if (network !== undefined) {
    for (const { peers } of network) addShared(allowed, peers, rest);
    return allowed;
  }
  addBits(allowed, decideTier(rest, baseline, allowed));
  return allowed;
}

/** Adds to `allowed` what the tier accepts; returns what it leaves to the next. */
function decideTier(asked: Bits, rules: readonly ReachRule[], allowed: Bits): Bits {
  const [rest, passed] = [asked.slice(), new Uint32Array(asked.length)];
  for (const { action, peers } of rules) {
    const matched = sharedBits(rest, peers);
    if (action === 'Accept') addBits(allowed, matched);
    if (action === 'Pass') addBits(passed, matched);
    removeBits(rest, matched);
  }
  addBits(rest, passed);
  return rest;
}

/** By destination: the ends whose connections policies are never asked about, where one of the two is a pod. */
function exemptSources(ends: readonly ReachEnd[]): ReadonlyMap<number, readonly number[]> {
  const onNode = new Map<string, number[]>();
  for (const [at, { node }] of ends.entries()) {
    if (node === undefined) continue;
    const known = onNode.get(node);
    if (known === undefined) onNode.set(node, [at]);
    else known.push(at);
  }
  return new Map(
    [...ends.entries()].map(([to, end]) => {
      const candidates = new Set([to, ...(end.node === undefined ? [] : (onNode.get(end.node) ?? []))]);
      return [to, [...candidates].filter((from) => isExempt(ends[from] ?? end, end))];
    }),
  );
}
