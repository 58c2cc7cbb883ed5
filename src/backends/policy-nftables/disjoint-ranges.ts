// Prefixes of which the longest one tells, as ranges of which no two hold the same address: sets of ranges take nothing else. Pure.

import { cidrBase, cidrFamily, cidrSize, type Cidr } from '../../base/cidr.ts';
import { ipFromBigInt, ipToBigInt, type Family, type Ip } from '../../base/ip.ts';

export interface AddressRange {
  readonly family: Family;
  readonly first: Ip;
  readonly last: Ip;
  readonly value: number;
}

interface Span {
  readonly first: bigint;
  readonly last: bigint;
  readonly value: number;
}

/** In the order of addresses; neighbours of one value are one range. */
export function disjointRanges(prefixes: Iterable<readonly [Cidr, number]>): readonly AddressRange[] {
  const byFamily = Map.groupBy(prefixes, ([cidr]) => cidrFamily(cidr));
  return [...byFamily].flatMap(([family, list]) =>
    joined(spansOf(list.map(([cidr, value]) => spanOf(cidr, value)))).map(({ first, last, value }) => ({
      family,
      first: ipFromBigInt(first, family),
      last: ipFromBigInt(last, family),
      value,
    })),
  );
}

function spanOf(cidr: Cidr, value: number): Span {
  const first = ipToBigInt(cidrBase(cidr));
  return { first, last: first + cidrSize(cidr) - 1n, value };
}

/** Prefixes lie within each other or apart: those that an address is in are a stack. */
function spansOf(spans: readonly Span[]): readonly Span[] {
  const outerFirst = spans.toSorted((a, b) => compare(a.first, b.first) || compare(b.last, a.last));
  const made: Span[] = [];
  const around: Span[] = [];
  let at = 0n;
  const fill = (last: bigint, value: number): void => {
    if (at <= last) made.push({ first: at, last, value });
    at = last + 1n;
  };
  const leave = (until: bigint | undefined): void => {
    for (
      let top = around.at(-1);
      top !== undefined && (until === undefined || top.last < until);
      top = around.at(-1)
    ) {
      fill(top.last, top.value);
      around.pop();
    }
  };
  for (const span of outerFirst) {
    leave(span.first);
    const top = around.at(-1);
    if (top !== undefined && at < span.first) fill(span.first - 1n, top.value);
    at = span.first;
    around.push(span);
  }
  leave(undefined);
  return made;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : Number(a > b);
}

function joined(spans: readonly Span[]): readonly Span[] {
  const made: Span[] = [];
  for (const span of spans) {
    const before = made.at(-1);
    if (before?.value === span.value && before.last + 1n === span.first)
      made[made.length - 1] = { ...before, last: span.last };
    else made.push(span);
  }
  return made;
}
