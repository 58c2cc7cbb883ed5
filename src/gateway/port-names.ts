// Which names of a port lead to which tables, and what the tables are called in HAProxy's maps: what follows from names alone, whatever the tables say. Pure.

import type { HostTable, HttpListener, HttpsListener } from '../model/gateway.ts';
import { coveringPatterns, isWild, mostSpecific, patternOf, patternOfTable } from './host-patterns.ts';
import type { MapPiece } from './map-lines.ts';
import { nameKey } from './proxy-text.ts';

/** An HTTP or HTTPS listener group of one port: what decides by name. */
export interface RoutedPort {
  readonly port: number;
  readonly listeners: readonly (HttpListener | HttpsListener)[];
}

export interface PortNames {
  readonly lines: MapPiece;
  readonly tables: readonly TablePlace[];
}

export interface TablePlace {
  /** What it is called. */
  readonly key: string;
  /** The less specific table that what is not decided here goes on to. */
  readonly nextKey: string | undefined;
  /** Where it stands among the listeners of the port, and among the listener's tables. */
  readonly listener: number;
  readonly host: number;
}

/** All that the names of a port follow from: the same list, the same names. */
export function namesSource({ port, listeners }: RoutedPort): readonly unknown[] {
  const source: unknown[] = [port];
  for (const listener of listeners) {
    source.push(listener.hostname, validationOf(listener)?.isRequired, listener.hosts.length);
    for (const { hostname, isOneLabel } of listener.hosts) source.push(hostname, isOneLabel);
  }
  return source;
}

export function namesOf({ port, listeners }: RoutedPort): PortNames {
  const guards = new Map<string, string>();
  const owners = listeners.flatMap((listener, at) => {
    const pattern = patternOf(listener.hostname);
    const validation = validationOf(listener);
    if (validation !== undefined)
      guards.set(`${port}|${pattern}`, validation.isRequired ? 'required' : 'optional');
    return pattern === undefined ? [] : [{ pattern, tables: tablesOf(listener.hosts, at) }];
  });
  const byPattern = new Map(owners.map((it) => [it.pattern, it]));
  const patterns = new Set(owners.flatMap((it) => [it.pattern, ...it.tables.keys()]));
  const ways = [...patterns].map((pattern) => {
    const owner = mostSpecific(byPattern, pattern);
    return { pattern, owner, table: owner && mostSpecific(owner.tables, pattern) };
  });
  const keys = tableKeys(port, owners, ways);
  const hosts = new Map<string, string>();
  // A name whose listener has nothing for it is known all the same: no less specific listener may take it.
  for (const { pattern, owner, table } of ways) {
    const key = (table && keys.get(table)) ?? NO_TABLE;
    hosts.set(nameKey(pattern, String(port)), `${key}|${owner?.pattern ?? ''}`);
  }
  const tables = owners.flatMap((it) => [...it.tables.values()].map((table) => placeOf(table, it, keys)));
  return { lines: { guards, hosts }, tables };
}

function validationOf(listener: HttpListener | HttpsListener): HttpsListener['tls']['clientValidation'] {
  return 'tls' in listener ? listener.tls.clientValidation : undefined;
}

const NO_TABLE = '-';

interface NamedTable {
  readonly pattern: string;
  readonly listener: number;
  readonly host: number;
}

/** Names of tables in every map. */
type TableKeys = ReadonlyMap<NamedTable, string>;

interface Owner {
  /** Of its listener. */
  readonly pattern: string;
  readonly tables: ReadonlyMap<string, NamedTable>;
}

/** From a pattern of names to who has them. */
interface Way {
  readonly pattern: string;
  readonly owner: Owner | undefined;
  readonly table: NamedTable | undefined;
}

/** By their patterns. */
function tablesOf(hosts: readonly HostTable[], listener: number): ReadonlyMap<string, NamedTable> {
  const tables = new Map<string, NamedTable>();
  for (const [host, table] of hosts.entries()) {
    const pattern = patternOfTable(table);
    if (pattern === undefined || tables.has(pattern)) continue;
    tables.set(pattern, { pattern, listener, host });
  }
  return tables;
}

function tableKeys(port: number, owners: readonly Owner[], ways: readonly Way[]): TableKeys {
  const keys = new Map<NamedTable, string>();
  for (const { pattern, tables } of owners)
    for (const table of tables.values()) keys.set(table, `${port},${pattern},${table.pattern}`);
  const byTable = Map.groupBy(ways, (it) => it.table);
  for (const [table, [way, ...others]] of byTable)
    if (table !== undefined && way !== undefined && others.length === 0 && !isWild(way.pattern))
      keys.set(table, `${way.pattern}:${port}`);
  return keys;
}

function placeOf(table: NamedTable, { tables }: Owner, keys: TableKeys): TablePlace {
  const { pattern, listener, host } = table;
  const [, ...less] = coveringPatterns(pattern);
  const next = less.map((it) => tables.get(it)).find((it) => it !== undefined);
  return {
    key: keys.get(table) ?? NO_TABLE,
    nextKey: next && (keys.get(next) ?? ''),
    listener,
    host,
  };
}
