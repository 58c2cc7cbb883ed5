// The agent's end of what it learns: brings the patterns over and takes answers in, over reconnects and restarts of either side.

import { connect, type Socket } from 'node:net';
import { backoffMs, type Backoff } from '../base/backoff.ts';
import type { Clock } from '../base/clock.ts';
import { FairleadError } from '../base/errors.ts';
import { frameJson, JsonFramer } from './json-frames.ts';
import {
  LEARN_VERSION,
  parseLearnReply,
  type LearnedAnswer,
  type LearnReply,
  type LearnRequest,
  type Watched,
} from './learn-protocol.ts';

export interface LearnClientOptions {
  readonly clock: Clock;
  /** From 0 up to but not 1, for the jitter of reconnects. */
  readonly random: () => number;
  readonly signal: AbortSignal;
  /** Answers that came together; each waits until `known` is called with its id. */
  readonly onAnswers: (answers: readonly LearnedAnswer[]) => void;
  /** Said on changes only; the error tells why it is not connected. */
  readonly onConnected: (isConnected: boolean, error?: unknown) => void;
}

export interface LearnClient {
  /** Makes these the patterns to watch; returns at once. The DNS process keeps those of before until they are given once. */
  watch(watched: Watched): void;
  /** The kernel has what these answers say. An id of a connection that has ended is of no answer any more. */
  known(ids: readonly number[]): void;
  /** Something that was known is no longer. */
  forget(): void;
  /** The DNS process watches the newest patterns. */
  readonly isCurrent: boolean;
  /** Resolves when the connection is closed after `signal` aborted. */
  readonly closed: Promise<void>;
}

/** Answers wait for it: sooner than other connections are made anew. */
const RECONNECT: Backoff = { firstMs: 20, maxMs: 500, factor: 2 };

/** Connects to the DNS process at `socketPath` until `options.signal` aborts; the process may not be there yet. */
export function connectLearnClient(socketPath: string, options: LearnClientOptions): LearnClient {
  return new RunningLearnClient(socketPath, options);
}

class RunningLearnClient implements LearnClient {
  readonly #path: string;
  readonly #options: LearnClientOptions;
  readonly closed: Promise<void>;
  #wanted: (Watched & { readonly revision: number }) | undefined;
  #watched = 0;
  #socket: Socket | undefined;
  #isConnected: boolean | undefined;

  constructor(path: string, options: LearnClientOptions) {
    this.#path = path;
    this.#options = options;
    this.closed = this.#run();
  }

  get isCurrent(): boolean {
    return (
      this.#wanted !== undefined && this.#socket !== undefined && this.#watched === this.#wanted.revision
    );
  }

  watch({ patterns, graceMs }: Watched): void {
    this.#wanted = { revision: (this.#wanted?.revision ?? 0) + 1, patterns, graceMs };
    this.#sendPatterns();
  }

  known(ids: readonly number[]): void {
    if (ids.length > 0) this.#send({ kind: 'known', ids });
  }

  forget(): void {
    this.#send({ kind: 'forget' });
  }

  #sendPatterns(): void {
    if (this.#wanted !== undefined) this.#send({ kind: 'watch', ...this.#wanted });
  }

  #send(request: LearnRequest): void {
    this.#socket?.write(frameJson(request));
  }

  async #run(): Promise<void> {
    const { signal, clock, random } = this.#options;
    for (let failures = 0; !signal.aborted;) {
      const error = await this.#serveConnection(() => (failures = 0));
      this.#socket = undefined;
      this.#watched = 0;
      if (signal.aborted) return;
      this.#setConnected(false, error);
      failures++;
      await clock.sleep(backoffMs(RECONNECT, failures, random), signal).catch(() => undefined);
    }
  }

  /** Resolves with why the connection ended. */
  #serveConnection(onWelcome: () => void): Promise<unknown> {
    const { signal } = this.#options;
    const socket = connect({ path: this.#path });
    const framer = new JsonFramer();
    let failure: unknown;
    return new Promise((resolve) => {
      const onAbort = (): void => void socket.destroy();
      signal.addEventListener('abort', onAbort, { once: true });
      socket.on('error', (error) => (failure ??= error));
      socket.on('close', () => {
        signal.removeEventListener('abort', onAbort);
        resolve(failure ?? new FairleadError('unavailable', 'Cannot learn names: connection closed'));
      });
      socket.on('connect', () => socket.write(frameJson(HELLO)));
      socket.on('data', (chunk: Buffer) => {
        try {
          this.#take(framer.push(chunk).map(parseLearnReply), { socket, onWelcome });
        } catch (error) {
          failure ??= error;
          socket.destroy();
        }
      });
    });
  }

  #take(
    replies: readonly LearnReply[],
    { socket, onWelcome }: { readonly socket: Socket; readonly onWelcome: () => void },
  ): void {
    const answers: LearnedAnswer[] = [];
    for (const reply of replies) {
      if (reply.kind === 'refused')
        throw new FairleadError('conflict', `Cannot learn names: ${reply.because}`);
      if (reply.kind === 'answer') answers.push(reply);
      if (reply.kind === 'watching') this.#watched = reply.revision;
      if (reply.kind !== 'welcome') continue;
      this.#socket = socket;
      onWelcome();
      this.#setConnected(true);
      this.#sendPatterns();
    }
    if (answers.length > 0) this.#options.onAnswers(answers);
  }

  #setConnected(isConnected: boolean, error?: unknown): void {
    if (isConnected === this.#isConnected) return;
    this.#isConnected = isConnected;
    this.#options.onConnected(isConnected, error);
  }
}

const HELLO: LearnRequest = { kind: 'hello', version: LEARN_VERSION };
