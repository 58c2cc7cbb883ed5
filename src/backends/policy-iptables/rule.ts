// A rule as data, and as text: letter for letter as `iptables-save` prints it (1.8.9, both flavours), so that what is read back can be compared. Pure.

import type { Cidr } from '../../base/cidr.ts';
import type { PortRange } from '../../base/port-set.ts';

export interface MaskedMark {
  readonly value: number;
  readonly mask: number;
  readonly isNegated?: boolean;
}

export type RuleEnd =
  /** Does not come back: what ends there ends where the chain was jumped to. */
  | { readonly kind: 'goto'; readonly chain: string }
  | { readonly kind: 'jump'; readonly chain: string }
  /** Ends this chain and those that led here by goto: in the chains of policies, the packet passes. */
  | { readonly kind: 'return' }
  | { readonly kind: 'drop' }
  /** Tells a reader of the group of the packet, of so many in a second, and goes on. */
  | {
      readonly kind: 'log';
      readonly group: number;
      readonly prefix: string;
      readonly perSecond: number;
      readonly burst: number;
    }
  /** Changes bits of the connection mark, and goes on. */
  | { readonly kind: 'mark-flow'; readonly value: number; readonly mask: number };

export interface RuleMatch {
  readonly source?: Cidr;
  readonly destination?: Cidr;
  /** Names of links that begin so. */
  readonly fromLinks?: string;
  readonly toLinks?: string;
  readonly protocol?: 'tcp' | 'udp' | 'sctp' | 'icmp' | 'ipv6-icmp';
  /** In terms of connection tracking. */
  readonly flow?: 'original' | 'reply' | 'related';
  readonly flowMark?: MaskedMark;
  readonly mark?: MaskedMark;
  /** The source is an address of the node. */
  readonly isFromNode?: boolean;
  /** Destination ports, as many as one rule takes (`portGroups`). */
  readonly ports?: readonly PortRange[];
  readonly icmpType?: number;
  /** Of IPv6. */
  readonly hopLimit?: number;
  readonly set?: { readonly name: string; readonly end: 'src' | 'dst' };
}

export interface PolicyRule extends RuleMatch {
  readonly end: RuleEnd;
}

/** Without "-A CHAIN". */
export function ruleText(rule: PolicyRule): string {
  return [...matchWords(rule), endText(rule.end)].join(' ');
}

/** In the order in which they are asked: what costs little comes first. */
function matchWords(rule: RuleMatch): readonly string[] {
  const { source, destination, fromLinks, toLinks, protocol, ports, icmpType, hopLimit, set } = rule;
  const words: string[] = [];
  if (source !== undefined) words.push(`-s ${source}`);
  if (destination !== undefined) words.push(`-d ${destination}`);
  if (fromLinks !== undefined) words.push(`-i ${fromLinks}+`);
  if (toLinks !== undefined) words.push(`-o ${toLinks}+`);
  if (protocol !== undefined) words.push(`-p ${protocol}`);
  if (rule.flow !== undefined) words.push(FLOWS[rule.flow]);
  if (rule.flowMark !== undefined) words.push(`-m connmark ${markText(rule.flowMark)}`);
  if (rule.mark !== undefined) words.push(`-m mark ${markText(rule.mark)}`);
  if (rule.isFromNode === true) words.push('-m addrtype --src-type LOCAL');
  if (ports !== undefined) words.push(`-m multiport --dports ${ports.map(rangeText).join(',')}`);
  if (icmpType !== undefined) words.push(`-m icmp6 --icmpv6-type ${icmpType}`);
  if (hopLimit !== undefined) words.push(`-m hl --hl-eq ${hopLimit}`);
  if (set !== undefined) words.push(`-m set --match-set ${set.name} ${set.end}`);
  return words;
}

const FLOWS = {
  original: '-m conntrack --ctdir ORIGINAL',
  reply: '-m conntrack --ctdir REPLY',
  related: '-m conntrack --ctstate RELATED',
} as const;

function endText(end: RuleEnd): string {
  switch (end.kind) {
    case 'goto':
      return `-g ${end.chain}`;
    case 'jump':
      return `-j ${end.chain}`;
    case 'return':
      return '-j RETURN';
    case 'drop':
      return '-j DROP';
    case 'log':
      return `-m limit --limit ${end.perSecond}/sec --limit-burst ${end.burst} -j NFLOG --nflog-prefix "${end.prefix}" --nflog-group ${end.group}`;
    case 'mark-flow':
      return `-j CONNMARK --set-xmark ${hex(end.value)}/${hex(end.mask)}`;
    default:
      return end satisfies never;
  }
}

function markText({ value, mask, isNegated = false }: MaskedMark): string {
  return `${isNegated ? '! ' : ''}--mark ${hex(value)}/${hex(mask)}`;
}

function hex(mark: number): string {
  return `0x${(mark >>> 0).toString(16)}`;
}

function rangeText({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}:${to}`;
}

/** Ports that one rule takes (XT_MULTI_PORTS); a range counts as two. */
const MAX_PORTS = 15;

/** Ranges in the order given, so many together as a rule takes. */
export function portGroups(ranges: readonly PortRange[]): readonly (readonly PortRange[])[] {
  const groups: PortRange[][] = [];
  let room = 0;
  for (const range of ranges) {
    const size = range.from === range.to ? 1 : 2;
    if (room < size) {
      groups.push([]);
      room = MAX_PORTS;
    }
    groups.at(-1)?.push(range);
    room -= size;
  }
  return groups;
}
