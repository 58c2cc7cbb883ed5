// What each client asks and is told: its most asked names with codes and times, within bounds whatever is asked. Knows addresses, not pods.

import { RCODE, rcodeName, TYPE } from '../wire/dns/constants.ts';
import { labelsOf, nameFromLabels } from '../wire/dns/name.ts';
import type { AnsweredQuery } from './answered-query.ts';
import type { KernelAnswers } from './feed-answers.ts';
import { keyOfQuestion, labelsOfKey, typeOfKey } from './query.ts';
import type { SearchLists } from './search-lists.ts';

export interface Tally {
  readonly asked: number;
  /** How many of them a program at the pod's interface answered: NOERROR, in no time that is measured. */
  readonly inKernel: number;
  /** Answers by their code; what is dropped has none. */
  readonly codes: Readonly<Record<string, number>>;
  /** Denied under a domain of the client's search list: a question that only led to the next one. */
  readonly wasted: number;
  /** Of what the process answered. */
  readonly meanMs: number;
  readonly maxMs: number;
}

export interface NameTally extends Tally {
  readonly name: string;
  readonly type: string;
  /** How many of `asked` may have been for names that had to make room. */
  readonly atMostOver: number;
}

export interface ClientTally extends Tally {
  readonly client: string;
  /** Answered by a later name of the search list, at the first question. */
  readonly completed: number;
  /** The most asked first. */
  readonly names: readonly NameTally[];
}

/** Pods of a node, and as many more; over it whoever came first makes room. */
const MAX_CLIENTS = 512;
const MAX_NAMES = 64;
const TYPE_NAMES: ReadonlyMap<number, string> = new Map(
  Object.entries(TYPE).map(([name, code]) => [code, name]),
);

export class ClientTallies {
  readonly #searchLists: SearchLists;
  readonly #clients = new Map<string, ClientCounts>();

  constructor(searchLists: SearchLists) {
    this.#searchLists = searchLists;
  }

  answered(query: AnsweredQuery, nowMs: number): void {
    const counts = this.#clientOf(query.client.address);
    const isWasted = query.rcode === RCODE.NXDOMAIN && this.#isSearch(query);
    counts.add(query, nowMs - query.startedMs, isWasted);
  }

  /** What programs at pods' interfaces answered in the process's stead. */
  answeredInKernel({ client, name, typeCode, count }: KernelAnswers): void {
    this.#clientOf(client).addInKernel(keyOfQuestion(labelsOf(name), typeCode), count);
  }

  /** The busiest first, each with so many names. */
  list(names: number): readonly ClientTally[] {
    const clients = [...this.#clients].map(([client, counts]) => counts.tally(client, names));
    return clients.sort((a, b) => b.asked - a.asked);
  }

  #clientOf(address: string): ClientCounts {
    const known = this.#clients.get(address);
    if (known !== undefined) return known;
    const [oldest] = this.#clients.keys();
    if (this.#clients.size >= MAX_CLIENTS && oldest !== undefined) this.#clients.delete(oldest);
    const counts = new ClientCounts();
    this.#clients.set(address, counts);
    return counts;
  }

  #isSearch({ key, client }: AnsweredQuery): boolean {
    return key !== undefined && this.#searchLists.isSearch(client.address, labelsOfKey(key));
  }
}

class Counts {
  asked = 0;
  inKernel = 0;
  wasted = 0;
  #found = 0;
  /** Answers by their code but NOERROR, which most names have alone: made when there is one. */
  #failures: Map<number, number> | undefined;
  #sumMs = 0;
  #maxMs = 0;

  count(rcode: number | undefined, ms: number, isWasted: boolean): void {
    this.asked++;
    if (isWasted) this.wasted++;
    if (rcode === RCODE.NOERROR) this.#found++;
    else if (rcode !== undefined) this.#failed(rcode);
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  protected clear(): void {
    this.asked = 0;
    this.inKernel = 0;
    this.wasted = 0;
    this.#found = 0;
    this.#failures = undefined;
    this.#sumMs = 0;
    this.#maxMs = 0;
  }

  #failed(rcode: number): void {
    this.#failures ??= new Map();
    this.#failures.set(rcode, (this.#failures.get(rcode) ?? 0) + 1);
  }

