// The addresses that names were answered with: what counts now, until when, and what makes room when there are too many. Knows no socket and no disk.

import { DomainPatterns } from '../base/domain-patterns.ts';
import type { Ip } from '../base/ip.ts';
import type { AnsweredAddress } from '../dns/learn-protocol.ts';
import type { LearnedSource } from './policy-part.ts';

export interface LearnedRecord {
  /** In lower case, without a dot at the end. */
  readonly name: string;
  readonly ip: Ip;
  /** Monotonic. */
  readonly untilMs: number;
  /** Its time is over, but connections to it stand. */
  readonly isInUse: boolean;
}

export interface LearnedBounds {
  readonly perName: number;
  readonly perPattern: number;
  readonly inAll: number;
}

/** One answer fits for each name; what a name server of others can make of a pattern leaves room for all the rest. */
export const LEARNED_BOUNDS: LearnedBounds = { perName: 512, perPattern: 8_192, inAll: 32_768 };

/** What an answer, a sweep or the log changed: what is to be written down. */
export interface LearnedChange {
  readonly kept: readonly LearnedRecord[];
  /** Given up although their time was not over, to make room. */
  readonly evicted: readonly LearnedRecord[];
}

export class LearnedBook implements LearnedSource {
  readonly #graceMs: number;
  readonly #bounds: LearnedBounds;
  /** The one that was answered the longest ago first. */
  readonly #records = new Map<string, LearnedRecord>();
  readonly #names = new Map<Ip, Set<string>>();
  readonly #perName = new Map<string, number>();
  readonly #perPattern = new Map<string, number>();
  #patterns = new DomainPatterns([]);
  #changed = new Set<Ip>();

  /** `graceMs`: how long an address is kept after its time to live. */
  constructor(graceMs: number, bounds: LearnedBounds = LEARNED_BOUNDS) {
    this.#graceMs = graceMs;
    this.#bounds = bounds;
  }

  get names(): ReadonlyMap<Ip, ReadonlySet<string>> {
    return this.#names;
  }

  get size(): number {
    return this.#records.size;
  }

  takeChanged(): ReadonlySet<Ip> {
    const changed = this.#changed;
    this.#changed = new Set();
    return changed;
  }

  get hasChanges(): boolean {
    return this.#changed.size > 0;
  }

  /** What is learned stays until its time is over: a policy that comes back a moment later finds it. */
  watch(patterns: readonly string[]): void {
    this.#patterns = new DomainPatterns(patterns);
    this.#perPattern.clear();
    for (const { name } of this.#records.values()) this.#countPatterns(name, 1);
  }

  patternsOf(name: string): readonly string[] {
    return this.#patterns.matching(name);
  }

  learn(name: string, addresses: readonly AnsweredAddress[], nowMs: number): LearnedChange {
    const kept = addresses.map(({ ip, ttlS }) => {
      const untilMs = Math.max(
        nowMs + ttlS * 1000 + this.#graceMs,
        this.#records.get(keyOf(name, ip))?.untilMs ?? 0,
      );
      return { name, ip, untilMs, isInUse: false };
    });
    return this.restore(kept);
  }

  /** Takes in what was written down. */
  restore(records: readonly LearnedRecord[]): LearnedChange {
    const evicted: LearnedRecord[] = [];
    for (const record of records) {
      this.#put(record);
      evicted.push(...this.#makeRoom(record.name));
    }
    return { kept: records, evicted };
  }

  /** Those whose time is over. */
  due(nowMs: number): readonly LearnedRecord[] {
    return [...this.#records.values()].filter((it) => it.untilMs <= nowMs);
  }

  /** Until then it is not asked about again: connections to it stand. */
  extend({ name, ip }: LearnedRecord, untilMs: number): void {
    const key = keyOf(name, ip);
    // Where it stands in the order is when it was answered last.
    if (this.#records.has(key)) this.#records.set(key, { name, ip, untilMs, isInUse: true });
  }

  remove({ name, ip }: LearnedRecord): void {
    if (!this.#records.delete(keyOf(name, ip))) return;
    count(this.#perName, name, -1);
    this.#countPatterns(name, -1);
    const names = this.#names.get(ip);
    names?.delete(name);
    if (names?.size === 0) this.#names.delete(ip);
    this.#changed.add(ip);
  }

  list(): readonly LearnedRecord[] {
    return [...this.#records.values()];
  }

  #put(record: LearnedRecord): void {
    const { name, ip } = record;
    const key = keyOf(name, ip);
    const isNew = !this.#records.delete(key);
    this.#records.set(key, record);
    if (!isNew) return;
    count(this.#perName, name, 1);
    this.#countPatterns(name, 1);
    this.#names.set(ip, (this.#names.get(ip) ?? new Set()).add(name));
    this.#changed.add(ip);
  }

  #makeRoom(name: string): readonly LearnedRecord[] {
    const { perName, perPattern, inAll } = this.#bounds;
    const evicted: LearnedRecord[] = [];
    const evict = (isMeant: (record: LearnedRecord) => boolean): void => {
      const oldest = this.#records.values().find(isMeant);
      if (oldest === undefined) return;
      this.remove(oldest);
      evicted.push(oldest);
    };
    if ((this.#perName.get(name) ?? 0) > perName) evict((it) => it.name === name);
    for (const pattern of this.#patterns.matching(name))
      if ((this.#perPattern.get(pattern) ?? 0) > perPattern)
        evict((it) => this.#patterns.matching(it.name).includes(pattern));
    if (this.#records.size > inAll) evict(() => true);
    return evicted;
  }

  #countPatterns(name: string, by: number): void {
    for (const pattern of this.#patterns.matching(name)) count(this.#perPattern, pattern, by);
  }
}

function keyOf(name: string, ip: Ip): string {
  return `${name} ${ip}`;
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const now = (counts.get(key) ?? 0) + by;
  if (now > 0) counts.set(key, now);
  else counts.delete(key);
}
