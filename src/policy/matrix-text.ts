// The matrix for people, programs, spreadsheets and pages. In pieces, since that of a large cluster fits into no text.

import { allBits, bitsIn, countBits, hasBit, removeBits, type Bits } from './bits.ts';
import type { Matrix, MatrixColumn } from './matrix.ts';
import { markdownTable } from './reports/markdown.ts';

const MAX_NAMES = 6;

/** A paragraph for each destination, a line for each of its ports. */
export function* matrixText(matrix: Matrix, isWide: boolean): Generator<string> {
  const width = matrix.columns.reduce((most, it) => Math.max(most, it.ports.length), 0);
  let last: number | undefined;
  for (const column of matrix.columns) {
    const { to, ports } = column;
    if (to !== last) yield `${last === undefined ? '' : '\n'}${matrix.ends[to]}\n`;
    last = to;
    yield `  ${ports.padEnd(width)}  ${sourcesText(matrix, column, isWide)}\n`;
  }
}

/** "from everybody", "from nobody", "from all but a", or the names. */
function sourcesText({ ends }: Matrix, { from }: MatrixColumn, isWide: boolean): string {
  const count = countBits(from);
  const missing = ends.length - count;
  if (missing === 0) return 'from everybody';
  if (count === 0) return 'from nobody';
  if (missing >= count) return `from ${namesIn(ends, from, isWide)}`;
  const others = allBits(ends.length);
  removeBits(others, from);
  return `from all but ${namesIn(ends, others, isWide)}`;
}

/** A large cluster has thousands of names and tens of thousands of columns: no more are looked at than are shown. */
function namesIn(ends: readonly string[], bits: Bits, isWide: boolean): string {
  const count = countBits(bits);
  const shown = isWide ? count : Math.min(count, MAX_NAMES);
  const names = bitsIn(bits)
    .take(shown)
    .map((at) => ends[at] ?? '');
  return moreText([...names], count - shown);
}

function sourcesOf({ ends }: Matrix, { from }: MatrixColumn): readonly string[] {
  return [...bitsIn(from)].map((at) => ends[at] ?? '');
}

/** The first few of them, or all. */
export function namesText(names: readonly string[], isWide: boolean): string {
  const shown = isWide ? names : names.slice(0, MAX_NAMES);
  return moreText(shown, names.length - shown.length);
}

function moreText(shown: readonly string[], more: number): string {
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** {"ends": [names], "columns": [{"to": name, "ports": text, "from": [names]}]}, a column a line. */
export function* matrixJson(matrix: Matrix): Generator<string> {
  yield `{"ends": ${JSON.stringify(matrix.ends)},\n"columns": [`;
  for (const [i, column] of matrix.columns.entries()) {
    const { to, ports } = column;
    const line = JSON.stringify({ to: matrix.ends[to], ports, from: sourcesOf(matrix, column) });
    yield `${i === 0 ? '' : ','}\n${line}`;
  }
  yield '\n]}\n';
}

/** A line for each pair and port, RFC 4180. */
export function* matrixCsv({ ends, columns }: Matrix): Generator<string> {
  yield 'from,to,ports,verdict\r\n';
  const cells = ends.map(csvCell);
  for (const { to, ports, from } of columns) {
    const rest = `${cells[to]},${csvCell(ports)}`;
    yield cells.map((name, at) => `${name},${rest},${hasBit(from, at) ? 'allow' : 'deny'}\r\n`).join('');
  }
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** A row for each destination's ports, a column for each source. */
export function* matrixMarkdown({ ends, columns }: Matrix): Generator<string> {
  const [head = '', rule = ''] = markdownTable(['to', 'ports', ...ends.map((it) => `from ${it}`)], []);
  yield `${head}\n${rule}\n`;
  for (const { to, ports, from } of columns) {
    const cells = [ends[to] ?? '', ports, ...ends.map((_, at) => (hasBit(from, at) ? '✓' : '·'))];
    yield `${markdownTable([], [cells])[2]}\n`;
  }
}
