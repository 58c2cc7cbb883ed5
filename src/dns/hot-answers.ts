// Answers of the zone by question, so that a name asked again costs one look-up. Bounded; emptied whole when the zone changes.

import { HEADER_BYTES } from '../wire/dns/constants.ts';
import type { PreparedAnswer } from './prepared-answer.ts';
import { lowerOctet, type Query } from './query.ts';

export interface HotAnswer {
  /** As `Query.key`. */
  readonly key: string;
  readonly prepared: PreparedAnswer;
}

/** What one entry takes beside its octets: key, map slot, arrays. */
const ENTRY_BYTES = 400;
/** Of a key: type and class, behind the name. */
const TAIL_BYTES = 4;

export class HotAnswers {
  readonly #maxBytes: number;
  /** One for each sum of a question's octets, which is found without a string of them: of two that have the same the later one takes the place of the other. */
  readonly #answers = new Map<number, HotAnswer>();
  #bytes = 0;
  #generation = -1;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get(key: string, generation: number): HotAnswer | undefined {
    if (generation !== this.#generation) this.#clear(generation);
    const found = this.#answers.get(sumOfKey(key));
    return found?.key === key ? found : undefined;
  }

  /** As `get` of the query's key, which need not be made. */
  find(query: Query, generation: number): HotAnswer | undefined {
    if (generation !== this.#generation) this.#clear(generation);
    const found = this.#answers.get(sumOfQuestion(query));
    return found !== undefined && isKeyOf(found.key, query) ? found : undefined;
  }

  /** Starts anew when full: filling it again is cheap, and a flood of random names must not cost a sorted list. */
  set(key: string, prepared: PreparedAnswer): void {
    const answer = { key, prepared };
    const bytes = bytesOf(answer);
    if (bytes > this.#maxBytes / 4) return;
    const sum = sumOfKey(key);
    const former = this.#answers.get(sum);
    if (former !== undefined) this.#bytes -= bytesOf(former);
    if (this.#bytes + bytes > this.#maxBytes) this.#clear(this.#generation);
    this.#answers.set(sum, answer);
    this.#bytes += bytes;
  }

  #clear(generation: number): void {
    this.#answers.clear();
    this.#bytes = 0;
    this.#generation = generation;
  }
}

function bytesOf({ key, prepared }: HotAnswer): number {
  return ENTRY_BYTES + key.length + prepared.body.length + 8 * prepared.starts.length;
}

/** Letters of either case are the same here, those of type and class too: that makes a rare collision and no error. */
function sumOfQuestion({ bytes, questionEnd }: Query): number {
  let sum = 0;
  for (let i = HEADER_BYTES; i < questionEnd; i++) sum = added(sum, bytes[i] ?? 0);
  return sum;
}

function sumOfKey(key: string): number {
  let sum = 0;
  for (let i = 0; i < key.length; i++) sum = added(sum, key.charCodeAt(i));
  return sum;
}

/** FNV-1a. */
function added(sum: number, octet: number): number {
  return Math.imul(sum ^ lowerOctet(octet), 0x01000193);
}

function isKeyOf(key: string, { bytes, questionEnd }: Query): boolean {
  if (key.length !== questionEnd - HEADER_BYTES) return false;
  const nameBytes = key.length - TAIL_BYTES;
  for (let i = 0; i < key.length; i++) {
    const octet = bytes[HEADER_BYTES + i] ?? 0;
    if (key.charCodeAt(i) !== (i < nameBytes ? lowerOctet(octet) : octet)) return false;
  }
  return true;
}
