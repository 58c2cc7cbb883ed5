// The output of `iptables-save` as chains with their rules. Pure.

import { FairleadError } from '../../base/errors.ts';

/** Rules by chain, without "-A CHAIN "; chains without rules are there, too. */
export type SavedTable = ReadonlyMap<string, readonly string[]>;

/** Tables by the name that they were asked for. */
export type SavedTables<N extends string> = Readonly<Record<N, SavedTable>>;

/** The tables that are asked for; others are passed over, and so are counters. A table that is not there is empty. */
export function parseSave<N extends string>(text: string, names: readonly N[]): SavedTables<N> {
  // One for each name.
  const tables = Object.fromEntries(names.map((it) => [it, new Map()])) as Record<N, Map<string, string[]>>;
  let table: Map<string, string[]> | undefined;
  for (const line of linesOf(text)) {
    if (line.startsWith('-A ')) {
      if (table !== undefined) addRule(table, line);
    } else if (line.startsWith(':')) table?.set(line.slice(1, line.indexOf(' ')), []);
    else if (line.startsWith('*')) {
      const name = names.find((it) => line === `*${it}`);
      table = name && tables[name];
    } else if (line !== '' && line !== 'COMMIT' && !line.startsWith('#')) throw unreadable(line);
  }
  return tables;
}

function addRule(table: Map<string, string[]>, line: string): void {
  const end = line.indexOf(' ', 3);
  const rules = table.get(line.slice(3, end === -1 ? undefined : end));
  if (rules === undefined) throw unreadable(line);
  rules.push(end === -1 ? '' : line.slice(end + 1));
}

function* linesOf(text: string): Generator<string> {
  for (let at = 0; at < text.length;) {
    const found = text.indexOf('\n', at);
    const end = found === -1 ? text.length : found;
    yield text.slice(at, end);
    at = end + 1;
  }
}

function unreadable(line: string): FairleadError {
  return new FairleadError('invalid', `Cannot read the output of iptables-save: line "${line}"`);
}
