// The matrix for people, programs, spreadsheets and pages. In pieces, since that of a large cluster fits into no text.

import { bitsIn, hasBit } from './bits.ts';
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
function sourcesText(matrix: Matrix, column: MatrixColumn, isWide: boolean): string {
  const from = sourcesOf(matrix, column);
  const missing = matrix.ends.filter((_, at) => !hasBit(column.from, at));
  if (missing.length === 0) return 'from everybody';
  if (from.length === 0) return 'from nobody';
  if (missing.length < from.length) return `from all but ${namesText(missing, isWide)}`;
  return `from ${namesText(from, isWide)}`;
}

function sourcesOf({ ends }: Matrix, { from }: MatrixColumn): readonly string[] {
  return [...bitsIn(from)].map((at) => ends[at] ?? '');
}

/** The first few of them, or all. */
export function namesText(names: readonly string[], isWide: boolean): string {
  const more = names.length - MAX_NAMES;
  if (isWide || more <= 0) return names.join(', ');
  return `${names.slice(0, MAX_NAMES).join(', ')} and ${more} more`;
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
