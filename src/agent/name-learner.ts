// Names that policies speak of: learns from the node's DNS which addresses they have, lets its answers go on when the kernel has them, and forgets
// addresses when their time is over and nobody uses them.

import path from 'node:path';
import { Counter, Gauge } from 'prom-client';
import { messageOf } from '../base/errors.ts';
import type { Ip } from '../base/ip.ts';
import { connectLearnClient, type LearnClient } from '../dns/learn-client.ts';
import { MAX_PATTERNS, MAX_TTL_S, type LearnedAnswer } from '../dns/learn-protocol.ts';
import type { Conntrack } from '../sys/conntrack.ts';
import type { AgentContext } from './agent-context.ts';
import { LearnedBook, type LearnedChange, type LearnedRecord } from './learned-book.ts';
import { LearnedLog, type LoggedAddress } from './learned-log.ts';
import type { LearnedSource } from './policy-part.ts';

export interface NameLearnerDoors {
  readonly conntrack: Pick<Conntrack, 'list'>;
  /** Whether all that was compiled last is in the kernel, as far as policies go. */
  readonly isProgrammed: () => boolean;
  /** Told when addresses have other names. */
  readonly onChanged: () => void;
}

/** An address of a name as people read it; times are those of the wall clock. */
export interface LearnedName {
  readonly name: string;
  readonly ip: Ip;
  readonly patterns: readonly string[];
  readonly untilMs: number;
  /** Kept over its time, because connections to it stand. */
  readonly isInUse: boolean;
}

export interface LearnerStatus {
  readonly isConnected: boolean;
  /** The DNS process holds answers of the patterns of now. */
  readonly isCurrent: boolean;
  readonly patterns: number;
  readonly addresses: number;
}

export interface NameLearner {
  readonly source: LearnedSource;
  /** The names that policies speak of now; undefined while nobody knows. */
  watch(patterns: readonly string[] | undefined): void;
  /** All that was compiled is in the kernel: answers go on. */
  programmed(): void;
  list(): readonly LearnedName[];
  status(): LearnerStatus;
}

/** How often it is looked for addresses whose time is over, at most; a sixth of a shorter grace. */
const SWEEP_MS = 10_000;
const SHORT_SWEEP_MS = 100;
/** How long one whose connections stand is left alone. */
const IN_USE_MS = 30_000;

/** Undefined where the configuration names no DNS process to learn from. */
export function startNameLearner(context: AgentContext, doors: NameLearnerDoors): NameLearner | undefined {
  const { learnSocket } = context.config;
  if (learnSocket === undefined) return undefined;
  const learner = new RunningLearner(context, { ...doors, learnSocket });
  const running = learner.sweepAllTheTime().catch((error: unknown) => {
    if (!context.lifetime.signal.aborted) context.fail(error);
  });
  context.lifetime.defer('learned names', async () => {
    await running;
    await learner.close();
  });
  return learner;
}

class RunningLearner implements NameLearner {
  readonly #context: AgentContext;
  readonly #doors: NameLearnerDoors;
  readonly #book: LearnedBook;
  readonly #log: LearnedLog;
  readonly #client: LearnClient;
  readonly #counts: ReturnType<typeof learnerCounts>;
  #patterns: readonly string[] | undefined;
  #isConnected = false;
  /** Answers whose addresses are not in the kernel yet. */
  #waiting: number[] = [];

