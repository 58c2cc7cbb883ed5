// Recorded connections as a file: what policies are recommended from, and what can be judged against policies of another day. Names, not addresses: those
// of pods mean somebody else soon.

import { parse } from 'yaml';
import { FairleadError, messageOf } from '../../base/errors.ts';
import { parseIp, type Family, type Ip } from '../../base/ip.ts';
import { parsePort, parseProtocol, type Port, type Protocol } from '../../base/port.ts';
import { isObject } from '../../objects/json.ts';
import { Field } from '../../objects/slim-field.ts';

/** What two ends said to each other at a port. */
export interface RecordedConnection {
  /** "shop/Deployment/web", an address of what is no pod, or `DNS_END` of cluster-dns.ts. */
  readonly from: string;
  readonly to: string;
  readonly family: Family;
  readonly protocol: Protocol;
  /** The destination's own. */
  readonly port: Port;
  /** How many were seen. */
  readonly connections: number;
  /** False of datagrams that nobody answered. */
  readonly isAnswered: boolean;
}

export interface ConnectionRecord {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly seconds: number;
  /** How many were seen for which there was no room. */
  readonly leftOut: number;
  /** Who has an address of the connections, for people: "node node-1". */
  readonly names: ReadonlyMap<string, string>;
  /** Domain names by which policies let addresses of the connections through at the time, with those addresses. */
  readonly learned: ReadonlyMap<string, readonly Ip[]>;
  readonly connections: readonly RecordedConnection[];
}

const API_VERSION = 'policy.fairlead.dev/v1alpha1';
const KIND = 'ConnectionRecord';
const FIELDS = [
  'apiVersion',
  'kind',
  'metadata',
  'startedAt',
  'seconds',
  'leftOut',
  'names',
  'learned',
  'connections',
];
const CONNECTION_FIELDS = ['from', 'to', 'family', 'protocol', 'port', 'connections', 'isAnswered'];

/** The form of a file; with a name, so that it can lie in a folder of manifests. */
export function recordForm({ names, learned, ...rest }: ConnectionRecord): object {
  const head = { apiVersion: API_VERSION, kind: KIND, metadata: { name: 'connections' } };
  const lists = [...learned].map(([name, addresses]) => ({ name, addresses }));
  return { ...head, ...rest, names: Object.fromEntries(names), learned: lists };
}

/** From YAML or JSON; throws `invalid` with file and field. Absent are a family (4), a count (1) and `isAnswered` (true). */
export function readConnectionRecord(file: string, text: string): ConnectionRecord {
  try {
    return parseRecord(parse(text, { logLevel: 'error' }) as unknown);
  } catch (error) {
    throw new FairleadError('invalid', `Cannot use ${file}: ${messageOf(error)}`, { cause: error });
  }
}

function parseRecord(raw: unknown): ConnectionRecord {
  const root = Field.root(KIND, raw);
  if (!isObject(raw)) throw new FairleadError('invalid', `it holds no ${KIND}`);
  if (raw['apiVersion'] !== API_VERSION || raw['kind'] !== KIND)
    throw new FairleadError('invalid', `it must be a ${KIND} of ${API_VERSION}`);
  refuseUnknown(root, FIELDS);
  return {
    startedAt: root.at('startedAt').parse(parseMoment),
    seconds: countIn(root.at('seconds'), 0),
    leftOut: countIn(root.at('leftOut'), 0),
    names: root.at('names').textMap(),
    learned: new Map(root.at('learned').list().map(parseLearned)),
    connections: root.at('connections').list().map(parseConnection),
  };
}

function parseLearned(it: Field): readonly [string, readonly Ip[]] {
  refuseUnknown(it, ['name', 'addresses']);
  const addresses = it.at('addresses').list();
  return [it.at('name').text(), addresses.map((ip) => ip.parse((value) => parseIp(String(value))))];
}

function parseConnection(it: Field): RecordedConnection {
  refuseUnknown(it, CONNECTION_FIELDS);
  return {
    from: it.at('from').text(),
    to: it.at('to').text(),
    family: it.at('family').parse(parseFamily),
    protocol: it.at('protocol').parse(parseProtocol),
    port: it.at('port').parse(parsePort),
    connections: countIn(it.at('connections'), 1),
    isAnswered: it.at('isAnswered').bool(true),
  };
}

function refuseUnknown(it: Field, known: readonly string[]): void {
  for (const name of it.names())
    if (!known.includes(name)) it.at(name).fail(`unknown field, there are ${known.join(', ')}`);
}

function countIn(it: Field, absent: number): number {
  const count = it.optionalInteger() ?? absent;
  return count < 0 ? it.fail('must not be less than 0') : count;
}

function parseFamily(value: unknown): Family {
  if (value === undefined) return 4;
  if (value === 4 || value === 6) return value;
  throw new FairleadError('invalid', 'must be 4 or 6');
}

function parseMoment(value: unknown): string {
  const atMs = typeof value === 'string' ? Date.parse(value) : NaN;
  if (Number.isNaN(atMs)) throw new FairleadError('invalid', 'must be a moment such as 2026-01-31T12:00:00Z');
  return new Date(atMs).toISOString();
}
