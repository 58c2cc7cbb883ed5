// The agent's end of the feed: holds the newest zone and brings the DNS process to it, over reconnects and restarts of either side.

import { backoffMs, type Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import type { NameZone } from '../model/names.ts';
import { changeRequests } from './feed-change.ts';
import { FeedLink } from './feed-link.ts';
import { MAX_ANSWERS, type KernelAnswers } from './feed-answers.ts';
import {
  CONFIGURING_FEED_VERSION,
  COUNTING_FEED_VERSION,
  FEED_VERSION,
  OLDEST_FEED_VERSION,
  type FeedReply,
} from './feed-protocol.ts';
import type { SearchList } from './search-lists.ts';

export interface ZoneFeedOptions {
  readonly clock: Clock;
  /** From 0 up to but not 1, for the jitter of reconnects. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Connected or not, and why not: for logs and status. Said on changes only. */
  readonly onState?: (state: ZoneFeedState) => void;
  readonly onApplied?: (revision: number) => void;
  /** What came of a Corefile: why it was not taken, or undefined. */
  readonly onConfigured?: (refusal: string | undefined) => void;
}

export type ZoneFeedState =
  { readonly kind: 'connected' } | { readonly kind: 'disconnected'; readonly error: unknown };

export interface ZoneFeed {
  /** Makes this the zone to bring over; returns at once, and of many in a row only the newest is sent. */
  publish(zone: NameZone): void;
  /** Makes these the search lists of the node's pods; returns at once. A DNS process that knows none goes without. */
  complete(lists: readonly SearchList[]): void;
  /** Makes this the Corefile to bring over, undefined for that the cluster has none. */
  configure(corefile: string | undefined): void;
  /** Tells what the kernel answered; returns at once. What was told is told again where the connection ends before it was heard. */
  tell(answers: readonly KernelAnswers[]): void;
  /** The DNS process is there, counts such answers, and has heard all that it was told: until then the kernel keeps the counts. */
  readonly isListening: boolean;
  /** Why the newest Corefile was not taken; undefined where it was, or is not yet. */
  readonly corefileRefusal: string | undefined;
  /** Revision of the newest zone published: 1 for the first. */
  readonly publishedRevision: number;
  /** Newest revision that the DNS process answers from; undefined before the first. */
  readonly appliedRevision: number | undefined;
  /** Resolves when the DNS process answers from `revision` or a newer one. */
  whenApplied(revision: number, signal: AbortSignal): Promise<void>;
  /** Resolves when the connection is closed after `signal` aborted. */
  readonly closed: Promise<void>;
}

const RECONNECT: Backoff = { firstMs: 50, maxMs: 2000, factor: 2 };

/** Connects to the DNS process at `socketPath` until `options.signal` aborts; the process may not be there yet. */
export function connectZoneFeed(socketPath: string, options: ZoneFeedOptions): ZoneFeed {
  return new FeedClient(socketPath, options);
}

interface Published {
  readonly zone: NameZone;
  readonly revision: number;
}

interface PublishedCorefile {
  readonly text: string | undefined;
}

class FeedClient implements ZoneFeed {
  readonly #path: string;
  readonly #options: ZoneFeedOptions;
  readonly closed: Promise<void>;
  #newest: Published | undefined;
  #lists: readonly SearchList[] | undefined;
  /** Not counted by the DNS process yet. */
  #answers: KernelAnswers[] = [];
  /** Of the next hello. */
  #version = FEED_VERSION;
  /** Of the connection that there is. */
  #spoken: number | undefined;
  #applied: number | undefined;
  /** Undefined until anybody knows whether the cluster has one. */
  #corefile: PublishedCorefile | undefined;
  #refusal: string | undefined;
  #isConnected: boolean | undefined;
  /** Called on every publish, apply and end: loops look again at what they wait for. */
  readonly #waiting = new Set<() => void>();

  constructor(path: string, options: ZoneFeedOptions) {
    this.#path = path;
    this.#options = options;
    options.signal.addEventListener('abort', () => this.#wake(), { once: true });
    this.closed = this.#run();
  }

  get publishedRevision(): number {
    return this.#newest?.revision ?? 0;
  }

  get appliedRevision(): number | undefined {
    return this.#applied;
  }

  publish(zone: NameZone): void {
    this.#newest = { zone, revision: this.publishedRevision + 1 };
    this.#wake();
  }

  complete(lists: readonly SearchList[]): void {
    this.#lists = lists;
    this.#wake();
  }

  get isListening(): boolean {
    return (this.#spoken ?? 0) >= COUNTING_FEED_VERSION && this.#answers.length === 0;
  }

  tell(answers: readonly KernelAnswers[]): void {
    this.#answers.push(...answers);
    this.#wake();
  }

  get corefileRefusal(): string | undefined {
    return this.#refusal;
  }

  configure(text: string | undefined): void {
    if (this.#corefile !== undefined && this.#corefile.text === text) return;
    this.#corefile = { text };
    this.#wake();
  }

  async whenApplied(revision: number, signal: AbortSignal): Promise<void> {
    const wake = (): void => this.#wake();
    signal.addEventListener('abort', wake, { once: true });
    try {
      while ((this.#applied ?? 0) < revision) {
        if (signal.aborted || this.#options.signal.aborted) {
          throw new FairleadError('aborted', `Cannot wait for zone ${revision}: the wait was given up`);
        }
        await this.#nextChange();
      }
    } finally {
      signal.removeEventListener('abort', wake);
    }
  }

  async #run(): Promise<void> {
    const { signal, clock, random } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      try {
        await this.#serveConnection(() => (failures = 0));
      } catch (error) {
        if (signal.aborted) return;
        this.#setConnected({ kind: 'disconnected', error });
      }
      failures++;
      await clock.sleep(backoffMs(RECONNECT, failures, random), signal).catch(() => undefined);
    }
  }

  /** Speaks on one connection until it fails (rejects) or the feed ends (resolves). */
  async #serveConnection(onWelcome: () => void): Promise<void> {
    const { signal } = this.#options;
    const link = await FeedLink.open(this.#path, signal, () => this.#wake());
    try {
      const version = await this.#greet(link);
      this.#spoken = version;
      onWelcome();
      this.#setConnected({ kind: 'connected' });
      let base: Published | undefined;
      let lists: readonly SearchList[] | undefined;
      let configured: PublishedCorefile | undefined;
      while (!signal.aborted) {
        const [next, nextLists] = [this.#newest, this.#lists];
        const isConfiguring = version >= CONFIGURING_FEED_VERSION;
        if (isConfiguring && configured !== this.#corefile) configured = await this.#sendCorefile(link);
        else if (next !== base && next !== undefined) base = await this.#send(link, base, next);
        else if (isConfiguring && nextLists !== lists && nextLists !== undefined)
          lists = await sendLists(link, nextLists);
        else if (version >= COUNTING_FEED_VERSION && this.#answers.length > 0) await this.#sendAnswers(link);
        else await this.#nextChange();
        link.throwIfFailed();
      }
    } finally {
      this.#spoken = undefined;
      link.close();
    }
  }

  /** The version that is spoken from now on. Who refuses one may be of an older release: the next connection begins with the one before. */
  async #greet(link: FeedLink): Promise<number> {
    const asked = this.#version;
    this.#version = FEED_VERSION;
    const welcome = await link.ask([{ kind: 'hello', version: asked }]);
    if (welcome.kind === 'welcome') return welcome.version;
    if (asked > OLDEST_FEED_VERSION) this.#version = asked - 1;
    throw unexpected(welcome);
  }

  async #send(link: FeedLink, base: Published | undefined, next: Published): Promise<Published> {
    const reply = await link.ask(changeRequests(base?.zone, next.zone, next.revision));
    if (reply.kind !== 'applied' || reply.revision !== next.revision) throw unexpected(reply);
    this.#applied = next.revision;
    this.#options.onApplied?.(next.revision);
    this.#wake();
    return next;
  }

  async #sendCorefile(link: FeedLink): Promise<PublishedCorefile | undefined> {
    const sent = this.#corefile;
    const text = sent?.text;
    const reply = await link.ask([text === undefined ? { kind: 'corefile' } : { kind: 'corefile', text }]);
    if (reply.kind !== 'configured') throw unexpected(reply);
    this.#refusal = reply.because;
    this.#options.onConfigured?.(reply.because);
    return sent;
  }

  async #sendAnswers(link: FeedLink): Promise<void> {
    const answers = this.#answers.slice(0, MAX_ANSWERS);
    const reply = await link.ask([{ kind: 'answered', answers }]);
    // What the process refuses is not told again either: it would refuse it the next time, too.
    this.#answers.splice(0, answers.length);
    if (reply.kind !== 'counted') throw unexpected(reply);
  }

  #setConnected(state: ZoneFeedState): void {
    const isConnected = state.kind === 'connected';
    if (isConnected === this.#isConnected) return;
    this.#isConnected = isConnected;
    this.#options.onState?.(state);
  }

  #nextChange(): Promise<void> {
    return new Promise((resolve) => this.#waiting.add(resolve));
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}

async function sendLists(link: FeedLink, lists: readonly SearchList[]): Promise<readonly SearchList[]> {
  const reply = await link.ask([{ kind: 'complete', lists }]);
  if (reply.kind !== 'completing') throw unexpected(reply);
  return lists;
}

function unexpected(reply: FeedReply): FairleadError {
  const because = reply.kind === 'refused' ? reply.because : `unexpected ${reply.kind}`;
  return new FairleadError('conflict', `Cannot publish zone: ${because}`);
}
