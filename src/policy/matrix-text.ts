// The matrix for people, spreadsheets and pages.

import type { Matrix, MatrixColumn } from './matrix.ts';
import { markdownTable } from './reports/markdown.ts';

const MAX_NAMES = 6;

/** A paragraph for each destination, a line for each of its ports. */
export function matrixText(matrix: Matrix, isWide: boolean): string {
  const width = Math.max(...matrix.columns.map((it) => it.ports.length), 0);
  const paragraphs = matrix.ends.map((to) => {
    const lines = matrix.columns
      .filter((it) => it.to === to)
      .map((it) => `  ${it.ports.padEnd(width)}  ${sourcesText(matrix, it, isWide)}\n`);
    return `${to}\n${lines.join('')}`;
  });
  return paragraphs.join('\n');
}

/** "from everybody", "from nobody", "from all but a", or the names. */
function sourcesText({ ends }: Matrix, { from }: MatrixColumn, isWide: boolean): string {
  if (from.length === ends.length) return 'from everybody';
  if (from.length === 0) return 'from nobody';
  const there = new Set(from);
  const missing = ends.filter((it) => !there.has(it));
  if (missing.length < from.length) return `from all but ${namesText(missing, isWide)}`;
  return `from ${namesText(from, isWide)}`;
}

function namesText(names: readonly string[], isWide: boolean): string {
  const more = names.length - MAX_NAMES;
  if (isWide || more <= 0) return names.join(', ');
  return `${names.slice(0, MAX_NAMES).join(', ')} and ${more} more`;
}

/** A line for each pair and port, RFC 4180. */
export function matrixCsv(matrix: Matrix): string {
  const lines = matrix.columns.flatMap(({ to, ports, from }) => {
    const there = new Set(from);
    return matrix.ends.map((end) => [end, to, ports, there.has(end) ? 'allow' : 'deny']);
  });
  return [['from', 'to', 'ports', 'verdict'], ...lines]
    .map((cells) => `${cells.map(csvCell).join(',')}\r\n`)
    .join('');
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row for each destination's ports, a column for each source. */
export function matrixMarkdown(matrix: Matrix): string {
  const rows = matrix.columns.map(({ to, ports, from }) => {
    const there = new Set(from);
    return [to, ports, ...matrix.ends.map((end) => (there.has(end) ? '✓' : '·'))];
  });
  return `${markdownTable(['to', 'ports', ...matrix.ends.map((it) => `from ${it}`)], rows).join('\n')}\n`;
}
