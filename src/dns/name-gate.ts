// Where answers that policies speak of wait until the kernel lets their addresses through. Knows neither policies nor sockets.

import type { Clock } from '../base/clock.ts';
import { DomainPatterns } from '../base/domain-patterns.ts';
import type { Question } from '../wire/dns/message.ts';
import { canonicalName } from '../wire/dns/name.ts';
import type { AnswerObserver, ObservedAnswer } from './answer-observer.ts';
import { answeredAddresses } from './answered-addresses.ts';
import type { AnsweredAddress, LearnedAnswer, Watched } from './learn-protocol.ts';

/** How an answer that was to wait went on: its addresses were known, or nobody said so in time, or too many waited already. */
export interface PassedAnswer {
  readonly result: 'known' | 'late' | 'crowded';
  readonly heldMs: number;
}

export interface NameGateParts {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onPassed?: (passed: PassedAnswer) => void;
}

/** An answer goes out after this, whatever is known: its addresses are closed then, which is better than no name. */
const PATIENCE_MS = 1_000;
/** Answers that wait, or that nobody has taken note of yet. */
const MAX_OPEN = 1_024;
/** Pairs of name and address that are remembered as known; over it all are asked about again. */
const MAX_KNOWN = 65_536;
/** A time to live in whole seconds says no more. */
const ROUNDING_MS = 1_000;

interface OpenAnswer {
  readonly answer: LearnedAnswer;
  readonly key: string;
  readonly atMs: number;
  readonly known: Promise<void>;
  /** Of `known`. */
  readonly resolve: () => void;
  /** Ends when it may be sent; undefined while nobody waits. */
  held: Promise<void> | undefined;
}

export class NameGate implements AnswerObserver {
  readonly #parts: NameGateParts;
  #patterns = new DomainPatterns([]);
  #graceMs = 0;
  #tell: ((answer: LearnedAnswer) => void) | undefined;
  /** Until when the kernel has the addresses, without grace; monotonic. */
  readonly #known = new Map<string, number>();
  readonly #open = new Map<number, OpenAnswer>();
  readonly #byKey = new Map<string, OpenAnswer>();
  /** Names that waited in vain: a client that asks again, because it waits less than that, shall not do so for ever. */
  readonly #late = new Set<string>();
  #lastId = 0;

