// Sets of ports per protocol, with their algebra: what a rule lets through, what is left when another one has decided. Pure values.

import type { Protocol } from './port.ts';

/** First and last port, both included. */
export interface PortRange {
  readonly from: number;
  readonly to: number;
}

/** Ranges are sorted and apart from each other; `others` stands for all that has no ports of these protocols (ICMP, ESP, ...). */
export interface PortSet {
  readonly TCP: readonly PortRange[];
  readonly UDP: readonly PortRange[];
  readonly SCTP: readonly PortRange[];
  readonly others: boolean;
}

const ALL_RANGES: readonly PortRange[] = [{ from: 0, to: 65_535 }];

export const NO_PORTS: PortSet = { TCP: [], UDP: [], SCTP: [], others: false };

export const ALL_PORTS: PortSet = { TCP: ALL_RANGES, UDP: ALL_RANGES, SCTP: ALL_RANGES, others: true };

export const PORT_PROTOCOLS: readonly Protocol[] = ['TCP', 'UDP', 'SCTP'];

/** The ports `from` to `to` of one protocol. */
export function portsOf(protocol: Protocol, { from, to }: PortRange = { from: 0, to: 65_535 }): PortSet {
  return { ...NO_PORTS, [protocol]: [{ from, to }] };
}

export function unionOfPorts(a: PortSet, b: PortSet): PortSet {
  return mapRanges(a, b, uniteRanges, a.others || b.others);
}

/** What is in both. */
export function commonPorts(a: PortSet, b: PortSet): PortSet {
  return mapRanges(a, b, intersectRanges, a.others && b.others);
}

/** What is in `a` and not in `b`. */
export function portsWithout(a: PortSet, b: PortSet): PortSet {
  const inverse = (ranges: readonly PortRange[]): readonly PortRange[] => invertRanges(ranges);
  return mapRanges(a, b, (own, taken) => intersectRanges(own, inverse(taken)), a.others && !b.others);
}

export function hasPort(set: PortSet, protocol: Protocol, port: number): boolean {
  return set[protocol].some(({ from, to }) => from <= port && port <= to);
}

export function isNoPorts(set: PortSet): boolean {
  return !set.others && PORT_PROTOCOLS.every((it) => set[it].length === 0);
}

export function isAllPorts(set: PortSet): boolean {
  return set.others && PORT_PROTOCOLS.every((it) => isEveryPort(set[it]));
}

/** Canonical: equal for equal sets. "TCP 80,443,8000-8010 UDP 53", "TCP * UDP * SCTP * others", "none". */
export function portSetText(set: PortSet): string {
  const parts = PORT_PROTOCOLS.filter((it) => set[it].length > 0).map((it) => `${it} ${rangesText(set[it])}`);
  if (set.others) parts.push('others');
  return parts.length === 0 ? 'none' : parts.join(' ');
}

function rangesText(ranges: readonly PortRange[]): string {
  if (isEveryPort(ranges)) return '*';
  return ranges.map(({ from, to }) => (from === to ? String(from) : `${from}-${to}`)).join(',');
}

function isEveryPort([first]: readonly PortRange[]): boolean {
  return first?.from === 0 && first.to === 65_535;
}

type RangeStep = (a: readonly PortRange[], b: readonly PortRange[]) => readonly PortRange[];

function mapRanges(a: PortSet, b: PortSet, step: RangeStep, others: boolean): PortSet {
  return { TCP: step(a.TCP, b.TCP), UDP: step(a.UDP, b.UDP), SCTP: step(a.SCTP, b.SCTP), others };
}

function uniteRanges(a: readonly PortRange[], b: readonly PortRange[]): readonly PortRange[] {
  if (a.length === 0) return b;
  if (b.length === 0) return a;
  const united: PortRange[] = [];
  for (const next of [...a, ...b].toSorted((one, two) => one.from - two.from)) {
    const last = united.at(-1);
    if (last === undefined || next.from > last.to + 1) united.push(next);
    else if (next.to > last.to) united[united.length - 1] = { from: last.from, to: next.to };
  }
  return united;
}

function intersectRanges(a: readonly PortRange[], b: readonly PortRange[]): readonly PortRange[] {
  const common = a.flatMap((one) =>
    b.map((two) => ({ from: Math.max(one.from, two.from), to: Math.min(one.to, two.to) })),
  );
  return common.filter(({ from, to }) => from <= to);
}

function invertRanges(ranges: readonly PortRange[]): readonly PortRange[] {
  const inverse: PortRange[] = [];
  let from = 0;
  for (const range of ranges) {
    if (range.from > from) inverse.push({ from, to: range.from - 1 });
    from = range.to + 1;
  }
  if (from <= 65_535) inverse.push({ from, to: 65_535 });
  return inverse;
}

/** A block of ports that share their first `bits` bits: what a look-up by longest prefix takes. */
export interface PortPrefix {
  readonly port: number;
  readonly bits: number;
}

/** The fewest prefixes that make up a range; at most 30. */
export function prefixesOfRange({ from, to }: PortRange): readonly PortPrefix[] {
  const prefixes: PortPrefix[] = [];
  let at = from;
  while (at <= to) {
    let size = at === 0 ? 65_536 : at & -at;
    while (at + size - 1 > to) size /= 2;
    prefixes.push({ port: at, bits: 16 - Math.log2(size) });
    at += size;
  }
  return prefixes;
}
