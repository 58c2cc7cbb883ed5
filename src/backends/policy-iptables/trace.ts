// What the rendered rules do with the first packet of a connection at one of its ends: the same walk as the kernel's. Pure.

import { cidrHasIp, cidrLength, parseCidr, type Cidr } from '../../base/cidr.ts';
import { familyOf, type Ip } from '../../base/ip.ts';
import { PEERS } from '../../base/policy-numbers.ts';
import type { JudgedPacket, PolicyJudge } from '../shared-policy/policy-judge.ts';
import { CHAINS } from './names.ts';
import { rulesKey, type AddressSets, type PolicyRules } from './policy-rules.ts';
import type { MaskedMark, PolicyRule } from './rule.ts';

/** As it is in the chains: nothing of a link's name, and nothing that connection tracking knows of its flow. */
interface WalkedPacket {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: string | undefined;
  readonly port: number;
  readonly mark: number;
}

/** Rules of both families, made ready for many questions. */
export class PolicyTrace implements PolicyJudge {
  readonly #rules: ReadonlyMap<string, PolicyRules>;
  readonly #sets = new Map<string, SetTrace>();

  /** A family that is not there denies nothing. */
  constructor(rules: ReadonlyMap<string, PolicyRules>) {
    this.#rules = rules;
  }

  passes({ direction, own, remote, protocol, port, mark, isOfNode }: JudgedPacket): boolean {
    const rules = this.#rulesOf(own);
    if (rules === undefined || (isOfNode && direction === 'ingress')) return true;
    const packet = { protocol: protocol?.toLowerCase(), port, mark };
    return direction === 'ingress'
      ? this.#walk(rules, CHAINS.toPod, { ...packet, source: remote, destination: own })
      : this.#walk(rules, CHAINS.fromPod, { ...packet, source: own, destination: remote });
  }

  knows(ip: Ip): boolean {
    return this.#rulesOf(ip)?.rendered?.known.has(ip) === true;
  }

  peerAt(ip: Ip): number {
    return this.#rulesOf(ip)?.rendered?.index.peerAt(ip) ?? PEERS.outside;
  }

  #rulesOf(ip: Ip): PolicyRules | undefined {
    return this.#rules.get(rulesKey(familyOf(ip)));
  }

  /** False where the packet is dropped. */
  #walk(rules: PolicyRules, chain: string, packet: WalkedPacket): boolean {
    const { end } =
      rules.rendered?.chains.get(chain)?.rules.find((it) => this.#matches(rules, it, packet)) ?? {};
    if (end?.kind === 'goto') return this.#walk(rules, end.chain, packet);
    // A chain that drops marks the flow first.
    return end === undefined || end.kind === 'return';
  }

  #matches({ sets }: PolicyRules, rule: PolicyRule, packet: WalkedPacket): boolean {
    const { source, destination, protocol, ports, mark, set } = rule;
    if (rule.fromLinks !== undefined || rule.toLinks !== undefined) return false;
    return (
      (source === undefined || cidrHasIp(source, packet.source)) &&
      (destination === undefined || cidrHasIp(destination, packet.destination)) &&
      (protocol === undefined || protocol === packet.protocol) &&
      (ports === undefined || ports.some(({ from, to }) => from <= packet.port && packet.port <= to)) &&
      (mark === undefined || isMarked(packet.mark, mark)) &&
      (set === undefined ||
        this.#setOf(sets, set.name).has(set.end === 'src' ? packet.source : packet.destination))
    );
  }

  #setOf(sets: AddressSets, name: string): SetTrace {
    const known = this.#sets.get(name);
    if (known !== undefined) return known;
    const made = new SetTrace(sets.get(name) ?? new Set());
    this.#sets.set(name, made);
    return made;
  }
}

function isMarked(mark: number, { value, mask, isNegated = false }: MaskedMark): boolean {
  return ((mark & mask) >>> 0 === value >>> 0) !== isNegated;
}

/** A set of nets: the longest prefix tells. */
class SetTrace {
  readonly #elements: ReadonlySet<string>;
  /** True where the prefix is in, false where it is taken out; the longest first. */
  readonly #wide: readonly (readonly [Cidr, boolean])[];

  constructor(elements: ReadonlySet<string>) {
    this.#elements = elements;
    this.#wide = [...elements]
      .filter((it) => it.includes('/'))
      .map((it): readonly [Cidr, boolean] => [parseCidr(it.replace(NOMATCH, '')), !it.endsWith(NOMATCH)])
      .toSorted(([a], [b]) => cidrLength(b) - cidrLength(a));
  }

  has(ip: Ip): boolean {
    if (this.#elements.has(ip)) return true;
    if (this.#elements.has(`${ip}${NOMATCH}`)) return false;
    return this.#wide.find(([prefix]) => cidrHasIp(prefix, ip))?.[1] ?? false;
  }
}

const NOMATCH = ' nomatch';
