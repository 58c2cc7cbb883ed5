// Answers of upstreams by question: bounded in octets, oldest use first out, each until nobody may be given it any more (RFC 1035 7.4, RFC 8767 4).

import type { PreparedAnswer } from './prepared-answer.ts';

export interface CachedAnswer {
  readonly prepared: PreparedAnswer;
  readonly storedMs: number;
  readonly expiresMs: number;
  /** Not before `expiresMs`: what is served stale is kept beyond its time. */
  readonly keptUntilMs: number;
  readonly use: AnswerUse;
}

/** How often an answer is asked for: goes from an answer to the one that replaces it. */
export interface AnswerUse {
  asks: number;
  lastMs: number;
  /** Upstreams failed: not asked for this again before. */
  recheckMs: number;
}

export interface CacheCounts {
  readonly entries: { readonly success: number; readonly denial: number };
  readonly bytes: number;
  readonly evictions: number;
}

/** What one entry takes beside its octets: key, map slot, arrays, objects. */
const ENTRY_BYTES = 500;

export class AnswerCache {
  readonly #maxBytes: number;
  /** In order of use: a Map keeps insertion order, and a hit is inserted anew. */
  readonly #entries = new Map<string, CachedAnswer>();
  #bytes = 0;
  #denials = 0;
  #evictions = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get counts(): CacheCounts {
    const denial = this.#denials;
    return {
      entries: { success: this.#entries.size - denial, denial },
      bytes: this.#bytes,
      evictions: this.#evictions,
    };
  }

  get(key: string, nowMs: number): CachedAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (entry.keptUntilMs <= nowMs) {
      this.#forget(key, entry);
      return undefined;
    }
    this.#entries.set(key, entry);
    return entry;
  }

  delete(key: string): void {
    const known = this.#entries.get(key);
    if (known === undefined) return;
    this.#entries.delete(key);
    this.#forget(key, known);
  }

  set(key: string, entry: CachedAnswer): void {
    this.delete(key);
    const bytes = bytesOf(key, entry);
    if (bytes > this.#maxBytes) return;
    while (this.#bytes + bytes > this.#maxBytes) this.#evictOldest();
    this.#entries.set(key, entry);
    this.#bytes += bytes;
    if (isDenial(entry)) this.#denials++;
  }

  #evictOldest(): void {
    for (const [key, entry] of this.#entries) {
      this.#entries.delete(key);
      this.#forget(key, entry);
      this.#evictions++;
      return;
    }
  }

  #forget(key: string, entry: CachedAnswer): void {
    this.#bytes -= bytesOf(key, entry);
    if (isDenial(entry)) this.#denials--;
  }
}

function bytesOf(key: string, entry: CachedAnswer): number {
  return ENTRY_BYTES + key.length + entry.prepared.body.length + 8 * entry.prepared.starts.length;
}

function isDenial(entry: CachedAnswer): boolean {
  return entry.prepared.answers === 0;
}
