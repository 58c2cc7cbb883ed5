// Gathers what nodes see from time to time to one record: a connection that two nodes see, or one node twice, counts once.

import { familyOf, type Ip } from '../../base/ip.ts';
import { isPort, type Port, type Protocol } from '../../base/port.ts';
import type { AddressBook, AddressOwner } from './address-book.ts';
import type { ConnectionRecord, RecordedConnection } from './connection-record.ts';

/** What a node has seen of two ends at a port: from the end that began to the endpoint behind every translation. */
export interface SeenConnection {
  readonly source: Ip;
  readonly destination: Ip;
  readonly protocol: Protocol;
  /** The destination's own. */
  readonly port: number;
  /** False of datagrams that nobody has answered. */
  readonly isAnswered: boolean;
  /** One for each flow: nodes that both see it name the same. */
  readonly sourcePorts: readonly number[];
}

interface Draft {
  readonly connection: Omit<RecordedConnection, 'connections' | 'isAnswered'>;
  isAnswered: boolean;
  readonly flows: Set<string>;
  readonly sourcePorts: Set<number>;
}

export class ConnectionRecorder {
  readonly #drafts = new Map<string, Draft>();
  readonly #names = new Map<string, string>();
  readonly #learned = new Map<string, Set<Ip>>();
  /** By node: the most that it had no room for at once. */
  readonly #leftOut = new Map<string, number>();

  /** How many connections were seen until now. */
  get count(): number {
    return this.#drafts.values().reduce((sum, it) => sum + it.flows.size, 0);
  }

  note(seen: readonly SeenConnection[], book: AddressBook): void {
    for (const it of seen) {
      const [from, to] = [book.find(it.source), book.find(it.destination)];
      if (isPort(it.port) && isJudged(from, to)) this.#note({ ...it, port: it.port }, from, to);
    }
  }

  /** Domain names by which policies let addresses through. */
  noteNames(learned: readonly { readonly name: string; readonly ip: Ip }[]): void {
    for (const { name, ip } of learned)
      this.#learned.set(name, (this.#learned.get(name) ?? new Set()).add(ip));
  }

  noteLeftOut(node: string, count: number): void {
    this.#leftOut.set(node, Math.max(count, this.#leftOut.get(node) ?? 0));
  }

  #note(seen: SeenConnection & { readonly port: Port }, from: AddressOwner, to: AddressOwner): void {
    const { source, destination, protocol, port, sourcePorts, isAnswered } = seen;
    const family = familyOf(source);
    const connection = { from: from.text, to: to.text, family, protocol, port };
    const key = keyOf(connection);
    const draft: Draft = this.#drafts.get(key) ?? {
      connection,
      isAnswered: false,
      flows: new Set(),
      sourcePorts: new Set(),
    };
    this.#drafts.set(key, draft);
    draft.isAnswered ||= isAnswered;
    for (const sourcePort of sourcePorts) {
      draft.flows.add(`${source} ${sourcePort} ${destination}`);
      draft.sourcePorts.add(sourcePort);
    }
    for (const { text, about } of [from, to]) if (about !== undefined) this.#names.set(text, about);
  }

  /** Sorted, so that two records of the same are the same text. */
  record({ startedAt, seconds }: Pick<ConnectionRecord, 'startedAt' | 'seconds'>): ConnectionRecord {
    const drafts = [...this.#drafts].filter(([, it]) => !this.#isAnswer(it));
    const sorted = drafts.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, it]) => it);
    const connections = sorted.map(({ connection, flows, isAnswered }) => ({
      ...connection,
      connections: flows.size,
      isAnswered,
    }));
    const learned = this.#learnedOf(new Set(connections.flatMap(({ from, to }) => [from, to])));
    const domains = learned.flatMap(([name, ips]) => ips.map((ip): [string, string] => [ip, name]));
    const named = [...new Map([...domains, ...this.#names])].toSorted(([a], [b]) => (a < b ? -1 : 1));
    const leftOut = this.#leftOut.values().reduce((sum, it) => sum + it, 0);
    return { startedAt, seconds, leftOut, names: new Map(named), learned: new Map(learned), connections };
  }

  /** Of the addresses that connections have. */
  #learnedOf(ends: ReadonlySet<string>): readonly (readonly [string, readonly Ip[]])[] {
    return [...this.#learned].flatMap(([name, ips]) => {
      const seen = [...ips].filter((ip) => ends.has(ip));
      return seen.length === 0 ? [] : [[name, seen] as const];
    });
  }

  /** Late answers to datagrams look like datagrams the other way, when the question is forgotten. */
  #isAnswer({ connection, isAnswered, sourcePorts }: Draft): boolean {
    const { from, to, family, protocol } = connection;
    if (isAnswered || protocol !== 'UDP') return false;
    return [...sourcePorts].every(
      (port) => this.#drafts.get(keyOf({ from: to, to: from, family, protocol, port }))?.isAnswered === true,
    );
  }
}

type Key = Omit<Draft['connection'], 'port'> & { readonly port: number };

function keyOf({ from, to, family, protocol, port }: Key): string {
  return `${from} ${to} ${protocol} ${port} ${family}`;
}

/** Policies are never asked between a pod and its own node, nor without a pod. */
function isJudged(from: AddressOwner, to: AddressOwner): boolean {
  if (!from.isPod && !to.isPod) return false;
  return from.isPod === to.isPod || from.node === undefined || from.node !== to.node;
}
