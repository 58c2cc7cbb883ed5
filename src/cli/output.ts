// Results on standard output: tables for people, JSON or YAML for machines.

import { stringify } from 'yaml';

/** Prints for a machine where it was asked for; true when it did. */
export function printForMachine(value: unknown, format: string | undefined): boolean {
  if (format === 'json') process.stdout.write(`${JSON.stringify(value, undefined, 2)}\n`);
  else if (format === 'yaml') process.stdout.write(stringify(value));
  else return false;
  return true;
}

/** Columns padded to their widest cell, two blanks between, header first. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((name, i) => Math.max(name.length, ...rows.map((row) => (row[i] ?? '').length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => (i === cells.length - 1 ? cell : cell.padEnd(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  return [header, ...rows].map((cells) => `${line(cells)}\n`).join('');
}
