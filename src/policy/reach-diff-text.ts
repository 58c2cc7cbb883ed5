// Differences for people and for a pull request.

import { markdownTable } from './reports/markdown.ts';
import type { ReachChange, ReachDiff } from './reach-diff.ts';

export function diffText(diff: ReachDiff): string {
  const lines = [
    ...diff.opened.map((it) => `+ ${changeText(it)}`),
    ...diff.closed.map((it) => `- ${changeText(it)}`),
    ...onlyLines(diff),
    countText(diff),
  ];
  return `${lines.join('\n')}\n`;
}

function changeText({ from, to, ports }: ReachChange): string {
  return `${from} to ${to}, ${ports}`;
}

function onlyLines({ onlyOld, onlyNew }: ReachDiff): readonly string[] {
  return [
    ...onlyOld.map((it) => `${it} is in the old manifests alone: not compared`),
    ...onlyNew.map((it) => `${it} is in the new manifests alone: not compared`),
  ];
}

/** "1 opened, 2 closed". */
function countText({ opened, closed }: ReachDiff): string {
  return `${opened.length} opened, ${closed.length} closed`;
}

export function diffMarkdown(diff: ReachDiff): string {
  const rows = (sign: string, changes: readonly ReachChange[]): readonly (readonly string[])[] =>
    changes.map(({ from, to, ports }) => [sign, from, to, ports]);
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
