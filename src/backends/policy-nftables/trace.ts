// What the table does with the first packet of a connection at one of its ends, from its elements alone: the same walk as the rules', for proofs. Pure.

import { familyOf, ipToBigInt, type Ip } from '../../base/ip.ts';
import { PEERS, RULE_SETS } from '../../base/policy-numbers.ts';
import { PROTOCOL_NUMBERS, type Protocol } from '../../base/port.ts';
import { WHO, type PolicyElements } from './table-plan.ts';

export interface TracedPacket {
  readonly direction: 'ingress' | 'egress';
  /** Of the pod that the policy is asked for. */
  readonly own: Ip;
  readonly remote: Ip;
  /** Undefined for what has no ports. */
  readonly protocol: Protocol | undefined;
  /** Destination port. */
  readonly port: number;
  /** What the packet carries where it comes in: 0 for nothing. */
  readonly mark: number;
  /** The node itself sends it. */
  readonly isOfNode: boolean;
}

/** True where the packet passes. */
export function tracePolicyTable(elements: PolicyElements, packet: TracedPacket): boolean {
  const { direction, own, remote, isOfNode } = packet;
  const table = new Table(elements);
  const set = direction === 'ingress' ? 'in' : 'out';
  if (table.get(`open-${set}`, own) !== undefined) return true;
  if (direction === 'ingress' && isOfNode) return true;
  const peer = peerOf(table, packet);
  const value = table.get(set, own, String(peer)) ?? table.get(set, own, String(restOf(peer)));
  if (value === undefined) return false;
  const ruleSet = value < WHO ? value : (table.range(value, remote) ?? table.plain(`defaults ${value}`));
  return ruleSet !== undefined && isOpen(elements, ruleSet, packet);
}

function peerOf(table: Table, { direction, remote, mark }: TracedPacket): number {
  if (direction === 'ingress' && mark !== 0) return mark;
  const peer = table.get('hosts', remote) ?? table.range(WHO, remote) ?? PEERS.outside;
  return direction === 'ingress' && peer === PEERS.host ? PEERS.outside : peer;
}

function restOf(peer: number): number {
  return peer === PEERS.outside || peer >= PEERS.firstNode ? PEERS.outside : PEERS.anyPod;
}

function isOpen(elements: PolicyElements, ruleSet: number, { protocol, port }: TracedPacket): boolean {
  if (ruleSet === RULE_SETS.all) return true;
  if (protocol === undefined) return elements.has(`others ${ruleSet}`);
  const start = `ports ${ruleSet}-${ruleSet} ${PROTOCOL_NUMBERS[protocol]}-${PROTOCOL_NUMBERS[protocol]} `;
  return [...elements.keys()].some((key) => {
    const [first, last] = key.startsWith(start) ? key.slice(start.length).split('-').map(Number) : [];
    return first !== undefined && last !== undefined && first <= port && port <= last;
  });
}

class Table {
  readonly #elements: PolicyElements;

  constructor(elements: PolicyElements) {
    this.#elements = elements;
  }

  plain(key: string): number | undefined {
    const value = this.#elements.get(key);
    return value === undefined ? undefined : Number(value);
  }

  get(set: string, ip: Ip, ...more: readonly string[]): number | undefined {
    return this.plain([`${set}${familyOf(ip)}`, ip, ...more].join(' '));
  }

  range(number: number, ip: Ip): number | undefined {
    const start = `ranges${familyOf(ip)} ${number}-${number} `;
    for (const [key, value] of this.#elements) {
      const [first, last] = key.startsWith(start) ? key.slice(start.length).split('-') : [];
      if (first === undefined || last === undefined) continue;
      // Written by `renderPolicies` out of addresses.
      const [from, to, at] = [first as Ip, last as Ip, ip].map(ipToBigInt);
      if (from !== undefined && to !== undefined && at !== undefined && from <= at && at <= to)
        return Number(value);
    }
    return undefined;
  }
}