  constructor(context: AgentContext, doors: NameLearnerDoors & { readonly learnSocket: string }) {
    this.#context = context;
    this.#doors = doors;
    const { config, clock, random, lifetime, log } = context;
    this.#book = new LearnedBook(config.learnedGraceMs);
    this.#log = new LearnedLog(path.join(config.stateDir, 'learned-names'), (err) =>
      log.error({ err }, `Cannot keep learned names: ${messageOf(err)}`),
    );
    this.#book.restore(this.#log.read().map((it) => this.#fromLog(it)));
    this.#log.rewrite(this.#book.list().map((it) => this.#toLog(it)));
    this.#counts = learnerCounts(context, () => this.#book.size);
    this.#client = connectLearnClient(doors.learnSocket, {
      clock,
      random,
      signal: lifetime.signal,
      onAnswers: (answers) => this.#learn(answers),
      onConnected: (isConnected, err) => {
        this.#isConnected = isConnected;
        // Ids are of the connection that has ended.
        if (!isConnected) this.#waiting = [];
        if (isConnected) log.info('learning names from the DNS process');
        else log.warn({ err }, 'not learning names: not connected to the DNS process');
      },
    });
  }

  get source(): LearnedSource {
    return this.#book;
  }

  watch(patterns: readonly string[] | undefined): void {
    if (patterns === undefined || patterns === this.#patterns) return;
    const { log } = this.#context;
    if (patterns.length > MAX_PATTERNS)
      log.error(`${patterns.length} domain names in policies: those after ${MAX_PATTERNS} have no addresses`);
    this.#patterns = patterns;
    const watched = patterns.slice(0, MAX_PATTERNS);
    this.#book.watch(watched);
    this.#client.watch({ patterns: watched, graceMs: this.#context.config.learnedGraceMs });
  }

  programmed(): void {
    const ids = this.#waiting;
    this.#waiting = [];
    this.#client.known(ids);
  }

  list(): readonly LearnedName[] {
    return this.#book.list().map(({ name, ip, untilMs, isInUse }) => {
      const patterns = this.#book.patternsOf(name);
      return { name, ip, patterns, untilMs: Math.round(untilMs + this.#epochOffsetMs()), isInUse };
    });
  }

  status(): LearnerStatus {
    const { isCurrent } = this.#client;
    return {
      isConnected: this.#isConnected,
      isCurrent,
      patterns: this.#patterns?.length ?? 0,
      addresses: this.#book.size,
    };
  }

  async sweepAllTheTime(): Promise<void> {
    const { clock, lifetime, config } = this.#context;
    const everyMs = Math.max(SHORT_SWEEP_MS, Math.min(SWEEP_MS, config.learnedGraceMs / 6));
    for (;;) {
      await clock.sleep(everyMs, lifetime.signal);
      await this.#sweep();
    }
  }

  async close(): Promise<void> {
    await this.#client.closed;
    this.#log.close();
  }

  #learn(answers: readonly LearnedAnswer[]): void {
    const nowMs = this.#context.clock.monotonicMs();
    for (const { name, addresses } of answers) this.#note(this.#book.learn(name, addresses, nowMs));
    this.#counts.answers.inc(answers.length);
    this.#waiting.push(...answers.map(({ id }) => id));
    if (this.#book.hasChanges) this.#doors.onChanged();
    if (this.#doors.isProgrammed()) this.programmed();
  }

  #note({ kept, evicted }: LearnedChange): void {
    this.#log.append([...kept.map((it) => this.#toLog(it)), ...evicted.map(gone)]);
    if (this.#log.isLong(this.#book.size)) this.#log.rewrite(this.#book.list().map((it) => this.#toLog(it)));
    if (evicted.length === 0) return;
    this.#counts.evicted.inc(evicted.length);
    this.#client.forget();
  }

  async #sweep(): Promise<void> {
    const asked = new Set(this.#book.due(this.#context.clock.monotonicMs()).map(({ ip }) => ip));
    if (asked.size === 0) return;
    const used = await this.#usedOf(asked);
    const nowMs = this.#context.clock.monotonicMs();
    // Some may have been answered anew meanwhile, and of those whose time was over meanwhile nobody knows yet who uses them.
    const due = this.#book.due(nowMs).filter(({ ip }) => asked.has(ip));
    const over = due.filter(({ ip }) => !used.has(ip));
    for (const it of due) if (used.has(it.ip)) this.#book.extend(it, nowMs + IN_USE_MS);
    for (const it of over) this.#book.remove(it);
    this.#log.append(over.map(gone));
    if (over.length > 0) this.#doors.onChanged();
  }

  /** Those that connections stand to; all of them where nobody can say: what is used must not be closed. */
  async #usedOf(ips: ReadonlySet<Ip>): Promise<ReadonlySet<Ip>> {
    try {
      const flows = await this.#doors.conntrack.list(
        ({ isOver, original, reply }) => !isOver && (ips.has(original.destination) || ips.has(reply.source)),
      );
      return new Set(flows.flatMap(({ original, reply }) => [original.destination, reply.source]));
    } catch (err) {
      this.#context.log.warn({ err }, `Cannot see which learned addresses are used: ${messageOf(err)}`);
      return ips;
    }
  }

  #toLog({ name, ip, untilMs }: LearnedRecord): LoggedAddress {
    return { name, ip, untilMs: untilMs + this.#epochOffsetMs() };
  }

  /** A clock that was set meanwhile makes nothing last longer than it could have been given. */
  #fromLog({ name, ip, untilMs }: LoggedAddress): LearnedRecord {
    const nowMs = this.#context.clock.monotonicMs();
    const mostMs = nowMs + MAX_TTL_S * 1000 + this.#context.config.learnedGraceMs;
    return { name, ip, untilMs: Math.min(untilMs - this.#epochOffsetMs(), mostMs), isInUse: false };
  }

  /** From monotonic times to the epoch. */
  #epochOffsetMs(): number {
    const { clock } = this.#context;
    return clock.nowMs() - clock.monotonicMs();
  }
}

function gone({ name, ip }: LearnedRecord): LoggedAddress {
  return { name, ip, untilMs: 0 };
}

// The return type is the table itself: writing it out again would be the second place to change.
// oxlint-disable-next-line typescript/explicit-module-boundary-types
function learnerCounts({ metrics }: AgentContext, size: () => number) {
  const registers = [metrics];
  new Gauge({
    name: 'fairlead_learned_addresses',
    help: 'Addresses of names that policies speak of, counted for each name',
    registers,
    collect() {
      this.set(size());
    },
  });
  return {
    answers: new Counter({
      name: 'fairlead_learned_answers_total',
      help: 'Answers of the node’s DNS that brought addresses of names that policies speak of',
      registers,
    }),
    evicted: new Counter({
      name: 'fairlead_learned_evictions_total',
      help: 'Such addresses that were given up before their time to make room for others',
      registers,
    }),
  };
}