  get #codes(): Readonly<Record<string, number>> {
    const found: readonly [number, number][] = this.#found === 0 ? [] : [[RCODE.NOERROR, this.#found]];
    const all = [...found, ...(this.#failures ?? [])];
    return Object.fromEntries(all.map(([code, count]) => [rcodeName(code), count]));
  }

  countInKernel(count: number): void {
    this.asked += count;
    this.inKernel += count;
    this.#found += count;
  }

  tallyOf(asked: number): Tally {
    return {
      asked,
      inKernel: this.inKernel,
      codes: this.#codes,
      wasted: this.wasted,
      meanMs: this.#sumMs / Math.max(1, this.asked - this.inKernel),
      maxMs: this.#maxMs,
    };
  }
}

class NameCounts extends Counts {
  #key: string;
  #over = 0;

  constructor(key: string) {
    super();
    this.#key = key;
  }

  /** Of the question. */
  get key(): string {
    return this.#key;
  }

  /** What the names had that made room. */
  get over(): number {
    return this.#over;
  }

  get atMost(): number {
    return this.asked + this.#over;
  }

  /** Makes room for another name. */
  becomeThatOf(key: string): void {
    this.#over = this.atMost;
    this.#key = key;
    this.clear();
  }
}

class ClientCounts extends Counts {
  #completed = 0;
  /** Looked through for each question: a map would cost less for a known name and much more for a flood of others, whose tables live on as garbage. */
  readonly #names: NameCounts[] = [];
  /** Those that had `#leastAsked` when they were last looked for, the next one to make room at the end: a flood of names looks once for all of them. */
  #least: NameCounts[] = [];
  #leastAsked = 0;

  add({ rcode, key, isCompleted }: AnsweredQuery, ms: number, isWasted: boolean): void {
    this.count(rcode, ms, isWasted);
    if (isCompleted) this.#completed++;
    if (key !== undefined) this.#nameOf(key).count(rcode, ms, isWasted);
  }

  addInKernel(key: string, count: number): void {
    this.countInKernel(count);
    this.#nameOf(key).countInKernel(count);
  }

  tally(client: string, names: number): ClientTally {
    const all = this.#names.map(nameTally);
    const most = all.sort((a, b) => b.asked - a.asked).slice(0, names);
    return { client, ...this.tallyOf(this.asked), completed: this.#completed, names: most };
  }

  /** Space-saving (Metwally 2005): a new name takes the place of the least asked one and its count, so that what is asked often is never lost. */
  #nameOf(key: string): NameCounts {
    for (const counts of this.#names) if (counts.key === key) return counts;
    if (this.#names.length === MAX_NAMES) return this.#makeRoom(key);
    const counts = new NameCounts(key);
    this.#names.push(counts);
    return counts;
  }

  #makeRoom(key: string): NameCounts {
    for (;;) {
      const least = this.#least.pop();
      if (least === undefined) this.#findLeast();
      else if (least.atMost === this.#leastAsked) {
        least.becomeThatOf(key);
        return least;
      }
    }
  }

  #findLeast(): void {
    this.#leastAsked = this.#names.reduce((least, { atMost }) => Math.min(least, atMost), Infinity);
    this.#least = this.#names.filter(({ atMost }) => atMost === this.#leastAsked).reverse();
  }
}

function nameTally(counts: NameCounts): NameTally {
  const { key } = counts;
  const code = typeOfKey(key);
  return {
    name: nameFromLabels(labelsOfKey(key)),
    type: TYPE_NAMES.get(code) ?? `TYPE${code}`,
    ...counts.tallyOf(counts.atMost),
    atMostOver: counts.over,
  };
}
