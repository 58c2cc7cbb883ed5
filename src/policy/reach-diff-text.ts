// Differences for people and for a pull request.

import { markdownTable } from './reports/markdown.ts';
import { countBits } from './bits.ts';
import { namesText } from './matrix-text.ts';
import { sourcesOf, type ReachChange, type ReachDiff } from './reach-diff.ts';

/** A line for each end and port whose sources change; `isWide`: with all of them. */
export function diffText(diff: ReachDiff, isWide: boolean): string {
  const lineOf = (sign: string) => (change: ReachChange) =>
    `${sign} ${namesText(sourcesOf(diff, change), isWide)} to ${change.to}, ${change.ports}`;
  const lines = [
    ...diff.opened.map(lineOf('+')),
    ...diff.closed.map(lineOf('-')),
    ...onlyLines(diff),
    countText(diff),
  ];
  return `${lines.join('\n')}\n`;
}

/** For programs: names instead of places. */
export function diffForm(diff: ReachDiff) {
  const changes = (all: readonly ReachChange[]) =>
    all.map((it) => ({ to: it.to, ports: it.ports, from: sourcesOf(diff, it) }));
  const { opened, closed, onlyOld, onlyNew } = diff;
  return { opened: changes(opened), closed: changes(closed), onlyOld, onlyNew };
}

function onlyLines({ onlyOld, onlyNew }: ReachDiff): readonly string[] {
  return [
    ...onlyOld.map((it) => `${it} is in the old manifests alone: not compared`),
    ...onlyNew.map((it) => `${it} is in the new manifests alone: not compared`),
  ];
}

/** "1 opened, 2 closed": pairs of ends at ports. */
function countText({ opened, closed }: ReachDiff): string {
  const count = (changes: readonly ReachChange[]): number =>
    changes.reduce((sum, it) => sum + countBits(it.from), 0);
  return `${count(opened)} opened, ${count(closed)} closed`;
}

export function diffMarkdown(diff: ReachDiff): string {
  const rows = (sign: string, changes: readonly ReachChange[]): readonly (readonly string[])[] =>
    changes.map((it) => [sign, namesText(sourcesOf(diff, it), false), it.to, it.ports]);
  const all = [...rows('opened', diff.opened), ...rows('closed', diff.closed)];
  const table = all.length === 0 ? [] : ['', ...markdownTable(['', 'from', 'to', 'ports'], all)];
  const only = onlyLines(diff);
  return [
    `### Policy changes: ${countText(diff)}`,
    ...table,
    ...(only.length === 0 ? [] : ['', ...only.map((it) => `- ${it}`)]),
    '',
  ].join('\n');
}
