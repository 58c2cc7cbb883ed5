// What the table does with the first packet of a connection at one of its ends, from its elements alone: the same walk as the rules'. Pure.

import { familyOf, ipToBigInt, type Ip } from '../../base/ip.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import { PROTOCOL_NUMBERS } from '../../base/port.ts';
import { restOf } from '../shared-policy/open-with.ts';
import type { JudgedPacket, PolicyJudge } from '../shared-policy/policy-judge.ts';
import { WHO, type PolicyElements } from './table-plan.ts';

interface Range {
  readonly first: bigint;
  readonly last: bigint;
  readonly value: number;
}

/** The table, made ready for many questions. */
export class PolicyTrace implements PolicyJudge {
  readonly #elements: PolicyElements;
  /** By set and number: "ranges4 7". */
  readonly #ranges: ReadonlyMap<string, readonly Range[]>;
  /** By rule set and protocol: "7 6". */
  readonly #ports: ReadonlyMap<string, readonly Range[]>;

  constructor(elements: PolicyElements) {
    this.#elements = elements;
    const keys = [...elements].map(([key, value]) => ({ parts: key.split(' '), value: Number(value) }));
    this.#ranges = Map.groupBy(
      keys.filter(({ parts: [set = ''] }) => set.startsWith('ranges')).map(rangeOf),
      ({ id }) => id,
    );
    this.#ports = Map.groupBy(
      keys.filter(({ parts: [set = ''] }) => set === 'ports').map(portRangeOf),
      ({ id }) => id,
    );
  }

  passes(packet: JudgedPacket): boolean {
    const { direction, own, remote, isOfNode } = packet;
    const set = direction === 'ingress' ? 'in' : 'out';
    if (this.#has(`open-${set}`, own)) return true;
    if (direction === 'ingress' && isOfNode) return true;
    const peer = this.#peerOf(packet);
    if (direction === 'egress' && peer === PEERS.host) return true;
    const value = this.#get(set, own, peer) ?? this.#get(set, own, restOf(peer));
    if (value === undefined) return false;
    const ruleSet = value < WHO ? value : (this.#inRange(value, remote) ?? this.#plain(`defaults ${value}`));
    return ruleSet !== undefined && this.#isOpen(ruleSet, packet);
  }

  knows(ip: Ip): boolean {
    return this.#has('identities', ip);
  }

  peerAt(ip: Ip): number {
    return this.#get('hosts', ip) ?? this.#inRange(WHO, ip) ?? PEERS.outside;
  }

  #peerOf({ direction, remote, mark }: JudgedPacket): number {
    if (direction === 'ingress' && mark !== 0) return mark;
    const peer = this.peerAt(remote);
    return direction === 'ingress' && peer === PEERS.host ? PEERS.outside : peer;
  }

  #isOpen(ruleSet: number, { protocol, port }: JudgedPacket): boolean {
    if (ruleSet === RULE_SETS.all) return true;
    if (protocol === undefined) return this.#elements.has(`others ${ruleSet}`);
    const open = this.#ports.get(`${ruleSet} ${PROTOCOL_NUMBERS[protocol]}`) ?? [];
    return open.some(({ first, last }) => first <= port && port <= last);
  }

  #plain(key: string): number | undefined {
    const value = this.#elements.get(key);
    return value === undefined ? undefined : Number(value);
  }

  #get(set: string, ip: Ip, number?: number): number | undefined {
    return this.#plain(`${set}${familyOf(ip)} ${ip}${number === undefined ? '' : ` ${number}`}`);
  }

  #has(set: string, ip: Ip): boolean {
    return this.#elements.has(`${set}${familyOf(ip)} ${ip}`);
  }

  #inRange(number: number, ip: Ip): number | undefined {
    const at = ipToBigInt(ip);
    const ranges = this.#ranges.get(`ranges${familyOf(ip)} ${number}`) ?? [];
    return ranges.find(({ first, last }) => first <= at && at <= last)?.value;
  }
}

interface Keyed {
  readonly parts: readonly string[];
  readonly value: number;
}

type NamedRange = Range & { readonly id: string };

function rangeOf({ parts: [set = '', number = '', ips = ''], value }: Keyed): NamedRange {
  // Written by `renderPolicies` out of addresses.
  const [first, last] = ips.split('-').map((ip) => ipToBigInt(ip as Ip));
  return { id: `${set} ${firstOf(number)}`, first: first ?? 0n, last: last ?? 0n, value };
}

function portRangeOf({ parts: [, number = '', protocol = '', ports = ''], value }: Keyed): NamedRange {
  const [first, last] = ports.split('-').map(BigInt);
  return { id: `${firstOf(number)} ${firstOf(protocol)}`, first: first ?? 0n, last: last ?? 0n, value };
}

function firstOf(range: string): string {
  return range.slice(0, range.indexOf('-'));
}
