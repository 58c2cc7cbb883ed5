// What pods asked, as rows: by pod, by name, by code. Pure.

import type { ClientTally, NameTally, Tally } from '../dns/client-tallies.ts';

export const TOP_BY = ['pod', 'name', 'code'] as const;
export type TopBy = (typeof TOP_BY)[number];

/** What a client asked, with the name that its address has now. */
export interface PodTally extends ClientTally {
  readonly node: string;
  /** "namespace/pod/name"; the address where nobody has it. */
  readonly pod: string;
}

const HEADS: Readonly<Record<TopBy, readonly string[]>> = {
  pod: ['POD', 'NODE', 'ASKED', 'KERNEL', 'CODES', 'WASTED', 'SAVED', 'MEAN', 'MAX', 'MOST ASKED'],
  name: ['NAME', 'TYPE', 'ASKED', 'KERNEL', 'CODES', 'WASTED', 'MEAN', 'MAX', 'PODS'],
  code: ['CODE', 'ANSWERS', 'PODS'],
};

/** Heading and rows, the largest count first. */
export function topRows(pods: readonly PodTally[], by: TopBy, limit: number): readonly (readonly string[])[] {
  const rows = { pod: podRows, name: nameRows, code: codeRows }[by](pods);
  return [HEADS[by], ...rows.slice(0, limit)];
}

function podRows(pods: readonly PodTally[]): readonly (readonly string[])[] {
  return pods
    .toSorted((a, b) => b.asked - a.asked)
    .map((it) => {
      const { pod, node, asked, inKernel, wasted, completed, names } = it;
      const counts = [asked, inKernel, codesText(it), wasted, completed];
      return [pod, node, ...counts, ...timesText(it), names[0]?.name ?? '-'].map(String);
    });
}

function nameRows(pods: readonly PodTally[]): readonly (readonly string[])[] {
  const byName = Map.groupBy(
    pods.flatMap((it) => it.names),
    ({ name, type }) => `${name} ${type}`,
  );
  return [...byName.values()]
    .map((tallies) => ({ tallies, sum: sumOf(tallies) }))
    .toSorted((a, b) => b.sum.asked - a.sum.asked)
    .map(({ tallies, sum }) => {
      const [name, type] = [tallies[0]?.name, tallies[0]?.type];
      const counts = [sum.asked, sum.inKernel, codesText(sum), sum.wasted];
      return [name, type, ...counts, ...timesText(sum), tallies.length].map(String);
    });
}

function codeRows(pods: readonly PodTally[]): readonly (readonly string[])[] {
  const { codes } = sumOf(pods);
  const podsOf = (code: string): number => pods.filter((it) => (it.codes[code] ?? 0) > 0).length;
  return Object.entries(codes)
    .toSorted(([, a], [, b]) => b - a)
    .map(([code, count]) => [code, String(count), String(podsOf(code))]);
}

function sumOf(tallies: readonly (Tally | NameTally)[]): Tally {
  const codes: Record<string, number> = {};
  for (const it of tallies)
    for (const [code, count] of Object.entries(it.codes)) codes[code] = (codes[code] ?? 0) + count;
  const sumBy = (number: (it: Tally) => number): number => tallies.reduce((sum, it) => sum + number(it), 0);
  return {
    asked: sumBy(({ asked }) => asked),
    inKernel: sumBy(({ inKernel }) => inKernel),
    codes,
    wasted: sumBy(({ wasted }) => wasted),
    meanMs: sumBy((it) => it.meanMs * timedOf(it)) / Math.max(1, sumBy(timedOf)),
    maxMs: Math.max(0, ...tallies.map((it) => it.maxMs)),
  };
}

/** "NXDOMAIN 7, SERVFAIL 1": what is not as it should be; "-" where all is. */
function codesText({ codes }: Tally): string {
  const others = Object.entries(codes).filter(([code]) => code !== 'NOERROR');
  return others.length === 0 ? '-' : others.map(([code, count]) => `${code} ${count}`).join(', ');
}

/** The kernel's answers take no time that anybody measures. */
function timedOf({ asked, inKernel }: Tally): number {
  return asked - inKernel;
}

function timesText(tally: Tally): readonly string[] {
  return timedOf(tally) === 0 ? ['-', '-'] : [ms(tally.meanMs), ms(tally.maxMs)];
}

function ms(value: number): string {
  return `${value.toFixed(value < 10 ? 2 : 0)}ms`;
}
