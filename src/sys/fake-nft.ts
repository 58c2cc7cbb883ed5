// nftables in memory, as far as sets and tables go: a script is whole or nothing. Chains are kept as text; what it does not know it refuses,
// so that no test passes because a statement was overlooked.

import { FairleadError } from '../base/errors.ts';
import type { NftDoor } from './doors.ts';
import { noFaults, type Faults } from './faults.ts';
import type { NftFamily, NftTable } from './nft.ts';

interface State {
  readonly family: NftFamily;
  readonly name: string;
  readonly sets: ReadonlyMap<string, ReadonlySet<string>>;
  readonly chains: readonly string[];
}
type States = ReadonlyMap<string, State>;

const TABLE = /^table (\w+) ([\w-]+) \{/;
const ADD_TABLE = /^add table (\w+) ([\w-]+)$/;
const DELETE_TABLE = /^delete table (\w+) ([\w-]+)$/;
const ELEMENTS = /^(add|delete) element (\w+) ([\w-]+) ([\w-]+) \{([^}]*)\}$/;
const BLOCK = /(set|chain) ([\w-]+) \{/g;

export class FakeNft implements NftDoor {
  #states: States = new Map();
  faults: Faults = noFaults;

  async apply(script: string): Promise<void> {
    this.faults('load nftables rules');
    // Only a script that works to its end becomes the state.
    this.#states = statementsOf(script).reduce(perform, this.#states);
  }

  async tables(): Promise<readonly NftTable[]> {
    this.faults('list nftables tables');
    return [...this.#states.values()].map(({ family, name }) => ({ family, name }));
  }

  async list(table: NftTable): Promise<readonly Readonly<Record<string, unknown>>[] | undefined> {
    this.faults(`list nftables table ${keyOf(table)}`);
    const state = this.#states.get(keyOf(table));
    if (state === undefined) return undefined;
    const { family, name } = table;
    const sets = [...state.sets].map(([set, elements]) => ({
      set: { family, table: name, name: set, ...(elements.size === 0 ? {} : { elem: [...elements] }) },
    }));
    const chains = state.chains.map((chain) => ({ chain: { family, table: name, name: chain } }));
    return [{ table: { family, name } }, ...sets, ...chains];
  }

  async delete(table: NftTable): Promise<void> {
    await this.apply(`add table ${keyOf(table)}\ndelete table ${keyOf(table)}\n`);
  }
}

/** Top-level statements: lines, or tables up to the brace that closes them. */
function statementsOf(script: string): readonly string[] {
  const statements: string[] = [];
  let depth = 0;
  for (const line of script.split('\n').map((it) => it.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    if (depth === 0) statements.push(line);
    else statements.push(`${statements.pop() ?? ''}\n${line}`);
    depth += (line.match(/\{/g)?.length ?? 0) - (line.match(/\}/g)?.length ?? 0);
  }
  if (depth !== 0) throw refused('a brace is open at the end');
  return statements;
}

function perform(states: States, statement: string): States {
  const block = TABLE.exec(statement);
  if (block !== null) return withTable(states, block, statement);
  const added = ADD_TABLE.exec(statement);
  if (added !== null) return withTable(states, added, '');
  const deleted = DELETE_TABLE.exec(statement);
  if (deleted !== null) return withoutTable(states, deleted);
  const elements = ELEMENTS.exec(statement);
  if (elements !== null) return withElements(states, elements);
  throw refused(`the fake does not know "${statement.slice(0, 60)}"`);
}

function withTable(states: States, match: RegExpExecArray, body: string): States {
  const table = tableOf(match[1], match[2]);
  const old = states.get(keyOf(table));
  const sets = new Map(old?.sets);
  const chains = new Set(old?.chains);
  for (const block of body.matchAll(BLOCK)) {
    const [text, kind, name = ''] = block;
    if (kind === 'chain') chains.add(name);
    else
      sets.set(
        name,
        new Set([...(sets.get(name) ?? []), ...elementsIn(body.slice(block.index + text.length))]),
      );
  }
  return new Map(states).set(keyOf(table), { ...table, sets, chains: [...chains] });
}

function withoutTable(states: States, match: RegExpExecArray): States {
  const key = keyOf(tableOf(match[1], match[2]));
  const left = new Map(states);
  if (!left.delete(key)) throw refused(`table ${key} does not exist`);
  return left;
}

function withElements(states: States, match: RegExpExecArray): States {
  const [, verb, family, name, set = '', text = ''] = match;
  const key = keyOf(tableOf(family, name));
  const state = states.get(key);
  const elements = new Set(state?.sets.get(set));
  if (state?.sets.has(set) !== true) throw refused(`set ${set} of table ${key} does not exist`);
  for (const element of split(text)) {
    if (verb === 'add') elements.add(element);
    else if (!elements.delete(element)) throw refused(`element ${element} does not exist`);
  }
  return new Map(states).set(key, { ...state, sets: new Map(state.sets).set(set, elements) });
}

/** The elements of the set whose block begins with `text`. */
function elementsIn(text: string): readonly string[] {
  const match = /^[^{}]*elements = \{([^}]*)\}/.exec(text);
  return split(match?.[1] ?? '');
}

function split(text: string): readonly string[] {
  return text
    .split(',')
    .map((it) => it.trim())
    .filter(Boolean);
}

function tableOf(family = '', name = ''): NftTable {
  if (family === 'ip' || family === 'ip6' || family === 'inet' || family === 'arp') return { family, name };
  if (family === 'bridge' || family === 'netdev') return { family, name };
  throw refused(`there is no family ${family}`);
}

function keyOf(table: NftTable): string {
  return `${table.family} ${table.name}`;
}

function refused(because: string): FairleadError {
  return new FairleadError('kernel', `Cannot load nftables rules: ${because}`);
}