  constructor(parts: NameGateParts) {
    this.#parts = parts;
    parts.signal.addEventListener('abort', () => this.#open.forEach(({ resolve }) => resolve()), {
      once: true,
    });
  }

  get isIdle(): boolean {
    return this.#patterns.all.length === 0;
  }

  /** Answers that wait, or that nobody has taken note of. */
  get openCount(): number {
    return this.#open.size;
  }

  isMeant({ name }: Question): boolean {
    // A dot within a label would look like the end of one.
    return !name.includes('\\') && this.#patterns.has(canonicalName(name));
  }

  /** What was known may be no longer under others. */
  watch({ patterns, graceMs }: Watched): void {
    this.#patterns = new DomainPatterns(patterns);
    this.#graceMs = graceMs;
    this.#known.clear();
    this.#late.clear();
    const nowMs = this.#parts.clock.monotonicMs();
    for (const open of this.#open.values()) {
      const isOver = open.answer.addresses.every(({ ttlS }) => open.atMs + ttlS * 1000 + graceMs < nowMs);
      if (isOver || !this.#patterns.has(open.answer.name)) this.#close(open);
      else this.#tell?.(open.answer);
    }
  }

  /** Somebody listens who has to be told all: what another one knew is not known by that. */
  connect(tell: (answer: LearnedAnswer) => void): void {
    this.#tell = tell;
    this.#known.clear();
  }

  /** What is known stays so: the kernel loses nothing by the end of who listened. Nothing happens where another one listens. */
  disconnect(tell: (answer: LearnedAnswer) => void): void {
    if (this.#tell === tell) this.#tell = undefined;
  }

  forget(): void {
    this.#known.clear();
  }

  /** The addresses of the answer are open. */
  known(id: number): void {
    const open = this.#open.get(id);
    if (open === undefined) return;
    this.#close(open);
    this.#late.delete(open.answer.name);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const { name, addresses } = open.answer;
    for (const { ip, ttlS } of addresses) {
      const untilMs = open.atMs + ttlS * 1000;
      const key = keyOf(name, ip);
      this.#known.set(key, Math.max(untilMs, this.#known.get(key) ?? 0));
    }
    open.resolve();
  }

  observe({ question, answers }: ObservedAnswer): void | Promise<void> {
    const name = canonicalName(question.name);
    const nowMs = this.#parts.clock.monotonicMs();
    const knownUntilMs = ({ ip }: AnsweredAddress): number => this.#known.get(keyOf(name, ip)) ?? -Infinity;
    const news = answeredAddresses(question.name, answers).filter(
      (it) => knownUntilMs(it) + ROUNDING_MS < nowMs + it.ttlS * 1000,
    );
    if (news.length === 0) return undefined;
    // The agent keeps it for all of the grace, and hears of this answer long before the end of that.
    const isOpen = news.every((it) => nowMs < knownUntilMs(it) + this.#graceMs / 2);
    const open = this.#ask(name, news, nowMs);
    if (isOpen || open === undefined) return undefined;
    if (!this.#late.has(name)) return (open.held ??= this.#hold(open));
    this.#parts.onPassed?.({ result: 'late', heldMs: 0 });
    return undefined;
  }

  /** The same question again waits with the first one. */
  #ask(name: string, addresses: readonly AnsweredAddress[], atMs: number): OpenAnswer | undefined {
    const key = `${name} ${addresses
      .map(({ ip }) => ip)
      .toSorted()
      .join(' ')}`;
    const asked = this.#byKey.get(key);
    if (asked !== undefined && atMs - asked.atMs < PATIENCE_MS) return asked;
    if (asked !== undefined) this.#close(asked);
    if (this.#open.size >= MAX_OPEN && !this.#makeRoom(atMs)) {
      this.#parts.onPassed?.({ result: 'crowded', heldMs: 0 });
      return undefined;
    }
    const answer = { id: ++this.#lastId, name, addresses };
    const { promise: known, resolve } = Promise.withResolvers<void>();
    const open: OpenAnswer = { answer, key, atMs, known, resolve, held: undefined };
    this.#open.set(answer.id, open);
    this.#byKey.set(key, open);
    this.#tell?.(answer);
    return open;
  }

  /** True where the oldest one waits no longer, and is given up. */
  #makeRoom(nowMs: number): boolean {
    const [oldest] = this.#open.values();
    if (oldest === undefined || nowMs - oldest.atMs < PATIENCE_MS) return false;
    this.#close(oldest);
    return true;
  }

  #close(open: OpenAnswer): void {
    this.#open.delete(open.answer.id);
    if (this.#byKey.get(open.key) === open) this.#byKey.delete(open.key);
  }

  /** An answer that is late stays open: whoever connects later hears of it. */
  async #hold({ answer, atMs, known }: OpenAnswer): Promise<void> {
    const { clock, signal, onPassed } = this.#parts;
    const patience = new AbortController();
    const leftMs = atMs + PATIENCE_MS - clock.monotonicMs();
    const isKnown = await Promise.race([
      known.then(() => true),
      clock.sleep(leftMs, AbortSignal.any([signal, patience.signal])).then(
        () => false,
        () => true,
      ),
    ]);
    patience.abort();
    if (!isKnown && this.#late.size < MAX_OPEN) this.#late.add(answer.name);
    onPassed?.({ result: isKnown ? 'known' : 'late', heldMs: clock.monotonicMs() - atMs });
  }
}

function keyOf(name: string, ip: string): string {
  return `${name} ${ip}`;
}
